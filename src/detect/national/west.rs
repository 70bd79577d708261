//! Austria, Belgium, France, Germany, Ireland, Liechtenstein, Luxembourg, the Netherlands.

use super::Scheme;
use super::digits::{Number, is_date, is_day};

pub(super) const SCHEMES: &[Scheme] = &[
    // Dachverband der Sozialversicherungsträger, ASVG § 31. https://de.wikipedia.org/wiki/Sozialversicherungsnummer#Österreich
    Scheme {
        country: "AT",
        name: "Sozialversicherungsnummer",
        shape: "9999999999",
        between: b" -/",
        parts: &[],
        weak: false,
        check: svnr,
    },
    // Arrêté royal of 3 April 1984 on the national register; with numbers of the Crossroads Bank (month + 20 or + 40).
    Scheme {
        country: "BE",
        name: "Rijksregisternummer, numéro national",
        shape: "99999999999",
        between: b".- ",
        parts: &[],
        weak: false,
        check: rijksregister,
    },
    // Décret no 82-103 on the répertoire national d'identification; the key: INSEE. 2A and 2B are Corsica.
    Scheme {
        country: "FR",
        name: "NIR",
        shape: "99999*999999999",
        between: b" .-",
        parts: &[],
        weak: false,
        check: nir,
    },
    // Bundeszentralamt für Steuern, § 139b AO, "Prüfziffernberechnung der Identifikationsnummer" (ISO/IEC 7064, mod 11,10).
    Scheme {
        country: "DE",
        name: "Steuerliche Identifikationsnummer",
        shape: "99999999999",
        between: b" -/.",
        parts: &[],
        weak: false,
        check: steuer_id,
    },
    // VKVV § 2 and 3. https://de.wikipedia.org/wiki/Versicherungsnummer
    Scheme {
        country: "DE",
        name: "Rentenversicherungsnummer",
        shape: "99999999A999",
        between: b" -/.",
        parts: &[],
        weak: false,
        check: rvnr,
    },
    // Department of Social Protection, "Personal Public Service Number"; Revenue, check character mod 23.
    Scheme {
        country: "IE",
        name: "PPS number",
        shape: "9999999A",
        between: b" -",
        parts: &[],
        weak: false,
        check: pps,
    },
    Scheme {
        country: "IE",
        name: "PPS number",
        shape: "9999999AA",
        between: b" -",
        parts: &[],
        weak: false,
        check: pps,
    },
    // The AHV number is that of Switzerland, used in Liechtenstein too: EAN-13 with the prefix 756. The state's own Personenidentifikations-
    // nummer (PEID) is up to twelve digits without a rule and cannot be told from other numbers.
    Scheme {
        country: "LI",
        name: "AHV-Nummer",
        shape: "9999999999999",
        between: b". -",
        parts: &[],
        weak: false,
        check: ahv,
    },
    // Loi du 19 juin 2013 relative à l'identification des personnes physiques; règlement of 5 December 2013: Luhn and Verhoeff.
    Scheme {
        country: "LU",
        name: "matricule",
        shape: "9999999999999",
        between: b" -",
        parts: &[],
        weak: false,
        check: matricule,
    },
    // Wet algemene bepalingen burgerservicenummer; elfproef: Rijksdienst voor Identiteitsgegevens, "Logisch ontwerp BSN".
    Scheme {
        country: "NL",
        name: "burgerservicenummer",
        shape: "999999999",
        between: b". -",
        parts: &[],
        weak: true,
        check: bsn,
    },
];

