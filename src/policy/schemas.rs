//! JSON Schemas of whole bodies: files beside the policies, read and compiled with them. What a schema refers to must lie
//! in the policies folder too, and counts into the digests like the policy itself.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::codes::Code;
use super::diagnostics::{Sources, Span, Spanned};
use super::folder::{read_file, utf8};
use super::model::{PolicySet, WholeBody};
use super::reader::Reader;
use super::yaml::{self, Content, Node};
use crate::check::{Other, Schema};

/// Under which name a schema is known to references.
const BASE: &str = "policies:///";
const HELP: &str =
    "Mend the schema: JSON Schema, draft 2020-12; what it refers to lies in the policies folder.";

/// Reads and compiles what the activities name, and counts it into their digests and the set's.
pub(super) fn load(
    folder: &Path,
    set: &mut PolicySet,
    digest: &mut Sha256,
    sources: &mut Sources,
    reader: &mut Reader,
) {
    let mut all = BTreeMap::new();
    for activity in set.activities.iter_mut().chain(&mut set.shadows) {
        let mut own = BTreeMap::new();
        for side in [&mut activity.request, &mut activity.response].into_iter().flatten() {
            if let Some(whole) = &mut side.schema {
                let read = Beside { folder: folder.to_owned(), read: Arc::default() };
                compile(whole, &read, sources, reader);
                own.append(&mut read.read.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
        if !own.is_empty() {
            let mut with = Sha256::new();
            with.update(activity.digest);
            count(&own, &mut with);
            activity.digest = with.finalize().into();
            all.append(&mut own);
        }
    }
    count(&all, digest);
}

fn count(files: &BTreeMap<String, Vec<u8>>, digest: &mut Sha256) {
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
    }
}

fn compile(whole: &mut WholeBody, beside: &Beside, sources: &mut Sources, reader: &mut Reader) {
    let Spanned { value: name, span } = &whole.file;
    let bytes = match beside.bytes(name) {
        Ok(bytes) => bytes,
        Err(why) => {
            let help =
                "Write the path of a `.json` file from the policies folder on: `schema: score.schema.json`.";
            reader.report(Code::Schema, *span, format!("`{name}` cannot be used as a schema: {why}."), help);
            return;
        }
    };
    let path = beside.folder.join(name);
    let Some(text) = utf8(&path, bytes, &mut reader.found) else { return };
    let schema: Value = match serde_json::from_str(&text) {
        Ok(schema) => schema,
        Err(error) => {
            let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
            let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
            let at = at.min(text.len().saturating_sub(1));
            let rest = text.get(at..).and_then(|rest| rest.lines().next()).unwrap_or_default();
            let source = sources.add(path.display().to_string(), text.as_str());
            let span = Span { source, start: at, end: at + rest.len() };
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            reader.report(Code::Schema, span, format!("This is not JSON: {what}."), HELP);
            return;
        }
    };
    match Schema::compile(&schema, &format!("{BASE}{name}"), beside.clone()) {
        Ok(compiled) => whole.compiled = Some(Arc::new(compiled)),
        Err(error) => {
            let source = sources.add(path.display().to_string(), text.as_str());
            // JSON is YAML, and the YAML reader knows places.
            let tree = yaml::parse(source, &text, &mut Vec::new());
            let place = tree.as_ref().and_then(|tree| find(tree, &error.at)).unwrap_or(*span);
            reader.report(Code::Schema, place, format!("The schema cannot be used: {error}."), HELP);
        }
    }
}

/// The place of what a JSON pointer names.
fn find(tree: &Node, pointer: &str) -> Option<Span> {
    let mut node = tree;
    let mut at = tree.span;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        node = match &node.content {
            Content::Map(entries) => {
                let entry = entries.iter().find(|entry| entry.key == part)?;
                at = entry.at;
                &entry.value
            }
            Content::List(nodes) => {
                let node = nodes.get(part.parse::<usize>().ok()?)?;
                at = node.span;
                node
            }
            Content::Scalar(_) => return None,
        };
    }
    Some(if matches!(node.content, Content::Scalar(_)) { node.span } else { at })
}

/// The policies folder as a schema sees it, and what was read of it.
#[derive(Clone)]
struct Beside {
    folder: PathBuf,
    read: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Beside {
    /// The bytes of a file of the folder.
    fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if name.is_empty() || !plain || !name.ends_with(".json") {
            return Err("it is not the name of a `.json` file in the policies folder".into());
        }
        let path = self.folder.join(name);
        let real = |path: &Path| path.canonicalize().map_err(|error| format!("it cannot be read: {error}"));
        if !real(&path)?.starts_with(real(&self.folder)?) {
            return Err("it leads out of the policies folder".into());
        }
        let mut found = Vec::new();
        let bytes = read_file(&path, &mut found).ok_or_else(|| {
            let why = found.pop().map(|found| found.message).unwrap_or_default();
            why.trim_end_matches('.').to_owned()
        })?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(name.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

impl Other for Beside {
    fn fetch(&self, uri: &str) -> Result<Value, String> {
        let name = uri.strip_prefix(BASE).ok_or("nothing is fetched from outside the policies folder")?;
        let bytes = self.bytes(name)?;
        // The mark that some editors put first, as of all that people write.
        serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes))
            .map_err(|error| format!("it is not JSON: {error}"))
    }
}
