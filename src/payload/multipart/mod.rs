//! `multipart/form-data` (RFC 7578): parts by name, each a text or a file. Only a part's content is ever copied: the head of
//! each is written anew with the field's name and nothing that the sender wrote, between boundaries of our own, so what
//! readers take differently in heads, before the first part and behind the last never reaches one.

mod head;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use memchr::memmem;

use super::caps::{Caps, Tally};
use super::files::ending;
use super::flat::{Name, Names, Seen, index, visit};
use super::format::Format;
use super::layout::{Clash, Undeclared};
use super::media::Envelope;
use super::path::Path;
use super::stop::{Malformed, Stop};
use super::value::{Kind, Treated, Value, Visitor};
use head::{Content, Head};

pub use head::is_media_type;

/// Compiles paths. A name that could not stand in a part's head as it is has no place.
pub(super) fn compile(paths: &[Path], undeclared: Undeclared) -> Result<Names, Clash> {
    let names = Names::compile(Format::Multipart, paths, undeclared, true)?;
    if let Some((_, Name { field, .. })) = names.all().find(|(name, _)| !head::is_plain(name)) {
        return Err(Clash::NoPlace {
            path: paths.get(field.index()).cloned().ok_or(Clash::TooMany)?,
            field,
            format: Format::Multipart,
            reason: "a part's name has no quotes, backslashes, percent signs and control characters",
        });
    }
    Ok(names)
}

/// Walks the parts of a body. The envelope that comes back has the boundary of what was written.
pub(super) fn walk<V: Visitor>(
    body: &[u8],
    envelope: &Envelope,
    names: &Names,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<Envelope, Stop<V::Error>> {
    let mut tally = Tally::of(body, caps)?;
    let came = envelope.boundary.as_deref();
    let came = came.ok_or(Malformed { offset: 0, reason: "the boundary is not said" })?;
    let delimiter = format!("\r\n--{came}");
    let finder = memmem::Finder::new(&delimiter);
    let mut parts = Parts { body, finder, at: 0 };
    let boundary = unused(body)?;
    let mut write = Writer { out, boundary: &boundary };
    let mut seen = Seen::new(names);
    let (mut url, mut replacement) = (String::new(), String::new());
    parts.first()?;
    while let Some(Part { offset, head, content }) = parts.next()? {
        tally.member()?;
        let Some(declared) = names.named(&head.name) else {
            names.undeclared(visitor)?;
            seen.other(&head.name, offset);
            continue;
        };
        let before = seen.again(declared, offset)?;
        tally.rows(before + 1)?;
        let at = [index(before)];
        let (field, at) = (declared.field, if declared.many { &at[..] } else { &[] });
        match &head.content {
            Content::Text => {
                let text = std::str::from_utf8(content).ok().filter(|text| !text.contains('\0'));
                let text =
                    text.ok_or(Malformed { offset, reason: "a text is not valid UTF-8, or has a NUL" })?;
                match visit(visitor, field, at, text, true, &mut replacement)? {
                    Treated::LeftOut => {}
                    Treated::Kept => write.part(&head.name, None, content),
                    Treated::Replaced(kind) => {
                        let text = if kind == Kind::Null { "" } else { replacement.as_str() };
                        write.is_free(text).ok_or(Stop::Unfit(field))?;
                        write.part(&head.name, None, text.as_bytes());
                    }
                }
            }
            // What a browser sends for a file that nobody chose; among several of one name it is one that is empty.
            Content::File { media: _, named: false }
                if content.is_empty() && (!declared.many || visitor.may_lack(field)) =>
            {
                visitor.missing(field).map_err(Stop::Visitor)?;
            }
            Content::File { media, .. } => {
                url.clear();
                url.push_str("data:");
                url.push_str(media);
                url.push_str(";base64,");
                BASE64.encode_string(content, &mut url);
                replacement.clear();
                let value = Value { kind: Kind::File, text: &url };
                match visitor.value(field, at, value, &mut replacement).map_err(Stop::Visitor)? {
                    Treated::LeftOut => {}
                    Treated::Kept => write.part(&head.name, Some(media), content),
                    // There is no text that a reader of files would take for one.
                    Treated::Replaced(_) => return Err(Stop::Unfit(field)),
                }
            }
        }
    }
    seen.close(visitor)?;
    write.close();
    Ok(Envelope { boundary: Some(boundary.into()), ..Envelope::default() })
}

/// A boundary that does not stand in the body. It cannot be foreseen, or somebody could send a content with every one that
/// comes next in it, and have us look for a long time.
fn unused(body: &[u8]) -> Result<String, Malformed> {
    let random = RandomState::new();
    let boundary = format!("{:016x}{:016x}", random.hash_one(0_u8), random.hash_one(1_u8));
    match memmem::find(body, boundary.as_bytes()) {
        None => Ok(boundary),
        Some(offset) => {
            Err(Malformed { offset, reason: "a content has the boundary that it would be sent with" })
        }
    }
}

/// A part as it stands.
struct Part<'a> {
    /// Where its head begins.
    offset: usize,
    head: Head,
    content: &'a [u8],
}

