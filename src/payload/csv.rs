//! Comma-separated values (RFC 4180) with a header line, in UTF-8. A field is the column that has its name. What readers
//! of CSV take differently is refused: lines of unequal length, blank lines, two kinds of line ends, quotes and controls
//! where RFC 4180 has none, doubled names.
//!
//! A column that is left out goes from every line, a row with its line; everything else is copied byte for byte, with the
//! quotes that it came in. Where one column is left, an empty cell of it is written `""`: a blank line is no row to many.
//! A table without a declared column is refused, and a request of which no column is left: it would be a body without a
//! header, which is none of this format. An answer of which this caller gets no column is empty.

use std::borrow::Cow;

use super::caps::{Caps, Tally};
use super::flat::{Name, Names, index, visit};
use super::layout::FieldId;
use super::stop::{Malformed, Stop};
use super::text::utf8;
use super::value::{Kind, Row, Treated, Visitor};
use super::walker::Direction;

/// Walks a table: the header, then row by row, then what the visitor says stands behind the last.
pub(super) fn walk<V: Visitor>(
    body: &[u8],
    direction: Direction,
    names: &Names,
    caps: &Caps,
    visitor: &mut V,
    out: &mut Vec<u8>,
) -> Result<(), Stop<V::Error>> {
    let mut tally = Tally::of(body, caps)?;
    let mut reader = Reader { text: utf8(body)?, at: 0, end: None };
    let mut writer = Writer { out, width: 0, lines: 0, line: 0, cells: 0 };
    let columns = header(&mut reader, names, &mut tally, visitor, &mut writer)?;
    let declared = columns.iter().any(|column| column.field.is_some());
    if writer.width == 0 && !(declared && direction == Direction::Response) {
        return Err(Malformed { offset: 0, reason: "no column is left of it" }.into());
    }
    let end = |reader: &Reader<'_>| reader.end.unwrap_or(CRLF);
    let (mut unescaped, mut replacement) = (String::new(), String::new());
    let mut rows = 0;
    while !reader.is_at_end() {
        let row = index(rows);
        rows += 1;
        tally.rows(rows)?;
        let verdict = visitor.row(row);
        if let Row::After(count) = verdict {
            (0..count).for_each(|_| writer.empty_line(end(&reader)));
        }
        let visited = verdict != Row::LeftOut;
        if visited {
            writer.begin_line(end(&reader));
        }
        reader.not_blank()?;
        let mut columns = columns.iter();
        loop {
            let (cell, last) = reader.cell()?;
            let Some(column) = columns.next() else { return Err(cell.wrong(UNEQUAL).into()) };
            if last != columns.as_slice().is_empty() {
                return Err(cell.wrong(UNEQUAL).into());
            }
            if let Some(field) = column.field.filter(|_| visited) {
                let text = cell.meaning(&mut unescaped);
                let treated = visit(visitor, field, &[row], text, !cell.quoted, &mut replacement)?;
                if column.kept {
                    writer.begin_cell();
                    match treated {
                        Treated::Kept => writer.raw(cell.raw),
                        Treated::LeftOut => {}
                        Treated::Replaced(kind) => {
                            writer.encode(kind, &replacement).ok_or(Stop::Unfit(field))?;
                        }
                    }
                }
            }
            if last {
                break;
            }
        }
        if visited {
            writer.end_line();
        }
    }
    let more = visitor.rows(index(rows)).map_err(Stop::Visitor)?;
    (0..more).for_each(|_| writer.empty_line(end(&reader)));
    // The last line ends as it did.
    if writer.width > 0 && body.last() == Some(&b'\n') {
        writer.raw(end(&reader));
    }
    Ok(())
}

/// A column of the body.
struct Column {
    /// The field that has its name.
    field: Option<FieldId>,
    /// Whether it is written.
    kept: bool,
}

