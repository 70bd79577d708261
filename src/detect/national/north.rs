//! Denmark, Estonia, Finland, Iceland, Latvia, Lithuania, Norway, Sweden.

use super::Scheme;
use super::digits::{Number, is_date, is_day};

pub(super) const SCHEMES: &[Scheme] = &[
    // CPR-kontoret, "Personnummeret i CPR-systemet". Since 2007 numbers without the check digit (mod 11) are given too: those
    // count in two parts, 211062-5629, where the dash and the date tell them from other numbers of ten digits.
    Scheme {
        country: "DK",
        name: "CPR-nummer",
        shape: "9999999999",
        between: b"- ",
        parts: &[],
        weak: false,
        check: cpr_of_old,
    },
    Scheme {
        country: "DK",
        name: "CPR-nummer",
        shape: "9999999999",
        between: b"-",
        parts: &[6, 4],
        weak: false,
        check: cpr,
    },
    // Estonian standard EVS 585:2007. https://en.wikipedia.org/wiki/National_identification_number#Estonia
    Scheme {
        country: "EE",
        name: "isikukood",
        shape: "99999999999",
        between: b"",
        parts: &[],
        weak: false,
        check: isikukood,
    },
    // Digital and Population Data Services Agency, "The personal identity code" (dvv.fi), with the signs added in 2023. The sign of
    // the 1900s, a dash, stands between two parts; that of the 1800s is found by the same rule, written as a plus.
    Scheme {
        country: "FI",
        name: "henkilötunnus",
        shape: "999999999*",
        between: b"-",
        parts: &[],
        weak: false,
        check: hetu,
    },
    Scheme {
        country: "FI",
        name: "henkilötunnus",
        shape: "999999A999*",
        between: b"",
        parts: &[],
        weak: false,
        check: hetu_with_letter,
    },
    // Registers Iceland (skra.is), "About ID numbers". https://en.wikipedia.org/wiki/Kennitala
    Scheme {
        country: "IS",
        name: "kennitala",
        shape: "9999999999",
        between: b"- ",
        parts: &[],
        weak: false,
        check: kennitala,
    },
    // Law on the Register of Natural Persons, Cabinet regulation; the sum: https://en.wikipedia.org/wiki/National_identification_number#Latvia.
    // Since July 2017 numbers begin with 32 and have neither date nor check digit.
    Scheme {
        country: "LV",
        name: "personas kods",
        shape: "99999999999",
        between: b"-",
        parts: &[],
        weak: false,
        check: personas_kods,
    },
    Scheme {
        country: "LV",
        name: "personas kods",
        shape: "99999999999",
        between: b"-",
        parts: &[],
        weak: true,
        check: new_personas_kods,
    },
    // Law on the Residents' Register, art. 8. https://en.wikipedia.org/wiki/National_identification_number#Lithuania
    Scheme {
        country: "LT",
        name: "asmens kodas",
        shape: "99999999999",
        between: b"",
        parts: &[],
        weak: false,
        check: isikukood,
    },
    // Skatteetaten, "Fødselsnummer"; forskrift til folkeregisterloven § 2-2-1. With D-numbers (day + 40) and H-numbers (month + 40), and
    // numbers for tests (month + 80).
    Scheme {
        country: "NO",
        name: "fødselsnummer",
        shape: "99999999999",
        between: b" -.",
        parts: &[],
        weak: false,
        check: fodselsnummer,
    },
    // Folkbokföringslagen (1991:481) 18 §; Skatteverket SKV 704. With samordningsnummer (day + 60).
    Scheme {
        country: "SE",
        name: "personnummer",
        shape: "9999999999",
        between: b"- ",
        parts: &[],
        weak: false,
        check: personnummer,
    },
    Scheme {
        country: "SE",
        name: "personnummer",
        shape: "999999999999",
        between: b"- ",
        parts: &[],
        weak: false,
        check: long_personnummer,
    },
];

fn cpr(n: Number<'_>) -> bool {
    is_day(n.two(2), n.two(0)) && !n.is_monotonous()
}

fn cpr_of_old(n: Number<'_>) -> bool {
    cpr(n) && n.weighed(&[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn isikukood(n: Number<'_>) -> bool {
    let century = match n.digit(0) {
        1 | 2 => 1800,
        3 | 4 => 1900,
        5 | 6 => 2000,
        7 | 8 => 2100,
        _ => return false,
    };
    let check = match n.weighed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11 {
        10 => n.weighed(&[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10,
        check => check,
    };
    is_date(century + n.two(1), n.two(3), n.two(5)) && check == n.digit(10)
}

const HETU: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

fn hetu(n: Number<'_>) -> bool {
    let remainder = (n.number(0, 6) * 1000 + n.number(6, 3)) % 31;
    let check = usize::try_from(remainder).ok().and_then(|at| HETU.get(at));
    is_day(n.two(2), n.two(0)) && n.number(6, 3) >= 2 && check == Some(&n.byte(9))
}

fn hetu_with_letter(n: Number<'_>) -> bool {
    let remainder = (n.number(0, 6) * 1000 + n.number(7, 3)) % 31;
    let check = usize::try_from(remainder).ok().and_then(|at| HETU.get(at));
    b"ABCDEFUVWXY".contains(&n.byte(6))
        && is_day(n.two(2), n.two(0))
        && n.number(7, 3) >= 2
        && check == Some(&n.byte(10))
}

fn kennitala(n: Number<'_>) -> bool {
    let sum = n.weighed(&[3, 2, 7, 6, 5, 4, 3, 2]);
    let check = (11 - sum % 11) % 11;
    matches!(n.digit(9), 0 | 8 | 9) && is_day(n.two(2), n.two(0)) && check == n.digit(8)
}

fn personas_kods(n: Number<'_>) -> bool {
    let sum = 1 + n.weighed(&[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    n.digit(6) <= 2 && is_day(n.two(2), n.two(0)) && sum % 11 % 10 == n.digit(10)
}

fn new_personas_kods(n: Number<'_>) -> bool {
    (32..=39).contains(&n.two(0)) && !n.is_monotonous()
}

fn fodselsnummer(n: Number<'_>) -> bool {
    let day = n.two(0) - if n.two(0) > 40 { 40 } else { 0 };
    let month = n.two(2)
        - if n.two(2) > 80 {
            80
        } else if n.two(2) > 40 {
            40
        } else {
            0
        };
    is_day(month, day)
        && n.weighed(&[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && n.weighed(&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn personnummer(n: Number<'_>) -> bool {
    let day = n.two(4) - if n.two(4) > 60 { 60 } else { 0 };
    is_day(n.two(2), day) && n.luhn()
}

fn long_personnummer(n: Number<'_>) -> bool {
    matches!(n.two(0), 18..=20) && personnummer(n.from(2))
}
