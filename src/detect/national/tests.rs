use std::collections::BTreeSet;

use super::*;

/// The member states of the Union, and Iceland, Liechtenstein and Norway.
const STATES: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

fn schemes(country: &str, name: &str) -> Vec<&'static Scheme> {
    let all = SCHEMES.iter().copied().flatten();
    let found: Vec<_> = all.filter(|scheme| scheme.country == country && scheme.name == name).collect();
    assert!(!found.is_empty(), "{country} {name}");
    found
}

#[test]
fn every_state_has_its_number() {
    let have: BTreeSet<&str> = SCHEMES.iter().copied().flatten().map(|scheme| scheme.country).collect();
    assert_eq!(have, BTreeSet::from(STATES));
    let listed: Vec<_> = crate::detect::countries().collect();
    assert_eq!(listed.len(), STATES.len(), "those of a country stand together: {listed:?}");
    for scheme in SCHEMES.iter().copied().flatten() {
        assert!(LENGTHS.contains(&scheme.shape.len()), "{}", scheme.name);
    }
}

/// Another implementation of the same rules said which numbers are right (tests/tools/national_ids.py).
#[test]
fn another_implementation_agrees() {
    let (mut good, mut bad) = (0, 0);
    let mut wrong = Vec::new();
    for line in include_str!("golden.txt").lines().filter(|line| !line.starts_with('#')) {
        let [country, name, verdict, number] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let given = schemes(country, name).iter().any(|scheme| scheme.has_text(number));
        let expected = verdict == "good";
        *(if expected { &mut good } else { &mut bad }) += 1;
        if given != expected {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(good >= 300 && bad >= 280, "{good} {bad}");
}

/// Examples that authorities and encyclopaedias print, for what the other implementation does not know, and some that it does.
#[test]
fn published_examples_are_right() {
    for (country, number) in [
        ("AT", "1237 010180"),
        ("BE", "93.05.18-223.61"),
        ("BG", "7523169263"),
        ("CZ", "736028/5163"),
        ("CZ", "531231/123"),
        ("DE", "86095742719"),
        ("DE", "15070649C103"),
        ("DE", "65180539W001"),
        ("DK", "070761-4285"),
        ("EE", "37605030299"),
        ("ES", "12345678Z"),
        ("ES", "X-1234567-L"),
        ("FI", "131052-308T"),
        ("FI", "010594Y9032"),
        ("FR", "2 55 08 14 168 025 38"),
        ("HU", "8071592153"),
        ("IE", "1234567T"),
        ("IE", "1234567FA"),
        ("IS", "120174-3399"),
        ("IT", "RSSMRA85T10A562S"),
        ("IT", "MRTMTT25D09F205Z"),
        ("LI", "756.9217.0769.85"),
        ("LU", "1893120105732"),
        ("LV", "161175-19997"),
        ("LV", "32673679700"),
        ("LT", "33309240064"),
        ("MT", "0123456M"),
        ("NL", "1112.22.333"),
        ("NO", "151086 95088"),
        ("PL", "44051401359"),
        ("PT", "00000000 0 ZZ4"),
        ("RO", "1630615123457"),
        ("SE", "811228-9874"),
        ("SE", "19640823-3234"),
        ("SI", "0101006500006"),
        ("SK", "710319/2745"),
    ] {
        let all = SCHEMES.iter().copied().flatten();
        let right = all.filter(|scheme| scheme.country == country).any(|scheme| scheme.has_text(number));
        assert!(right, "{country} {number}");
    }
}

#[test]
fn the_reference_names_every_scheme() {
    let page = include_str!("../../../docs/reference/detectors.md");
    for (country, name) in crate::detect::national_ids() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{country}` |"))).unwrap_or_default();
        assert!(row.contains(name), "{country} {name}");
    }
}
