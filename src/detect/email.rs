//! E-mail addresses: RFC 5321 and 5322 as people use them, local parts and domains in any script (RFC 6531), the ways to
//! write `@` that keep address collectors away (`ada [at] example [dot] org`), and those of links and HTML (`ada%40example.org`).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::fold::is_mark;
use super::{Found, Kind, What};

/// RFC 5321 section 4.5.3.1: octets of the local part, and of the domain.
const LOCAL: usize = 64;
const DOMAIN: usize = 255;
/// The longest label (RFC 1035 section 2.3.4).
const LABEL: usize = 63;
/// What parts the pieces of a query or path, though a local part may have it.
const SEPARATORS: [char; 4] = ['=', '&', '?', '/'];
/// `@` in a link (RFC 3986 section 2.1), and in a link that another holds.
const IN_LINKS: [&str; 2] = ["%40", "%2540"];
/// The most digits of a character's number in HTML that are looked at.
const DIGITS: usize = 8;

pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut after = 0;
    for (at, mark) in text.bytes().enumerate() {
        if at < after {
            continue;
        }
        let (ends, spelled) = match mark {
            b'@' => (at + 1, false),
            b'(' | b'[' | b'{' => match spelled(text, at, "at") {
                Some(ends) => (ends, true),
                None => continue,
            },
            b'%' | b'&' => match encoded(text, at) {
                Some(ends) => (ends, false),
                None => continue,
            },
            _ => continue,
        };
        let before = if spelled { trim_end(text, at) } else { at };
        let begins = if spelled { trim_start(text, ends) } else { ends };
        // What was taken is not taken once more.
        if let Some(start) = local(text, after, before)
            && let Some(end) = domain(text, begins)
        {
            found.push(Found { start, end, what: What::Kind(Kind::Email) });
            after = end;
        }
    }
}

/// In small letters, `@` and dots as signs, nothing between.
pub(super) fn canonical(address: &str) -> String {
    let mut text = decoded(address).to_lowercase();
    for open in ["(", "[", "{"] {
        for (word, sign) in [("at", "@"), ("dot", "."), ("punkt", ".")] {
            let close = match open {
                "(" => ")",
                "[" => "]",
                _ => "}",
            };
            for blank in ["", " "] {
                text = text.replace(&format!("{open}{blank}{word}{blank}{close}"), sign);
            }
        }
    }
    text.retain(|c| c != ' ');
    text
}

/// The address with `@` where its at sign is encoded; of one in a link all is decoded.
fn decoded(address: &str) -> Cow<'_, str> {
    let sign = || address.bytes().enumerate().find_map(|(at, _)| Some((at, encoded(address, at)?)));
    let Some((at, ends)) = (!address.contains('@')).then(sign).flatten() else {
        return Cow::Borrowed(address);
    };
    let (local, domain) = (address.get(..at).unwrap_or_default(), address.get(ends..).unwrap_or_default());
    let local = match address.as_bytes().get(at) {
        Some(b'%') => percent_decode_str(local).decode_utf8().unwrap_or(Cow::Borrowed(local)),
        _ => Cow::Borrowed(local),
    };
    Cow::Owned(format!("{local}@{domain}"))
}

/// The end of an encoded `@` that begins at `at`: `%40`, or a character reference of HTML: `&#64;`, `&#x40;`, `&commat;`.
fn encoded(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    if rest.starts_with('%') {
        return IN_LINKS.into_iter().find(|sign| rest.starts_with(sign)).map(|sign| at + sign.len());
    }
    if rest.starts_with("&commat;") {
        return Some(at + "&commat;".len());
    }
    let number = rest.strip_prefix("&#")?;
    let (digits, sign) = number.strip_prefix(['x', 'X']).map_or((number, "64"), |digits| (digits, "40"));
    let length = digits.bytes().take(DIGITS + 1).position(|byte| byte == b';')?;
    let is_sign = digits.get(..length)?.trim_start_matches('0') == sign;
    is_sign.then(|| at + rest.len() - digits.len() + length + 1)
}

/// The end of a bracketed word at `at`: `(at)`, `[ dot ]`.
fn spelled(text: &str, at: usize, word: &str) -> Option<usize> {
    let close = match text.as_bytes().get(at)? {
        b'(' => b')',
        b'[' => b']',
        b'{' => b'}',
        _ => return None,
    };
    let begin = trim_start(text, at + 1);
    let given = text.as_bytes().get(begin..begin + word.len())?;
    let end = trim_start(text, begin + word.len());
    (given.eq_ignore_ascii_case(word.as_bytes()) && text.as_bytes().get(end) == Some(&close))
        .then_some(end + 1)
}

/// Past one blank, if there is one.
fn trim_start(text: &str, at: usize) -> usize {
    at + usize::from(text.as_bytes().get(at) == Some(&b' '))
}

fn trim_end(text: &str, at: usize) -> usize {
    at - usize::from(at > 0 && text.as_bytes().get(at - 1) == Some(&b' '))
}

