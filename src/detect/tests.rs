use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn detector(kinds: &[Kind], countries: &[&str], regions: &[&str]) -> Detector {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let wanted = Wanted {
        kinds: kinds.to_vec(),
        countries: texts(countries),
        regions: texts(regions),
        patterns: vec![Named { name: "customer_number".into(), pattern: "K-[0-9]{6}".into() }],
    };
    Detector::compile(&wanted).unwrap()
}

fn everything() -> Detector {
    detector(Kind::ALL, &[], &["DE", "FR", "IT", "US"])
}

fn all<'t>(detector: &Detector, text: &'t str) -> Vec<(What, &'t str)> {
    let mut found = Vec::new();
    detector.find(text, &mut found);
    found.iter().map(|one| (one.what, text.get(one.start..one.end).unwrap())).collect()
}

#[test]
fn all_kinds_are_found_in_one_text() {
    let text = "Ada King (K-123456), née le 10 décembre 1985, ada@example.org, +33 6 12 34 56 78, pays from \
                FR14 2004 1010 0505 0001 3M02 606 or card 4111 1111 1111 1111, NIR 2 55 08 14 168 025 38, from 192.0.2.7.";
    assert_eq!(
        all(&everything(), text),
        [
            (What::Pattern(0), "K-123456"),
            (What::Kind(Kind::BirthDate), "10 décembre 1985"),
            (What::Kind(Kind::Email), "ada@example.org"),
            (What::Kind(Kind::Phone), "+33 6 12 34 56 78"),
            (What::Kind(Kind::Iban), "FR14 2004 1010 0505 0001 3M02 606"),
            (What::Kind(Kind::Card), "4111 1111 1111 1111"),
            (What::Kind(Kind::NationalId), "2 55 08 14 168 025 38"),
            (What::Kind(Kind::Ip), "192.0.2.7"),
        ]
    );
}

#[test]
fn other_digits_and_dashes_hide_nothing() {
    for (text, expected) in [
        ("４１１１ １１１１ １１１１ １１１１", What::Kind(Kind::Card)),
        ("DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00", What::Kind(Kind::Iban)),
        ("ada＠example.org", What::Kind(Kind::Email)),
        ("ada%40exam\u{ad}ple.org", What::Kind(Kind::Email)),
        ("ada&commat;exam\u{ad}ple.org", What::Kind(Kind::Email)),
        ("ada\u{200b}@exam\u{ad}ple.org", What::Kind(Kind::Email)),
        ("+49\u{202f}30–901820", What::Kind(Kind::Phone)),
        ("+٤٩ ٣٠ ٩٠١٨٢٠", What::Kind(Kind::Phone)),
    ] {
        assert_eq!(all(&everything(), text), [(expected, text)]);
    }
}

/// As some systems write every text (NFD): each letter, then its marks.
#[test]
fn letters_apart_from_their_marks_hide_nothing() {
    use unicode_normalization::UnicodeNormalization as _;
    let text = "info@müller.de jürgen@example.org geboren am 1. März 1980, née le 3 mars 1980";
    let expected = ["info@müller.de", "jürgen@example.org", "1. März 1980", "3 mars 1980"];
    let apart: String = text.nfd().collect();
    let found = all(&everything(), &apart);
    assert_eq!(found.iter().map(|(_, part)| part.nfc().collect::<String>()).collect::<Vec<_>>(), expected);
    for (what, part) in found {
        assert_eq!(canonical(what, part), canonical(what, &part.nfc().collect::<String>()));
    }
    assert_eq!(all(&everything(), "4\u{301}111 1111 1111 1111\u{301}").len(), 1);
}

#[test]
fn numbers_of_weak_schemes_need_a_word_or_their_country() {
    let any = detector(&[Kind::NationalId], &[], &[]);
    let dutch = detector(&[Kind::NationalId], &["NL"], &[]);
    let portuguese = detector(&[Kind::NationalId], &["PT"], &[]);
    let bsn = (What::Kind(Kind::NationalId), "111222333");
    assert_eq!(all(&any, "order 111222333"), []);
    assert_eq!(all(&any, "BSN 111222333"), [bsn]);
    assert_eq!(all(&dutch, "order 111222333"), [bsn]);
    assert_eq!(all(&portuguese, "BSN 111222333"), []);
    // A Danish number without a check digit counts with its dash, an old Czech one with its slash.
    assert_eq!(all(&any, "order 0612345679"), []);
    assert_eq!(all(&any, "061234-5678"), [(What::Kind(Kind::NationalId), "061234-5678")]);
    assert_eq!(all(&any, "order 531231123"), []);
    assert_eq!(all(&any, "531231/123"), [(What::Kind(Kind::NationalId), "531231/123")]);
    // A part of something longer is none.
    for text in ["2024-111222333", "111222333-12", "1.111222333", "x111222333", "111222333,50"] {
        assert_eq!(all(&dutch, text), [], "{text}");
    }
}

