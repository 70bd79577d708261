//! Media types: which bodies a format may be asked to read, and what the head of a message says of its body.

use std::borrow::Cow;

use super::format::Format;

/// What the head of a message says of its body, beside the format that the policy declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// What separates the parts of `multipart`.
    pub boundary: Option<Box<str>>,
    /// In `kserve-v2`, how many bytes of JSON stand before binary tensors (`Inference-Header-Content-Length`).
    pub json_length: Option<usize>,
}

impl Envelope {
    /// What the head says, where it says that the body is of this format, in UTF-8. Absent, `text/json`,
    /// `application/*+json`, another charset or any parameter that the format does not know is a body that no policy
    /// declared.
    ///
    /// Triton's clients send no `Content-Type`: without one a body of `kserve-v2` is what its head and the policy say, and
    /// goes on with one.
    ///
    /// A message with more than one `Content-Type` field is refused before it is asked about.
    pub fn open(format: Format, content_type: Option<&str>, json_length: Option<&str>) -> Option<Self> {
        let json_length = match (format, json_length) {
            (Format::KserveV2, Some(text)) => Some(decimal(text)?),
            _ => None,
        };
        if content_type.is_none() && format == Format::KserveV2 {
            return Some(Self { boundary: None, json_length });
        }
        let media = Media::parse(content_type?)?;
        let is = |essence: &str| media.essence.eq_ignore_ascii_case(essence);
        let essence = match format {
            Format::Json | Format::Mlflow | Format::TfServing | Format::OpenaiChat => is("application/json"),
            Format::KserveV2 if json_length.is_some() => {
                is("application/octet-stream") || is("application/json")
            }
            Format::KserveV2 => is("application/json"),
            Format::Ndjson => {
                const NAMES: [&str; 4] = [
                    "application/x-ndjson",
                    "application/ndjson",
                    "application/jsonl",
                    "application/jsonlines",
                ];
                NAMES.iter().any(|name| is(name))
            }
            Format::Csv | Format::Form | Format::Multipart | Format::Text => is(format.media_type()),
        };
        let mut envelope = Self { boundary: None, json_length };
        let mut charsets = 0;
        let known = media.parameters.iter().all(|(name, value)| match name.as_str() {
            "charset" => {
                charsets += 1;
                value.eq_ignore_ascii_case("utf-8") && charsets == 1 && format != Format::Multipart
            }
            // RFC 4180 section 3: without its header line nobody knows which column is which.
            "header" => format == Format::Csv && value.eq_ignore_ascii_case("present"),
            "boundary" => {
                let first = envelope.boundary.is_none();
                envelope.boundary = Some(value.as_str().into());
                first && format == Format::Multipart && is_boundary(value)
            }
            _ => false,
        });
        let whole = (format == Format::Multipart) == envelope.boundary.is_some();
        (essence && known && whole).then_some(envelope)
    }

    /// Whether a head says that the body is a stream of events (WHATWG HTML section 9.2), which no format is.
    pub fn is_stream(content_type: Option<&str>) -> bool {
        let media = content_type.and_then(Media::parse);
        media.is_some_and(|media| media.essence.eq_ignore_ascii_case("text/event-stream"))
    }

    /// The `Content-Type` of a body of this format in this envelope.
    pub fn content_type(&self, format: Format) -> Cow<'static, str> {
        match (&self.boundary, self.json_length) {
            (Some(boundary), _) if format == Format::Multipart => {
                format!("multipart/form-data; boundary=\"{boundary}\"").into()
            }
            (_, Some(_)) if format == Format::KserveV2 => "application/octet-stream".into(),
            // RFC 2046 section 4.1.2: without a charset it would be US-ASCII.
            _ if format == Format::Text => "text/plain; charset=utf-8".into(),
            _ => format.media_type().into(),
        }
    }
}

