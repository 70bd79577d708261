//! A visitor that does with values and rows what the first line of an input says, and writes down what it did.
//!
//! The line has three parts, `VALUES|ROWS|FLAGS`, each of letters that are taken in turn, again from the first behind the
//! last. Any other byte means one of them, so that every mutation is a line.
//!
//! - for values: `k` kept, `l` left out, `s` replaced by a text, `9` by a number, `0` by `null`
//! - for rows: `v` visited, `o` left out, `a` visited behind an empty one
//! - flags, each said or not: `r` undeclared keys are refused, `a` it is an answer, `m` a field may be missing, `d` the
//!   second field is left out wherever it occurs, `b` empty rows stand behind the last

use consentry::payload::{FieldId, Kind, Row, Treated, Value, Visitor};

/// What no declared value holds in the corpora: where it is in a body, it must not be in what is written.
pub(crate) const MARK: &str = "QUARRY";
/// The text that values are replaced by.
const REPLACEMENT: &str = "zz";
/// The field that goes wherever it occurs.
const DROPPED: FieldId = FieldId(1);

/// The first line of an input.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    values: &'a [u8],
    rows: &'a [u8],
    flags: &'a [u8],
}

impl<'a> Line<'a> {
    /// The line, and the body behind it.
    pub(crate) fn split(input: &'a [u8]) -> (Self, &'a [u8]) {
        let (line, body) = first_line(input);
        let mut parts = line.split(|byte| *byte == b'|');
        let mut next = || parts.next().unwrap_or_default();
        (Self { values: next(), rows: next(), flags: next() }, body)
    }

    /// Keeps every value, with the same flags.
    pub(crate) fn keeping(&self) -> Self {
        Self { values: b"k", rows: b"v", flags: self.flags }
    }

    /// Whether a flag is said.
    pub(crate) fn says(&self, flag: u8) -> bool {
        self.flags.contains(&flag)
    }
}

/// What stands before the first line feed, and what behind it.
pub(crate) fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    (&input[..end], input.get(end + 1..).unwrap_or_default())
}

/// Why a walk was stopped by the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Misshapen,
    Undeclared,
}

/// What was done with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) field: u16,
    pub(crate) came: (Kind, String),
    /// What it became; `None` where it was left out.
    pub(crate) became: Option<(Kind, String)>,
}

/// The visitor.
pub(crate) struct Acting<'a> {
    line: Line<'a>,
    drops: bool,
    pub(crate) done: Vec<Done>,
    pub(crate) undeclared: usize,
    pub(crate) rows_out: usize,
    pub(crate) rows_added: usize,
}

impl<'a> Acting<'a> {
    pub(crate) fn new(line: Line<'a>, drops: bool) -> Self {
        let drops = drops && line.says(b'd');
        Self { line, drops, done: Vec::new(), undeclared: 0, rows_out: 0, rows_added: 0 }
    }

    /// Whether a body comes out as it came.
    pub(crate) fn did_nothing(&self) -> bool {
        let kept = |done: &Done| done.became.as_ref() == Some(&done.came);
        self.undeclared == 0
            && self.rows_out == 0
            && self.rows_added == 0
            && !self.drops
            && self.done.iter().all(kept)
    }

    /// Whether some value that stays, or a file, whose text is another than the bytes of the body, has the mark.
    pub(crate) fn keeps_mark(&self) -> bool {
        let marked = |(kind, text): &(Kind, String)| *kind == Kind::File || text.contains(MARK);
        self.done.iter().any(|done| done.became.as_ref().is_some_and(marked))
    }
}

impl Visitor for Acting<'_> {
    type Error = Halt;

    fn value(
        &mut self,
        field: FieldId,
        _at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Halt> {
        assert_eq!(out, "", "the place for a replacement comes empty");
        let act = match self.line.values {
            [] => b'k',
            values => values[self.done.len() % values.len()],
        };
        let replaced = value.kind != Kind::File;
        let came = (value.kind, value.text.to_owned());
        let (treated, became) = match act {
            _ if self.drops && field == DROPPED => (Treated::LeftOut, None),
            b'k' => (Treated::Kept, Some(came.clone())),
            b'l' => (Treated::LeftOut, None),
            b'9' if replaced => (Treated::Replaced(Kind::Integer), Some((Kind::Integer, "9".to_owned()))),
            b'0' if replaced => (Treated::Replaced(Kind::Null), Some((Kind::Null, "null".to_owned()))),
            byte if replaced && byte % 2 == b's' % 2 => {
                (Treated::Replaced(Kind::String), Some((Kind::String, REPLACEMENT.to_owned())))
            }
            _ => (Treated::Kept, Some(came.clone())),
        };
        if let (Treated::Replaced(_), Some((_, text))) = (treated, &became) {
            out.push_str(text);
        }
        self.done.push(Done { field: field.0, came, became });
        Ok(treated)
    }

    fn missing(&mut self, _field: FieldId) -> Result<(), Halt> {
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), Halt> {
        self.undeclared += 1;
        if self.line.says(b'r') { Err(Halt::Undeclared) } else { Ok(()) }
    }

    fn misshapen(&mut self, _field: FieldId) -> Halt {
        Halt::Misshapen
    }

    fn row(&mut self, row: u32) -> Row {
        let act = match self.line.rows {
            [] => b'v',
            rows => rows[usize::try_from(row).expect("a small number") % rows.len()],
        };
        match act {
            b'o' => {
                self.rows_out += 1;
                Row::LeftOut
            }
            b'a' => {
                self.rows_added += 1;
                Row::After(1)
            }
            _ => Row::Visited,
        }
    }

    fn rows(&mut self, _count: u32) -> Result<u32, Halt> {
        let more = u32::from(self.line.says(b'b')) * 2;
        self.rows_added += usize::try_from(more).expect("a small number");
        Ok(more)
    }

    fn may_lack(&self, _field: FieldId) -> bool {
        self.line.says(b'm')
    }

    fn leaves_out(&self, field: FieldId) -> bool {
        self.drops && field == DROPPED
    }
}
