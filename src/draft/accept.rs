//! Removes marks from a drafted file: the line under `proposed`, and the comment at the place itself. All else stays as
//! it is, letter for letter.

use thiserror::Error;

use super::activity::NOT_IN_FORCE;
use super::organisation::TO_FILL_IN;
use super::{cases, yaml};
use crate::policy::proposed::{KEY, Mark, marks};
use crate::policy::yaml::{Content, Node, parse};

/// What a comment at a proposal begins with.
const COMMENT: &str = "# proposed ";
/// What a line begins with in which such a comment goes on.
const CONTINUED: &str = "#   ";

/// Why marks cannot be removed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AcceptError {
    /// Not YAML, or with something that policies do not use.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The list is written in a way that would have to be guessed at.
    #[error(
        "the list under `proposed` is not written with one `- PLACE` on a line of its own for each: remove the lines by hand"
    )]
    OtherForm,
}

/// A proposal, as a person is shown it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// The place, as the mark names it.
    pub place: String,
    /// The number of its line, from one, and the line; the mark's own where the file has no such place.
    pub line: (usize, String),
}

/// What is proposed in a file.
///
/// # Errors
/// If it cannot be read.
pub fn proposed(text: &str) -> Result<Vec<Proposed>, AcceptError> {
    let node = read(text)?;
    let lines: Vec<Option<String>> = text.lines().map(|line| Some(line.to_owned())).collect();
    let shown = |mark: &Mark| {
        let at = mark.marked.first().map_or(mark.at.start, |span| span.start);
        let number = text.get(..at).unwrap_or_default().matches('\n').count();
        let reason: Vec<&str> = reason_above(&lines, number)
            .iter()
            .rev()
            .filter_map(|at| lines.get(*at)?.as_deref())
            .map(|line| line.trim().trim_start_matches('#').trim())
            .collect();
        let line = whole_entry(text, number);
        let line = if reason.is_empty() { line } else { format!("{line}  # {}", reason.join(" ")) };
        Proposed { place: mark.place.clone(), line: (number + 1, line) }
    };
    Ok(marks(&node).iter().map(shown).collect())
}

/// A line, with those that its braces reach over.
fn whole_entry(text: &str, number: usize) -> String {
    const LINES: usize = 40;
    let mut whole = String::new();
    let mut open = 0_i64;
    for line in text.lines().skip(number).take(LINES) {
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(line.trim());
        for sign in line.chars() {
            open += i64::from(sign == '{') - i64::from(sign == '}');
        }
        if open <= 0 {
            break;
        }
    }
    whole
}

/// The text without the marks for which `accepted` says so.
///
/// # Errors
/// [`AcceptError`]; then nothing is accepted.
pub fn accept(text: &str, accepted: impl Fn(&str) -> bool) -> Result<String, AcceptError> {
    let node = read(text)?;
    let marks = marks(&node);
    let line_of = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count();
    let mut lines: Vec<Option<String>> =
        text.split_inclusive('\n').map(|line| Some(line.to_owned())).collect();
    let gone: Vec<&Mark> = marks.iter().filter(|mark| accepted(&mark.place)).collect();
    for mark in &gone {
        let line = lines.get_mut(line_of(mark.at.start)).ok_or(AcceptError::OtherForm)?;
        if !line.as_ref().is_some_and(|line| line.trim_start().starts_with("- ")) {
            return Err(AcceptError::OtherForm);
        }
        *line = None;
    }
    if gone.len() == marks.len() && !gone.is_empty() {
        let Content::Map(entries) = &node.content else { return Err(AcceptError::OtherForm) };
        let at = entries.iter().find(|entry| entry.key == KEY).map(|entry| line_of(entry.at.start));
        let key = at.ok_or(AcceptError::OtherForm)?;
        let is = |number: usize, what: &dyn Fn(&str) -> bool| {
            lines.get(number).is_some_and(|line| line.as_ref().is_some_and(|line| what(line)))
        };
        let mut gone = vec![key];
        if let Some(above) = key.checked_sub(1)
            && is(above, &|line| line.starts_with("# What nobody has accepted yet"))
        {
            gone.push(above);
            gone.extend(above.checked_sub(1).filter(|number| is(*number, &|line| line.trim().is_empty())));
        }
        for number in gone {
            if let Some(line) = lines.get_mut(number) {
                *line = None;
            }
        }
    }
    if gone.len() == marks.len() {
        no_longer(&mut lines);
    }
    for span in gone.iter().flat_map(|mark| &mark.marked) {
        let number = line_of(span.start);
        let above = reason_above(&lines, number);
        for number in &above {
            if let Some(line) = lines.get_mut(*number) {
                *line = None;
            }
        }
        if !above.is_empty() {
            // What looks like a reason in the line itself is part of a name or a text.
            continue;
        }
        let Some(Some(line)) = lines.get_mut(number) else { continue };
        // The last one on the line: an earlier one may be part of a text.
        if let Some(comment) = line.rfind(COMMENT) {
            let kept = line.get(..comment).unwrap_or_default().trim_end().to_owned();
            *line = format!("{kept}\n");
        }
    }
    let accepted: String = lines.into_iter().flatten().collect();
    // INVARIANT: nothing but marks and comments was touched.
    let after = read(&accepted)?;
    if alike(&node, &after, 0) { Ok(accepted) } else { Err(AcceptError::OtherForm) }
}

