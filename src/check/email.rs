//! Mailboxes, read twice: of any script, and of ASCII in one pass.

use super::format::domain;

/// Whether `text` is a mailbox as people have them ([`Format::Email`](super::Format::Email)).
pub(super) fn email(text: &str) -> bool {
    if text.is_ascii() { email_in_ascii(text) } else { email_in_any_script(text) }
}

fn email_in_any_script(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let atom = |c: char| c.is_alphanumeric() || (c.is_ascii() && ATOM.contains(c));
    text.len() <= 254
        && local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
        && host.contains('.')
        && domain(host, char::is_alphanumeric)
}

/// Besides letters and digits, what a part of a local part may have (RFC 5322 section 3.2.3).
const ATOM: &str = "!#$%&'*+-/=?^_`{|}~";

/// The same of ASCII, as nearly every mailbox is, in one pass over its bytes.
fn email_in_ascii(text: &str) -> bool {
    /// A bit for each byte of [`ATOM`].
    const IN_ATOM: u128 = {
        let (mut set, mut rest) = (0, ATOM.as_bytes());
        while let [first, behind @ ..] = rest {
            set |= 1 << *first;
            rest = behind;
        }
        set
    };
    let in_atom = |byte: u8| {
        byte.is_ascii_alphanumeric() || IN_ATOM.checked_shr(byte.into()).is_some_and(|set| set & 1 == 1)
    };
    let bytes = text.as_bytes();
    let Some((local, host)) = memchr::memchr(b'@', bytes).and_then(|at| bytes.split_at_checked(at)) else {
        return false;
    };
    if bytes.len() > 254 || !(1..=64).contains(&local.len()) {
        return false;
    }
    let mut before = b'.';
    for &byte in local {
        if byte == b'.' && before == b'.' || byte != b'.' && !in_atom(byte) {
            return false;
        }
        before = byte;
    }
    let (mut label, mut digits, mut dots) = (0_usize, true, 0_usize);
    let mut last = b'@';
    for &byte in host.iter().skip(1) {
        match byte {
            b'.' if label == 0 || last == b'-' => return false,
            b'.' => (label, digits, dots) = (0, true, dots + 1),
            b'-' if label == 0 => return false,
            b'-' => (label, digits) = (label + 1, false),
            _ if byte.is_ascii_alphanumeric() => {
                (label, digits) = (label + 1, digits && byte.is_ascii_digit());
            }
            _ => return false,
        }
        if label > 63 {
            return false;
        }
        last = byte;
    }
    before != b'.' && label > 0 && last != b'-' && dots > 0 && !digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn mailboxes_in_ascii_are_read_as_those_of_any_script(
            text in prop_oneof![
                "[a-z0-9.@!-]{0,12}",
                "[a-z0-9.+_-]{1,70}@[a-z0-9.-]{1,70}",
                "[a-z]{1,3}(\\.[a-z0-9#]{1,3}){0,2}@([a-z0-9]{1,3}-{0,1}\\.){0,3}[a-z0-9]{1,3}",
                "[\\x00-\\x7f]{0,8}@[a-z.-]{0,8}",
                "a@([a-z]{50,63}\\.){3,4}[a-z]{40,64}",
            ],
        ) {
            prop_assert_eq!(email_in_ascii(&text), email_in_any_script(&text), "{}", text);
        }
    }
}