fn svnr(n: Number<'_>) -> bool {
    let sum = n.weighed(&[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    // Months 13 to 16 where the numbers of a day are used up.
    let month = n.two(6);
    n.digit(0) != 0
        && (is_day(month, n.two(4)) || (13..=16).contains(&month) && (1..=31).contains(&n.two(4)))
        && sum % 11 == n.digit(3)
}

fn rijksregister(n: Number<'_>) -> bool {
    let body = n.number(0, 9);
    let key = n.number(9, 2);
    let month = match n.two(2) {
        month @ 20..=32 => month - 20,
        month @ 40..=52 => month - 40,
        month => month,
    };
    // Where the date is not known, month and day are 00.
    let dated = (0..=12).contains(&month)
        && n.two(4) <= 31
        && (month == 0 || n.two(4) == 0 || is_day(month, n.two(4)));
    dated
        && !n.is_monotonous()
        && n.number(6, 3) > 0
        && [body, 2_000_000_000 + body].into_iter().any(|body| 97 - body % 97 == key)
}

fn nir(n: Number<'_>) -> bool {
    let month = n.two(3);
    let department = [n.byte(5), n.byte(6)];
    let (first, less) = match department {
        [b'2', b'A'] => (19, 0),
        [b'2', b'B'] => (18, 0),
        [_, letter] if !letter.is_ascii_digit() => return false,
        _ => (0, 1),
    };
    let department = if less == 1 { u64::from(n.two(5)) } else { first };
    let body = (n.number(0, 5) * 100 + department) * 1_000_000 + n.number(7, 6);
    matches!(n.digit(0), 1..=4 | 7 | 8)
        && (matches!(month, 1..=12 | 20..=42 | 50..=99))
        && 97 - body % 97 == n.number(13, 2)
}

fn steuer_id(n: Number<'_>) -> bool {
    // Of the first ten digits exactly one stands there twice or three times (never three in a row).
    let mut counts = [0_u32; 10];
    for at in 0..10 {
        if let Some(count) = usize::try_from(n.digit(at)).ok().and_then(|digit| counts.get_mut(digit)) {
            *count += 1;
        }
    }
    let more = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or_default();
    let in_a_row = n.first(10).0.windows(3).any(|three| matches!(three, [a, b, c] if a == b && b == c));
    n.digit(0) != 0 && more == 1 && most <= 3 && !in_a_row && n.mod_11_10()
}

fn rvnr(n: Number<'_>) -> bool {
    let letter = u32::from(n.byte(8).saturating_sub(b'A')) + 1;
    let digits = [
        n.digit(0),
        n.digit(1),
        n.digit(2),
        n.digit(3),
        n.digit(4),
        n.digit(5),
        n.digit(6),
        n.digit(7),
        letter / 10,
        letter % 10,
        n.digit(9),
        n.digit(10),
    ];
    let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let sum: u32 =
        digits.iter().zip(weights).map(|(digit, weight)| digit * weight).map(|p| p / 10 + p % 10).sum();
    // The area is one of those in use; the day may be raised by 50 where the numbers of a day are used up.
    let day = n.two(2) - if n.two(2) > 50 { 50 } else { 0 };
    n.two(0) >= 2 && is_day(n.two(4), day) && sum % 10 == n.digit(11)
}

fn pps(n: Number<'_>) -> bool {
    let second = match n.byte(8) {
        0 | b'W' => 0,
        letter @ b'A'..=b'I' => u32::from(letter - b'A') + 1,
        _ => return false,
    };
    let sum = n.weighed(&[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    let check = usize::try_from(sum % 23).ok().and_then(|at| b"WABCDEFGHIJKLMNOPQRSTUV".get(at));
    check == Some(&n.byte(7)) && n.number(0, 7) > 0
}

fn ahv(n: Number<'_>) -> bool {
    let sum = n.weighed(&[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]);
    n.number(0, 3) == 756 && sum.is_multiple_of(10)
}

fn matricule(n: Number<'_>) -> bool {
    let year = u32::try_from(n.number(0, 4)).unwrap_or_default();
    let mut second = n.first(11).0.to_vec();
    second.push(n.byte(12));
    (1850..=2100).contains(&year)
        && is_date(year, n.two(4), n.two(6))
        && n.first(12).luhn()
        && verhoeff(&second)
}

/// J. Verhoeff, "Error detecting decimal codes", 1969.
fn verhoeff(digits: &[u8]) -> bool {
    const PERMUTED: [&[u8; 10]; 8] = [
        b"0123456789",
        b"1576283094",
        b"5803796142",
        b"8916043527",
        b"9453126870",
        b"4286573901",
        b"2793806415",
        b"7046913258",
    ];
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b - 5) % 5,
        (false, true) => 5 + (a - 5 + 5 - b) % 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let check = digits.iter().rev().enumerate().fold(0, |check, (at, digit)| {
        let row = PERMUTED.get(at % 8).copied().unwrap_or(b"0123456789");
        let digit = row.get(usize::from(digit.saturating_sub(b'0'))).map_or(0, |digit| digit - b'0');
        times(check, digit)
    });
    check == 0
}

fn bsn(n: Number<'_>) -> bool {
    let sum = n.weighed(&[9, 8, 7, 6, 5, 4, 3, 2]);
    !n.is_monotonous() && n.number(0, 9) >= 10_000_000 && sum % 11 == n.digit(8)
}
