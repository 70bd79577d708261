//! OpenAI's chat completions: JSON in which a content is a text or a list of parts, and the arguments of a tool call are
//! JSON within a string.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat>. Only answers that are not streamed can be inspected.

use super::layout::{Clash, Extra, FieldId, Layout, Part, Place, Undeclared};
use super::path::{Path, Step};

/// What a part of a content may be, where nothing but texts is declared.
const TEXTS: &[&str] = &["text", "refusal"];
/// What it may be, where something within other parts is declared: each has its own key beside `type`.
const PARTS: &[&str] = &["text", "refusal", "image_url", "input_audio", "file"];

/// Compiles declared fields: `….content` is the text, wherever it stands; `….arguments.NAME` is a member of what a tool
/// is called with.
pub(super) fn compile(paths: &[Path], undeclared: Undeclared) -> Result<Layout, Clash> {
    let mut places = Vec::new();
    let mut extras = Vec::new();
    let fields = || (0..=u16::MAX).map(FieldId).zip(paths);
    for (field, path) in fields().filter(|(_, path)| ends_with(path, "content")) {
        places.push(Place::of(field, path));
        let content = path.steps();
        let part = |name: &str| [content, &[Step::Every, Step::Member(name.into())]].concat();
        places.push(Place { steps: part("text"), alias: true, ..Place::of(field, path) });
        let others = paths.iter().any(|other| {
            let behind = other.steps().strip_prefix(content);
            matches!(behind, Some([Step::Every, Step::Member(name), ..]) if PARTS.contains(&&**name))
        });
        let kinds = if others { PARTS } else { TEXTS };
        extras.push(Extra { steps: part("type"), part: Part::Fixed(kinds) });
    }
    for (field, path) in fields().filter(|(_, path)| !ends_with(path, "content")) {
        let arguments = path.steps().windows(2).position(|pair| {
            let name = |step: &Step, name: &str| matches!(step, Step::Member(own) if &**own == name);
            matches!(pair, [first, second] if name(first, "function") && name(second, "arguments"))
        });
        let last = path.steps().len() - 1;
        let embedded = arguments.map(|place| place + 1).filter(|place| *place < last);
        places.push(Place { embedded, ..Place::of(field, path) });
    }
    Layout::place(paths, &places, &extras, undeclared)
}

fn ends_with(path: &Path, name: &str) -> bool {
    matches!(path.steps().last(), Some(Step::Member(last)) if &**last == name)
}