/// Reads the header line, and writes what is left of it.
fn header<V: Visitor>(
    reader: &mut Reader<'_>,
    names: &Names,
    tally: &mut Tally<'_>,
    visitor: &mut V,
    writer: &mut Writer<'_>,
) -> Result<Vec<Column>, Stop<V::Error>> {
    if reader.is_at_end() {
        return Err(Malformed { offset: 0, reason: "the header line is missing" }.into());
    }
    reader.not_blank()?;
    let mut titles: Vec<(Cow<'_, str>, Cell<'_>)> = Vec::new();
    loop {
        let (cell, last) = reader.cell()?;
        tally.member()?;
        titles.push((cell.name(), cell));
        if last {
            break;
        }
    }
    // Sorting bounds the work whatever the names are.
    let mut sorted: Vec<_> = titles.iter().map(|(name, cell)| (&**name, cell)).collect();
    sorted.sort_unstable_by(|(one, a), (other, b)| one.cmp(other).then(a.from.cmp(&b.from)));
    let pairs = sorted.iter().zip(sorted.iter().skip(1));
    if let Some((_, (_, cell))) =
        pairs.filter(|((one, _), (other, _))| one == other).min_by_key(|(_, (_, cell))| cell.from)
    {
        return Err(cell.wrong("two columns have one name").into());
    }
    let mut columns = Vec::with_capacity(titles.len());
    for (name, _) in &titles {
        let field = names.named(name).map(|Name { field, .. }| field);
        if field.is_none() {
            names.undeclared(visitor)?;
        }
        let kept = field.is_some_and(|field| !visitor.leaves_out(field));
        columns.push(Column { field, kept });
    }
    let mut there: Vec<_> = columns.iter().filter_map(|column| column.field).collect();
    there.sort_unstable();
    for field in names.fields() {
        if there.binary_search(&field).is_err() {
            visitor.missing(field).map_err(Stop::Visitor)?;
        }
    }
    writer.width = columns.iter().filter(|column| column.kept).count();
    writer.begin_line("");
    for (_, (_, cell)) in columns.iter().zip(&titles).filter(|(column, _)| column.kept) {
        writer.begin_cell();
        writer.raw(cell.raw);
    }
    writer.end_line();
    Ok(columns)
}

const LF: &str = "\n";
const CRLF: &str = "\r\n";

const UNEQUAL: &str = "a line has another number of cells than the header";

/// A cell as it stands.
struct Cell<'a> {
    /// With its quotes.
    raw: &'a str,
    quoted: bool,
    /// Where it begins.
    from: usize,
}

impl<'a> Cell<'a> {
    /// Without its quotes.
    fn inner(&self) -> &'a str {
        if !self.quoted {
            return self.raw;
        }
        self.raw.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or_default()
    }

    /// What it means; `unescaped` is where that is written if it is not what stands there.
    fn meaning<'t>(&self, unescaped: &'t mut String) -> &'t str
    where
        'a: 't,
    {
        let inner = self.inner();
        if !self.quoted || !inner.contains('"') {
            return inner;
        }
        unescaped.clear();
        for (number, piece) in inner.split("\"\"").enumerate() {
            if number > 0 {
                unescaped.push('"');
            }
            unescaped.push_str(piece);
        }
        unescaped
    }

    /// The name that it gives to its column.
    fn name(&self) -> Cow<'a, str> {
        let inner = self.inner();
        if self.quoted && inner.contains('"') { inner.replace("\"\"", "\"").into() } else { inner.into() }
    }

    fn wrong(&self, reason: &'static str) -> Malformed {
        Malformed { offset: self.from, reason }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How lines end in this body.
    end: Option<&'static str>,
}

