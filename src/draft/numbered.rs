//! Names of numbers that tell one person from another: a word for a person and a word for a number, in whatever language
//! and order, apart (`patient_no`, `numero d'adhérent`) or as one (`Versichertennummer`).

use super::words::{PERSONS, RELATED};

/// Words for a number that stands for somebody.
#[rustfmt::skip]
const NUMBERS: &[&str] = &[
    "code", "codice", "codigo", "identificador", "identifiant", "identificatie", "identifier", "identifikator", "id", "ident",
    "guid", "hash", "kennung", "key", "no", "nr", "num", "number", "nummer", "numer", "numero", "reference", "referentie",
    "referenz", "ref", "schlussel", "uid", "uuid",
];

/// What a person has that has a number: who knows the number knows whose it is.
#[rustfmt::skip]
const HAD: &[&str] = &[
    "akten", "assicurazione", "assurance", "badge", "case", "contract", "contrat", "contrato", "contratto", "darlehen",
    "darlehens", "debt", "dossier", "emprestimo", "emprunt", "enrollment", "enrolment", "expediente", "hypotheek", "hypotheken",
    "insurance", "krankenkasse", "krankenkassen", "krankenversicherung", "krankenversicherungs", "kredit", "lening", "licence",
    "license", "loan", "loyalty", "mortgage", "mutuelle", "mutuo", "personal", "personnel", "police", "policen", "policy",
    "poliza", "polizza", "polizzen", "prestamo", "prestito", "pret", "rentenversicherung", "rentenversicherungs", "seguro", "sozialversicherung",
    "sozialversicherungs", "subscription", "umowy", "versicherung", "versicherungs", "vertrag", "vertrags", "verzekering",
    "verzekerings", "zorgverzekering", "zorgverzekerings",
];

/// Persons as names of columns cut them short.
const SHORT: &[&str] = &["cust", "emp", "insd", "kd", "mbr", "pat", "stud", "subscr", "usr"];

/// What may stand between the two and changes nothing.
#[rustfmt::skip]
const BETWEEN: &[&str] = &[
    "account", "card", "d", "da", "de", "del", "della", "dell", "der", "des", "di", "do", "du", "external", "file",
    "identification", "identity", "internal", "intern", "karten", "karte", "l", "of", "record", "reference", "registration", "s", "the", "unique",
    "van", "von",
];

/// What links two words that are written as one.
const LINKS: [&str; 8] = ["", "n", "en", "s", "es", "er", "ern", "karten"];

/// Whether a word alone says that a field names somebody below whom it stands: `patient.no`.
pub(super) fn is_number(word: &str) -> bool {
    NUMBERS.contains(&word)
}

/// Whether a word is one for a number that tells one from another; a `code` or a `key` may be one of a few.
pub(super) fn is_id(word: &str) -> bool {
    const OF_FEW: [&str; 7] = ["code", "codice", "codigo", "hash", "key", "num", "schlussel"];
    is_number(word) && !OF_FEW.contains(&word)
}

/// What stands before a number in a word that is made of two: the `loan` of `loanid`.
pub(super) fn before_a_number(word: &str) -> impl Iterator<Item = &str> {
    NUMBERS.iter().filter_map(|number| word.strip_suffix(number)).filter(|whose| !whose.is_empty())
}

/// Whether a word is one for a person, or for several.
pub(super) fn is_person(word: &str) -> bool {
    is_one_of(PERSONS, word)
}

/// Whether a word is one for who has a name: a person, or somebody's relative or adviser.
pub(super) fn is_somebody(word: &str) -> bool {
    is_person(word) || is_one_of(RELATED, word)
}

/// What follows a word for somebody in a word that is made of two: the `name` of `Patientenname`. Several where it can be
/// cut in several ways.
pub(super) fn behind_somebody(word: &str) -> impl Iterator<Item = (&str, &str)> {
    const SHORTEST: usize = 4;
    let long = |somebody: &&&str| somebody.len() >= SHORTEST;
    let rests = PERSONS.iter().chain(RELATED).filter(long).filter_map(|somebody| {
        let rest = word.strip_prefix(somebody)?;
        Some((*somebody, rest))
    });
    rests.flat_map(|(somebody, rest)| {
        LINKS.iter().filter_map(move |link| Some((somebody, rest.strip_prefix(link)?)))
    })
}

/// The word that says whose number these words are, where that is somebody's relative or adviser as well as a thing: the `parent` of
/// `parent_id` is a person, or what something hangs below; an `agent` may be a program.
pub(super) fn of_whom_or_what(words: &[String]) -> Option<&str> {
    const FIRST: [&str; 4] = ["id", "identifier", "uid", "uuid"];
    let related = |word: &str| RELATED.contains(&word);
    words.iter().zip(words.iter().skip(1)).find_map(|(one, next)| {
        let whose = match (one.as_str(), next.as_str()) {
            (whose, number) if related(whose) && is_id(number) => whose,
            // `no_children` counts them.
            (number, whose) if FIRST.contains(&number) && related(whose) => whose,
            _ => return None,
        };
        Some(whose)
    })
}