/// Where the local part that ends at `end` begins, `after` the place or at it. What runs on for longer than a local part can be is
/// more than one: its last part counts, so that nothing written before an address hides it.
fn local(text: &str, after: usize, end: usize) -> Option<usize> {
    let part = text.get(after..end)?;
    if part.ends_with('"') {
        return quoted(part).map(|start| after + start);
    }
    let (mut start, mut weight) = (end, 0);
    for c in part.chars().rev().take_while(|c| in_local(*c)) {
        weight += weight_of(c);
        if weight > LOCAL {
            break;
        }
        start -= c.len_utf8();
    }
    let overlong = weight > LOCAL;
    let mut kept = text.get(start..end)?;
    if overlong {
        let separator = kept.trim_end_matches(SEPARATORS).rfind(SEPARATORS);
        kept = separator.and_then(|at| kept.get(at + 1..)).unwrap_or(kept);
        kept = kept.rsplit("..").next().unwrap_or(kept);
    }
    // Marks of the sentence around it: 'ada@example.org', mailto:ada@…, /ada@….
    let kept = kept.trim_start_matches(|c| "'`.*/=?{|}-".contains(c));
    let dots = kept.ends_with('.') || kept.contains("..");
    (!kept.is_empty() && !dots).then(|| end - kept.len())
}

/// What a character counts against the longest that a part of an address may be. Marks count nothing, or piling them up would
/// hide it.
fn weight_of(c: char) -> usize {
    if is_mark(c) { 0 } else { c.len_utf8() }
}

/// Whether it is a letter or digit of whatever script, or a mark of one.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

/// Whether a local part is made of such characters (RFC 5322 section 3.2.3, RFC 6531 section 3.3).
fn in_local(c: char) -> bool {
    is_of_word(c) || "!#$%&'*+-/=?^_`{|}~.".contains(c)
}

/// `"Ada King"@example.org`
fn quoted(part: &str) -> Option<usize> {
    let inner = part.strip_suffix('"')?;
    let mut taken = 0;
    for c in inner.chars().rev() {
        taken += c.len_utf8();
        if taken > LOCAL || c.is_control() {
            return None;
        }
        if c == '"' {
            return (taken > 1).then(|| inner.len() - taken);
        }
    }
    None
}

