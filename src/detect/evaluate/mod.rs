//! What the detectors find and miss, in figures: texts are made in ten languages, with values planted in the many ways in which people
//! write them and with what only looks like such values, and what is found is held against what was planted.
//!
//! The texts are no mirror of the detectors. Numbers come from other libraries (`samples.txt`, and the verdicts of `national/golden.txt`); the
//! spellings are those people use, the ones that no detector here finds included; and of the numbers that only look like one, most have
//! the form and not the check digit. A run is made from a seed and always the same.

mod languages;
mod northern;
mod plant;
mod random;
mod report;
mod text;
mod values;
mod western;

use super::{DetectError, Detector, Found, Kind, Wanted, What};
use random::Random;
use values::Samples;

/// How well a kind was found in a language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Values that were planted.
    pub planted: u32,
    /// Of those the ones that were found whole, by whatever detector.
    pub covered: u32,
    /// Places that the kind's detector found.
    pub found: u32,
    /// Of those the ones where a value of the kind stands.
    pub right: u32,
}

impl Score {
    /// The part of what was planted that was found; 1 where nothing was.
    pub fn recall(self) -> f64 {
        ratio(self.covered, self.planted)
    }

    /// The part of what was found that was planted; 1 where nothing was found.
    pub fn precision(self) -> f64 {
        ratio(self.right, self.found)
    }

    fn add(&mut self, other: Self) {
        let Self { planted, covered, found, right } = other;
        self.planted += planted;
        self.covered += covered;
        self.found += found;
        self.right += right;
    }
}

fn ratio(part: u32, whole: u32) -> f64 {
    if whole == 0 { 1.0 } else { f64::from(part) / f64::from(whole) }
}

