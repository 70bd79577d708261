//! Media types: which bodies a format may be asked to read.

/// Whether a `Content-Type` says that the body is JSON in UTF-8: `application/json`, with no parameter but
/// `charset=utf-8` (RFC 8259 section 8.1 knows no other; it is often sent). Absent, `text/json`, `application/*+json`,
/// another charset or any other parameter is a body that no policy declared.
///
/// A request with more than one `Content-Type` field is refused before it is asked about.
pub fn accepts_json(content_type: Option<&str>) -> bool {
    let Some(text) = content_type else { return false };
    let mut parts = text.split(';');
    let essence = parts.next().unwrap_or_default();
    if !trim(essence).eq_ignore_ascii_case("application/json") {
        return false;
    }
    let mut charsets = 0;
    // RFC 9110 section 5.6.6: parameters may be empty, and their values quoted.
    parts.map(trim).filter(|part| !part.is_empty()).all(|part| {
        charsets += 1;
        let Some((name, value)) = part.split_once('=') else { return false };
        let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8") && charsets == 1
    })
}

/// RFC 9110 section 5.6.3: optional white space is spaces and tabs.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::accepts_json;

    #[test]
    fn json_in_utf_8_is_accepted() {
        for text in [
            "application/json",
            "Application/JSON",
            " application/json ",
            "application/json; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json ; Charset=\"utf-8\" ;",
        ] {
            assert!(accepts_json(Some(text)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        assert!(!accepts_json(None));
        for text in [
            "",
            "json",
            "text/json",
            "text/plain",
            "application/jsonx",
            "application/json/x",
            "application/json, text/plain",
            "application/problem+json",
            "application/x-ndjson",
            "application/json; charset=utf-16",
            "application/json; charset=iso-8859-1",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; charset =utf-8",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json; boundary=x",
            "application/json\u{a0}",
        ] {
            assert!(!accepts_json(Some(text)), "{text}");
        }
    }
}
