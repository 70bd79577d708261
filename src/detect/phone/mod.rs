//! Phone numbers, by the numbering plans of Google's libphonenumber (`plans.txt`, which says how it is made).
//!
//! With a country's code (`+49 …`, `0049 …`) a number is found anywhere. Without one it is looked for in the regions that the policy
//! names: with the prefix that is dialled within the country (`030 …`), or, where there is none, in groups (`612 345 678`) or
//! beside a word for a phone.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use regex::{Regex, RegexBuilder};

use super::context::Context;
use super::run::{self, Run};
use super::{Found, Kind, What};

/// E.164: digits of a number with its country's code.
const MOST: usize = 15;
/// The most parts of a number.
const PARTS: usize = 9;
/// The fewest digits that are taken for a person's number, without a country's code.
const FEWEST: usize = 6;

/// The numbering plan of a region.
#[derive(Debug)]
pub(super) struct Plan {
    /// ISO 3166-1, or the calling code of what is no country.
    pub(super) region: &'static str,
    code: &'static str,
    /// Whether most of its code's numbers are its own.
    main: bool,
    /// What is dialled before a number within the country.
    trunk: Option<&'static str>,
    /// The lengths of its numbers, a bit for each.
    lengths: u32,
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

/// All there are, sorted by region; those that share a code stand in any order.
pub(super) fn plans() -> &'static [Plan] {
    static PLANS: LazyLock<Vec<Plan>> =
        LazyLock::new(|| include_str!("plans.txt").lines().filter_map(Plan::read).collect());
    &PLANS
}

/// The plans that share a calling code, that of most of its numbers first.
fn of_code(code: &str) -> &'static [&'static Plan] {
    static CODES: LazyLock<HashMap<&str, Vec<&Plan>>> = LazyLock::new(|| {
        let mut codes: HashMap<&str, Vec<&Plan>> = HashMap::new();
        for plan in plans() {
            codes.entry(plan.code).or_default().push(plan);
        }
        codes.values_mut().for_each(|plans| plans.sort_by_key(|plan| !plan.main));
        codes
    });
    CODES.get(code).map_or(&[], Vec::as_slice)
}

impl Plan {
    fn read(line: &'static str) -> Option<Self> {
        let mut parts = line.splitn(6, ' ');
        let region = parts.next().filter(|region| *region != "#")?;
        let code = parts.next()?;
        let trunk = parts.next()?;
        let main = parts.next()? == "main";
        let lengths = u32::from_str_radix(parts.next()?, 16).ok()?;
        let pattern = parts.next()?;
        let trunk = Some(trunk).filter(|trunk| *trunk != "-");
        Some(Self { region, code, main, trunk, lengths, pattern, compiled: OnceLock::new() })
    }

    /// Compiled when it is first asked for: most are never.
    fn compiled(&self) -> Option<&Regex> {
        let compile = || {
            let pattern = format!("^(?:{})$", self.pattern);
            RegexBuilder::new(&pattern).unicode(false).dfa_size_limit(1 << 18).build().ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    /// Whether it has the national number. A plan that cannot be read has all: what is not known is not let through.
    fn has(&self, national: &str) -> bool {
        let length = u32::try_from(national.len()).unwrap_or(u32::MAX);
        let long_enough = self.lengths.checked_shr(length).is_some_and(|lengths| lengths & 1 == 1);
        long_enough && self.compiled().is_none_or(|regex| regex.is_match(national))
    }
}

/// Numbers that begin with `+` or `00`.
pub(super) fn find_international(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut run = Run::default();
    let mut after = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if at < after || !matches!(byte, b'+' | b'0') {
            continue;
        }
        let back = |by: usize| at.checked_sub(by).and_then(|before| bytes.get(before));
        // The noughts of `1,004` go on from a number; a plus begins one.
        let goes_on =
            *byte == b'0' && matches!(back(1), Some(b'.' | b',')) && back(2).is_some_and(u8::is_ascii_digit);
        if goes_on || back(1).is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let start = match byte {
            b'+' => at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b' ' | b'('))),
            _ if bytes.get(at + 1) == Some(&b'0') => at,
            _ => continue,
        };
        if !bytes.get(start).is_some_and(u8::is_ascii_digit) {
            continue;
        }
        run.read(text, start);
        let access = if *byte == b'+' { "" } else { "00" };
        if let Some(end) = international(&run, access) {
            let start = with_bracket(text, at, end);
            found.push(Found { start, end, what: What::Kind(Kind::Phone) });
            after = end;
        }
    }
}

