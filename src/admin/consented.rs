//! What a word about consent changes, said to whoever records it (GDPR Art. 7): where processing rests on another ground, nothing.

use serde::Serialize;

use super::Reply;
use crate::rights::{ActivityFacts, Facts};

/// What somebody said about a purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Given,
    Refused,
    Withdrawn,
}

/// The activities that it bears on, by what it does.
#[derive(Debug, Serialize)]
struct Effect<'a> {
    /// Those that rest on this consent, or whose transfer does.
    rests: Vec<&'a str>,
    /// Those of the purpose that another ground allows.
    goes_on: Vec<&'a str>,
    /// Those that no policy names any more, and for which the person's keys stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    unnamed: Option<&'a [String]>,
}

/// What is said of a consent or refusal that was recorded.
pub(super) fn recorded(word: Word, purpose: &str, facts: &Facts) -> Reply {
    said(word, purpose, facts, None)
}

/// The same of a withdrawal, which leaves the keys for activities that no policy names any more.
pub(super) fn withdrawn(purpose: &str, facts: &Facts, unnamed: &[String]) -> Reply {
    said(Word::Withdrawn, purpose, facts, Some(unnamed))
}

fn said(word: Word, purpose: &str, facts: &Facts, unnamed: Option<&[String]>) -> Reply {
    let rests: Vec<_> = facts.activities.iter().filter(|one| one.rests_on_consent_to(purpose)).collect();
    let other = |one: &&ActivityFacts| *one.purpose == *purpose && !one.rests_on_consent_to(purpose);
    let goes_on: Vec<_> = facts.activities.iter().filter(other).collect();
    let mut says = match word {
        Word::Given => format!("Consent to {purpose} is recorded"),
        Word::Refused => format!("The refusal of {purpose} is recorded"),
        Word::Withdrawn => format!("Consent to {purpose} is withdrawn"),
    };
    let does = if word == Word::Given { "permits" } else { "stops" };
    says.push_str(&match (rests.is_empty(), goes_on.is_empty()) {
        (false, _) if word == Word::Withdrawn => "; it binds from now on.".to_owned(),
        (false, _) => ".".to_owned(),
        (true, false) => format!(". It {does} nothing: no activity rests on it."),
        (true, true) => format!(". It {does} nothing as yet: no activity is for this purpose."),
    });
    if !goes_on.is_empty() {
        says.push_str(&beside(word, &goes_on));
    }
    if let Some(unnamed) = unnamed.filter(|unnamed| !unnamed.is_empty()) {
        says.push_str(&format!(
            " Keys of the person for {} stay, with what they sealed: no policy names it any more, so nothing says on what that \
             rests. An erasure destroys them; so does withdrawing once more where a policy names it again and rests it on this \
             consent.",
            unnamed.join(", ")
        ));
    }
    Reply::done(says).with(&Effect { rests: names(&rests), goes_on: names(&goes_on), unnamed })
}

/// What goes on whatever is said about consent, and what stops it.
fn beside(word: Word, goes_on: &[&ActivityFacts]) -> String {
    let each: Vec<_> = goes_on.iter().map(|one| format!("{} by {}", one.name, one.basis.word())).collect();
    let each = each.join(", ");
    if word == Word::Given {
        return format!(" Allowed on another ground, whether somebody agrees or not: {each}.");
    }
    let heeds: Vec<_> = goes_on.iter().copied().filter(|one| one.heeds_objection()).collect();
    let object = if heeds.is_empty() {
        String::new()
    } else {
        format!("`object` stops {} (Art. 21), ", names(&heeds).join(", "))
    };
    format!(
        " Allowed on another ground, and going on: {each}. {object}`restrict` stops all use of the person's data (Art. 18), \
         `erase` destroys what is kept (Art. 17)."
    )
}

fn names<'a>(activities: &[&'a ActivityFacts]) -> Vec<&'a str> {
    activities.iter().map(|activity| &*activity.name).collect()
}
