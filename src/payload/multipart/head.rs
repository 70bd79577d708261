//! The head of a part: what it is called, and whether it is a text or a file.

use crate::payload::Malformed;
use crate::payload::media::Media;

/// Header fields of one part, and bytes of all of them.
const FIELDS: usize = 16;
const BYTES: usize = 8 * 1024;

/// What the head of a part says, as far as it matters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) content: Content,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A text in UTF-8.
    Text,
    File {
        /// The media type in lower case, without parameters.
        media: String,
        /// Whether the sender gave it a name.
        named: bool,
    },
}

/// Whether a name can stand in quotes as it is, and be read back as it was by every reader.
pub(super) fn is_plain(name: &str) -> bool {
    !name.chars().any(|c| c.is_control() || matches!(c, '"' | '\\' | '%'))
}

impl Head {
    /// Reads the head that begins at `from`; also says where the content begins.
    pub(super) fn read(body: &[u8], from: usize) -> Result<(Self, usize), Malformed> {
        let mut at = from;
        let (mut disposition, mut media, mut encoding) = (None, None, None);
        for _ in 0..=FIELDS {
            let fault = |reason| Malformed { offset: at, reason };
            let most = body.len().min(from + BYTES);
            let rest = body.get(at..most).unwrap_or_default();
            let length = memchr::memmem::find(rest, b"\r\n");
            let length = length.ok_or(fault("a part's head is too long, or does not end"))?;
            let line = rest.get(..length).unwrap_or_default();
            if line.is_empty() {
                let disposition: &str = disposition.ok_or(fault("a part has no Content-Disposition"))?;
                let head = Self::of(disposition, media, encoding).map_err(fault)?;
                return Ok((head, at + 2));
            }
            let line = std::str::from_utf8(line)
                .ok()
                .filter(|line| !line.contains(|c: char| c.is_control() && c != '\t'));
            let line = line.ok_or(fault("a part's head is not valid UTF-8, or has a control character"))?;
            let (name, value) = line.split_once(':').ok_or(fault("a line of a part's head has no colon"))?;
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(fault("a line of a part's head has no name"));
            }
            let value = value.trim_matches([' ', '\t']);
            let known = match name.to_ascii_lowercase().as_str() {
                "content-disposition" => &mut disposition,
                "content-type" => &mut media,
                "content-transfer-encoding" => &mut encoding,
                // It stays behind, as every head does.
                _ => {
                    at += length + 2;
                    continue;
                }
            };
            if known.replace(value).is_some() {
                return Err(fault("a part's head says one thing twice"));
            }
            at += length + 2;
        }
        Err(Malformed { offset: at, reason: "a part's head has too many lines" })
    }

    fn of(disposition: &str, media: Option<&str>, encoding: Option<&str>) -> Result<Self, &'static str> {
        let plain = ["7bit", "8bit", "binary"];
        if encoding.is_some_and(|encoding| !plain.iter().any(|plain| plain.eq_ignore_ascii_case(encoding))) {
            return Err("a part's content is encoded");
        }
        let (name, file) = named(disposition)?;
        let media = match media {
            Some(media) => Some(Media::parse(media).ok_or("a part's Content-Type cannot be read")?),
            None => None,
        };
        let essence = media.as_ref().map(|media| media.essence.to_ascii_lowercase());
        if essence.as_deref().is_some_and(|essence| essence.starts_with("multipart/")) {
            return Err("a part has parts of its own");
        }
        if essence.as_deref().is_some_and(|essence| !is_media_type(essence)) {
            return Err("a part's Content-Type cannot be read");
        }
        let content = match (file, essence) {
            (None, None) => Content::Text,
            (None, Some(essence)) if essence == "text/plain" => {
                let parameters = media.iter().flat_map(|media| &media.parameters);
                let utf8 = |(name, value): &(String, String)| {
                    name == "charset" && value.eq_ignore_ascii_case("utf-8")
                };
                if !parameters.clone().all(utf8) || parameters.count() > 1 {
                    return Err("a text is in another charset than UTF-8");
                }
                Content::Text
            }
            (file, essence) => Content::File {
                media: essence.unwrap_or_else(|| "application/octet-stream".into()),
                named: file.unwrap_or(false),
            },
        };
        Ok(Self { name, content })
    }
}

/// The name that a `Content-Disposition` gives, and whether there is a file's name, and one that says something.
fn named(disposition: &str) -> Result<(String, Option<bool>), &'static str> {
    const UNREADABLE: &str = "a part's Content-Disposition cannot be read";
    let (kind, mut rest) = disposition.split_once(';').ok_or("a part has no name")?;
    if !kind.trim_matches([' ', '\t']).eq_ignore_ascii_case("form-data") {
        return Err("a part is not of a form");
    }
    let (mut name, mut file, mut other) = (None, None, None);
    loop {
        let (key, value) = rest.split_once('=').ok_or(UNREADABLE)?;
        let key = key.trim_matches([' ', '\t']).to_ascii_lowercase();
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => {
                let (value, behind) = quoted.split_once('"').ok_or(UNREADABLE)?;
                // Some readers take it for an escape of the quote.
                if value.ends_with('\\') {
                    return Err(UNREADABLE);
                }
                (value, behind)
            }
            None => {
                let (value, behind) =
                    value.split_at_checked(value.find(';').unwrap_or(value.len())).ok_or(UNREADABLE)?;
                let value = value.trim_matches([' ', '\t']);
                if value.is_empty() || value.contains([' ', '\t', '"', '\\', '=']) {
                    return Err(UNREADABLE);
                }
                (value, behind)
            }
        };
        let known = match key.as_str() {
            "name" => &mut name,
            "filename" => &mut file,
            // RFC 7578 section 4.2 forbids it and some clients write it; the name of a file is not read anyway.
            "filename*" => &mut other,
            _ => return Err(UNREADABLE),
        };
        if known.replace(value).is_some() {
            return Err(UNREADABLE);
        }
        let behind = behind.trim_start_matches([' ', '\t']);
        if behind.is_empty() {
            break;
        }
        rest = behind.strip_prefix(';').ok_or(UNREADABLE)?;
    }
    let name = name.ok_or("a part has no name")?;
    if !is_plain(name) {
        return Err("a part's name has quotes, backslashes, percent signs or control characters");
    }
    Ok((name.to_owned(), file.or(other).map(|file| !file.is_empty())))
}

/// `type/subtype` of tokens (RFC 9110 section 8.3.1), in lower case, that can stand in a head as it is.
pub fn is_media_type(text: &str) -> bool {
    let token = |text: &str| {
        let good =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$&^_.+-".contains(&byte);
        (1..=127).contains(&text.len()) && text.bytes().all(good)
    };
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}
