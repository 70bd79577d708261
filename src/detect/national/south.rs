//! Cyprus, Croatia, Greece, Italy, Malta, Portugal, Slovenia, Spain.

use super::Scheme;
use super::digits::{Number, is_date, is_day};

pub(super) const SCHEMES: &[Scheme] = &[
    // The identity card's number has no rule; the Tax Department's number (TIN) has a check letter.
    // https://taxation-customs.ec.europa.eu (TIN by country: Cyprus)
    Scheme {
        country: "CY",
        name: "TIN",
        shape: "99999999A",
        between: b"",
        parts: &[],
        weak: true,
        check: cypriot,
    },
    // Zakon o osobnom identifikacijskom broju (NN 60/08); ISO/IEC 7064, mod 11,10.
    Scheme {
        country: "HR",
        name: "OIB",
        shape: "99999999999",
        between: b" ",
        parts: &[],
        weak: true,
        check: oib,
    },
    // IDIKA, AMKA (amka.gr): day, month, year, four digits, Luhn.
    Scheme {
        country: "GR",
        name: "AMKA",
        shape: "99999999999",
        between: b" -",
        parts: &[],
        weak: false,
        check: amka,
    },
    // AADE, AFM; https://taxation-customs.ec.europa.eu (TIN by country: Greece)
    Scheme {
        country: "GR",
        name: "AFM",
        shape: "999999999",
        between: b" ",
        parts: &[],
        weak: true,
        check: afm,
    },
    // Decreto ministeriale of 23 December 1976, annex; with the letters that replace digits where two persons had one code.
    Scheme {
        country: "IT",
        name: "codice fiscale",
        shape: "AAAAAA**A**A***A",
        between: b" ",
        parts: &[],
        weak: false,
        check: codice_fiscale,
    },
    // Identity Card Act, Chapter 258: a number and a letter for where it was given, no check digit.
    Scheme {
        country: "MT",
        name: "identity card number",
        shape: "9999999A",
        between: b" ",
        parts: &[],
        weak: true,
        check: maltese,
    },
    // Decreto-Lei no 14/2013: persons' numbers begin with 1, 2, 3 or 45; mod 11.
    Scheme {
        country: "PT",
        name: "NIF",
        shape: "999999999",
        between: b" .",
        parts: &[],
        weak: true,
        check: nif,
    },
    // Cartão de Cidadão, "Validação de Número de Documento do Cartão de Cidadão" (autenticacao.gov.pt): Luhn over letters and digits.
    Scheme {
        country: "PT",
        name: "Cartão de Cidadão",
        shape: "999999999**9",
        between: b" ",
        parts: &[],
        weak: false,
        check: cartao,
    },
    // Zakon o centralnem registru prebivalstva, art. 5: EMŠO, with regions 50 to 59.
    Scheme {
        country: "SI",
        name: "EMŠO",
        shape: "9999999999999",
        between: b" -",
        parts: &[],
        weak: false,
        check: emso,
    },
    // Real Decreto 1553/2005 (DNI), Real Decreto 557/2011 art. 206 (NIE); Ministerio del Interior, "Cálculo del dígito de control".
    Scheme {
        country: "ES",
        name: "DNI",
        shape: "99999999A",
        between: b"- .",
        parts: &[],
        weak: false,
        check: dni,
    },
    Scheme {
        country: "ES",
        name: "NIE",
        shape: "A9999999A",
        between: b"- .",
        parts: &[],
        weak: false,
        check: nie,
    },
];

fn cypriot(n: Number<'_>) -> bool {
    const EVEN: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let value = |at: usize| {
        let digit = n.digit(at);
        if at.is_multiple_of(2) { EVEN.get(digit as usize).copied().unwrap_or_default() } else { digit }
    };
    let sum: u32 = (0..8).map(value).sum();
    n.two(0) != 12 && u32::from(n.byte(8).saturating_sub(b'A')) == sum % 26
}

fn oib(n: Number<'_>) -> bool {
    !n.is_monotonous() && n.mod_11_10()
}

fn amka(n: Number<'_>) -> bool {
    is_day(n.two(2), n.two(0)) && n.luhn()
}

fn afm(n: Number<'_>) -> bool {
    let sum = n.weighed(&[256, 128, 64, 32, 16, 8, 4, 2]);
    !n.is_monotonous() && n.number(0, 9) > 0 && sum % 11 % 10 == n.digit(8)
}

fn codice_fiscale(n: Number<'_>) -> bool {
    const REPLACED: &[u8; 10] = b"LMNPQRSTUV";
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let digit = |at: usize| {
        let byte = n.byte(at);
        let of_letter =
            REPLACED.iter().position(|letter| *letter == byte).and_then(|at| u32::try_from(at).ok());
        if byte.is_ascii_digit() { Some(n.digit(at)) } else { of_letter }
    };
    let digits = [6, 7, 9, 10, 12, 13, 14].map(digit);
    let [Some(_), Some(_), Some(tens), Some(units), Some(_), Some(_), Some(_)] = digits else { return false };
    // Women's days are raised by 40.
    let day = tens * 10 + units;
    let dated = b"ABCDEHLMPRST".contains(&n.byte(8)) && (matches!(day, 1..=31 | 41..=71));
    let value = |at: usize| {
        let byte = n.byte(at);
        let place = if byte.is_ascii_digit() { byte - b'0' } else { byte.saturating_sub(b'A') };
        if at.is_multiple_of(2) {
            ODD.get(usize::from(place)).copied().unwrap_or_default()
        } else {
            u32::from(place)
        }
    };
    let sum: u32 = (0..15).map(value).sum();
    dated && u32::from(n.byte(15).saturating_sub(b'A')) == sum % 26
}

fn maltese(n: Number<'_>) -> bool {
    b"MGAPLHBZ".contains(&n.byte(7)) && n.number(0, 7) > 0
}

fn nif(n: Number<'_>) -> bool {
    let check = match n.weighed(&[9, 8, 7, 6, 5, 4, 3, 2]) % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    (matches!(n.digit(0), 1..=3) || n.two(0) == 45) && check == n.digit(8)
}

fn cartao(n: Number<'_>) -> bool {
    let value = |byte: u8| {
        u32::from(if byte.is_ascii_digit() { byte - b'0' } else { byte.saturating_sub(b'A') + 10 })
    };
    let sum: u32 = (0..12)
        .map(|at| {
            let value = value(n.byte(at));
            match (at % 2, value * 2) {
                (0, doubled) if doubled > 9 => doubled - 9,
                (0, doubled) => doubled,
                _ => value,
            }
        })
        .sum();
    n.byte(9).is_ascii_uppercase() && n.byte(10).is_ascii_alphanumeric() && sum.is_multiple_of(10)
}

fn emso(n: Number<'_>) -> bool {
    let year = u32::try_from(n.number(4, 3)).unwrap_or_default();
    let year = if year < 800 { 2000 + year } else { 1000 + year };
    let check = match 11 - n.weighed(&[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11 {
        11 => 0,
        check => check,
    };
    (50..=59).contains(&n.two(7)) && is_date(year, n.two(2), n.two(0)) && check == n.digit(12)
}

const DNI: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn letter_of(number: u64) -> Option<u8> {
    usize::try_from(number % 23).ok().and_then(|at| DNI.get(at)).copied()
}

fn dni(n: Number<'_>) -> bool {
    n.number(0, 8) > 0 && letter_of(n.number(0, 8)) == Some(n.byte(8))
}

fn nie(n: Number<'_>) -> bool {
    let first = match n.byte(0) {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    letter_of(first * 10_000_000 + n.number(1, 7)) == Some(n.byte(8))
}