impl<'a> Reader<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// At the beginning of a line: there is none.
    fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// At the beginning of a line: to some readers a blank one is a row, to others nothing.
    fn not_blank(&self) -> Result<(), Malformed> {
        match self.byte(self.at) {
            Some(b'\r' | b'\n') => Err(Malformed { offset: self.at, reason: "a line is blank" }),
            _ => Ok(()),
        }
    }

    /// The cell at the cursor, and whether it is the last of its line. The cursor is behind the comma or line end then.
    fn cell(&mut self) -> Result<(Cell<'a>, bool), Malformed> {
        let from = self.at;
        let wrong = |offset, reason| Err(Malformed { offset, reason });
        let quoted = self.byte(from) == Some(b'"');
        let mut at = from;
        if quoted {
            at += 1;
            loop {
                match self.byte(at) {
                    Some(b'"') if self.byte(at + 1) == Some(b'"') => at += 2,
                    Some(b'"') => break,
                    Some(b'\t' | b'\r' | b'\n' | b' '..) => at += 1,
                    Some(_) => return wrong(at, CONTROL),
                    None => return wrong(from, "a quote is not closed"),
                }
            }
            at += 1;
        } else {
            loop {
                match self.byte(at) {
                    Some(b',' | b'\r' | b'\n') | None => break,
                    Some(b'"') => return wrong(at, "a quote in a cell that is not quoted"),
                    Some(b'\t' | b' '..) => at += 1,
                    Some(_) => return wrong(at, CONTROL),
                }
            }
        }
        let cell = Cell { raw: self.text.get(from..at).unwrap_or_default(), quoted, from };
        let end = match self.byte(at) {
            Some(b',') => {
                self.at = at + 1;
                return Ok((cell, false));
            }
            None => {
                self.at = at;
                return Ok((cell, true));
            }
            Some(b'\n') => LF,
            Some(b'\r') if self.byte(at + 1) == Some(b'\n') => CRLF,
            Some(b'\r') => return wrong(at, "a carriage return that ends no line"),
            Some(_) => return wrong(at, "text behind a closed quote"),
        };
        if **self.end.get_or_insert(end) != *end {
            return wrong(at, "lines end in two ways");
        }
        self.at = at + end.len();
        Ok((cell, true))
    }
}

const CONTROL: &str = "a control character";

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Columns that are written. Where there are none, no line is.
    width: usize,
    lines: usize,
    /// Where the line begins.
    line: usize,
    /// Cells of the line so far.
    cells: usize,
}

impl Writer<'_> {
    /// Begins a line, behind the end of the one before.
    fn begin_line(&mut self, end: &str) {
        if self.lines > 0 && self.width > 0 {
            self.raw(end);
        }
        self.lines += 1;
        self.cells = 0;
        self.line = self.out.len();
    }

    fn begin_cell(&mut self) {
        if self.cells > 0 {
            self.out.push(b',');
        }
        self.cells += 1;
    }

    fn end_line(&mut self) {
        if self.width == 1 && self.out.len() == self.line {
            self.raw("\"\"");
        }
    }

    /// A row of nothing.
    fn empty_line(&mut self, end: &str) {
        self.begin_line(end);
        (0..self.width).for_each(|_| self.begin_cell());
        self.end_line();
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes a cell anew, in quotes where it needs them; `None` where no reader would take it as it is.
    fn encode(&mut self, kind: Kind, text: &str) -> Option<()> {
        if kind == Kind::Null {
            return Some(());
        }
        if text.bytes().any(|byte| matches!(byte, 0..b' ') && !matches!(byte, b'\t' | b'\r' | b'\n')) {
            return None;
        }
        let spaced = text.starts_with([' ', '\t']) || text.ends_with([' ', '\t']);
        if !text.is_empty() && !spaced && !text.contains([',', '"', '\r', '\n']) {
            self.raw(text);
            return Some(());
        }
        self.raw("\"");
        for (number, piece) in text.split('"').enumerate() {
            if number > 0 {
                self.raw("\"\"");
            }
            self.raw(piece);
        }
        self.raw("\"");
        Some(())
    }
}

#[cfg(test)]
mod tests;
