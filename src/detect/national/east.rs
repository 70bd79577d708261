//! Bulgaria, Czechia, Hungary, Poland, Romania, Slovakia.

use super::Scheme;
use super::digits::{Number, is_date, is_day};

pub(super) const SCHEMES: &[Scheme] = &[
    // GRAO, Law on Civil Registration art. 11: EGN. https://en.wikipedia.org/wiki/Unique_citizenship_number
    Scheme {
        country: "BG",
        name: "EGN",
        shape: "9999999999",
        between: b"",
        parts: &[],
        weak: false,
        check: egn,
    },
    // National Revenue Agency: personal number of a foreigner (LNCh).
    Scheme {
        country: "BG",
        name: "LNCh",
        shape: "9999999999",
        between: b"",
        parts: &[],
        weak: true,
        check: lnch,
    },
    // Zákon č. 133/2000 Sb. § 13: rodné číslo, divisible by eleven since 1954. Those of nine digits have no check digit and are found
    // with their slash only.
    Scheme {
        country: "CZ",
        name: "rodné číslo",
        shape: "9999999999",
        between: b"/ ",
        parts: &[],
        weak: false,
        check: rodne_cislo,
    },
    Scheme {
        country: "CZ",
        name: "rodné číslo",
        shape: "999999999",
        between: b"/",
        parts: &[6, 3],
        weak: false,
        check: old_rodne_cislo,
    },
    // 1996. évi XX. törvény, annex: személyi azonosító.
    Scheme {
        country: "HU",
        name: "személyi azonosító",
        shape: "99999999999",
        between: b" -",
        parts: &[],
        weak: false,
        check: szemelyi,
    },
    // The same: TAJ number of social insurance.
    Scheme {
        country: "HU",
        name: "TAJ-szám",
        shape: "999999999",
        between: b" -",
        parts: &[],
        weak: true,
        check: taj,
    },
    // The same: tax identification mark of persons, days since 1 January 1867 after an 8.
    Scheme {
        country: "HU",
        name: "adóazonosító jel",
        shape: "9999999999",
        between: b" ",
        parts: &[],
        weak: false,
        check: adoazonosito,
    },
    // Ustawa o ewidencji ludności, art. 15: PESEL. https://www.gov.pl/web/gov/czym-jest-numer-pesel
    Scheme {
        country: "PL",
        name: "PESEL",
        shape: "99999999999",
        between: b" -",
        parts: &[],
        weak: false,
        check: pesel,
    },
    // Ordonanța de urgență nr. 97/2005: CNP. https://en.wikipedia.org/wiki/National_identification_number#Romania
    Scheme {
        country: "RO",
        name: "CNP",
        shape: "9999999999999",
        between: b" ",
        parts: &[],
        weak: false,
        check: cnp,
    },
    // Zákon č. 301/1995 Z. z.: rodné číslo, as in Czechia.
    Scheme {
        country: "SK",
        name: "rodné číslo",
        shape: "9999999999",
        between: b"/ ",
        parts: &[],
        weak: false,
        check: rodne_cislo,
    },
    Scheme {
        country: "SK",
        name: "rodné číslo",
        shape: "999999999",
        between: b"/",
        parts: &[6, 3],
        weak: false,
        check: old_rodne_cislo,
    },
];

fn egn(n: Number<'_>) -> bool {
    let (century, month) = match n.two(2) {
        month @ 21..=32 => (1800, month - 20),
        month @ 41..=52 => (2000, month - 40),
        month => (1900, month),
    };
    let sum = n.weighed(&[2, 4, 8, 5, 10, 9, 7, 3, 6]);
    is_date(century + n.two(0), month, n.two(4)) && sum % 11 % 10 == n.digit(9)
}

fn lnch(n: Number<'_>) -> bool {
    let sum = n.weighed(&[21, 19, 17, 13, 11, 9, 7, 3, 1]);
    !n.is_monotonous() && sum % 10 == n.digit(9)
}

/// The month of a rodné číslo: women's is raised by 50, and either by 20 where the numbers of a day are used up (since 2004).
fn czech_month(month: u32) -> u32 {
    match month {
        71..=82 => month - 70,
        51..=62 => month - 50,
        21..=32 => month - 20,
        month => month,
    }
}

fn rodne_cislo(n: Number<'_>) -> bool {
    // Up to 1985 a remainder of ten was written as the digit 0.
    let old = n.number(0, 9) % 11 == 10 && n.digit(9) == 0 && (54..=85).contains(&n.two(0));
    is_day(czech_month(n.two(2)), n.two(4)) && (n.number(0, 10).is_multiple_of(11) || old)
}

fn old_rodne_cislo(n: Number<'_>) -> bool {
    n.two(0) <= 53 && is_day(czech_month(n.two(2)), n.two(4)) && n.number(6, 3) > 0
}

fn szemelyi(n: Number<'_>) -> bool {
    let up = n.weighed(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    // Whoever was born after 1996 has the weights the other way round.
    let down = n.weighed(&[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    let check = match (n.digit(0), n.two(1)) {
        (1 | 2, 97..) | (3 | 4, _) => down,
        _ => up,
    };
    (1..=8).contains(&n.digit(0)) && is_day(n.two(3), n.two(5)) && check == n.digit(10)
}

fn taj(n: Number<'_>) -> bool {
    let sum = n.weighed(&[3, 7, 3, 7, 3, 7, 3, 7]);
    !n.is_monotonous() && sum % 10 == n.digit(8)
}

fn adoazonosito(n: Number<'_>) -> bool {
    let sum = n.weighed(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // Days up to the end of the year 2040.
    n.digit(0) == 8 && (1..=63_550).contains(&n.number(1, 5)) && sum % 11 == n.digit(9)
}

fn pesel(n: Number<'_>) -> bool {
    let (century, month) = match n.two(2) {
        month @ 81..=92 => (1800, month - 80),
        month @ 21..=32 => (2000, month - 20),
        month @ 41..=52 => (2100, month - 40),
        month => (1900, month),
    };
    let sum = n.weighed(&[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    is_date(century + n.two(0), month, n.two(4)) && sum.is_multiple_of(10)
}

fn cnp(n: Number<'_>) -> bool {
    let check = match n.weighed(&[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 {
        10 => 1,
        check => check,
    };
    // Counties, the sectors of Bucharest, and 70 for who is registered abroad; residents of foreign states begin with 7 to 9.
    (1..=9).contains(&n.digit(0))
        && is_day(n.two(3), n.two(5))
        && matches!(n.two(7), 1..=48 | 51 | 52 | 70 | 80..=83)
        && check == n.digit(12)
}
