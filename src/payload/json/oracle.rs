//! The slow and obvious way to do what the walk does: on a strict tree.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor as Reads};
use serde_json::value::RawValue;

use crate::payload::acting::{Act, Acting, Halt, Told};
use crate::payload::{Kind, Path, Step, Undeclared};

/// A document in order, with scalars as they are spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::payload) enum Tree {
    Scalar(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads strictly: duplicate keys and lone surrogates are errors.
    pub(in crate::payload) fn read(body: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|e| e.to_string())?;
        Self::level(serde_json::from_str(text).map_err(|e| e.to_string())?)
    }

    fn level(raw: &RawValue) -> Result<Self, String> {
        let text = raw.get();
        let read = serde_json::Deserializer::from_str;
        match text.as_bytes()[0] {
            b'{' => {
                let members = read(text).deserialize_map(Members).map_err(|e| e.to_string())?;
                let mut keys: Vec<_> = members.iter().map(|(key, _)| key).collect();
                keys.sort();
                if keys.windows(2).any(|pair| pair[0] == pair[1]) {
                    return Err("duplicate".into());
                }
                let level = |(key, raw): (String, Box<RawValue>)| Ok((key, Self::level(&raw)?));
                members.into_iter().map(level).collect::<Result<_, String>>().map(Self::Object)
            }
            b'[' => {
                let elements = read(text).deserialize_seq(Elements).map_err(|e| e.to_string())?;
                elements.iter().map(|raw| Self::level(raw)).collect::<Result<_, _>>().map(Self::Array)
            }
            b'"' => {
                serde_json::from_str::<String>(text).map_err(|e| e.to_string())?;
                Ok(Self::Scalar(text.into()))
            }
            _ => Ok(Self::Scalar(text.into())),
        }
    }

    pub(in crate::payload) fn at(&self, names: &[&str]) -> Option<&Tree> {
        names.iter().try_fold(self, |tree, name| match tree {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        })
    }
}

struct Members;

impl<'de> Reads<'de> for Members {
    type Value = Vec<(String, Box<RawValue>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Elements;

impl<'de> Reads<'de> for Elements {
    type Value = Vec<Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(elements)
    }
}

/// Treats a tree as it is acted; `None` where it is left out.
pub(in crate::payload) fn treat(
    tree: &Tree,
    here: &[Step],
    at: &[u32],
    paths: &[Path],
    acting: &mut Acting,
) -> Result<Option<Tree>, Halt> {
    let fields = || (0..).zip(paths);
    if let Some((field, _)) = fields().find(|(_, path)| path.steps() == here) {
        let Tree::Scalar(raw) = tree else { return Err(Halt::Misshapen(field)) };
        let (kind, text) = meaning(raw);
        acting.told.push(Told::Value(field, at.to_vec(), kind, text));
        return Ok(match acting.next(field) {
            Act::Keep => Some(tree.clone()),
            Act::Leave => None,
            Act::Replace(Kind::String, text) => Some(Tree::Scalar(serde_json::to_string(&text).unwrap())),
            Act::Replace(_, text) => Some(Tree::Scalar(text)),
        });
    }
    let under =
        |here: &[Step]| fields().filter(|(_, path)| path.steps().starts_with(here)).collect::<Vec<_>>();
    let mine = under(here);
    let every = mine.first().is_some_and(|(_, path)| path.steps()[here.len()] == Step::Every);
    let step_in = |step: Step| [here, &[step]].concat();
    match (tree, every) {
        (Tree::Array(elements), true) => {
            let mut kept = Vec::new();
            for (index, element) in (0..).zip(elements) {
                kept.extend(treat(element, &step_in(Step::Every), &[at, &[index]].concat(), paths, acting)?);
            }
            Ok(Some(Tree::Array(kept)))
        }
        (Tree::Object(members), false) => {
            let mut kept = Vec::new();
            for (key, value) in members {
                let inner = step_in(Step::Member(key.as_str().into()));
                if under(&inner).is_empty() {
                    acting.told.push(Told::Undeclared);
                    if acting.undeclared == Undeclared::Refuse {
                        return Err(Halt::Undeclared);
                    }
                } else if let Some(value) = treat(value, &inner, at, paths, acting)? {
                    kept.push((key.clone(), value));
                }
            }
            for (field, path) in mine {
                let Step::Member(name) = &path.steps()[here.len()] else { unreachable!() };
                if !members.iter().any(|(key, _)| **key == **name) {
                    acting.told.push(Told::Missing(field));
                }
            }
            Ok(Some(Tree::Object(kept)))
        }
        // What is not there: nothing below it, and `null` as it came.
        (Tree::Scalar(raw), _) if raw == "null" && !here.is_empty() => {
            acting.told.extend(mine.iter().map(|(field, _)| Told::Missing(*field)));
            Ok(Some(tree.clone()))
        }
        // Told by the field that comes first in the tree: of neighbours, the one declared first.
        _ => Err(Halt::Misshapen(mine.first().map_or(0, |(field, _)| *field))),
    }
}

pub(in crate::payload) fn meaning(raw: &str) -> (Kind, String) {
    match raw.as_bytes()[0] {
        b'"' => (Kind::String, serde_json::from_str(raw).unwrap()),
        b't' | b'f' => (Kind::Boolean, raw.into()),
        b'n' => (Kind::Null, raw.into()),
        _ if raw.contains(['.', 'e', 'E']) => (Kind::Number, raw.into()),
        _ => (Kind::Integer, raw.into()),
    }
}
