//! Values in the ways people write them. Some ways no detector here finds; they are planted all the same.

use super::super::Kind;
use super::languages::Language;
use super::random::Random;
use super::values::Samples;

/// A value as it is written, and what that way is called.
pub(super) type Spelled = (String, &'static str);

pub(super) fn value(kind: Kind, language: &Language, samples: &Samples, random: &mut Random) -> Spelled {
    match kind {
        Kind::Email => email(random),
        Kind::Phone => phone(language.country, samples, random),
        Kind::Iban => iban(language.country, samples, random),
        Kind::Card => card(samples, random),
        Kind::Ip => ip(random),
        Kind::NationalId => national_id(language.country, samples, random),
        Kind::BirthDate => date(language, random, 1930),
    }
}

/// A value in groups of these sizes, the last one again and again.
fn grouped(value: &str, sizes: &[usize], between: &str) -> String {
    let mut out = String::new();
    let mut sizes = sizes.iter().copied();
    let (mut size, mut taken) = (sizes.next().unwrap_or(usize::MAX), 0);
    for c in value.chars() {
        if taken == size {
            out.push_str(between);
            (size, taken) = (sizes.next().unwrap_or(size), 0);
        }
        out.push(c);
        taken += 1;
    }
    out
}

fn email(random: &mut Random) -> Spelled {
    let names = [
        "ada.king",
        "a.lovelace",
        "grace",
        "m.müller",
        "jose_garcia",
        "o'neil",
        "anna-maria",
        "k",
        "info",
        "j.novák",
        "büro",
        "ada+shop",
    ];
    let hosts = [
        "example.org",
        "mail.example.com",
        "post.example.co.uk",
        "söhne.example.de",
        "example.travel",
        "exa-mple.eu",
        "a.b.example.fr",
    ];
    let (name, host) = (*random.one_of(&names).unwrap_or(&""), *random.one_of(&hosts).unwrap_or(&""));
    let plain = format!("{name}@{host}");
    match random.below(20) {
        0 => (plain.to_uppercase(), "in capitals"),
        1 => (format!("{name} [at] {host}"), "[at]"),
        2 => (format!("{name}(at){}", host.replace('.', "(dot)")), "(at) and (dot)"),
        3 => (format!("{name} @ {host}"), "blanks around @"),
        4 => (format!("{name} at {}", host.replace('.', " dot ")), "in words"),
        5 => (plain.replace('@', "＠"), "full-width @"),
        _ => (plain, "plain"),
    }
}

fn phone(country: &str, samples: &Samples, random: &mut Random) -> Spelled {
    let all = samples.of("phone", country);
    let [short, international, national] = random.one_of(&all).copied().unwrap_or_default() else {
        return (String::new(), "none");
    };
    let digits: String = national.chars().filter(char::is_ascii_digit).collect();
    match random.below(18) {
        0..=2 => ((*short).to_owned(), "E.164"),
        3..=5 => ((*international).to_owned(), "international"),
        6..=8 => ((*national).to_owned(), "national"),
        9 => (international.replace('+', "00"), "00 for +"),
        10 => (international.replace(' ', "-"), "international with dashes"),
        11 => (international.replace(' ', "."), "international with dots"),
        12 => (digits, "national, digits alone"),
        13 => (grouped(&digits, &[3, 3, 2, 2], " "), "national in other groups"),
        14 => (national.replacen(' ', "/", 1), "national with a slash"),
        15 => (grouped(&digits, &[1], " "), "each digit alone"),
        16 => (international.replacen(' ', " (0)", 1), "international with (0)"),
        _ => (grouped(&digits, &[2], "."), "national in pairs"),
    }
}

fn iban(country: &str, samples: &Samples, random: &mut Random) -> Spelled {
    let all = samples.of("iban", country);
    let [compact, formatted] = random.one_of(&all).copied().unwrap_or_default() else {
        return (String::new(), "none");
    };
    match random.below(14) {
        0..=3 => ((*compact).to_owned(), "in one piece"),
        4..=7 => ((*formatted).to_owned(), "in groups of four"),
        8 => (formatted.replace(' ', "-"), "with dashes"),
        9 => (compact.to_lowercase(), "in small letters"),
        10 => (grouped(compact, &[2, 2, 4], " "), "country apart"),
        11 => (formatted.replace(' ', "\u{a0}"), "blanks that do not break"),
        12 => (grouped(compact, &[12], "\n"), "over lines"),
        _ => (
            format!("({}) {}", compact.get(..2).unwrap_or_default(), compact.get(2..).unwrap_or_default()),
            "country in brackets",
        ),
    }
}

fn card(samples: &Samples, random: &mut Random) -> Spelled {
    let all = samples.of("card", "-");
    let [number] = random.one_of(&all).copied().unwrap_or_default() else { return (String::new(), "none") };
    match random.below(12) {
        0..=2 => ((*number).to_owned(), "in one piece"),
        3..=5 => (grouped(number, &[4], " "), "in groups of four"),
        6 => (grouped(number, &[4], "-"), "with dashes"),
        7 => (grouped(number, &[4], "."), "with dots"),
        8 => (grouped(number, &[4, 6], " "), "4, 6 and the rest"),
        9 => (grouped(number, &[2], " "), "in pairs"),
        10 => (grouped(number, &[4], "_"), "with underscores"),
        _ => (grouped(number, &[4], "  "), "two blanks between"),
    }
}

fn ip(random: &mut Random) -> Spelled {
    let version_4 = format!(
        "{}.{}.{}.{}",
        1 + random.below(223),
        random.below(256),
        random.below(256),
        1 + random.below(254)
    );
    let group = |random: &mut Random| format!("{:x}", random.below(65_536));
    let version_6 = format!("2001:db8:{}:{}::{}", group(random), group(random), group(random));
    match random.below(12) {
        0..=4 => (version_4, "version 4"),
        5..=6 => (version_6, "version 6"),
        7 => (
            format!("2001:0db8:0000:0000:{}:{}:{}:1", group(random), group(random), group(random)),
            "version 6 in full",
        ),
        8 => (format!("{version_4}/24"), "with a prefix length"),
        9 => (version_6.to_uppercase(), "version 6 in capitals"),
        10 => (version_4.replace('.', "[.]"), "defused"),
        _ => (version_4.replace('.', " . "), "blanks around dots"),
    }
}

/// One of the language's country, one in four of any other.
fn national_id(country: &str, samples: &Samples, random: &mut Random) -> Spelled {
    let states = [
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IS", "IT", "LI",
        "LT", "LV", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    ];
    let own = if country == "GB" { "IE" } else { country };
    let country = if random.below(4) == 0 { random.one_of(&states).copied().unwrap_or(own) } else { own };
    let all = samples.national(country, true);
    let plain = random.one_of(&all).copied().unwrap_or_default();
    let compact: String = plain.chars().filter(char::is_ascii_alphanumeric).collect();
    match random.below(10) {
        0..=4 => (plain.to_owned(), "as it is given"),
        5..=7 => (usual(country, &compact).unwrap_or_else(|| plain.to_owned()), "as people part it"),
        8 => (plain.to_lowercase(), "in small letters"),
        _ => (grouped(&compact, &[3], " "), "in groups of three"),
    }
}

/// How people part the numbers of a country.
fn usual(country: &str, compact: &str) -> Option<String> {
    let (sizes, between): (&[usize], _) = match (country, compact.len()) {
        ("AT", _) => (&[4, 6], " "),
        ("BE", _) => {
            let (date, rest) = compact.split_at_checked(6)?;
            return Some(format!("{}-{}", grouped(date, &[2], "."), grouped(rest, &[3, 2], ".")));
        }
        ("CZ" | "SK", _) => (&[6, 4], "/"),
        ("DE", 11) => (&[2, 3], " "),
        ("DK" | "IS", _) => (&[6, 4], "-"),
        ("ES", _) if compact.starts_with(|c: char| c.is_ascii_digit()) => (&[8, 1], "-"),
        ("ES", _) => (&[1, 7, 1], "-"),
        ("FR", _) => (&[1, 2, 2, 2, 3, 3, 2], " "),
        ("IT", _) => (&[3, 3, 5, 5], " "),
        ("LI", _) => (&[3, 4, 4, 2], "."),
        ("LV", _) => (&[6, 5], "-"),
        ("NL", _) => (&[4, 2, 3], "."),
        ("NO", _) => (&[6, 5], " "),
        ("SE", _) => (&[6, 4], "-"),
        _ => return None,
    };
    Some(grouped(compact, sizes, between))
}

/// A date of the fifty years from one on.
pub(super) fn date(language: &Language, random: &mut Random, from: usize) -> Spelled {
    let (year, month, day) = (from + random.below(60), 1 + random.below(12), 1 + random.below(28));
    let name = language.months.get(month - 1).copied().unwrap_or_default();
    let of = if matches!(language.code, "es" | "pt") { " de " } else { " " };
    match random.below(9) {
        0 | 1 => (format!("{day:02}.{month:02}.{year}"), "with dots"),
        2 => (format!("{day:02}/{month:02}/{year}"), "with slashes"),
        3 => (format!("{year}-{month:02}-{day:02}"), "ISO 8601"),
        4 => (format!("{day}-{month}-{:02}", year % 100), "with two digits of the year"),
        5 | 6 => (
            format!(
                "{day}{}{of}{name}{of}{year}",
                if matches!(language.code, "de" | "cs") { "." } else { "" }
            ),
            "with the month's name",
        ),
        7 => (format!("{day:02}{month:02}{year}"), "digits alone"),
        _ => (format!("{day}. {month}. {year}"), "with dots and blanks"),
    }
}
