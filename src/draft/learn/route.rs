//! Paths that were seen, as routes. What looks like a value in a path becomes a parameter, so that no number and no name
//! of a person is written into a policy.

use std::collections::{BTreeMap, BTreeSet};

use super::shape::is_value;
use crate::draft::{category, numbered};

/// What stands below a word for persons and names none of them.
const NOBODY: [&str; 22] = [
    "batch", "bulk", "count", "current", "export", "health", "import", "list", "login", "logout", "me",
    "new", "predict", "profile", "query", "register", "score", "search", "self", "settings", "status",
    "verify",
];

/// So many different words at one place are values, not routes.
const WORDS: usize = 8;
const SEGMENTS: usize = 32;

/// The segments of a path; those that look like values are `None`. `None` for a path that no route could have.
pub(super) fn segments(path: &str) -> Option<Vec<Option<String>>> {
    let rest = path.strip_prefix('/')?;
    let segments: Vec<Option<String>> = rest.split('/').map(segment).collect();
    (segments.len() <= SEGMENTS).then_some(segments)
}

fn segment(text: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.' | ':');
    let plain = text.len() <= 40 && text.chars().all(word);
    (text.is_empty() || is_version(text) || plain && !is_value(text)).then(|| text.to_owned())
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        !rest.is_empty() && rest.len() <= 3 && rest.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Takes a piece below a word for persons for one of them: `/people/ada-king/score`.
pub(super) fn leave_out_persons(segments: &mut [Option<String>]) {
    let mut below = false;
    for piece in segments {
        let Some(text) = piece.as_deref() else {
            below = false;
            continue;
        };
        if below && !text.is_empty() && !is_version(text) && !NOBODY.contains(&text) {
            *piece = None;
            below = false;
            continue;
        }
        below = category::tokens(text).last().is_some_and(|word| numbered::is_person(word));
    }
}

/// First pieces of paths that are alike in all else, where those are more than a few words. A path is alike in something only
/// where another word follows: `/score` and `/train` are two calls, and so are `/orders/7` and `/offers/7`.
pub(super) fn crowded_heads<'p>(paths: impl Iterator<Item = &'p Vec<Option<String>>>) -> BTreeSet<String> {
    let mut heads: BTreeMap<&[Option<String>], BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        if let Some((Some(first), rest)) = path.split_first()
            && rest.iter().flatten().any(|word| !word.is_empty())
        {
            heads.entry(rest).or_default().insert(first);
        }
    }
    let crowded = heads.into_values().filter(|words| words.len() > WORDS);
    crowded.flatten().map(str::to_owned).collect()
}

/// Which of the places of alike paths hold more than a few words: those are values as well.
pub(super) fn crowded(paths: &[&Vec<Option<String>>]) -> Vec<bool> {
    let length = paths.first().map_or(0, |path| path.len());
    (0..length)
        .map(|place| {
            let mut words: Vec<&str> = paths.iter().filter_map(|path| path.get(place)?.as_deref()).collect();
            words.sort_unstable();
            words.dedup();
            words.len() > WORDS
        })
        .collect()
}

/// A path as a route has it, and the names of its parameters.
pub(super) fn template(segments: &[Option<String>]) -> (String, Vec<String>) {
    let mut path = String::new();
    let mut names: Vec<String> = Vec::new();
    for segment in segments {
        path.push('/');
        match segment {
            Some(text) => path.push_str(text),
            None => {
                let name = if names.is_empty() { "id".to_owned() } else { format!("id{}", names.len() + 1) };
                path.push_str(&format!("{{{name}}}"));
                names.push(name);
            }
        }
    }
    (path, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_value_becomes_a_parameter() {
        for (path, route) in [
            ("/score", "/score"),
            ("/v1/models/churn:predict", "/v1/models/churn:predict"),
            ("/customers/4711/score/", "/customers/{id}/score/"),
            ("/a/ada@example.org/b/f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "/a/{id}/b/{id2}"),
            ("/people/Ada%20King", "/people/{id}"),
            ("/", "/"),
        ] {
            assert_eq!(template(&segments(path).unwrap()).0, route, "{path}");
        }
        assert_eq!(segments("score"), None);
    }

    #[test]
    fn many_words_at_one_place_are_values() {
        let paths: Vec<_> =
            "abcdefghij".chars().map(|c| segments(&format!("/people/{c}")).unwrap()).collect();
        assert_eq!(crowded(&paths.iter().collect::<Vec<_>>()), [false, true]);
        assert_eq!(crowded(&paths.iter().take(3).collect::<Vec<_>>()), [false, false]);
    }
}
