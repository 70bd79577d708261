//! A visitor for tests of every format: it does as a list of acts says, and writes down what it is told.

use std::collections::HashMap;

use super::{
    Caps, Clash, Declared, Direction, Envelope, FieldId, Format, Kind, Path, Row, Step, Stop, Treated,
    Undeclared, Value, Visitor, Walker,
};

pub(super) const CAPS: Caps = Caps { bytes: 1 << 20, depth: 64, members: 10_000, rows: 10_000 };

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Keep,
    Leave,
    Replace(Kind, String),
}

pub(super) fn replace(text: &str) -> Act {
    Act::Replace(Kind::String, text.into())
}

/// What a visitor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Value(u16, Vec<u32>, Kind, String),
    Missing(u16),
    Undeclared,
    Rows(u32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    Misshapen(u16),
    Undeclared,
}

/// Does one act after the other for each field, again from the first behind the last.
#[derive(Clone, Debug)]
pub(super) struct Acting {
    pub(super) acts: Vec<Vec<Act>>,
    pub(super) undeclared: Undeclared,
    pub(super) rows_out: Vec<u32>,
    /// How many empty rows stand before a row.
    pub(super) before: HashMap<u32, u32>,
    pub(super) behind: u32,
    /// Columns that go.
    pub(super) dropped: Vec<u16>,
    pub(super) may_lack: Vec<u16>,
    pub(super) told: Vec<Told>,
    calls: HashMap<u16, usize>,
}

impl Acting {
    pub(super) fn new(acts: Vec<Vec<Act>>, undeclared: Undeclared) -> Self {
        Self {
            acts,
            undeclared,
            rows_out: Vec::new(),
            before: HashMap::new(),
            behind: 0,
            dropped: Vec::new(),
            may_lack: Vec::new(),
            told: Vec::new(),
            calls: HashMap::new(),
        }
    }

    /// Does one act for each field, whenever it occurs.
    pub(super) fn of(acts: &[Act], undeclared: Undeclared) -> Self {
        Self::new(acts.iter().map(|act| vec![act.clone()]).collect(), undeclared)
    }

    /// Keeps every value of so many fields.
    pub(super) fn keeping(fields: usize) -> Self {
        Self::of(&vec![Act::Keep; fields], Undeclared::LeaveOut)
    }

    /// What is done to the next value of a field.
    pub(super) fn next(&mut self, field: u16) -> Act {
        let call = self.calls.entry(field).or_default();
        let acts = &self.acts[usize::from(field)];
        *call += 1;
        acts[(*call - 1) % acts.len()].clone()
    }

    pub(super) fn values(&self) -> Vec<&str> {
        let values = self.told.iter().filter_map(|told| match told {
            Told::Value(.., text) => Some(text.as_str()),
            _ => None,
        });
        values.collect()
    }

    /// The fields that were told to be missing.
    pub(super) fn missing(&self) -> Vec<u16> {
        let missing = |told: &Told| if let Told::Missing(field) = told { Some(*field) } else { None };
        self.told.iter().filter_map(missing).collect()
    }

    /// The numbers of rows that were told.
    pub(super) fn counted(&self) -> Vec<u32> {
        let count = |told: &Told| if let Told::Rows(count) = told { Some(*count) } else { None };
        self.told.iter().filter_map(count).collect()
    }

    /// How many keys were told to be undeclared.
    pub(super) fn undeclared_keys(&self) -> usize {
        self.told.iter().filter(|told| **told == Told::Undeclared).count()
    }
}

impl Visitor for Acting {
    type Error = Halt;

    fn value(
        &mut self,
        field: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Halt> {
        assert_eq!(out, "");
        self.told.push(Told::Value(field.0, at.to_vec(), value.kind, value.text.into()));
        Ok(match self.next(field.0) {
            Act::Keep => Treated::Kept,
            Act::Leave => Treated::LeftOut,
            Act::Replace(kind, text) => {
                out.push_str(&text);
                Treated::Replaced(kind)
            }
        })
    }

    fn missing(&mut self, field: FieldId) -> Result<(), Halt> {
        self.told.push(Told::Missing(field.0));
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), Halt> {
        self.told.push(Told::Undeclared);
        if self.undeclared == Undeclared::Refuse { Err(Halt::Undeclared) } else { Ok(()) }
    }

    fn misshapen(&mut self, field: FieldId) -> Halt {
        Halt::Misshapen(field.0)
    }

    fn row(&mut self, row: u32) -> Row {
        if self.rows_out.contains(&row) {
            return Row::LeftOut;
        }
        self.before.get(&row).map_or(Row::Visited, |count| Row::After(*count))
    }

    fn rows(&mut self, count: u32) -> Result<u32, Halt> {
        self.told.push(Told::Rows(count));
        Ok(self.behind)
    }

    fn may_lack(&self, field: FieldId) -> bool {
        self.may_lack.contains(&field.0)
    }

    fn leaves_out(&self, field: FieldId) -> bool {
        self.dropped.contains(&field.0)
    }
}

pub(super) fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|text| Path::parse(text).unwrap()).collect()
}

/// A path of one member, whatever its name.
pub(super) fn named(name: &str) -> Path {
    let escaped: String = name.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let path = Path::parse(&format!("['{escaped}']")).unwrap();
    assert_eq!(path.steps(), [Step::Member(name.into())]);
    path
}

pub(super) fn compile(format: Format, paths: &[Path], undeclared: Undeclared) -> Result<Walker, Clash> {
    Walker::compile(format, Direction::Request, Declared { paths, undeclared, rows: None })
}

/// Walks as everybody outside does.
pub(super) fn walk(
    format: Format,
    body: &[u8],
    envelope: &Envelope,
    paths: &[Path],
    caps: &Caps,
    acting: &mut Acting,
) -> Result<(Vec<u8>, Envelope), Stop<Halt>> {
    walk_by(&compile(format, paths, acting.undeclared).unwrap(), body, envelope, caps, acting)
}

/// The same with a walker that there is. A refused body leaves nothing behind.
pub(super) fn walk_by(
    walker: &Walker,
    body: &[u8],
    envelope: &Envelope,
    caps: &Caps,
    acting: &mut Acting,
) -> Result<(Vec<u8>, Envelope), Stop<Halt>> {
    let mut out = b"before".to_vec();
    let result = walker.walk(body, envelope, caps, acting, &mut out);
    let written = out.split_off(6);
    assert_eq!(out, b"before");
    if result.is_err() {
        assert_eq!(written, b"", "a refused body leaves nothing behind");
    }
    result.map(|envelope| (written, envelope))
}

/// The same for bodies that are texts, without more about them.
pub(super) fn text(
    format: Format,
    body: &str,
    paths: &[Path],
    acting: &mut Acting,
) -> Result<String, Stop<Halt>> {
    walk(format, body.as_bytes(), &Envelope::default(), paths, &CAPS, acting)
        .map(|(out, _)| String::from_utf8(out).unwrap())
}

/// Why a body is not of its format.
pub(super) fn reason<T>(result: Result<T, Stop<Halt>>) -> Option<&'static str> {
    match result {
        Err(Stop::Malformed(malformed)) => Some(malformed.reason),
        _ => None,
    }
}
