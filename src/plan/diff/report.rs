//! Changes for people, for programs, and for the comment under a change.

use std::fmt::Write as _;

use serde_json::{Value, json as value};

use super::{Change, Class};

/// For a terminal: the class to look at first stands first.
pub fn human(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "Nothing changes for anybody.\n".to_owned();
    }
    let mut text = String::new();
    for (class, of) in by_class(changes) {
        let _ = writeln!(text, "{} ({})", class.heading(), of.len());
        let mut activity = None;
        for change in of {
            let whose = change.activity.as_deref().unwrap_or("organisation");
            if activity != Some(whose) {
                let _ = writeln!(text, "  {whose}");
                activity = Some(whose);
            }
            let _ = writeln!(text, "    {} {}: {}", mark(class), change.about, change.says);
        }
        text.push('\n');
    }
    text.push_str(&counts(changes));
    text.push('\n');
    text
}

/// For programs: a member never changes its meaning, and new ones may come.
pub fn json(changes: &[Change]) -> String {
    let count = |class: Class| changes.iter().filter(|change| change.class == class).count();
    let listed: Vec<Value> = changes
        .iter()
        .map(|change| {
            // Every member is named, so that a new one cannot be forgotten.
            let Change { class, whom, activity, about, says } = change;
            value!({
                "class": class.word(),
                "whom": whom.word(),
                "activity": activity.as_deref(),
                "about": about,
                "says": says,
            })
        })
        .collect();
    let report = value!({
        "version": 1,
        "more": count(Class::More),
        "less": count(Class::Less),
        "other": count(Class::Other),
        "changes": listed,
    });
    format!("{report:#}\n")
}

/// For a comment under a change: headings and lists in Markdown. Nothing that a policy says becomes markup.
pub fn markdown(changes: &[Change]) -> String {
    let mut text = String::from("### What changes for whom\n\n");
    if changes.is_empty() {
        text.push_str("Nothing changes for anybody.\n");
        return text;
    }
    let _ = writeln!(text, "{}\n", counts(changes));
    for (class, of) in by_class(changes) {
        let _ = writeln!(text, "**{}**\n", class.heading());
        for change in of {
            let whose =
                change.activity.as_deref().map_or_else(|| "organisation".to_owned(), super::words::quoted);
            let _ = writeln!(text, "- {whose}, {}: {}", escaped(&change.about), escaped(&change.says));
        }
        text.push('\n');
    }
    text
}

fn by_class(changes: &[Change]) -> impl Iterator<Item = (Class, Vec<&Change>)> {
    Class::ALL
        .iter()
        .map(|class| (*class, changes.iter().filter(|change| change.class == *class).collect::<Vec<_>>()))
        .filter(|(_, of)| !of.is_empty())
}

fn counts(changes: &[Change]) -> String {
    let count = |class: Class| changes.iter().filter(|change| change.class == class).count();
    format!("{} more, {} less, {} other.", count(Class::More), count(Class::Less), count(Class::Other))
}

const fn mark(class: Class) -> char {
    match class {
        Class::More => '+',
        Class::Less => '-',
        Class::Other => '~',
    }
}

/// Text between backquotes is shown as it is; everything else that Markdown or HTML could read is escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut code = false;
    for c in text.chars() {
        match c {
            '`' => code = !code,
            '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '!' | '&' | '@' if !code => {
                out.push('\\')
            }
            _ => {}
        }
        out.push(c);
    }
    out
}
