//! From what a field is called to what it is: a category of personal data, or none that one can tell.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::known::{self, Known, Telling};
use super::numbered;
use super::words::THINGS;
use crate::check::Format;
use crate::payload::{Path, Step};
use crate::policy::categories;

/// A category that was guessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guessed {
    /// `pd:NAME`.
    pub(super) category: String,
    /// How sure, in tenths.
    pub(super) tenths: u8,
    /// What says so.
    pub(super) because: String,
    /// What it is where its values cannot be of that category.
    pub(super) otherwise: Option<Box<Guessed>>,
}

impl Guessed {
    pub(super) fn of(category: &str, tenths: u8, because: impl Into<String>) -> Self {
        Self { category: format!("pd:{category}"), tenths, because: because.into(), otherwise: None }
    }
}

/// Words of a name: `customerEMail`, `customer-e_mail` and `Customer E-Mail` are `customer e mail`. At most 16.
pub(super) fn tokens(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut token = String::new();
    let mut before: Option<char> = None;
    for c in name.nfd().filter(|c| !is_combining_mark(*c)).take(200) {
        let parts = match before {
            _ if !c.is_alphanumeric() => true,
            // customerId, icd10Code; but not the E of `eMail` behind a single letter, nor each letter of `IBAN`.
            Some(last) => c.is_uppercase() && (last.is_lowercase() || last.is_ascii_digit()),
            None => false,
        };
        if parts && !token.is_empty() {
            tokens.push(std::mem::take(&mut token));
        }
        if c.is_alphanumeric() {
            match c {
                'ß' => token.push_str("ss"),
                c => token.extend(c.to_lowercase()),
            }
        }
        before = Some(c);
    }
    if !token.is_empty() {
        tokens.push(token);
    }
    tokens.truncate(16);
    tokens
}

/// What a field is, by its name, then its format, then what is written about it.
pub(super) fn category(path: &Path, format: Option<Format>, describes: &str) -> Option<Guessed> {
    let members: Vec<Vec<String>> = path
        .steps()
        .iter()
        .filter_map(|step| match step {
            Step::Member(name) => Some(tokens(name)),
            Step::Every => None,
        })
        .collect();
    let (last, above) = members.split_last()?;
    let found = by_name(last, above.last());
    let of_format = format.and_then(of_format);
    match (found, of_format) {
        (Some(found), Some((other, _))) if found.category == format!("pd:{other}") => {
            let because = "name and format say so".into();
            Some(Guessed { tenths: 9, because, ..found })
        }
        (_, Some((category, word))) => Some(Guessed::of(category, 8, format!("the format `{word}` says so"))),
        (Some(found), None) => Some(found),
        (None, None) => by_description(describes),
    }
}

fn of_format(format: Format) -> Option<(&'static str, &'static str)> {
    match format {
        Format::Email => Some(("EmailAddress", "email")),
        Format::Phone => Some(("TelephoneNumber", "phone")),
        Format::Ipv4 | Format::Ipv6 => Some(("IPAddress", format.word())),
        _ => None,
    }
}

fn by_name(name: &[String], above: Option<&Vec<String>>) -> Option<Guessed> {
    let person = |words: &[String]| words.iter().any(|word| numbered::is_person(word));
    let below_person = above.is_some_and(|above| person(above));
    if let [only] = name
        && numbered::is_number(only)
    {
        let above = above.filter(|_| below_person)?;
        return Some(Guessed::of("Identifier", 8, format!("it is the `{only}` of a `{}`", above.join(" "))));
    }
    let of = |known: Known| {
        let exact = known.words == name.len();
        let tenths = known.entry.tenths;
        let tenths = if exact || below_person { tenths } else { tenths.saturating_sub(2).max(3) };
        let because = if exact { "the name says so" } else { "a part of the name says so" };
        Guessed::of(known.entry.category, tenths, because)
    };
    if let (true, Some(whose)) = (below_person, numbered::of_whom_or_what(name)) {
        let above = above.map(|above| above.join(" ")).unwrap_or_default();
        return Some(Guessed::of(
            "Identifier",
            6,
            format!("it is the number of the `{whose}` of a `{above}`"),
        ));
    }
    let named = known::telling(name);
    let identifies = named.is_some_and(|named| tells_apart(named.known.entry.category));
    if !identifies && let Some(tenths) = numbered::of_somebody(name) {
        let otherwise = named.map(|named| Box::new(of(named.known)));
        let found = Guessed::of("Identifier", tenths, "the name says whose number it is");
        return Some(Guessed { otherwise, ..found });
    }
    let Some(Telling { known, otherwise }) = named else {
        return by_name(&known::apart(name)?, above);
    };
    let Some(otherwise) = otherwise else {
        return if known.is_bare_name() { bare_name(name, above) } else { Some(of(known)) };
    };
    let found = if known.is_bare_name() {
        Guessed::of("Name", 8, "the name says whose name it is")
    } else {
        of(known)
    };
    Some(Guessed { otherwise: Some(Box::new(of(otherwise))), ..found })
}