/// The scores of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The languages, in the order of the scores of each kind.
    pub languages: Vec<&'static str>,
    /// For each kind, in the order of [`Kind::ALL`], its score in each language.
    pub scores: Vec<(Kind, Vec<Score>)>,
    /// Spellings that were missed, most often first: kind, how it was written, how often of how many.
    pub missed: Vec<(Kind, &'static str, u32, u32)>,
    /// What stood where a detector found what was not planted, most often first.
    pub mistaken: Vec<(Kind, &'static str, u32)>,
}

impl Report {
    /// The score of a kind in all languages together.
    pub fn total(&self, kind: Kind) -> Score {
        let mut total = Score::default();
        for (_, scores) in self.scores.iter().filter(|(other, _)| *other == kind) {
            scores.iter().for_each(|score| total.add(*score));
        }
        total
    }
}

/// Makes so many texts in each language from the seed, and looks for all kinds at once in each, with national identification numbers of
/// all countries and phone numbers as within the language's country.
///
/// # Errors
/// Where the detectors do not compile, which would be a fault of this code.
pub fn evaluate(seed: u64, texts: u32) -> Result<Report, DetectError> {
    let samples = Samples::read();
    let mut scores: Vec<(Kind, Vec<Score>)> = Kind::ALL.iter().map(|kind| (*kind, Vec::new())).collect();
    let mut spellings: Vec<(Kind, &'static str, u32, u32)> = Vec::new();
    let mut mistaken: Vec<(Kind, &'static str, u32)> = Vec::new();
    for (place, language) in languages::all().enumerate() {
        let regions = vec![language.country.to_owned()];
        let detector =
            Detector::compile(&Wanted { kinds: Kind::ALL.to_vec(), regions, ..Wanted::default() })?;
        let mut random = Random::new(seed ^ ((place as u64 + 1) << 32));
        scores.iter_mut().for_each(|(_, scores)| scores.push(Score::default()));
        for _ in 0..texts {
            let text = text::make(language, &samples, &mut random);
            let mut found = Vec::new();
            detector.find(&text.text, &mut found);
            for (kind, scores) in &mut scores {
                if let Some(score) = scores.last_mut() {
                    score.add(compare(&text, &found, *kind));
                }
            }
            note(&text, &found, &mut spellings, &mut mistaken);
        }
    }
    spellings.retain(|(_, _, missed, _)| *missed > 0);
    spellings.sort_by_key(|(kind, spelling, missed, _)| (*kind, std::cmp::Reverse(*missed), *spelling));
    mistaken.sort_by_key(|(kind, what, times)| (*kind, std::cmp::Reverse(*times), *what));
    let languages = languages::all().map(|language| language.code).collect();
    Ok(Report { languages, scores, missed: spellings, mistaken })
}

fn covered(found: &[Found], start: usize, end: usize) -> bool {
    found.iter().any(|one| one.start <= start && end <= one.end)
}

fn compare(text: &text::Text, found: &[Found], kind: Kind) -> Score {
    let mut score = Score::default();
    for planted in text.planted.iter().filter(|planted| planted.kind == kind) {
        score.planted += 1;
        score.covered += u32::from(covered(found, planted.start, planted.end));
    }
    for one in found.iter().filter(|one| one.what == What::Kind(kind)) {
        let there = |planted: &text::Planted| {
            planted.kind == kind && planted.start < one.end && one.start < planted.end
        };
        score.found += 1;
        score.right += u32::from(text.planted.iter().any(there));
    }
    score
}

/// Remembers which spellings were missed, and what was taken for what.
fn note(
    text: &text::Text,
    found: &[Found],
    spellings: &mut Vec<(Kind, &'static str, u32, u32)>,
    mistaken: &mut Vec<(Kind, &'static str, u32)>,
) {
    for planted in &text.planted {
        let missed = u32::from(!covered(found, planted.start, planted.end));
        let known =
            spellings.iter_mut().find(|(kind, name, ..)| (*kind, *name) == (planted.kind, planted.spelling));
        match known {
            Some((_, _, times, of)) => (*times, *of) = (*times + missed, *of + 1),
            None => spellings.push((planted.kind, planted.spelling, missed, 1)),
        }
    }
    for one in found {
        let What::Kind(kind) = one.what else { continue };
        let overlaps = |start: usize, end: usize| start < one.end && one.start < end;
        if text.planted.iter().any(|planted| planted.kind == kind && overlaps(planted.start, planted.end)) {
            continue;
        }
        let of_another = text.planted.iter().find(|planted| overlaps(planted.start, planted.end));
        let bait = text.bait.iter().find(|(start, end, _)| overlaps(*start, *end));
        let what = match (of_another, bait) {
            (Some(planted), _) => planted.kind.word(),
            (None, Some((_, _, what))) => what,
            (None, None) => "the text around",
        };
        match mistaken.iter_mut().find(|(other, name, _)| (*other, *name) == (kind, what)) {
            Some((_, _, times)) => *times += 1,
            None => mistaken.push((kind, what, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_texts_and_figures_are_what_they_were() {
        let report = evaluate(1, 60).unwrap();
        assert_eq!(report.scores, evaluate(1, 60).unwrap().scores);
        assert_ne!(report.scores, evaluate(2, 60).unwrap().scores);
        for (kind, recall, precision) in [
            (Kind::Email, 0.85, 0.98),
            (Kind::Phone, 0.80, 0.90),
            (Kind::Iban, 0.85, 0.99),
            (Kind::Card, 0.80, 0.95),
            (Kind::Ip, 0.85, 0.95),
            (Kind::NationalId, 0.80, 0.85),
            (Kind::BirthDate, 0.60, 0.95),
        ] {
            let total = report.total(kind);
            assert!(total.planted > 100, "{kind:?} {total:?}");
            assert!(total.recall() >= recall && total.precision() >= precision, "{kind:?} {total:?}");
            // A figure without a miss would be one of texts made for the detector.
            assert!(total.covered < total.planted, "{kind:?} {total:?}");
        }
    }
}
