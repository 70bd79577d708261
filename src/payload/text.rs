//! `text/plain` in UTF-8: the whole body is one field, `text`.

use super::caps::{Caps, Tally};
use super::flat::visit;
use super::format::Format;
use super::layout::{Clash, FieldId, Undeclared};
use super::path::{Path, Step};
use super::stop::{Malformed, Stop};
use super::value::{Kind, Treated, Visitor};

/// The one field, if it is declared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    field: Option<FieldId>,
    undeclared: Undeclared,
}

impl Whole {
    /// Compiles paths, of which there can be one.
    pub(super) fn compile(paths: &[Path], undeclared: Undeclared) -> Result<Self, Clash> {
        for (field, path) in (0..=u16::MAX).map(FieldId).zip(paths) {
            if !matches!(path.steps(), [Step::Member(name)] if **name == *"text") {
                let reason = "the whole body is one field, and its name is `text`";
                return Err(Clash::NoPlace { path: path.clone(), field, format: Format::Text, reason });
            }
            if field.0 > 0 {
                return Err(Clash::Twice { path: path.clone(), first: FieldId(0), second: field });
            }
        }
        Ok(Self { field: (!paths.is_empty()).then_some(FieldId(0)), undeclared })
    }
}

/// Walks a body: the text is kept, goes, or is another. No body and an empty one are the same.
pub(super) fn walk<V: Visitor>(
    body: &[u8],
    whole: Whole,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<(), Stop<V::Error>> {
    Tally::of(body, caps)?;
    let text = utf8(body)?;
    let Some(field) = whole.field else {
        if text.is_empty() {
            return Ok(());
        }
        visitor.undeclared().map_err(Stop::Visitor)?;
        return if whole.undeclared == Undeclared::Refuse { Err(Stop::Undeclared) } else { Ok(()) };
    };
    let mut replacement = String::new();
    match visit(visitor, field, &[], text, true, &mut replacement)? {
        Treated::Kept => out.extend_from_slice(body),
        Treated::LeftOut | Treated::Replaced(Kind::Null) => {}
        Treated::Replaced(_) => out.extend_from_slice(replacement.as_bytes()),
    }
    Ok(())
}

/// A body as text. A byte order mark is refused: some readers take it for a character.
pub(super) fn utf8(body: &[u8]) -> Result<&str, Malformed> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Malformed { offset: error.valid_up_to(), reason: "the body is not valid UTF-8" })?;
    if text.starts_with('\u{feff}') {
        return Err(Malformed { offset: 0, reason: "the body begins with a byte order mark" });
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
