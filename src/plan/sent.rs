//! The body of a case's call as it is sent, and what a body of any format holds of a route's fields.

use std::borrow::Cow;

use crate::payload::{Caps, Envelope, FieldId, Format, Treated, Value, Visitor, Walker};
use crate::policy::cases::{Call, CallBody};

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
        };
        let said = call.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if let Some((_, said)) = said {
            sent.content_type.clone_from(said);
        }
        Some(sent)
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