/// Where the domain that begins at `start` ends: at least two labels, the last of letters (or `xn--`), or an address in brackets.
fn domain(text: &str, start: usize) -> Option<usize> {
    if text.as_bytes().get(start) == Some(&b'[') {
        return literal(text, start);
    }
    let mut at = start;
    let mut good = None;
    let mut labels = 0;
    let mut marks = 0;
    loop {
        let rest = text.get(at..)?;
        let (mut length, mut weight) = (0, 0);
        for c in rest.chars().take_while(|c| is_of_word(*c) || *c == '-') {
            length += c.len_utf8();
            weight += weight_of(c);
            if weight > LABEL {
                break;
            }
        }
        marks += length - weight;
        let label = rest.get(..length)?;
        let trimmed = label.trim_end_matches('-');
        let overlong = weight > LABEL || at + length - start - marks > DOMAIN;
        if trimmed.is_empty() || trimmed.starts_with('-') || overlong {
            break;
        }
        labels += 1;
        let top = trimmed.chars().count() >= 2
            && (trimmed.chars().all(|c| c.is_alphabetic() || is_mark(c))
                || trimmed.get(..4).is_some_and(|ace| ace.eq_ignore_ascii_case("xn--")));
        if labels >= 2 && top {
            good = Some(at + trimmed.len());
        }
        if trimmed.len() < length {
            break;
        }
        at += length;
        let blank = trim_start(text, at);
        match text.as_bytes().get(at) {
            Some(b'.') => at += 1,
            _ => match spelled(text, blank, "dot").or_else(|| spelled(text, blank, "punkt")) {
                Some(ends) => at = trim_start(text, ends),
                None => break,
            },
        }
    }
    good
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]` (RFC 5321 section 4.1.3).
fn literal(text: &str, start: usize) -> Option<usize> {
    let rest = text.as_bytes().get(start + 1..)?;
    let length = rest.iter().take(60).position(|byte| *byte == b']')?;
    let inner = text.get(start + 1..start + 1 + length)?;
    let address = inner.strip_prefix("IPv6:").unwrap_or(inner);
    address.parse::<std::net::IpAddr>().is_ok().then_some(start + length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text, &mut found);
        found.iter().map(|one| text.get(one.start..one.end).unwrap()).collect()
    }

    #[test]
    fn addresses_are_found_as_people_write_them() {
        for (text, expected) in [
            ("Write to ada@example.org.", "ada@example.org"),
            ("<Ada.King+news@mail.example.co.uk>", "Ada.King+news@mail.example.co.uk"),
            ("mailto:ada@example.org?subject=x", "ada@example.org"),
            ("'ada@example.org',", "ada@example.org"),
            ("info@müller-söhne.de!", "info@müller-söhne.de"),
            ("иван@пример.рф", "иван@пример.рф"),
            ("संपर्क@डाटामेल.भारत", "संपर्क@डाटामेल.भारत"),
            ("\"ada king\"@example.org", "\"ada king\"@example.org"),
            ("x ada@[192.0.2.1] y", "ada@[192.0.2.1]"),
            ("ada [at] example [dot] org", "ada [at] example [dot] org"),
            ("ada(at)example.org", "ada(at)example.org"),
            ("o'neil@example.org", "o'neil@example.org"),
            ("a@b.xn--p1ai", "a@b.xn--p1ai"),
            ("ada@example.org.Then", "ada@example.org.Then"),
            ("out?x=1;m=ada%40example.org&x=1", "m=ada%40example.org"),
            ("mailto:ada%2Bnews%40example.org?subject=x", "ada%2Bnews%40example.org"),
            ("url=https%3A%2F%2Fnews.example%2F;ada.king%2540example.org%26x", "ada.king%2540example.org"),
            ("|recipient%7Cada%40example.org%7C5", "recipient%7Cada%40example.org"),
            ("<p>ada.king&#64;example.org</p>", "ada.king&#64;example.org"),
            ("ada&#x40;example.org, ", "ada&#x40;example.org"),
            ("ada&#X0040;example.org", "ada&#X0040;example.org"),
            ("info&commat;müller.de", "info&commat;müller.de"),
        ] {
            assert_eq!(all(text), [expected], "{text}");
        }
        assert_eq!(all("a@b.de,c@d.fr;e@f.it"), ["a@b.de", "c@d.fr", "e@f.it"]);
        assert_eq!(all("to=a@b.de&cc=c@d.fr"), ["to=a@b.de", "&cc=c@d.fr"]);
    }

    #[test]
    fn marks_piled_up_hide_nothing() {
        let marks = "\u{301}".repeat(90);
        for text in [
            format!("to ada@example.org{marks} now"),
            format!("to ada@exam{marks}ple.org now"),
            format!("to ada{marks}@example.org now"),
        ] {
            let [found] = all(&text)[..] else { panic!("{text}") };
            assert!(found.starts_with("ada") && found.contains("org"), "{found}");
        }
        assert_eq!(all(&format!("{}@example.org", "é".repeat(200))).len(), 1);
        assert_eq!(all(&format!("ada@{}.org", "e".repeat(64))), [""; 0]);
    }

    #[test]
    fn nothing_before_an_address_hides_it() {
        let query =
            "GET /unsubscribe?campaign=spring-2025-newsletter-edition-twelve&mail=ada@example.org HTTP/1.1";
        assert_eq!(all(query), ["ada@example.org"]);
        for sign in ["=", "-", "/", "?", "&", ".", "'", "{", "a..", "é=", "a="] {
            let text = format!("{}ada@example.org", sign.repeat(65));
            assert_eq!(all(&text), ["ada@example.org"], "{text}");
            // Where the separator ends it, what stands before counts.
            assert_eq!(all(&text.replace('@', "=@")), ["ada=@example.org"], "{text}");
        }
        for sign in ["a", "+", "é", "_", "😀", "字", "a-"] {
            let text = format!("{}x@example.org", sign.repeat(65));
            let found = all(&text);
            let [only] = found.as_slice() else { panic!("{text}: {found:?}") };
            assert!(only.ends_with("x@example.org") && only.len() <= LOCAL + "@example.org".len(), "{text}");
        }
    }

    #[test]
    fn spellings_of_one_address_are_one() {
        for text in [
            "Ada@Example.org",
            "ada [at] example [dot] org",
            "ada(at)example.org",
            "Ada%40example.org",
            "ada%2540example.org",
            "ada&#64;example.org",
            "ada&#x40;example.org",
            "ada&commat;example.org",
        ] {
            assert_eq!(canonical(text), "ada@example.org");
        }
        assert_eq!(canonical("ada%2Bnews%40example.org"), canonical("ada+news@example.org"));
        // Where `@` itself stands, the rest is as it is.
        assert_eq!(canonical("ada%2Bnews@example.org"), "ada%2bnews@example.org");
    }

    #[test]
    fn what_only_has_an_at_is_none() {
        for text in [
            "@ada",
            "ada@",
            "ada@home",
            "3 @ 1.50",
            "a@b.1",
            "x@.org",
            ".@b.de",
            "@@@@",
            "git@host:a.git",
            "(at) noon",
            "a..b@c.de",
            "up 5%40 times",
            "printf(\"%40d\")",
            "%40example.org",
            "https://registry.example/%40scope%2fpackage",
            "&#640;x.org",
            "ada&#65;example.org",
            "ada&#64example.org",
            "ada&#;example.org",
            "ada&#+64;example.org",
            "ada&#0000000064;example.org",
        ] {
            assert_eq!(all(text), Vec::<&str>::new(), "{text}");
        }
    }
}
