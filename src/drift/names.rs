//! Names of members that no policy declares.
//!
//! Such a name is the sender's own text. It may be a misspelt field, which an operator must see, or somebody's
//! data: `{"ada@example.org": 3}` has a person for a key. So a name is held in clear only if
//!
//! - it looks like an identifier: a letter or `_`, then at most 63 letters, digits, `_`, `.`, `-`, at most three digits;
//! - it came in bodies of [`PERSONS`] different persons within one window; until then a hash of it under a key of
//!   this process stands in its place, and so do hashes of the persons;
//! - few names come: where more than [`CANDIDATES`] different ones do, they are data themselves (a map with keys of its own),
//!   and none is told, also none that was.
//!
//! Everything here is bounded, in memory, and forgotten after two windows without another body that has it.

use std::hash::{BuildHasher as _, RandomState};

use super::report::Named;

/// How many different persons' bodies must have a name before it is held in clear.
pub(super) const PERSONS: usize = 20;
/// How many different names may come before they count as data.
const CANDIDATES: usize = 64;
/// How many names are told.
const TOLD: usize = 32;
/// The longest name that is looked at.
const LONGEST: usize = 64;
/// An account number, a year of birth with a day: more digits than a name of a field has.
const DIGITS: usize = 3;

/// Names that are not declared, and their candidates.
#[derive(Clone, Debug)]
pub(super) struct Names {
    window: u64,
    /// Which window it is.
    period: u64,
    key: RandomState,
    known: Vec<Known>,
    candidates: Vec<Candidate>,
    /// More names came than there are fields that somebody forgot.
    data: bool,
}

#[derive(Clone, Debug)]
struct Known {
    name: Box<str>,
    bodies: u64,
    /// The window in which it last came.
    period: u64,
}

/// Nothing in it is anybody's text.
#[derive(Clone, Debug)]
struct Candidate {
    name: u64,
    bodies: u64,
    persons: Vec<u64>,
}

impl Names {
    pub(super) fn new(window: u64) -> Self {
        let (known, candidates) = (Vec::new(), Vec::new());
        Self { window, period: 0, key: RandomState::new(), known, candidates, data: false }
    }

    /// Notes that a body, the `body`th, of this person has something of this name.
    pub(super) fn note(&mut self, name: &str, person: u64, body: u64) {
        self.begin(body);
        if self.data || !is_identifier(name) {
            return;
        }
        if let Some(known) = self.known.iter_mut().find(|known| *known.name == *name) {
            known.bodies += 1;
            known.period = self.period;
            return;
        }
        let (hash, person) = (self.key.hash_one(name), self.key.hash_one(person));
        let Some(place) = self.candidates.iter().position(|candidate| candidate.name == hash) else {
            if self.candidates.len() >= CANDIDATES {
                self.data = true;
                self.known.clear();
                self.candidates.clear();
            } else {
                self.candidates.push(Candidate { name: hash, bodies: 1, persons: vec![person] });
            }
            return;
        };
        let Some(candidate) = self.candidates.get_mut(place) else { return };
        candidate.bodies += 1;
        if !candidate.persons.contains(&person) {
            candidate.persons.push(person);
        }
        if candidate.persons.len() >= PERSONS && self.known.len() < TOLD {
            let bodies = candidate.bodies;
            self.candidates.swap_remove(place);
            self.known.push(Known { name: name.into(), bodies, period: self.period });
        } else {
            candidate.persons.truncate(PERSONS);
        }
    }

    /// The names that may be told, and whether there would be more if they were not data.
    pub(super) fn told(&self, body: u64) -> (Vec<Named>, bool) {
        let period = body / self.window;
        let told = self.known.iter().filter(|known| known.period + 1 >= period);
        let told = told.map(|known| Named { name: known.name.clone(), bodies: known.bodies });
        (told.collect(), self.data && self.period + 1 >= period)
    }

    /// Forgets what is of earlier windows.
    fn begin(&mut self, body: u64) {
        let period = body / self.window;
        if period != self.period {
            self.period = period;
            self.data = false;
            self.candidates.clear();
            self.known.retain(|known| known.period + 1 >= period);
        }
    }
}

fn is_identifier(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        && name.bytes().filter(u8::is_ascii_digit).count() <= DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &Names, body: u64) -> Vec<String> {
        names.told(body).0.iter().map(|named| named.name.to_string()).collect()
    }

    #[test]
    fn a_name_is_told_once_enough_persons_have_it_and_is_nowhere_before() {
        let mut names = Names::new(10_000);
        for body in 0..500 {
            // Nineteen persons, again and again.
            names.note("shoe_size", body % 19, body);
        }
        assert!(told(&names, 500).is_empty());
        assert!(!format!("{names:?}").contains("shoe"), "not even here");
        names.note("shoe_size", 19, 500);
        assert_eq!(told(&names, 501), ["shoe_size"]);
        names.note("shoe_size", 3, 501);
        assert_eq!(names.told(502).0[0].bodies, 502);
    }

    #[test]
    fn what_does_not_look_like_a_name_is_never_told() {
        let mut names = Names::new(10_000);
        let long = "x".repeat(65);
        for name in ["ada@example.org", "Ada King", "0655449127831", "id_19871204", "é", "", &long, "a\nb"] {
            (0..100).for_each(|person| names.note(name, person, person));
        }
        assert!(told(&names, 100).is_empty() && names.candidates.is_empty());
    }

    #[test]
    fn many_names_are_data_and_none_is_told() {
        let mut names = Names::new(1000);
        (0..30).for_each(|person| names.note("shoe_size", person, 0));
        assert_eq!(told(&names, 0), ["shoe_size"]);
        for number in 0..65_u64 {
            let name: String =
                [number / 26, number % 26].map(|c| char::from(b'a' + c as u8)).iter().collect();
            names.note(&name, number, 10);
        }
        assert_eq!(names.told(11), (Vec::new(), true));
        // With the next window it is asked anew.
        (0..30).for_each(|person| names.note("shoe_size", person, 1000));
        assert_eq!(told(&names, 1000), ["shoe_size"]);
        assert!(told(&names, 3000).is_empty(), "forgotten");
    }
}