/// Digits alone, after `+` where the country's code is written.
pub(super) fn canonical(number: &str) -> String {
    let compact: String = number.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    match (number.contains('+'), compact.strip_prefix("00")) {
        (false, Some(rest)) => format!("+{rest}"),
        (false, None) => compact,
        (true, _) => format!("+{compact}"),
    }
}

/// The start of a number, with the bracket before it where the number has the one that closes it.
pub(super) fn with_bracket(text: &str, start: usize, end: usize) -> usize {
    let opens = start.checked_sub(1).filter(|at| text.as_bytes().get(*at) == Some(&b'('));
    match (opens, text.get(start..end)) {
        (Some(opens), Some(number)) if number.matches(')').count() > number.matches('(').count() => opens,
        _ => start,
    }
}

fn international(run: &Run, access: &str) -> Option<usize> {
    windows(run).find_map(|(end, digits, _)| {
        let digits = digits.strip_prefix(access)?;
        if digits.len() > MOST + 1 {
            return None;
        }
        let (code, national) = (1..=3).find_map(|length| {
            let (code, national) = digits.split_at_checked(length)?;
            Some((of_code(code), national)).filter(|(plans, _)| !plans.is_empty())
        })?;
        let known = code.iter().any(|plan| {
            // Some write the prefix too, +49 (0)30, even where there is none.
            let without = national.strip_prefix(plan.trunk.unwrap_or("0"));
            plan.has(national) || without.is_some_and(|national| plan.has(national))
        });
        known.then_some(end)
    })
}

/// The digits from the run's beginning to each end of a piece, the longest first, and how many pieces they are.
fn windows(run: &Run) -> impl Iterator<Item = (usize, &str, usize)> {
    let most = run.compact.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=run.pieces.len().min(PARTS))
        .rev()
        .filter_map(|count| run.upto(count).map(|(end, compact)| (end, compact, count)))
        .filter(move |(_, compact, _)| compact.len() <= most && (FEWEST..=MOST + 3).contains(&compact.len()))
        .filter_map(|(end, compact, count)| Some((end, std::str::from_utf8(compact).ok()?, count)))
}

/// Where the number that the run begins with, written as within one of the regions, ends.
pub(super) fn at(run: &Run, text: &str, plans: &[&Plan], context: &Context) -> Option<usize> {
    if plans.is_empty() || run.goes_on() || !run.compact.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let start = run.pieces.first()?.start;
    windows(run)
        .find(|(end, digits, count)| {
            digits.len() <= MOST
                && !is_something_else(run, *count)
                && run.ends_free(text, *count)
                && !is_price(text, start, *end)
                && plans.iter().any(|plan| {
                    let dialled = plan.trunk.and_then(|trunk| digits.strip_prefix(trunk));
                    if dialled.is_some_and(|national| plan.has(national)) {
                        return !matches!(plan.trunk, Some("1" | "8")) || told(run, *count, text, context);
                    }
                    let elsewhere = plan.trunk == Some("0") && !context.phone_before(text, start);
                    !elsewhere && plan.has(digits) && told(run, *count, text, context)
                })
        })
        .map(|(end, ..)| end)
}

/// Whether digits that could be any number are told to be a phone's: by a word, or by groups.
fn told(run: &Run, count: usize, text: &str, context: &Context) -> bool {
    let pieces = run.pieces.get(..count).unwrap_or_default();
    let groups = count >= 3 || count == 2 && pieces.first().is_some_and(|piece| piece.end - piece.start == 3);
    let small = pieces.iter().any(|piece| piece.end - piece.start < 2);
    let start = pieces.first().map_or(0, |piece| piece.start);
    groups && !small || context.phone_before(text, start)
}

/// `01.02.2026`, `2026-02-01`, `192.0.2.1`
fn is_something_else(run: &Run, count: usize) -> bool {
    let Some([first, second, third, ..]) = run.pieces.get(..count) else { return false };
    let size = |piece: &run::Piece| piece.end - piece.start;
    if let [_, _, _, fourth] = run.pieces.get(..count).unwrap_or_default() {
        // An address of the Internet Protocol, but for four pairs, which are a number in Denmark.
        let all = [first, second, third, fourth];
        let dots = all.iter().skip(1).all(|piece| piece.between.is_one_of(b"."));
        if dots && all.iter().all(|piece| size(piece) <= 3) && all.iter().any(|piece| size(piece) != 2) {
            return true;
        }
    }
    let dated = matches!((size(first), size(second), size(third)), (1 | 2, 1 | 2, 2 | 4) | (4, 1 | 2, 1 | 2));
    dated && count == 3 && second.between == third.between && second.between.is_of(b".-/ ") && !second.between.is_one_of(b" ")
        // Five groups of two in France begin with three that could be a date.
        || dated && count > 3 && second.between == third.between && size(third) == 4
}