/// A media type, taken apart (RFC 9110 section 8.3.1).
pub(super) struct Media<'a> {
    pub(super) essence: &'a str,
    /// Names in lower case.
    pub(super) parameters: Vec<(String, String)>,
}

impl<'a> Media<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (essence, mut rest) = text.split_once(';').unwrap_or((text, ""));
        let mut parameters = Vec::new();
        // RFC 9110 section 5.6.6: parameters may be empty, and their values quoted.
        loop {
            rest = rest.trim_start_matches([' ', '\t', ';']);
            if rest.is_empty() {
                return Some(Self { essence: trim(essence), parameters });
            }
            let (name, value) = rest.split_once('=')?;
            let (value, behind) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => value.split_at(value.find(';').unwrap_or(value.len())),
            };
            let behind = behind.trim_start_matches([' ', '\t']);
            let token = |text: &str| !text.is_empty() && !text.contains([' ', '\t', '"', '\\', ';']);
            if !token(name) || value.contains('\\') || !(behind.is_empty() || behind.starts_with(';')) {
                return None;
            }
            parameters.push((name.to_ascii_lowercase(), trim(value).to_owned()));
            rest = behind;
        }
    }
}

/// RFC 2046 section 5.1.1, but for the space, which ends nowhere well.
fn is_boundary(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    (1..=70).contains(&text.len()) && text.bytes().all(good)
}

/// Digits and nothing else.
fn decimal(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// RFC 9110 section 5.6.3: optional white space is spaces and tabs.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts_json(content_type: Option<&str>) -> bool {
        Envelope::open(Format::Json, content_type, None).is_some()
    }

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

    #[test]
    fn each_format_has_its_own() {
        let opens = |format, text| Envelope::open(format, Some(text), None);
        for (format, text) in [
            (Format::Ndjson, "application/jsonl"),
            (Format::Csv, "text/csv; charset=UTF-8; header=present"),
            (Format::Form, "application/x-www-form-urlencoded"),
            (Format::Text, "text/plain;charset=utf-8"),
            (Format::Mlflow, "application/json"),
            (Format::KserveV2, "application/json"),
        ] {
            assert_eq!(opens(format, text), Some(Envelope::default()), "{text}");
        }
        for (format, text) in [
            (Format::Csv, "text/csv; header=absent"),
            (Format::Csv, "application/json"),
            (Format::Multipart, "multipart/form-data"),
            (Format::Multipart, "multipart/form-data; boundary=a; boundary=b"),
            (Format::Multipart, "multipart/form-data; boundary=\"a b\""),
            (Format::Multipart, "multipart/mixed; boundary=a"),
            (Format::KserveV2, "application/octet-stream"),
            (Format::Text, "text/html"),
            (Format::Form, "multipart/form-data; boundary=a"),
        ] {
            assert_eq!(opens(format, text), None, "{text}");
        }
    }

    #[test]
    fn an_envelope_says_what_it_was_told() {
        let parts = Envelope::open(Format::Multipart, Some("multipart/form-data; boundary=\"a=b\""), None);
        let parts = parts.unwrap();
        assert_eq!(parts.boundary.as_deref(), Some("a=b"));
        assert_eq!(parts.content_type(Format::Multipart), "multipart/form-data; boundary=\"a=b\"");
        let open = |length| Envelope::open(Format::KserveV2, Some("application/octet-stream"), Some(length));
        assert_eq!(open("17").unwrap().json_length, Some(17));
        assert_eq!(
            Envelope::open(Format::KserveV2, None, Some("17")),
            Some(Envelope { boundary: None, json_length: Some(17) })
        );
        assert_eq!(Envelope::open(Format::KserveV2, None, None), Some(Envelope::default()));
        for length in ["", "-1", "+1", "1 ", "99999999999999999999999"] {
            assert_eq!(open(length), None);
            assert_eq!(Envelope::open(Format::KserveV2, None, Some(length)), None);
        }
    }
}
