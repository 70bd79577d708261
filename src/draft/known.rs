//! Which of the names that are known stand in a field's name, and which of several says what it is.

use super::numbered;
use super::words::{Entry, LINKING, NAMES, THINGS};
use crate::policy::categories;

/// A known name among the words of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// What it is a name of.
    pub(super) entry: &'static Entry,
    /// How many words it takes.
    pub(super) words: usize,
    /// The first of them.
    start: usize,
    /// How long it is as it is written: the longest says most.
    length: usize,
}

impl Known {
    fn end(&self) -> usize {
        self.start + self.words
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end() && other.start < self.end()
    }

    fn is_part_of(&self, other: &Self) -> bool {
        self.words < other.words && self.start >= other.start && self.end() <= other.end()
    }

    /// A bare `name` is a person's, or a thing's.
    pub(super) fn is_bare_name(&self) -> bool {
        self.entry.category == "Name" && self.entry.tenths < 9
    }

    /// Whether whoever has a value of it knows, or reaches, a person.
    fn identifies(&self) -> bool {
        let facts = categories::facts(&format!("pd:{}", self.entry.category)).unwrap_or_default();
        facts.identifying || matches!(self.entry.category, "BirthDate" | "Password" | "SecretText")
    }

    /// Whether it says whose something is rather than what: `mother_phone` is a number.
    fn says_whose(&self) -> bool {
        matches!(self.entry.category, "Family" | "Offspring" | "Household")
    }

    /// Whether it is what has names, addresses and numbers of its own, or somebody there has.
    fn has_its_own(&self) -> bool {
        self.says_whose()
            || matches!(self.entry.category, "CurrentEmployment" | "Insurance" | "School" | "Vehicle")
    }
}

/// What says what a field is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// The name that says most.
    pub(super) known: Known,
    /// What the field is where its values cannot be that.
    pub(super) otherwise: Option<Known>,
}

/// Of the known names in a field's name the one that says most: the longest, unless another identifies, or the longest says
/// whose it is and not what.
pub(super) fn telling(name: &[String]) -> Option<Telling> {
    let all = all(name);
    let longest = most(all.iter().copied())?;
    let alone = Telling { known: longest, otherwise: None };
    if longest.identifies() {
        return Some(alone);
    }
    let counts = name.last().is_some_and(|last| COUNTS.contains(&last.as_str()));
    let others: Vec<Known> = all
        .iter()
        .filter(|other| !other.overlaps(&longest) && !all.iter().any(|larger| other.is_part_of(larger)))
        .filter(|other| !other.is_bare_name() || is_somebodys(name, other, &all))
        .filter(|other| !counts || !other.identifies())
        .copied()
        .collect();
    let heads = |other: &Known| longest.has_its_own() || is_head(name, other, &longest);
    let identifying = others.iter().filter(|other| other.identifies() && heads(other));
    let other =
        most(identifying.copied()).or_else(|| most(others.iter().filter(|_| longest.says_whose()).copied()));
    Some(other.map_or(alone, |other| Telling { known: other, otherwise: Some(longest) }))
}

/// Whether a bare `name` is that of somebody who stands in the same name.
pub(super) fn is_named_after_somebody(name: &[String]) -> bool {
    let all = all(name);
    all.iter().any(|known| known.is_bare_name() && is_somebodys(name, known, &all))
}

/// A field's name in which a word for somebody and what they have are one word, cut in two: `Patientenname`, `spousephone`.
pub(super) fn apart(name: &[String]) -> Option<Vec<String>> {
    let has = |rest: &str| {
        let one = [rest.to_owned()];
        rest.len() > 2 && all(&one).iter().any(Known::identifies)
    };
    let (at, cut) = name.iter().enumerate().find_map(|(at, word)| {
        let (somebody, rest) = numbered::behind_somebody(word).find(|(_, rest)| has(rest))?;
        Some((at, [somebody.to_owned(), rest.to_owned()]))
    })?;
    let (before, after) = (name.iter().take(at), name.iter().skip(at + 1));
    Some(before.cloned().chain(cut).chain(after.cloned()).collect())
}

/// What ends a name that counts or measures.
const COUNTS: [&str; 10] =
    ["amount", "count", "counts", "days", "length", "minutes", "rate", "ratio", "share", "total"];

fn most(known: impl Iterator<Item = Known>) -> Option<Known> {
    let mut best: Option<Known> = None;
    for known in known {
        if best.is_none_or(|best| known.length > best.length) {
            best = Some(known);
        }
    }
    best
}

/// Of two known names, whether the one is what the field is and the other says more about it. `ip_country` is a country,
/// `vehicle_vin` a number, `telephone_de_l_ecole` one too.
fn is_head(name: &[String], one: &Known, other: &Known) -> bool {
    let (first, second) = (one.end().min(other.end()), one.start.max(other.start));
    let linked = (first..second).any(|at| name.get(at).is_some_and(|word| LINKING.contains(&word.as_str())));
    if linked {
        return one.start < other.start;
    }
    let says_more = |word: &String| numbered::is_number(word) || word.chars().all(|c| c.is_ascii_digit());
    one.start > other.start && name.iter().skip(one.end()).all(says_more)
}

