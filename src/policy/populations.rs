//! Persons of two activities who may be different people under one number: a person is known by the namespace of the
//! caller's issuer and an identifier, whatever the field is called in which it came.

use super::codes::Code;
use super::model::{Activity, DataSubject, PolicySet, RouteKind};
use super::reader::Reader;
use crate::payload::{Path, Step};

/// What a name says beside whose number it is.
const OF_NUMBERS: [&str; 10] =
    ["id", "no", "nr", "num", "number", "key", "code", "ref", "uuid", "identifier"];

/// An activity that finds persons in what callers send.
struct Population<'a> {
    activity: &'a Activity,
    /// Where, as the policy has it.
    place: String,
    /// What tells whose number it is.
    words: Vec<String>,
    /// Whether each of its routes says which namespace it serves.
    held: bool,
}

pub(super) fn check(set: &PolicySet, reader: &mut Reader) {
    let all: Vec<_> = set.activities.iter().filter_map(Population::of).collect();
    let mut told: Vec<(&[String], &[String])> = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let others = all.iter().take(index);
        let other = others.into_iter().find(|other| other.words != one.words && !(other.held && one.held));
        let (Some(other), Some(subject)) = (other, &one.activity.data_subject) else { continue };
        let pair = (other.words.as_slice(), one.words.as_slice());
        if told.contains(&pair) || told.contains(&(pair.1, pair.0)) {
            continue;
        }
        told.push(pair);
        let message = format!(
            "`{}` finds persons by `{}`, `{}` by `{}`: under one namespace a number that both have is one person, whose access shows both and \
             whose erasure destroys both.",
            one.activity.name, one.place, other.activity.name, other.place
        );
        let help = "If they are the same people, give the two fields one name, or say of the routes of both activities whom they serve: \
                    `when: \"caller.namespace == 'customers'\"`. If not, give the callers of each an issuer, or API keys, with a \
                    `namespace` of its own and say so in the same way, or run two gateways.";
        reader.report(Code::PersonsMixed, subject.span, message, help);
    }
}

impl<'a> Population<'a> {
    fn of(activity: &'a Activity) -> Option<Self> {
        let mut governed =
            activity.routes.iter().filter(|route| route.kind == RouteKind::Governed).peekable();
        governed.peek()?;
        let held = governed.all(|route| {
            let when = route.access.as_ref().and_then(|access| access.value.when.as_ref());
            when.is_some_and(|when| when.value.contains("caller.namespace"))
        });
        let (place, words) = match &activity.data_subject.as_ref()?.value {
            DataSubject::Claim(_) => return None,
            DataSubject::Body(path) => (format!("body.{path}"), words_of(path)),
            DataSubject::Rows(path) => (format!("rows.{path}"), words_of(path)),
            DataSubject::Parameter(place, name) => {
                (format!("{}.{name}", place.word()), whose([name.trim_start_matches("x-")].into_iter()))
            }
        };
        Some(Self { activity, place, words, held })
    }
}

fn words_of(path: &Path) -> Vec<String> {
    whose(path.steps().iter().rev().filter_map(|step| match step {
        Step::Member(name) => Some(&**name),
        Step::Every => None,
    }))
}

/// Whose number it is: `customer` of `customer_id`, `customerNo` and `customer.id`. The innermost name comes first.
fn whose<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut last = Vec::new();
    for name in names {
        let all = words(name);
        let telling: Vec<String> =
            all.iter().filter(|word| !OF_NUMBERS.contains(&word.as_str())).cloned().collect();
        if !telling.is_empty() {
            return telling;
        }
        if last.is_empty() {
            last = all;
        }
    }
    last
}

/// The words of a name, in small letters.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || small && c.is_uppercase() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        small = c.is_lowercase() || c.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whose_number_it_is() {
        let of = |path: &str| words_of(&Path::parse(path).unwrap()).join(" ");
        for alike in [
            "customer",
            "customer_id",
            "customerId",
            "customerNo",
            "customer.id",
            "holders[*]['customer-nr']",
        ] {
            assert_eq!(of(alike), "customer", "{alike}");
        }
        assert_eq!((of("id").as_str(), of("a.patient_no").as_str()), ("id", "patient"));
        assert_eq!(of("insurance_holder_id"), "insurance holder");
    }
}