#[test]
fn what_is_not_wanted_is_not_found_and_nonsense_is_refused() {
    let ip = detector(&[Kind::Ip], &[], &[]);
    assert_eq!(all(&ip, "ada@example.org +33 6 12 34 56 78"), []);
    let wanted = |change: fn(&mut Wanted)| {
        let mut wanted = Wanted { kinds: vec![Kind::NationalId], ..Wanted::default() };
        change(&mut wanted);
        Detector::compile(&wanted).err()
    };
    assert_eq!(wanted(|_| {}), None);
    assert_eq!(wanted(|wanted| wanted.kinds.clear()), Some(DetectError::Nothing));
    assert_eq!(
        wanted(|wanted| wanted.countries = vec!["US".into()]),
        Some(DetectError::Country("US".into()))
    );
    assert_eq!(wanted(|wanted| wanted.regions = vec!["XX".into()]), Some(DetectError::Region("XX".into())));
    assert!(regions().any(|region| region == "DE") && !regions().any(|region| region == "800"));
}

/// How long this thread has run: what a clock on the wall shows is also what others do.
fn on_the_processor() -> Duration {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(spent.split(' ').next().unwrap().parse().unwrap())
}

/// Texts that make a careless search begin anew at every byte. A search of quadratic time takes many times what is allowed here.
#[test]
fn hostile_texts_take_time_in_proportion_to_their_length() {
    let size = if cfg!(debug_assertions) { 1 << 15 } else { 1 << 20 };
    let everything = everything();
    let mut slow = Vec::new();
    for part in [
        "@",
        "a@",
        "a.",
        "a",
        "\"",
        "\"a",
        "a@b.",
        "(at)",
        "a(at)b",
        "%40",
        "%2540",
        "a%40",
        "a%40b.",
        "&",
        "&#",
        "&#64;",
        "&#64;a",
        "a&#x40;b.",
        "&commat;",
        "u\u{308}%40",
        "[",
        "1",
        "1 ",
        "1-",
        "+",
        "+1",
        "+1 ",
        "+49 ",
        "+49 30 901820 ",
        "00",
        "00 49 ",
        "0 ",
        "030 901820 ",
        "::",
        "1.",
        "1:",
        "a:",
        "f",
        "255.255.255.255.",
        "DE89 ",
        "DE",
        "A1 ",
        "A1",
        "4111 ",
        "41",
        "1.1.1990 ",
        "geb. ",
        "geb. 1.1.90 ",
        "* 1.1.1990",
        "né le 1er ",
        "1 de ",
        "12 ",
        "12 de jan",
        "1980. gada ",
        "1980. már",
        "K-",
        "K-1",
        "K-12345",
        "bsn 111222333 ",
        "111222333 ",
        "v1.1.1.1 ",
        "RSSMRA85T10A562",
        "\u{200b}",
        "\u{200b}1",
        "１",
        "٤ ",
        "é1",
        "1é",
        "u\u{308}",
        "\u{308}",
        "u\u{308}@",
        "😀",
        "1(",
        "((((",
        "1)",
    ] {
        let text = part.repeat(size / part.len());
        let begun = on_the_processor();
        let mut found = Vec::new();
        everything.find(&text, &mut found);
        let took = on_the_processor() - begun;
        assert!(found.is_sorted_by(|one, other| one.end <= other.start), "{part}");
        if took > Duration::from_secs(5) {
            slow.push((part, took));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

proptest! {
    /// Whatever a text is: no panic, and places that can be cut out, in order, none empty, none overlapping.
    #[test]
    fn places_are_sound(text in prop_oneof![
        ".{0,200}",
        "[-0-9a-zA-Z@.:/+() \u{a0}\u{200b}é٣１]{0,120}",
        "([a-z]{0,3}|%40|%2540|&#64;|&#x40;|&commat;|@|\\.){0,40}",
        "([A-Z]{2}[0-9]{2} |[0-9]{1,5}[-. /]|@|geb\\. |né le |\\+|::){0,40}",
    ]) {
        let mut found = Vec::new();
        everything().find(&text, &mut found);
        let mut last = 0;
        for one in found {
            prop_assert!(last <= one.start && one.start < one.end, "{text:?}");
            prop_assert!(text.get(one.start..one.end).is_some(), "{text:?}");
            last = one.end;
        }
    }

    /// What stands around a value with blanks between does not hide it.
    #[test]
    fn a_value_is_found_wherever_it_stands(before in "[a-zé ,\n]{0,30}", after in "[a-zé ,\n]{0,30}", which in 0_usize..5) {
        let value = ["ada@example.org", "+33612345678", "DE89370400440532013000", "4111111111111111", "44051401359"][which];
        let text = format!("{before} {value} {after}");
        prop_assert!(all(&everything(), &text).iter().any(|(_, found)| found.contains(value)), "{text:?}");
    }
}
