//! Asks at a terminal for what only a person can know. An empty answer leaves the place empty.

use std::io::BufRead as _;

use super::known::question;
use crate::cli::output;
use crate::draft::Said;

/// Asks for each place that a draft leaves empty; `holes` gives them for what is said so far, for an answer may bring a
/// question.
pub(super) fn ask(
    said: &mut Said,
    purposes: &[String],
    holes: impl Fn(&Said) -> Vec<String>,
) -> anyhow::Result<()> {
    let mut asked: Vec<String> = Vec::new();
    loop {
        let empty = holes(said);
        let next = empty.into_iter().find_map(|place| {
            let question = question(&place, purposes)?;
            (!asked.contains(&place)).then_some((place, question))
        });
        let Some((place, question)) = next else { return Ok(()) };
        if asked.is_empty() {
            output::note(
                "\nWhat only you can know. An empty answer leaves the place empty, to be filled in later.",
            );
        }
        loop {
            output::prompt(format_args!("{}: ", question.asks));
            let Some(line) = line()? else { return Ok(()) };
            if line.trim().is_empty() {
                break;
            }
            match (question.valid)(&line) {
                Ok(answer) => {
                    *(question.of)(said) = Some(answer);
                    break;
                }
                Err(why) => output::note(format_args!("  {why}")),
            }
        }
        asked.push(place);
    }
}

/// A line of the terminal; `None` at its end.
pub(super) fn line() -> anyhow::Result<Option<String>> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then_some(line))
}
