//! What a parameter is. One that is a piece of a path says it by what it does there, too: it names one of many.

use super::category::{Guessed, category, tells_apart, tokens};
use super::model::{Above, Place};
use super::numbered;
use super::words::THINGS;
use crate::check::{Format, RuleKind, Rules};
use crate::payload::{Path, Step};
use crate::policy::categories;

/// What is one of a few, or no one at all: `/texts/{lang}`, `/users/{action}`, `/prices/{date}`.
#[rustfmt::skip]
const FEW: &[&str] = &[
    "action", "algorithm", "annee", "channel", "color", "colour", "currency", "date", "datum", "day", "direction", "endpoint",
    "env", "environment", "ext", "extension", "fecha", "filter", "format", "frequency", "from", "horizon", "hour", "index", "jahr",
    "jour", "kind", "lang", "langue", "level", "limit", "locale", "mode", "mois", "monat", "month", "offset", "operation", "page",
    "period", "quarter", "revision", "scope", "section", "since", "size", "sort", "source", "sprache", "step", "symbol",
    "target", "time", "to", "until", "view", "week", "year",
];

/// Categories of which there are a few values, that many people have.
#[rustfmt::skip]
const SHARED: &[&str] = &[
    "pd:Age", "pd:BirthDate", "pd:BirthPlace", "pd:BloodType", "pd:Citizenship", "pd:City", "pd:EthnicOrigin", "pd:Gender",
    "pd:HairColor", "pd:Language", "pd:MaritalStatus", "pd:Nationality", "pd:PoliticalOpinion", "pd:Race", "pd:Region",
    "pd:Religion", "pd:SkinTone",
];

/// Words for things that are more often somebody's where a path names one of them: an application for a loan, a file on
/// somebody.
const SOMEBODYS: [&str; 2] = ["application", "dossier"];

/// What a parameter is, by its name, by the piece of the path before it, and for a piece of a path by what it does there:
/// it names one of many.
pub(super) fn of_parameter(
    place: Place,
    name: &str,
    above: Option<Above<'_>>,
    rules: &Rules,
    describes: &str,
) -> Option<Guessed> {
    let above = above.filter(|above| place == Place::Path && !above.piece.is_empty());
    let steps = above.iter().map(|above| above.piece).chain([name]);
    let path = Path::of(steps.map(|word| Step::Member(word.into())).collect())?;
    let found = category(&path, rules.format, describes);
    if place != Place::Path || !can_tell_many(rules) {
        return found;
    }
    // What is written about it may speak of anything.
    let named = category(&path, rules.format, "");
    let decided =
        named.as_ref().and_then(|named| named.category.strip_prefix("pd:")).is_some_and(tells_apart);
    if decided {
        return found;
    }
    let Some(one_of_many) = one_of_many(name, above, rules, named.as_ref()) else { return found };
    Some(Guessed { otherwise: found.map(Box::new), ..one_of_many })
}

/// Whether values of this kind can tell many from each other.
fn can_tell_many(rules: &Rules) -> bool {
    rules.one_of.is_empty()
        && matches!(rules.kind, None | Some(RuleKind::String | RuleKind::Integer | RuleKind::Number))
        && !matches!(rules.format, Some(Format::Date | Format::DateTime | Format::Time))
}

/// Whether a piece of a path names one of many, of which nothing says that they are things. `named` is what its name says.
fn one_of_many(
    name: &str,
    above: Option<Above<'_>>,
    rules: &Rules,
    named: Option<&Guessed>,
) -> Option<Guessed> {
    let words = tokens(name);
    let last = words.last()?.trim_end_matches(|c: char| c.is_ascii_digit());
    let person = |words: &[String]| words.last().is_some_and(|last| numbered::is_person(last));
    if named.is_none() && person(&words) {
        return Some(Guessed::of("Identifier", 6, "it is called as a person, and names one"));
    }
    let shared = named.is_some_and(|named| SHARED.contains(&named.category.as_str()));
    // A number of somebody's diagnosis or conviction asks for more than a number.
    let facts = named.and_then(|named| categories::facts(&named.category)).unwrap_or_default();
    if is_a_thing(&words) || FEW.contains(&last) || shared || facts.special || facts.criminal {
        return None;
    }
    let piece = above.map(|above| tokens(above.piece)).unwrap_or_default();
    let right_behind = above.is_some_and(|above| above.right);
    if named.is_none() && right_behind && person(&piece) {
        let because = format!("what stands behind `{}` names one of them", piece.join(" "));
        return Some(Guessed::of("Identifier", 6, because));
    }
    if is_a_thing(&piece) {
        return None;
    }
    let of_piece = |word: &str| piece.last().is_some_and(|many| is_one_of(word, many));
    let is_number = if named.is_none() { numbered::is_number(last) } else { numbered::is_id(last) };
    // `pid`; and `loanid` behind `loans`.
    let cut_short = last.len() == 3 && last.ends_with("id");
    let numbers = is_number || cut_short || numbered::before_a_number(last).any(of_piece);
    let repeats = right_behind && of_piece(last);
    let because = "what stands there in a path names one of many: a person, or what is somebody's";
    (numbers || repeats || rules.format == Some(Format::Uuid)).then(|| Guessed::of("Identifier", 4, because))
}

