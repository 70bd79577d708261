//! What a person says of a draft: as options, or when asked at a terminal. Each is one of the same questions.

use crate::draft::Said;
use crate::policy::{self, Art9Condition, LegalBasis, Role, TransferInstrument, adequacy, contact, units};

/// What is asked where a place of a draft is left empty.
pub(super) struct Question {
    /// The question.
    pub(super) asks: String,
    /// What an answer must be; gives it as the file has it.
    pub(super) valid: fn(&str) -> Result<String, String>,
    /// Where it goes.
    pub(super) of: fn(&mut Said) -> &mut Option<String>,
}

/// The question for an empty place.
pub(super) fn question(place: &str, purposes: &[String]) -> Option<Question> {
    let ask = |asks: String, valid, of| Some(Question { asks, valid, of });
    let known =
        if purposes.is_empty() { String::new() } else { format!(" (there are {})", purposes.join(", ")) };
    match place {
        "purpose" => ask(
            format!("What is this data processed for? A name, credit-scoring for example{known}"),
            name,
            |said| &mut said.purpose,
        ),
        "legal_basis" => ask(format!("What makes that lawful (Art. 6)? {}", bases()), legal_basis, |said| {
            &mut said.legal_basis
        }),
        "assessment" => ask(
            "The reference of the assessment that balances your interests and theirs".into(),
            text,
            |said| &mut said.assessment,
        ),
        "art9_condition" => ask(
            format!(
                "There are special categories. What lifts their prohibition (Art. 9(2))? {}",
                conditions()
            ),
            art9_condition,
            |said| &mut said.art9_condition,
        ),
        "art10_reference" => ask(
            "There is data on criminal offences. The law that permits it (Art. 10)".into(),
            text,
            |said| &mut said.art10_reference,
        ),
        "retention" => {
            ask("How long are records kept after a call? 30d for example".into(), retention, |said| {
                &mut said.retention
            })
        }
        "controller.name" => {
            ask("Who is responsible (the controller)?".into(), text, |said| &mut said.controller)
        }
        "controller.address" => ask("The controller's postal address".into(), text, |said| &mut said.address),
        "controller.contact" => {
            ask("The e-mail address or URL at which people reach the controller".into(), address, |said| {
                &mut said.contact
            })
        }
        place if place.starts_with("purposes.") => ask(
            "What a person reads of the purpose: \"to decide on your loan\" for example".into(),
            text,
            |said| &mut said.says,
        ),
        place if place.starts_with("recipients.") => recipient(place.rsplit('.').next().unwrap_or_default()),
        _ => None,
    }
}

fn recipient(key: &str) -> Option<Question> {
    let ask = |asks: &str, valid, of| Some(Question { asks: asks.to_owned(), valid, of });
    match key {
        "name" => ask("Who runs the API?", text, |said| &mut said.recipient),
        "role" => ask("What are they in law? processor, joint_controller, controller", role, |said| {
            &mut said.recipient_role
        }),
        "agreement" => {
            ask("The reference of the agreement with them (Art. 28)", text, |said| &mut said.agreement)
        }
        "country" => {
            ask("The country in which the API runs, two letters", country, |said| &mut said.recipient_country)
        }
        "transfer_instrument" => {
            ask("What does the transfer there rest on? scc, bcr, adequacy, …", transfer, |said| {
                &mut said.transfer
            })
        }
        _ => None,
    }
}

fn one_of(text: &str, words: &[&'static str]) -> Result<String, String> {
    let text = text.trim();
    match words.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("say one of {}", words.join(", "))),
    }
}

fn bases() -> String {
    LegalBasis::ALL.iter().map(|basis| basis.word()).collect::<Vec<_>>().join(", ")
}

fn conditions() -> String {
    Art9Condition::ALL.iter().map(|condition| condition.word()).collect::<Vec<_>>().join(", ")
}

pub(super) fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    match !text.is_empty() && text.chars().count() <= 500 && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("write a line of at most 500 characters".into()),
    }
}

pub(super) fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    match policy::is_name(text) {
        true => Ok(text.to_owned()),
        false => Err("use letters, digits, `-` and `_`, and begin with a letter or digit".into()),
    }
}

pub(super) fn legal_basis(text: &str) -> Result<String, String> {
    one_of(text, &LegalBasis::ALL.iter().map(|basis| basis.word()).collect::<Vec<_>>())
}

pub(super) fn art9_condition(text: &str) -> Result<String, String> {
    one_of(text, &Art9Condition::ALL.iter().map(|condition| condition.word()).collect::<Vec<_>>())
}

pub(super) fn role(text: &str) -> Result<String, String> {
    one_of(text, &Role::ALL.iter().map(|role| role.word()).collect::<Vec<_>>())
}

pub(super) fn transfer(text: &str) -> Result<String, String> {
    one_of(text, &TransferInstrument::ALL.iter().map(|word| word.word()).collect::<Vec<_>>())
}

pub(super) fn retention(text: &str) -> Result<String, String> {
    let text = text.trim();
    let duration = text.strip_suffix("after exchange").unwrap_or(text).trim();
    match units::duration(duration) {
        Some(_) => Ok(format!("{duration} after exchange")),
        None => Err(format!("write a whole number and ms, s, min, h or d: 30d; {}", units::BOUNDS)),
    }
}

pub(super) fn country(text: &str) -> Result<String, String> {
    let code = text.trim().to_ascii_uppercase();
    match adequacy(&code) {
        Some(_) => Ok(code),
        None => Err("write the two letters of ISO 3166-1: FR, DE".into()),
    }
}

pub(super) fn address(text: &str) -> Result<String, String> {
    let text = self::text(text)?;
    match contact::link(&text) {
        Some(_) => Ok(text),
        None => Err("write an e-mail address, or a URL of https, http, mailto or tel".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_checked_and_written_as_files_have_them() {
        assert_eq!(retention(" 30d "), Ok("30d after exchange".into()));
        assert_eq!(retention("30d after exchange"), Ok("30d after exchange".into()));
        assert_eq!(country("fr"), Ok("FR".into()));
        assert_eq!(legal_basis("contract "), Ok("contract".into()));
        assert_eq!(art9_condition("health_care"), Ok("health_care".into()));
        assert_eq!(name("credit-scoring"), Ok("credit-scoring".into()));
        assert_eq!(address("a@example.org"), Ok("a@example.org".into()));
        assert!(retention("soon").is_err() && country("XX").is_err() && legal_basis("because").is_err());
        assert!(
            name("a b").is_err() && address("me").is_err() && text(" ").is_err() && role("boss").is_err()
        );
        assert!(transfer("hope").is_err());
    }

    #[test]
    fn every_empty_place_has_a_question_with_a_place_of_its_own() {
        let places = [
            "purpose",
            "legal_basis",
            "assessment",
            "art9_condition",
            "art10_reference",
            "retention",
            "controller.name",
            "controller.address",
            "controller.contact",
            "purposes.x.says",
            "recipients.x.name",
            "recipients.x.role",
            "recipients.x.agreement",
            "recipients.x.country",
            "recipients.x.transfer_instrument",
        ];
        let mut said = Said::default();
        for place in places {
            let question = question(place, &["a".into()]).unwrap_or_else(|| panic!("{place}"));
            let answer = (question.of)(&mut said);
            assert_eq!(answer.replace(place.to_owned()), None, "{place}");
        }
        assert!(question("purposes", &[]).is_none(), "the purpose's name answers it");
    }
}