/// Whether these words are a number of somebody: then how sure that is, in tenths.
pub(super) fn of_somebody(words: &[String]) -> Option<u8> {
    let fused = words.iter().filter_map(|word| fused(word)).max();
    fused.max(apart(words))
}

fn apart(words: &[String]) -> Option<u8> {
    let at = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
        words.iter().enumerate().filter(|(_, word)| wanted(word)).map(|(at, _)| at).collect()
    };
    let numbers = at(&is_number);
    let near = |holder: usize, number: usize| {
        // `number_of_customers` counts them.
        let many = words.get(holder).and_then(|word| word.strip_suffix('s'));
        if number < holder && many.is_some_and(|one| PERSONS.contains(&one) || HAD.contains(&one)) {
            return false;
        }
        let (first, last) = (holder.min(number), holder.max(number));
        let between = words.iter().take(last).skip(first + 1);
        between.into_iter().all(|word| BETWEEN.contains(&word.as_str()) || is_number(word))
    };
    let any = |holders: Vec<usize>| {
        holders.iter().any(|holder| numbers.iter().any(|number| number != holder && near(*holder, *number)))
    };
    if any(at(&|word| is_one_of(PERSONS, word) || SHORT.contains(&word))) {
        return Some(8);
    }
    any(at(&|word| is_one_of(HAD, word))).then_some(6)
}

/// Whether a list has this word, with or without what links it to the next.
fn is_one_of(list: &[&str], word: &str) -> bool {
    LINKS.iter().any(|link| word.strip_suffix(link).is_some_and(|word| list.contains(&word)))
}

fn fused(word: &str) -> Option<u8> {
    let holders = NUMBERS.iter().filter_map(|number| word.strip_suffix(number));
    let mut sure = None;
    for holder in holders.filter(|holder| holder.len() > 2) {
        if is_one_of(PERSONS, holder) {
            return Some(8);
        }
        if is_one_of(HAD, holder) {
            sure = Some(6);
        }
    }
    sure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::category::tokens;

    fn of(name: &str) -> Option<u8> {
        of_somebody(&tokens(name))
    }

    #[test]
    fn a_person_and_a_number_are_an_identifier() {
        for name in [
            "patient_no",
            "patientNo",
            "PatientNr",
            "patientno",
            "membership_no",
            "employee_no",
            "emp_no",
            "cust_ref",
            "Versichertennummer",
            "versicherten_nr",
            "Mitarbeiter-Nr.",
            "mitarbeiternummer",
            "Bewerbernummer",
            "kundenkartennummer",
            "numéro d'adhérent",
            "numero_abonne",
            "id_salarie",
            "codeClient",
            "numero_de_socio",
            "codigo_empleado",
            "id_alumno",
            "codice_dipendente",
            "numero_assicurato",
            "klantnr",
            "lidnummer",
            "verzekerde_nummer",
            "numer_pacjenta",
            "numero_utente",
            "insured_id",
            "policyholder_number",
            "subscriber_key",
            "holder_no",
            "student_code",
            "applicant_uuid",
            "customer_record_number",
            "medlemsnummer",
            "kundnummer",
            "asiakasnumero",
            "mother_id",
            "spouse_number",
            "id_conjoint",
            "teacher_no",
            "Arztnummer",
        ] {
            assert_eq!(of(name), Some(8), "{name}");
        }
        for name in [
            "insurance_number",
            "policy_no",
            "versicherungsnummer",
            "contract_id",
            "Vertragsnummer",
            "dossier_nr",
            "personnel_no",
            "loan_id",
            "loanId",
            "loan_number",
            "mortgage_no",
            "Kreditnummer",
            "Darlehensnummer",
            "numero_prestamo",
            "krankenkassennummer",
            "krankenkasse_nr",
            "Krankenversicherungs-Nr.",
        ] {
            assert!(of(name).is_some(), "{name}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for name in [
            "order_number",
            "image_id",
            "user_age",
            "number_of_customers_seen",
            "client_version",
            "country_code",
            "casino",
            "student",
            "code",
            "key",
            "product_code",
            "customer_satisfaction_code",
            "member_since",
            "piano",
            "model_key",
            "employees_count",
            "parent_id",
            "agent_key",
            "numero_hijos",
            "number_of_siblings",
            "number_of_loans",
            "num_contracts",
            "loan_amount",
        ] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn a_number_of_what_may_be_somebody_or_something_says_of_what() {
        for (name, of) in [
            ("parent_id", Some("parent")),
            ("parentId", Some("parent")),
            ("id_parent", Some("parent")),
            ("agent_no", Some("agent")),
            ("child_uuid", Some("child")),
            ("parent", None),
            ("no_children", None),
            ("number_of_children", None),
            ("parent_class_name", None),
            ("agent_key", None),
        ] {
            assert_eq!(of_whom_or_what(&tokens(name)), of, "{name}");
        }
    }
}