/// Whether a name is somebody's: of the words before it, from it backwards, or else of those behind it, the first that says
/// whose it is is one for somebody. `insurance_holder_name` is, `insurance_company_name` is not.
fn is_somebodys(name: &[String], known: &Known, all: &[Known]) -> bool {
    let says = |at: usize| {
        let word = name.get(at)?;
        if numbered::is_somebody(word) {
            return Some(true);
        }
        if THINGS.contains(&word.as_str()) {
            return Some(false);
        }
        let mut there = all.iter().filter(|known| known.start <= at && at < known.end());
        there.find(|known| !known.is_bare_name()).map(Known::says_whose)
    };
    let before = (0..known.start).rev().find_map(says);
    before.or_else(|| (known.end()..name.len()).find_map(says)) == Some(true)
}

/// The longest known name in these words.
pub(super) fn longest(name: &[String]) -> Option<Known> {
    most(all(name).into_iter())
}

/// All known names in these words. What only links words is looked over on both sides.
fn all(name: &[String]) -> Vec<Known> {
    let telling: Vec<(usize, &str)> =
        name.iter().map(String::as_str).enumerate().filter(|(_, word)| !LINKING.contains(word)).collect();
    let joined = name.concat();
    let spelled_out = joined.strip_suffix("nr").map(|whose| format!("{whose}nummer"));
    let as_one = |known: &str| {
        let is = |text: &str| known.chars().filter(|c| *c != ' ').eq(text.chars());
        known.len() > 4 && (is(&joined) || spelled_out.as_deref().is_some_and(is))
    };
    let mut found = Vec::new();
    for entry in NAMES {
        for known in entry.names {
            let words: Vec<&str> = known.split(' ').filter(|word| !LINKING.contains(word)).collect();
            let length = known.len();
            let fits = |window: &&[(usize, &str)]| window.iter().map(|(_, word)| word).eq(&words);
            for window in telling.windows(words.len().max(1)).filter(fits) {
                let (Some((first, _)), Some((last, _))) = (window.first(), window.last()) else { continue };
                found.push(Known { entry, words: last - first + 1, start: *first, length });
            }
            if as_one(known) {
                found.push(Known { entry, words: name.len(), start: 0, length });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draft::category::tokens;

    #[test]
    fn what_only_links_words_may_be_there_or_not() {
        for (name, category) in [
            ("numero_securite_sociale", "OfficialID"),
            ("numéro_sécurité_sociale", "OfficialID"),
            ("numeroSecuriteSociale", "OfficialID"),
            ("numero_de_la_securite_sociale", "OfficialID"),
            ("num_secu", "OfficialID"),
            ("numero_seguridad_social", "OfficialID"),
            ("carte_identite", "OfficialID"),
            ("mot_passe", "Password"),
            ("numero_compte", "FinancialAccountNumber"),
            ("numero_du_client", "Identifier"),
            ("address_of_the_home", "PhysicalAddress"),
            ("steuernr", "OfficialID"),
            ("Sozialversicherungs-Nr.", "OfficialID"),
            ("Reisepass-Nr", "Passport"),
        ] {
            let found = longest(&tokens(name)).map(|known| known.entry.category);
            assert_eq!(found, Some(category), "{name}");
        }
        for name in ["de_la", "of", ""] {
            assert!(longest(&tokens(name)).is_none(), "{name}");
        }
    }

    #[test]
    fn what_identifies_says_more_than_whose_it_is() {
        let of = |name: &str| telling(&tokens(name)).map(|telling| telling.known.entry.category);
        for (category, names) in [
            (
                "Name",
                "mother_name fatherName husband_name nom_du_conjoint nombre_del_conyuge ehepartner_name \
                 insurance_holder_name household_head_name children_names children_first_names school_teacher_name \
                 insurance_agent_name school_principal_name",
            ),
            ("EmailAddress", "spouse_email email_conjoint employer_email insurance_contact_email_2"),
            (
                "TelephoneNumber",
                "mother_phone spousePhoneNumber telefono_madre insurance_phone telephone_de_l_ecole",
            ),
            ("OfficialID", "spouse_ssn mother_national_id"),
            ("BankAccount", "mother_iban iban_conjoint loan_iban"),
            ("BirthDate", "mother_dob date_naissance_enfants"),
            ("PhysicalAddress", "school_address adresse_employeur"),
            ("VehicalLicenseNumber", "vehicle_vin"),
            ("Password", "insurance_password"),
            ("PostalCode", "spouse_zip"),
            ("Age", "spouse_age"),
            ("MedicalHealth", "father_hiv"),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(of(name), Some(category), "{name}");
            }
        }
    }

    #[test]
    fn what_only_speaks_of_it_does_not_win() {
        let of = |name: &str| telling(&tokens(name)).map(|telling| telling.known.entry.category);
        for (category, names) in [
            ("School", "school_name mother_school_name"),
            ("Insurance", "insurance_name insurance_company_name insurance_product_name"),
            ("CurrentEmployment", "employer_name spouse_employer_name"),
            ("MedicalHealth", "disease_name"),
            ("Country", "ip_country phone_country_code iban_country"),
            ("Communication", "email_message email_content phone_transcript"),
            ("ServiceConsumptionBehavior", "mobile_usage_minutes"),
            ("Transaction", "transactions_mobile_count"),
            ("Family", "mother_phone_count"),
            ("Language", "mother_tongue"),
            ("Household", "household_size"),
            ("Offspring", "number_of_children nombre_enfants"),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(of(name), Some(category), "{name}");
            }
        }
    }
}