/// Whether a currency stands beside it.
fn is_price(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).unwrap_or_default().trim_end();
    let after = text.get(end..).unwrap_or_default();
    let after = after.strip_prefix(' ').unwrap_or(after);
    let begins = |mark: &str| after.get(..mark.len()).is_some_and(|text| text.eq_ignore_ascii_case(mark));
    before.ends_with(['€', '$', '£', '#', '№'])
        || after.starts_with(['€', '$', '£', '%'])
        || ["eur", "zł", "kr", "kč", "pln", "sek", "czk", "chf", "usd", ",-"].into_iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::super::{Detector, Wanted};
    use super::*;

    fn all(text: &str, regions: &[&str]) -> Vec<String> {
        let wanted = Wanted {
            kinds: vec![Kind::Phone],
            regions: regions.iter().map(|region| (*region).to_owned()).collect(),
            ..Wanted::default()
        };
        let mut found = Vec::new();
        Detector::compile(&wanted).unwrap().find(text, &mut found);
        found.iter().map(|one| text.get(one.start..one.end).unwrap().to_owned()).collect()
    }

    #[test]
    fn every_plan_compiles() {
        assert!(plans().len() > 240);
        assert!(plans().iter().all(|plan| plan.compiled().is_some()));
    }

    #[test]
    fn numbers_with_a_countrys_code_are_found_anywhere() {
        for text in [
            "+49 30 901820",
            "+49 (0)30 901820",
            "0049 30 901820",
            "+33 6 12 34 56 78",
            "+33612345678",
            "+34 612 345 678",
            "+39 06 6982",
            "+31-20-555-0123",
            "+48 601 234 567",
            "+351 912 345 678",
            "+46 70 123 45 67",
            "+420 601 123 456",
            "(+44) 20 7946 0018",
            "+1 212-555-2368",
            "+1 (212) 555-2368",
            "+45 32 12 34 56",
        ] {
            assert_eq!(all(&format!("Call {text}, please."), &[]), [text]);
        }
        for text in ["Tel.+49 30 901820", "Tel.0049 30 901820", "4711,+4930901820,Berlin", "1.+49 30 901820"]
        {
            let found = all(text, &[]);
            assert!(found.len() == 1 && text.contains(&found[0]) && found[0].len() > 10, "{text}: {found:?}");
        }
        assert_eq!(all("Phones: +49 30 901820,+49 30 901821", &[]), ["+49 30 901820", "+49 30 901821"]);
        for text in ["1,0049 30 901820", "1.0049 30 901820"] {
            assert_eq!(all(text, &[]), Vec::<String>::new(), "{text}");
        }
        for text in ["+49 1", "+999 123456789", "1+234567890", "C++20 201703", "+3.5 12345678", "00 00 00"] {
            assert_eq!(all(text, &[]), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn numbers_without_one_are_found_where_the_policy_says_so() {
        for (region, text) in [
            ("DE", "030 901820"),
            ("DE", "0171/1234567"),
            ("DE", "(030) 90 18 20"),
            ("FR", "06 12 34 56 78"),
            ("FR", "06.12.34.56.78"),
            ("FR", "0612345678"),
            ("ES", "612 345 678"),
            ("IT", "333 1234567"),
            ("NL", "06-12345678"),
            ("PL", "601 234 567"),
            ("PT", "912 345 678"),
            ("SE", "070-123 45 67"),
            ("CZ", "601 123 456"),
            ("US", "(212) 555-2368"),
            ("GB", "020 7946 0018"),
        ] {
            let sentence = format!("Please ask {text} for it.");
            assert_eq!(all(&sentence, &[region]), [text], "{region}");
            assert_eq!(all(&sentence, &[]), Vec::<String>::new());
        }
        assert_eq!(all("tel. 601234567", &["PL"]), ["601234567"]);
        for (region, text) in [
            ("DE", "01.02.2026"),
            ("FR", "01/02/2026 03:04"),
            ("PL", "order 601234567"),
            ("PL", "601 234 567 zł"),
            ("ES", "612 345 678 €"),
            ("DE", "2026-01-02"),
            ("IT", "1 250 000"),
        ] {
            assert_eq!(all(text, &[region]), Vec::<String>::new(), "{text}");
        }
    }
}