/// The lines that say that nothing is in force: with the last mark they are true no more.
fn no_longer(lines: &mut [Option<String>]) {
    let [first, second] = NOT_IN_FORCE;
    for line in lines.iter_mut().take(10) {
        let Some(text) = line.as_ref().map(|text| text.trim_end()) else { continue };
        if text == first || text.starts_with(second) || text == TO_FILL_IN {
            *line = None;
        }
    }
}

/// The lines of the reason that stands above a place, if one does.
fn reason_above(lines: &[Option<String>], number: usize) -> Vec<usize> {
    let mut above = Vec::new();
    for at in (0..number).rev() {
        let Some(Some(line)) = lines.get(at) else { return Vec::new() };
        let text = line.trim_start();
        above.push(at);
        if text.starts_with(COMMENT) {
            return above;
        }
        if !text.starts_with(CONTINUED) {
            return Vec::new();
        }
    }
    Vec::new()
}

/// Drafted cases with the consent that they need, where the activity rests on it.
pub fn consent(cases: &str, purpose: &str) -> String {
    let written = format!("    consent: {}", yaml::list([purpose]));
    let line = |line: &str| if line.starts_with(cases::CONSENT) { written.clone() } else { line.to_owned() };
    let lines: Vec<String> = cases.lines().map(line).collect();
    lines.join("\n") + "\n"
}

fn read(text: &str) -> Result<Node, AcceptError> {
    let mut found = Vec::new();
    match (parse(0, text, &mut found), found.first()) {
        (Some(node), None) => Ok(node),
        (_, found) => {
            Err(AcceptError::Unreadable(found.map_or_else(String::new, |found| found.message.clone())))
        }
    }
}

/// Whether two files say the same, their marks aside.
pub(super) fn alike(one: &Node, other: &Node, depth: u32) -> bool {
    match (&one.content, &other.content) {
        (Content::Scalar(one), Content::Scalar(other)) => {
            one.text == other.text && one.meaning == other.meaning
        }
        (Content::List(one), Content::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other, depth + 1))
        }
        (Content::Map(one), Content::Map(other)) => {
            let marks = |key: &str| depth == 0 && key == KEY;
            let mut one = one.iter().filter(|entry| !marks(&entry.key));
            let mut other = other.iter().filter(|entry| !marks(&entry.key));
            let same = one.by_ref().all(|entry| {
                other.next().is_some_and(|other| {
                    other.key == entry.key && alike(&entry.value, &other.value, depth + 1)
                })
            });
            same && other.next().is_none()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# A comment
activity: a   # kept
title: \"x # proposed 0.1: not a comment\"  # proposed 0.3: the name
request:
  fields:
    email: { type: string }          # proposed 0.9: the name says so

# What nobody has accepted yet.
proposed:
  - title
  - request.fields.email
# the end
";

    #[test]
    fn marks_go_with_their_comments_and_all_else_stays() {
        let shown = proposed(FILE).unwrap();
        assert_eq!(shown[1].place, "request.fields.email");
        assert_eq!(shown[1].line.0, 6);
        let one = accept(FILE, |place| place == "title").unwrap();
        assert_eq!(one, FILE.replace("  # proposed 0.3: the name", "").replace("  - title\n", ""));
        let all = accept(FILE, |_| true).unwrap();
        assert!(
            !all.contains("proposed:") && !all.contains("What nobody") && all.contains("# the end"),
            "{all}"
        );
        assert!(all.contains("x # proposed 0.1: not a comment\"\n"), "{all}");
        assert_eq!(accept(&all, |_| true), Ok(all));
    }

    #[test]
    fn a_reason_above_goes_too_and_so_does_what_is_true_no_more() {
        let [first, second] = NOT_IN_FORCE;
        let file = format!(
            "# Drafted.\n{first}\n{second}x\ntitle: x\nrequest:\n  fields:\n    # mine\n    # proposed 0.5: a long\n    #   reason\n    \"# proposed 1: a\": {{ b: c,\n      d: e }}\nproposed:\n  - title\n  - \"request.fields.# proposed 1: a\"\n"
        );
        let shown = proposed(&file).unwrap();
        assert_eq!(
            shown[1].line,
            (10, "\"# proposed 1: a\": { b: c, d: e }  # proposed 0.5: a long reason".to_owned())
        );
        let one = accept(&file, |place| place == "title").unwrap();
        assert!(one.contains(first) && one.contains("#   reason"), "{one}");
        let all = accept(&file, |_| true).unwrap();
        assert_eq!(
            all,
            "# Drafted.\ntitle: x\nrequest:\n  fields:\n    # mine\n    \"# proposed 1: a\": { b: c,\n      d: e }\n"
        );
    }

    #[test]
    fn a_list_of_another_form_is_left_alone() {
        for list in ["[title]", "[\n  title ]"] {
            let file = format!("title: x\nproposed: {list}\n");
            assert_eq!(accept(&file, |_| true), Err(AcceptError::OtherForm));
        }
        assert!(matches!(accept("a: [", |_| true), Err(AcceptError::Unreadable(_))));
        // A comment that is none: the text would change, so nothing is written.
        let file = "title: \"a # proposed 0.1: b\"\nproposed:\n  - title\n";
        assert!(accept(file, |_| true).is_err());
    }

    #[test]
    fn drafted_cases_get_the_consent_that_they_need() {
        let cases = "- case: a\n  given:\n    # consent: [PURPOSE] # where …\n    token: { sub: ada }\n";
        let expected = "- case: a\n  given:\n    consent: [research]\n    token: { sub: ada }\n";
        assert_eq!(consent(cases, "research"), expected);
    }
}
