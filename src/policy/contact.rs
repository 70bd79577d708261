//! Where people reach somebody. The notice makes a link of it, so it has to lead somewhere.

use crate::check::Format;

/// What a contact is, for messages.
pub const WHAT: &str = "an e-mail address or a URL";

/// How one is written.
pub const HELP: &str = "Write where people reach them: `privacy@example.org`, `https://example.org/privacy`, `mailto:…`, `tel:+33-1-23-45-67-89`.";

/// The link to a contact as it is written: an e-mail address, or a URL of `https`, `http`, `mailto` or `tel`. Nothing for what
/// leads nowhere.
pub fn link(contact: &str) -> Option<String> {
    if Format::Email.matches(contact) {
        return Some(format!("mailto:{contact}"));
    }
    let (scheme, rest) = contact.split_once(':')?;
    let leads = match scheme {
        "https" | "http" => {
            let url = contact.parse::<http::Uri>();
            url.is_ok_and(|url| url.scheme().is_some() && url.host().is_some_and(|host| !host.is_empty()))
        }
        "mailto" => {
            let (mailbox, fields) = rest.split_once('?').unwrap_or((rest, ""));
            Format::Email.matches(mailbox) && is_of_url(fields)
        }
        // RFC 3966, with the separators that people see.
        "tel" => {
            let (number, parameters) = rest.split_once(';').unwrap_or((rest, ""));
            let number = number.strip_prefix('+').unwrap_or(number);
            number.bytes().all(|byte| byte.is_ascii_digit() || b"-.()".contains(&byte))
                && number.bytes().filter(u8::is_ascii_digit).count() >= 3
                && is_of_url(parameters)
        }
        _ => false,
    };
    leads.then(|| contact.to_owned())
}

/// Whether each byte can stand in a URL (RFC 3986 section 2).
fn is_of_url(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_somewhere_is_a_link_and_nothing_else_is() {
        for (contact, leads) in [
            ("privacy@example.org", "mailto:privacy@example.org"),
            ("datenschutz@müller.example", "mailto:datenschutz@müller.example"),
            ("https://example.org/privacy?lang=fr", "https://example.org/privacy?lang=fr"),
            ("http://intranet/dpo", "http://intranet/dpo"),
            ("mailto:privacy@example.org?subject=Art.%2015", "mailto:privacy@example.org?subject=Art.%2015"),
            ("tel:+33-1-23-45-67-89", "tel:+33-1-23-45-67-89"),
        ] {
            assert_eq!(link(contact).as_deref(), Some(leads), "{contact}");
        }
        for contact in [
            "",
            "privacy at clinic",
            "privacy@",
            "@example.org",
            "example.org/privacy",
            "https://",
            "https:example.org",
            "https://exa mple.org",
            "javascript:alert(1)",
            "ftp://example.org",
            "mailto:",
            "mailto:privacy",
            "tel:",
            "tel:call us",
            "+33 1 23 45 67 89",
        ] {
            assert_eq!(link(contact), None, "{contact}");
        }
    }
}
