//! Texts of a few sentences, with what was planted in them and where.

use super::super::Kind;
use super::languages::Language;
use super::plant;
use super::random::Random;
use super::values::Samples;

/// A value that was planted.
#[derive(Debug)]
pub(super) struct Planted {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) spelling: &'static str,
}

/// A text that was made.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) planted: Vec<Planted>,
    /// What only looks like a value, and what it is.
    pub(super) bait: Vec<(usize, usize, &'static str)>,
}

/// Eight sentences, or so: some neutral, some with a value, some with what only looks like one.
pub(super) fn make(language: &Language, samples: &Samples, random: &mut Random) -> Text {
    let mut text = Text::default();
    for _ in 0..6 + random.below(5) {
        match random.below(10) {
            0 | 1 => text.text.push_str(random.one_of(language.neutral).copied().unwrap_or_default()),
            2..=5 => planted(&mut text, language, samples, random),
            6 => {
                let sentence = random.one_of(language.other_date).copied().unwrap_or_default();
                let (date, _) = plant::date(language, random, 1985);
                around(&mut text, sentence, "{}", |text| bait(text, &date, "another date"));
            }
            _ => baited(&mut text, language, samples, random),
        }
        text.text.push_str(if random.below(6) == 0 { "\n" } else { " " });
    }
    text
}

/// A sentence with something at its mark.
fn around(text: &mut Text, sentence: &str, mark: &str, put: impl FnOnce(&mut Text)) {
    let (before, after) = sentence.split_once(mark).unwrap_or((sentence, ""));
    text.text.push_str(before);
    put(text);
    text.text.push_str(after);
}

fn planted(text: &mut Text, language: &Language, samples: &Samples, random: &mut Random) {
    let Some(kind) = random.one_of(Kind::ALL).copied() else { return };
    let sentences = match kind {
        Kind::Email => language.email,
        Kind::Phone => language.phone,
        Kind::Iban => language.iban,
        Kind::Card => language.card,
        Kind::Ip => language.ip,
        Kind::NationalId => language.national_id,
        Kind::BirthDate => language.birth_date,
    };
    let sentence = random.one_of(sentences).copied().unwrap_or_default();
    let untold = kind == Kind::BirthDate && sentences.iter().rev().take(2).any(|other| *other == sentence);
    let (value, spelling) = plant::value(kind, language, samples, random);
    let spelling = if untold { "without a word for birth" } else { spelling };
    around(text, sentence, "{}", |text| {
        let start = text.text.len();
        text.text.push_str(&value);
        text.planted.push(Planted { kind, start, end: text.text.len(), spelling });
    });
}

fn bait(text: &mut Text, value: &str, what: &'static str) {
    let start = text.text.len();
    text.text.push_str(value);
    text.bait.push((start, text.text.len(), what));
}

/// A sentence with what only looks like a value at each of its marks.
fn baited(text: &mut Text, language: &Language, samples: &Samples, random: &mut Random) {
    let mut rest = random.one_of(language.negative).copied().unwrap_or_default();
    while let Some((before, marked)) = rest.split_once('{') {
        text.text.push_str(before);
        let Some((mark, after)) = marked.split_once('}') else { return };
        let (value, what) = lookalike(mark, language, samples, random);
        bait(text, &value, what);
        rest = after;
    }
    text.text.push_str(rest);
}

fn lookalike(
    mark: &str,
    language: &Language,
    samples: &Samples,
    random: &mut Random,
) -> (String, &'static str) {
    let near = |text: &str, random: &mut Random| -> String {
        // One digit is another one.
        let places: Vec<usize> =
            text.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at).collect();
        let place = places.get(random.below(places.len())).copied();
        let other = |c: char| char::from_digit((c.to_digit(10).unwrap_or(0) + 1) % 10, 10).unwrap_or(c);
        text.char_indices().map(|(at, c)| if Some(at) == place { other(c) } else { c }).collect()
    };
    match mark {
        "order" => {
            let count = 5 + random.below(9);
            match random.below(4) {
                0 => (format!("2026-{}", random.digits(count.min(8))), "an order with its year"),
                1 => (format!("A{}", random.digits(count)), "an order with a letter"),
                _ => (random.digits(count), "an order number"),
            }
        }
        "date" => (plant::date(language, random, 1985).0, "another date"),
        "price" => {
            let amount = 1 + random.below(999);
            let small = random.digits(2);
            let prices = [
                format!("{amount},{small} €"),
                format!("{amount} 000 000 kr"),
                format!("{amount}.{small}3,00 EUR"),
                format!("€{amount}.{small}"),
            ];
            (random.one_of(&prices).cloned().unwrap_or_default(), "a price")
        }
        "version" => {
            let count = 3 + random.below(2);
            let parts: Vec<String> = (0..count).map(|_| random.below(20).to_string()).collect();
            (parts.join("."), "a version")
        }
        "isbn" => {
            let body = format!("978{}", random.digits(9));
            let sum: u32 = body
                .chars()
                .enumerate()
                .map(|(at, c)| c.to_digit(10).unwrap_or(0) * if at % 2 == 0 { 1 } else { 3 })
                .sum();
            let whole = format!("{body}{}", (10 - sum % 10) % 10);
            let parted = format!(
                "{}-{}-{}-{}-{}",
                &whole.get(..3).unwrap_or_default(),
                whole.get(3..4).unwrap_or_default(),
                whole.get(4..8).unwrap_or_default(),
                whole.get(8..12).unwrap_or_default(),
                whole.get(12..).unwrap_or_default()
            );
            (if random.below(2) == 0 { whole } else { parted }, "an ISBN")
        }
        "handle" => (format!("ada_{}", random.digits(4)), "a handle"),
        "small" => (random.digits(3), "a room"),
        "time" => (format!("{:02}:{:02}", random.below(24), random.below(60)), "a time"),
        "tracking" => (format!("1Z{}AA{}", random.digits(3), random.digits(10)), "a tracking number"),
        "part" => {
            (format!("{}-{}-{}", random.digits(4), random.digits(4), random.digits(2)), "a part number")
        }
        "mac" => {
            let parts: Vec<String> = (0..6).map(|_| format!("{:02X}", random.below(256))).collect();
            (parts.join(":"), "a hardware address")
        }
        "badiban" => {
            let all = samples.of("iban", language.country);
            let iban = random.one_of(&all).and_then(|spelled| spelled.last()).copied().unwrap_or_default();
            (near(iban, random), "an IBAN with a wrong digit")
        }
        "badcard" => {
            let all = samples.of("card", "-");
            let card = random.one_of(&all).and_then(|spelled| spelled.first()).copied().unwrap_or_default();
            (near(card, random), "a card with a wrong digit")
        }
        _ => {
            let all = samples.national(language.country, false);
            let number =
                random.one_of(&all).map_or_else(|| random_number(random), |number| (*number).to_owned());
            (number, "a national number with a wrong digit")
        }
    }
}

fn random_number(random: &mut Random) -> String {
    random.digits(9)
}
