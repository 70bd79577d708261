//! Which of the names that are known stand in a field's name.

use super::words::{Entry, LINKING, NAMES};

/// A known name among the words of another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// What it is a name of.
    pub(super) entry: &'static Entry,
    /// How many words it takes.
    pub(super) words: usize,
    /// How long it is as it is written: the longest says most.
    length: usize,
}

/// The longest known name in these words.
pub(super) fn longest(name: &[String]) -> Option<Known> {
    let mut best: Option<Known> = None;
    for known in all(name) {
        if best.is_none_or(|best| known.length > best.length) {
            best = Some(known);
        }
    }
    best
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
                found.push(Known { entry, words: last - first + 1, length });
            }
            if as_one(known) {
                found.push(Known { entry, words: name.len(), length });
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
}
