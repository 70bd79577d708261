//! The body of a case's call as it is sent, and what a body of any format holds of a route's fields.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::Value as Json;

use crate::payload::{Caps, Envelope, FieldId, Format, Step, Treated, Value, Visitor, Walker};
use crate::policy::cases::{Call, CallBody, Content, Expected, Part};

/// What a body of a case may be at most.
const CAPS: Caps = Caps { bytes: 16 << 20, depth: 128, members: 1_000_000, rows: 1_000_000 };

/// A body and the `Content-Type` that goes with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    /// The body of a call; `None` where it has none. `format` is what the route reads.
    pub(crate) fn of(call: &Call, format: Format) -> Option<Self> {
        let mut sent = match &call.body {
            CallBody::None => return None,
            CallBody::Json(value) => {
                Self { content_type: Format::Json.media_type().into(), bytes: value.to_string().into_bytes() }
            }
            CallBody::Text(text) => Self::text(text, format),
            CallBody::Parts(parts) => Self::parts(parts),
        };
        let said = call.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some((_, said)) = said {
            sent.content_type.clone_from(said);
        }
        Some(sent)
    }

    /// Parts as a client sends them: a file has a name and a media type.
    fn parts(parts: &[Part]) -> Self {
        let is_free = |boundary: &String| {
            parts.iter().all(|part| memmem::find(part.content.bytes(), boundary.as_bytes()).is_none())
        };
        let boundary = (0_u32..).map(|number| format!("boundary{number}")).find(is_free).unwrap_or_default();
        let mut bytes = Vec::new();
        for Part { name, media, content } in parts {
            let media = match (media, content) {
                (Some(media), _) => Some(media.as_str()),
                (None, Content::Bytes(_)) => Some("application/octet-stream"),
                (None, Content::Text(_)) => None,
            };
            let file = media.map(|media| format!("; filename=\"file\"\r\nContent-Type: {media}"));
            let file = file.unwrap_or_default();
            let head =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(content.bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let envelope = Envelope { boundary: Some(boundary.into()), ..Envelope::default() };
        Self { content_type: envelope.content_type(Format::Multipart).into_owned(), bytes }
    }

    /// A text as a body of a format. Lines of `multipart` end in CRLF whatever the case's file made of them, and their first
    /// says the boundary.
    pub(crate) fn text(text: &str, format: Format) -> Self {
        let mut envelope = Envelope::default();
        let mut text = Cow::Borrowed(text);
        if format == Format::Multipart {
            let first = text.lines().next().and_then(|line| line.strip_prefix("--"));
            envelope.boundary = Some(first.unwrap_or("boundary").trim_end().into());
            text = text.replace("\r\n", "\n").replace('\n', "\r\n").into();
        }
        let content_type = envelope.content_type(format).into_owned();
        Self { content_type, bytes: text.into_owned().into_bytes() }
    }
}

/// What a body holds of declared fields.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    fields: Vec<FieldId>,
    /// How many rows it has, where its format has rows.
    pub(crate) rows: u32,
}

impl Noted {
    /// Looks through a body; `None` where it cannot be read.
    pub(crate) fn of(walker: &Walker, sent: &Sent) -> Option<Self> {
        let envelope = Envelope::open(walker.format(), Some(&sent.content_type), None)?;
        let mut noted = Self::default();
        walker.walk(&sent.bytes, &envelope, &CAPS, &mut noted, &mut Vec::new()).ok()?;
        Some(noted)
    }

    /// Whether it holds a value of a field.
    pub(crate) fn has(&self, field: usize) -> bool {
        self.fields.iter().any(|noted| noted.index() == field)
    }
}

impl Visitor for Noted {
    type Error = ();

    fn value(&mut self, field: FieldId, _: &[u32], _: Value<'_>, _: &mut String) -> Result<Treated, ()> {
        if !self.fields.contains(&field) {
            self.fields.push(field);
        }
        Ok(Treated::Kept)
    }

    fn missing(&mut self, _: FieldId) -> Result<(), ()> {
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), ()> {
        Ok(())
    }

    fn misshapen(&mut self, _: FieldId) {}

    fn rows(&mut self, count: u32) -> Result<u32, ()> {
        self.rows = count;
        Ok(0)
    }
}

/// A body that was sent or answered.
pub(super) enum Body {
    Json(Json),
    /// Of another format, or of JSON that is laid out in another way than its fields' names.
    Noted(Noted),
}

impl Body {
    pub(super) fn of(walker: &Walker, sent: &Sent) -> Option<Self> {
        if walker.format() == Format::Json {
            return serde_json::from_slice(&sent.bytes).ok().map(Self::Json);
        }
        Noted::of(walker, sent).map(Self::Noted)
    }

    /// Whether it has the field of this number and these steps.
    pub(super) fn has(&self, field: usize, steps: &[Step]) -> bool {
        match self {
            Self::Json(value) => has(Some(value), steps),
            Self::Noted(noted) => noted.has(field),
        }
    }

    /// Whether a case that expects this of what becomes of the body looks at the field.
    pub(super) fn is_looked_at(&self, expected: &Expected, steps: &[Step]) -> bool {
        match self {
            Self::Json(_) => expected.looks_at(steps),
            // The field is not where its name says, so the whole has to be looked at.
            Self::Noted(_) => expected.looks_at(&[]),
        }
    }
}

/// Whether a value has something at the place.
pub(super) fn has(value: Option<&Json>, steps: &[Step]) -> bool {
    let Some(value) = value else { return false };
    match steps.split_first() {
        None => true,
        Some((Step::Member(name), rest)) => has(value.get(&**name), rest),
        Some((Step::Every, rest)) => {
            value.as_array().is_some_and(|array| array.iter().any(|element| has(Some(element), rest)))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::payload::Path;

    #[test]
    fn a_place_is_found_in_any_element() {
        let value = json!({ "a": [{}, { "b": null }], "c": [] });
        let has = |path: &str| has(Some(&value), Path::parse(path).unwrap().steps());
        assert!(has("a") && has("a[*]") && has("a[*].b") && has("c"));
        assert!(!has("c[*]") && !has("a[*].c") && !has("d") && !has("a.b"));
    }
}