/// A bare `name` is a person's unless something says whose else.
fn bare_name(name: &[String], above: Option<&Vec<String>>) -> Option<Guessed> {
    let person = |words: &[String]| words.iter().any(|word| numbered::is_person(word));
    let thing = |words: &[String]| words.iter().any(|word| THINGS.contains(&word.as_str()));
    let below_person = above.is_some_and(|above| person(above));
    let below_thing = above.is_some_and(|above| thing(above) && !person(above));
    let somebodys = known::is_named_after_somebody(name);
    if !somebodys && (thing(name) && !person(name) || below_thing) {
        return None;
    }
    Some(if below_person || person(name) {
        Guessed::of("Name", 9, "the name says so")
    } else if somebodys {
        Guessed::of("Name", 8, "the name says whose name it is")
    } else {
        Guessed::of("Name", 6, "it is called so; whose name is it?")
    })
}

/// What is to be said of a field of which nothing says that it is about a person, where its name says that it may be: whether it is the
/// number of somebody or of something, nobody can tell by it.
pub(super) fn in_doubt(path: &Path) -> Option<String> {
    let mut members = path.steps().iter().rev().filter_map(|step| match step {
        Step::Member(name) => Some(tokens(name)),
        Step::Every => None,
    });
    let name = members.next()?;
    let whose = numbered::of_whom_or_what(&name)?;
    // A category has a parent, and that is one.
    let below_thing =
        members.next().is_some_and(|above| above.iter().any(|word| THINGS.contains(&word.as_str())));
    (!below_thing).then(|| {
        format!(
            "it is the number of a `{whose}`, which is a person or a thing: of a person it is an Identifier, and that goes as a pseudonym \
             or not at all; look yourself"
        )
    })
}

/// Whether a name of this category is more than that of somebody's number.
pub(super) fn tells_apart(category: &str) -> bool {
    let known = categories::facts(&format!("pd:{category}")).unwrap_or_default();
    known.identifying || matches!(category, "SecretText" | "Password" | "PINCode" | "PostalCode" | "Country")
}

