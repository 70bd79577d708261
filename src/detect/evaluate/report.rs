//! A run's figures as tables for a page.

use std::fmt::{self, Write as _};

use super::{Report, Score};
use crate::detect::Kind;

/// Three tables in Markdown: recall and precision by kind and language, spellings that were missed, and what was mistaken for a value.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| recall / precision, % | {} | all | planted |", self.languages.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(self.languages.len() + 2))?;
        for (kind, scores) in &self.scores {
            let mut row = String::new();
            for score in scores {
                let _infallible = write!(row, " {} |", pair(*score));
            }
            let total = self.total(*kind);
            writeln!(f, "| `{}` |{row} {} | {} |", kind.word(), pair(total), total.planted)?;
        }
        writeln!(f, "\n| kind | missed where it was written | times | of |\n|---|---|---|---|")?;
        for (kind, spelling, missed, of) in &self.missed {
            writeln!(f, "| `{}` | {spelling} | {missed} | {of} |", kind.word())?;
        }
        writeln!(f, "\n| taken for | was | times |\n|---|---|---|")?;
        for (kind, what, times) in &self.mistaken {
            let what = if Kind::ALL.iter().any(|kind| kind.word() == *what) {
                format!("`{what}`")
            } else {
                (*what).to_owned()
            };
            writeln!(f, "| `{}` | {what} | {times} |", kind.word())?;
        }
        Ok(())
    }
}

fn pair(score: Score) -> String {
    format!("{:.0} / {:.0}", score.recall() * 100.0, score.precision() * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::evaluate;

    #[test]
    fn the_reference_shows_what_the_command_prints() {
        let page = include_str!("../../../docs/reference/detectors.md");
        assert!(
            page.contains(&evaluate(1, 200).unwrap().to_string()),
            "write the output of `consentry detect evaluate` to docs/reference/detectors.md"
        );
    }
}