struct Parts<'a> {
    body: &'a [u8],
    finder: memmem::Finder<'a>,
    /// Behind a boundary, or at the end.
    at: usize,
}

impl<'a> Parts<'a> {
    fn rest(&self, at: usize) -> &'a [u8] {
        self.body.get(at..).unwrap_or_default()
    }

    /// Goes behind the first boundary, over whatever stands before it.
    fn first(&mut self) -> Result<(), Malformed> {
        let delimiter = self.finder.needle();
        let bare = delimiter.get(2..).unwrap_or_default();
        if self.body.starts_with(bare) {
            self.at = bare.len();
            return Ok(());
        }
        let at =
            self.finder.find(self.body).ok_or(Malformed { offset: 0, reason: "there is no boundary" })?;
        self.at = at + delimiter.len();
        Ok(())
    }

    /// The part that begins behind the boundary at the cursor; `None` where that was the last.
    fn next(&mut self) -> Result<Option<Part<'a>>, Malformed> {
        let from = self.at;
        let fault = |offset, reason| Err(Malformed { offset, reason });
        match self.rest(from) {
            [b'-', b'-'] | [b'-', b'-', b'\r', b'\n', ..] => return Ok(None),
            [b'\r', b'\n', ..] => {}
            // RFC 2046 section 5.1.1 lets white space stand there; nobody writes any.
            _ => return fault(from, "a boundary has something behind it"),
        }
        let (head, content) = Head::read(self.body, from + 2)?;
        // The line end before a boundary belongs to it.
        let Some(length) = self.finder.find(self.rest(content)) else {
            return fault(self.body.len(), "the last boundary is missing");
        };
        self.at = content + length + self.finder.needle().len();
        let content = self.rest(content).get(..length).unwrap_or_default();
        Ok(Some(Part { offset: from + 2, head, content }))
    }
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    boundary: &'o str,
}

impl Writer<'_> {
    fn part(&mut self, name: &str, media: Option<&str>, content: &[u8]) {
        self.put(&["--", self.boundary, "\r\nContent-Disposition: form-data; name=\"", name, "\""]);
        if let Some(media) = media {
            // The sender's name for a file can say anything, their own name for one.
            let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
            let stem: String = name.trim_start_matches('.').chars().map(plain).collect();
            let stem = if stem.is_empty() { "file" } else { &stem };
            self.put(&["; filename=\"", stem, ".", ending(media), "\"\r\nContent-Type: ", media]);
        }
        self.put(&["\r\n\r\n"]);
        self.out.extend_from_slice(content);
        self.put(&["\r\n"]);
    }

    fn close(&mut self) {
        self.put(&["--", self.boundary, "--\r\n"]);
    }

    /// Whether a text can stand between the boundaries.
    fn is_free(&self, text: &str) -> Option<()> {
        (!text.contains(self.boundary)).then_some(())
    }

    fn put(&mut self, texts: &[&str]) {
        texts.iter().for_each(|text| self.out.extend_from_slice(text.as_bytes()));
    }
}

#[cfg(test)]
mod tests;