/// What is written about a field says less than its name: it may speak of anything.
fn by_description(describes: &str) -> Option<Guessed> {
    const LONGEST: usize = 300;
    let text: String = describes.chars().take(LONGEST).collect();
    let words = tokens(&text);
    let Known { entry, words, .. } = known::longest(&words)?;
    // One short word in a sentence is chance.
    let telling = words > 1 || entry.tenths >= 8;
    telling.then(|| Guessed::of(entry.category, 4, "its description speaks of it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::words::{LINKING, NAMES, PERSONS, RELATED};

    fn of(path: &str) -> Option<(String, u8)> {
        category(&Path::parse(path).unwrap(), None, "").map(|found| (found.category, found.tenths))
    }

    #[test]
    fn every_category_is_of_the_vocabulary_and_every_name_is_written_as_names_are_cut() {
        for entry in NAMES {
            assert!(
                categories::facts(&format!("pd:{}", entry.category)).is_some(),
                "there is no pd:{}",
                entry.category
            );
            for name in entry.names {
                assert_eq!(tokens(name).join(" "), *name);
                assert!(name.split(' ').any(|word| !LINKING.contains(&word)), "{name} only links words");
            }
        }
        for word in THINGS.iter().chain(PERSONS).chain(RELATED) {
            assert_eq!(tokens(word), [*word]);
        }
    }

    #[test]
    fn names_are_cut_into_words() {
        for (name, words) in [
            ("customerEMail", "customer email"),
            ("e_mail", "e mail"),
            ("Straße", "strasse"),
            ("Prénom-du client", "prenom du client"),
            ("IBAN", "iban"),
            ("icd10Code", "icd10 code"),
            ("__", ""),
        ] {
            assert_eq!(tokens(name).join(" "), words, "{name}");
        }
    }

    #[test]
    fn names_of_several_languages_are_known() {
        for (path, category) in [
            ("email", "pd:EmailAddress"),
            ("e_mail", "pd:EmailAddress"),
            ("courriel", "pd:EmailAddress"),
            ("emailAddress", "pd:EmailAddress"),
            ("Vorname", "pd:Name"),
            ("lastName", "pd:Name"),
            ("prénom", "pd:Name"),
            ("apellidos", "pd:Name"),
            ("cognome", "pd:Name"),
            ("customer.name", "pd:Name"),
            ("geburtsdatum", "pd:BirthDate"),
            ("fecha_nacimiento", "pd:BirthDate"),
            ("plz", "pd:PostalCode"),
            ("codePostal", "pd:PostalCode"),
            ("tel", "pd:TelephoneNumber"),
            ("['telefon-nummer']", "pd:TelephoneNumber"),
            ("iban", "pd:BankAccount"),
            ("ssn", "pd:OfficialID"),
            ("codice_fiscale", "pd:OfficialID"),
            ("patient_id", "pd:Identifier"),
            ("patient.id", "pd:Identifier"),
            ("Kundennummer", "pd:Identifier"),
            ("ip_address", "pd:IPAddress"),
            ("username", "pd:Username"),
            ("age", "pd:Age"),
            ("sexe", "pd:Gender"),
            ("blood_pressure", "pd:MedicalHealth"),
            ("religion", "pd:Religion"),
            ("customers[*].age", "pd:Age"),
            ("patient.patient_no", "pd:Identifier"),
            ("membership_no", "pd:Identifier"),
            ("employee_no", "pd:Identifier"),
            ("matricule", "pd:Identifier"),
            ("matricola", "pd:Identifier"),
            ("versichertennummer", "pd:Identifier"),
            ("patient.nummer", "pd:Identifier"),
            ("versicherter.nr", "pd:Identifier"),
            ("insurance_number", "pd:Identifier"),
            ("insurance", "pd:Insurance"),
            ("hiv", "pd:MedicalHealth"),
            ("hiv_status", "pd:MedicalHealth"),
            ("political_party", "pd:PoliticalOpinion"),
            ("ethnicity", "pd:EthnicOrigin"),
            ("secret", "pd:SecretText"),
            ("token", "pd:SecretText"),
            ("user_country_code", "pd:Country"),
            ("mother_name", "pd:Name"),
            ("application.spouse_name", "pd:Name"),
            ("product.owner_name", "pd:Name"),
            ("spouse.id", "pd:Identifier"),
            ("Patientenname", "pd:Name"),
            ("mutteradresse", "pd:PhysicalAddress"),
        ] {
            assert_eq!(of(path).map(|found| found.0).as_deref(), Some(category), "{path}");
        }
    }

    #[test]
    fn what_only_looks_so_is_left_alone() {
        for path in [
            "id",
            "product_name",
            "model.name",
            "sepal_length",
            "page",
            "feature_1",
            "score",
            "x",
            "mileage",
            "image.id",
            "order.number",
            "message_id_count_total",
            "product.name",
            "parent_class_name",
            "child_table_name",
            "model_head_name",
            "hostname",
            "column_names",
        ] {
            let found = of(path);
            assert!(found.as_ref().is_none_or(|found| found.1 <= 3), "{path}: {found:?}");
        }
    }

    #[test]
    fn a_number_of_what_may_be_a_person_is_one_below_a_person_and_in_doubt_elsewhere() {
        for (path, category, doubt) in [
            ("patient.parent_id", Some("pd:Identifier"), true),
            ("parent_id", None, true),
            ("rows[*].agentId", None, true),
            ("category.parent_id", None, false),
            ("model.parentId", None, false),
            ("parent_class_id", None, false),
            ("loan_id", Some("pd:Identifier"), false),
            ("loan_amount", Some("pd:LoanRecord"), false),
        ] {
            assert_eq!(of(path).map(|found| found.0).as_deref(), category, "{path}");
            assert_eq!(in_doubt(&Path::parse(path).unwrap()).is_some(), doubt, "{path}");
        }
    }

    #[test]
    fn formats_and_descriptions_help() {
        let path = Path::parse("contact").unwrap();
        let found = category(&path, Some(Format::Email), "").unwrap();
        assert_eq!((found.category.as_str(), found.tenths), ("pd:EmailAddress", 8));
        let path = Path::parse("f7").unwrap();
        let found = category(&path, None, "The patient's date of birth").unwrap();
        assert_eq!((found.category.as_str(), found.tenths), ("pd:BirthDate", 4));
        assert_eq!(category(&path, None, "How wide the window is"), None);
    }
}