fn is_a_thing(words: &[String]) -> bool {
    words.iter().any(|word| {
        let one = word.strip_suffix('s').unwrap_or(word);
        [word, one].iter().any(|word| THINGS.contains(word) && !SOMEBODYS.contains(word))
            && !numbered::is_person(word)
    })
}

/// Whether a word says in one what the other says in many, or both say the same: `loan` of `loans`, `story` of `stories`.
fn is_one_of(one: &str, many: &str) -> bool {
    let ending = many.strip_prefix(one);
    ending.is_some_and(|ending| matches!(ending, "" | "s" | "es" | "e" | "n" | "en" | "er" | "x"))
        || one.strip_suffix('y').is_some_and(|stem| many.strip_suffix("ies") == Some(stem))
        || one.strip_suffix("is").is_some_and(|stem| many.strip_suffix("es") == Some(stem))
        || one.strip_suffix(['a', 'o', 'e']).is_some_and(|stem| many.strip_suffix(['e', 'i']) == Some(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, piece: &str, rules: &Rules) -> Option<String> {
        let above = Some(Above { piece, right: true });
        of_parameter(Place::Path, name, above, rules, "").map(|found| found.category)
    }

    fn of(name: &str, piece: &str) -> Option<String> {
        at(name, piece, &Rules::default())
    }

    #[test]
    fn a_piece_of_a_path_is_somebodys_unless_it_is_a_things() {
        let identifier = Some("pd:Identifier".to_owned());
        for (name, above) in [
            ("id", "patients"),
            ("patient_no", "x"),
            ("id", "loan"),
            ("id2", "score"),
            ("claim_ref", "a"),
            ("nr", "kunden"),
            ("patient", "patients"),
            ("pid", "patients"),
            ("who", "people"),
            ("customer", "score"),
            ("kunde", "kunden"),
            ("paziente", "pazienti"),
            ("applicationId", "loan"),
            ("applicationId", "applications"),
            ("order", "orders"),
            ("ticket", "tickets"),
            ("story", "stories"),
            ("commande", "commandes"),
            ("loan_id", "loans"),
            ("loanId", "loan"),
            ("loanid", "loans"),
            ("loan", "loans"),
            ("vehicle", "vehicles"),
            ("job_id", "jobs"),
        ] {
            assert_eq!(of(name, above), identifier, "{above}/{name}");
        }
        for (name, above) in [
            ("id", "models"),
            ("model_id", "v2"),
            ("version", "models"),
            ("lang", "texts"),
            ("product_key", ""),
            ("model", "models"),
            ("applicationId", "apps"),
            ("action", "users"),
            ("lang", "users"),
            ("date", "dates"),
            ("year", "patients"),
            ("horizon", "forecasts"),
            ("grid", "cells"),
        ] {
            assert_eq!(of(name, above), None, "{above}/{name}");
        }
        for (name, above, category) in [
            ("language", "languages", "pd:Language"),
            ("country_code", "countries", "pd:Country"),
            ("age", "patients", "pd:Age"),
            ("diagnosis", "diagnoses", "pd:MedicalHealth"),
            ("icd_code", "diagnoses", "pd:MedicalHealth"),
            ("diagnosis_id", "diagnoses", "pd:MedicalHealth"),
            ("conviction_id", "convictions", "pd:CriminalConviction"),
        ] {
            assert_eq!(of(name, above).as_deref(), Some(category), "{above}/{name}");
        }
    }

    #[test]
    fn what_the_rules_say_counts_too() {
        let identifier = Some("pd:Identifier".to_owned());
        let number = Rules { kind: Some(RuleKind::Number), ..Rules::default() };
        assert_eq!(at("id", "orders", &number), identifier, "a number of whatever type");
        let uuid = Rules { format: Some(Format::Uuid), ..Rules::default() };
        assert_eq!(at("run", "x", &uuid), identifier);
        for rules in [
            Rules { one_of: vec!["new".into(), "old".into()], ..Rules::default() },
            Rules { kind: Some(RuleKind::Boolean), ..Rules::default() },
            Rules { format: Some(Format::Date), ..Rules::default() },
        ] {
            assert_eq!(at("patient", "patients", &rules), None, "{rules:?}");
        }
        let further = Some(Above { piece: "patients", right: false });
        let found = of_parameter(Place::Path, "window", further, &Rules::default(), "");
        assert_eq!(found, None, "another stands right behind it");
        let described = of_parameter(
            Place::Path,
            "pid",
            Some(Above { piece: "patients", right: true }),
            &Rules::default(),
            "Whose medical record it is",
        );
        assert_eq!(described.map(|found| found.category), identifier);
    }

    #[test]
    fn a_query_and_a_header_name_nobody_by_where_they_are() {
        let query = of_parameter(Place::Query, "id", None, &Rules::default(), "");
        assert_eq!(query, None, "nothing says whose");
        let header = of_parameter(Place::Header, "x-customer-email", None, &Rules::default(), "");
        assert_eq!(header.map(|found| found.category).as_deref(), Some("pd:EmailAddress"));
    }
}
