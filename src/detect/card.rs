//! Payment cards: ISO/IEC 7812-1 (length, and the check digit by Luhn), ranges and lengths of the issuers' networks as they
//! publish them (gathered at <https://en.wikipedia.org/wiki/Payment_card_number>).

use super::run::Run;

/// The first six digits from and to, and the lengths.
const RANGES: &[(u32, u32, &[usize])] = &[
    // Visa
    (400_000, 499_999, &[13, 16, 19]),
    // Mastercard
    (510_000, 559_999, &[16]),
    (222_100, 272_099, &[16]),
    // American Express
    (340_000, 349_999, &[15]),
    (370_000, 379_999, &[15]),
    // Diners Club
    (300_000, 305_999, &[14, 16, 19]),
    (309_500, 309_599, &[14, 16, 19]),
    (360_000, 369_999, &[14, 16, 19]),
    (380_000, 399_999, &[14, 16, 19]),
    // Discover
    (601_100, 601_199, &[16, 19]),
    (644_000, 659_999, &[16, 19]),
    // UnionPay
    (620_000, 629_999, &[16, 17, 18, 19]),
    (810_000, 817_199, &[16, 17, 18, 19]),
    // JCB
    (352_800, 358_999, &[16, 17, 18, 19]),
    // Maestro
    (500_000, 509_999, &[12, 13, 14, 15, 16, 17, 18, 19]),
    (560_000, 589_999, &[12, 13, 14, 15, 16, 17, 18, 19]),
    (630_000, 639_999, &[12, 13, 14, 15, 16, 17, 18, 19]),
    (670_000, 679_999, &[12, 13, 14, 15, 16, 17, 18, 19]),
    // Mir, Troy, Dankort
    (220_000, 220_499, &[16, 17, 18, 19]),
    (979_200, 979_299, &[16]),
    (501_900, 501_999, &[16]),
];

/// Where the card number that the run begins with ends.
pub(super) fn at(run: &Run) -> Option<usize> {
    if run.goes_on() {
        return None;
    }
    let fits = |count: &usize| {
        let parts = run.pieces.get(..*count).unwrap_or_default();
        let sizes = || parts.iter().map(|piece| piece.end - piece.start).collect::<Vec<_>>();
        run.upto(*count).is_some_and(|(_, digits)| is_card(digits))
            && parts.iter().all(|piece| piece.between.is_of(b" -."))
            && grouped(&sizes())
    };
    (1..=run.pieces.len().min(10)).rev().find(fits).and_then(|count| run.upto(count)).map(|(end, _)| end)
}

/// Cards are written in one piece, in equal groups and a rest, or as the networks print them.
fn grouped(sizes: &[usize]) -> bool {
    match sizes {
        [_] | [4, 6, _] | [6, 13] | [8, _] => true,
        [first, between @ .., last] => {
            *first >= 2 && between.iter().all(|size| size == first) && last <= first
        }
        [] => false,
    }
}

fn is_card(digits: &[u8]) -> bool {
    if !(12..=19).contains(&digits.len()) {
        return false;
    }
    let first =
        digits.get(..6).and_then(|six| std::str::from_utf8(six).ok()).and_then(|six| six.parse().ok());
    let Some(first) = first.filter(|_| digits.iter().all(u8::is_ascii_digit)) else { return false };
    // A number of one digit repeated satisfies many a sum.
    let varied = digits.iter().any(|digit| Some(digit) != digits.last());
    let known = |(from, to, lengths): &(u32, u32, &[usize])| {
        (*from..=*to).contains(&first) && lengths.contains(&digits.len())
    };
    varied && RANGES.iter().any(known) && luhn(digits)
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (u32::from(digit.saturating_sub(b'0')), place % 2) {
            (digit, 0) => digit,
            (digit, _) => digit * 2 / 10 + digit * 2 % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<&str> {
        let mut run = Run::default();
        run.read(text, 0);
        at(&run).map(|end| text.get(..end).unwrap())
    }

    /// Numbers that networks and processors publish for tests.
    #[test]
    fn cards_of_every_network_are_found() {
        for card in [
            "4111111111111111",
            "4222222222222",
            "5555 5555 5555 4444",
            "2223-0031-2200-3222",
            "3782 822463 10005",
            "371449635398431",
            "3056 930902 5904",
            "6011.1111.1111.1117",
            "3566002020360505",
            "6304000000000000",
            "6200 0000 0000 0005",
            "41111111 11111111",
        ] {
            assert_eq!(found(card), Some(card));
            assert_eq!(found(&format!("{card} 12/27")), Some(card));
        }
        for other in [
            "4111111111111112",
            "9999999999999995",
            "1234567812345670",
            "411111111111111",
            "4 1111 1111 1111 111",
            "0000000000000000",
        ] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
