//! Which known word was meant by one that is none.

/// The nearest of the known words, or all of them.
pub(super) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(other) = nearest(word, known.clone()) {
        return format!("Did you mean `{other}`?");
    }
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    if known.is_empty() || known.len() > 40 {
        return "Check the spelling, or declare it.".into();
    }
    let list: Vec<_> = known.iter().map(|word| format!("`{word}`")).collect();
    format!("Possible {} {}.", if list.len() == 1 { "is" } else { "are" }, list.join(", "))
}

/// The known word that was probably meant.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (steps, other) = known.map(|other| (distance(word, other), other)).min()?;
    (steps <= (word.chars().count() / 3).max(1)).then_some(other)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words, ASCII case aside.
fn distance(one: &str, other: &str) -> usize {
    let one: Vec<char> = one.chars().map(|c| c.to_ascii_lowercase()).collect();
    let other: Vec<char> = other.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let cell = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut steps =
                (cell(&last, j + 1) + 1).min(cell(&row, j) + 1).min(cell(&last, j) + usize::from(a != b));
            let swapped = i > 0 && j > 0 && one.get(i - 1) == Some(b) && other.get(j - 1) == Some(a);
            if swapped {
                steps = steps.min(cell(&before, j - 1) + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_proposed_and_a_far_one_is_not() {
        let known = ["retention", "purpose", "title"];
        assert_eq!(did_you_mean("retension", known.into_iter()), "Did you mean `retention`?");
        assert_eq!(did_you_mean("prupose", known.into_iter()), "Did you mean `purpose`?");
        assert_eq!(did_you_mean("zzz", known.into_iter()), "Possible are `purpose`, `retention`, `title`.");
        assert_eq!(distance("abc", "acb"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
