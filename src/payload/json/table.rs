//! A table in JSON: the names of its columns, and rows of cells in their order, as pandas' `split` has it.

use std::collections::HashSet;

use super::keys::DUPLICATE;
use super::lexer::{Cursor, Text, unescape};
use super::scratch::Scratch;
use super::walk::{Lead, Trail, Walk};
use crate::payload::layout::{Table, Undeclared};
use crate::payload::{FieldId, Malformed, Row, Stop, Visitor};

/// What becomes of a column.
#[derive(Clone, Copy)]
struct Column {
    /// The declared field; none where the column is undeclared, and left out.
    field: Option<FieldId>,
    /// Whether it goes, with its name.
    dropped: bool,
}

/// Which members have come.
#[derive(Default)]
struct Seen {
    columns: bool,
    data: bool,
    index: bool,
    rows: u32,
}

impl<'a, V: Visitor> Walk<'a, V> {
    /// Walks the table at the cursor: columns that are left out go with their cells, and rows with all of theirs.
    pub(super) fn table(
        &mut self,
        cursor: &mut Cursor<'a>,
        parent: &mut Trail,
        number: u32,
    ) -> Result<(), Stop<V::Error>> {
        let layout = self.layout;
        let Some(table) = layout.table(number) else { return Err(Stop::Undeclared) };
        if cursor.peek() != Some(b'{') {
            return match table.fields().next() {
                Some(field) => Err(Stop::Visitor(self.visitor.misshapen(field))),
                None => Err(cursor.wrong("a table is expected").into()),
            };
        }
        parent.lead = Lead::Kept;
        let depth = self.scratch.parents.len() + 2;
        self.tally.depth(depth + 2)?;
        let mark = self.scratch.keys.mark();
        let (mut seen, mut trail) = (Seen::default(), Trail::NEW);
        let mut columns: Option<Vec<Column>> = None;
        cursor.at += 1;
        cursor.space();
        let mut first = true;
        loop {
            if !first || cursor.peek() == Some(b'}') {
                cursor.space();
                match cursor.peek() {
                    Some(b'}') => break,
                    Some(b',') => {
                        trail.comma = cursor.at;
                        cursor.at += 1;
                        cursor.space();
                    }
                    _ => return Err(cursor.wrong(Cursor::AFTER_MEMBER).into()),
                }
            }
            first = false;
            let start = cursor.at;
            self.drop_comma(trail, start);
            self.tally.member()?;
            let key = cursor.key()?;
            let twice = Malformed { offset: start + 1, reason: DUPLICATE };
            if key.escaped {
                // It could be one of the three in another spelling.
                return Err(Malformed { offset: start + 1, reason: "a key of a table has escapes" }.into());
            }
            match key.raw {
                "columns" => {
                    if std::mem::replace(&mut seen.columns, true) {
                        return Err(twice.into());
                    }
                    trail.lead = Lead::Kept;
                    columns = Some(self.columns(cursor, table)?);
                }
                "data" => {
                    if std::mem::replace(&mut seen.data, true) {
                        return Err(twice.into());
                    }
                    trail.lead = Lead::Kept;
                    let known = match &columns {
                        Some(known) => known.clone(),
                        // The names stand behind the cells: they are looked up first.
                        None => self.columns_ahead(*cursor, table)?,
                    };
                    seen.rows = self.data(cursor, &known)?;
                }
                "index" => {
                    if std::mem::replace(&mut seen.index, true) {
                        return Err(twice.into());
                    }
                    self.index(cursor)?;
                    self.leave_out(&mut trail, start, cursor.at);
                }
                _ => {
                    self.cursor = *cursor;
                    self.undeclared(start, key)?;
                    *cursor = self.cursor;
                    self.leave_out(&mut trail, start, cursor.at);
                }
            }
        }
        self.scratch.keys.close(mark, self.body)?;
        if !(seen.columns && seen.data) {
            return Err(cursor.wrong("a table has `columns` and `data`").into());
        }
        cursor.at += 1;
        Ok(())
    }

    /// The names of the columns, written without those that go.
    fn columns(&mut self, cursor: &mut Cursor<'a>, table: &Table) -> Result<Vec<Column>, Stop<V::Error>> {
        let (mut columns, mut trail) = (Vec::new(), Trail::NEW);
        let mut names = HashSet::new();
        self.list(cursor, &mut trail, |walk, cursor, trail, start| {
            walk.tally.member()?;
            let from = cursor.at;
            let name = walk.name(cursor)?;
            let column = walk.column(&name, table)?;
            if !names.insert(name) {
                return Err(Malformed { offset: from, reason: "a column stands twice" }.into());
            }
            columns.push(column);
            if column.dropped {
                walk.leave_out(trail, start, cursor.at);
            } else {
                trail.lead = Lead::Kept;
            }
            Ok(())
        })?;
        let has = |field: FieldId| columns.iter().any(|column| column.field == Some(field));
        for field in table.fields().filter(|field| !has(*field)) {
            self.visitor.missing(field).map_err(Stop::Visitor)?;
        }
        Ok(columns)
    }

    /// The columns, where `data` comes before them. Nothing is written.
    fn columns_ahead(
        &mut self,
        mut cursor: Cursor<'a>,
        table: &Table,
    ) -> Result<Vec<Column>, Stop<V::Error>> {
        let mark = self.scratch.keys.mark();
        loop {
            let Scratch { parents, keys, skipper, .. } = &mut *self.scratch;
            let mut tally = self.tally;
            skipper.skip(&mut cursor, self.body, parents.len() + 2, &mut tally, keys)?;
            cursor.space();
            if cursor.peek() != Some(b',') {
                return Err(cursor.wrong("a table has `columns` and `data`").into());
            }
            cursor.at += 1;
            cursor.space();
            if cursor.key()?.raw == "columns" {
                break;
            }
        }
        self.scratch.keys.forget(mark);
        // As when they are read in their turn, but that nothing is written and nobody is told twice what is missing.
        let mut columns = Vec::new();
        let before = (self.out.len(), self.copied);
        let mut trail = Trail::NEW;
        self.list(&mut cursor, &mut trail, |walk, cursor, trail, _| {
            let name = walk.name(cursor)?;
            let field = table.column(&name);
            let dropped = field.is_none_or(|field| walk.visitor.leaves_out(field));
            columns.push(Column { field, dropped });
            trail.lead = Lead::Kept;
            Ok(())
        })?;
        self.out.truncate(before.0);
        self.copied = before.1;
        Ok(columns)
    }

    fn name(&mut self, cursor: &mut Cursor<'a>) -> Result<String, Stop<V::Error>> {
        let from = cursor.at;
        if cursor.peek() != Some(b'"') {
            return Err(cursor.wrong("the name of a column is expected").into());
        }
        let Text { raw, .. } = cursor.string()?;
        let mut name = String::new();
        unescape(raw, &mut name)
            .ok_or(Malformed { offset: from, reason: "the name of a column cannot be read" })?;
        Ok(name)
    }

    fn column(&mut self, name: &str, table: &Table) -> Result<Column, Stop<V::Error>> {
        let field = table.column(name);
        let dropped = match field {
            Some(field) => self.visitor.leaves_out(field),
            None => {
                self.visitor.undeclared().map_err(Stop::Visitor)?;
                if self.layout.undeclared() == Undeclared::Refuse {
                    return Err(Stop::Undeclared);
                }
                true
            }
        };
        Ok(Column { field, dropped })
    }

    /// The rows; how many there are.
    fn data(&mut self, cursor: &mut Cursor<'a>, columns: &[Column]) -> Result<u32, Stop<V::Error>> {
        let mut rows = 0_usize;
        let mut trail = Trail::NEW;
        self.scratch.indices.push(0);
        self.list(cursor, &mut trail, |walk, cursor, trail, start| {
            let row = u32::try_from(rows).unwrap_or(u32::MAX);
            rows += 1;
            walk.tally.rows(rows)?;
            if let Some(index) = walk.scratch.indices.last_mut() {
                *index = row;
            }
            match walk.visitor.row(row) {
                Row::LeftOut => {
                    walk.skip(cursor)?;
                    walk.leave_out(trail, start, cursor.at);
                    return Ok(());
                }
                Row::After(count) => walk.empty_rows(trail, start, count),
                Row::Visited => {}
            }
            trail.lead = Lead::Kept;
            walk.cells(cursor, columns)
        })?;
        self.scratch.indices.pop();
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        self.visitor.rows(rows).map_err(Stop::Visitor)?;
        Ok(rows)
    }

    /// The cells of one row, realigned with the columns that stay.
    fn cells(&mut self, cursor: &mut Cursor<'a>, columns: &[Column]) -> Result<(), Stop<V::Error>> {
        let mut rest = columns.iter();
        let mut trail = Trail::NEW;
        self.list(cursor, &mut trail, |walk, cursor, trail, start| {
            match rest.next() {
                None => return Err(cursor.wrong("a row has more cells than there are columns").into()),
                Some(Column { field: Some(field), dropped: true }) => {
                    walk.field::<false>(cursor, trail, start, *field)?;
                }
                Some(Column { field: Some(field), dropped: false }) => {
                    walk.field::<true>(cursor, trail, start, *field)?;
                }
                Some(Column { field: None, .. }) => {
                    walk.skip(cursor)?;
                    walk.leave_out(trail, start, cursor.at);
                }
            }
            Ok(())
        })?;
        match rest.next() {
            None => Ok(()),
            Some(_) => Err(cursor.wrong("a row has fewer cells than there are columns").into()),
        }
    }

    /// Labels of the rows never go on. Where they only count the rows they say nothing; else nobody has declared them.
    fn index(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Stop<V::Error>> {
        let mut next = 0_usize;
        let mut counts = cursor.peek() == Some(b'[');
        if counts {
            let mut ahead = *cursor;
            let before = (self.out.len(), self.copied);
            let mut trail = Trail::NEW;
            self.list(&mut ahead, &mut trail, |walk, cursor, trail, start| {
                let from = cursor.at;
                walk.skip(cursor)?;
                let label = walk.body.get(from..cursor.at).unwrap_or_default();
                counts &= label == next.to_string().as_bytes();
                next += 1;
                walk.tally.rows(next)?;
                let _ = start;
                trail.lead = Lead::Kept;
                Ok(())
            })?;
            self.out.truncate(before.0);
            self.copied = before.1;
        }
        self.skip(cursor)?;
        if counts {
            return Ok(());
        }
        self.visitor.undeclared().map_err(Stop::Visitor)?;
        match self.layout.undeclared() {
            Undeclared::Refuse => Err(Stop::Undeclared),
            Undeclared::LeaveOut => Ok(()),
        }
    }

    /// Steps over a value, checked as strictly as any other.
    fn skip(&mut self, cursor: &mut Cursor<'a>) -> Result<(), Stop<V::Error>> {
        let Scratch { parents, keys, skipper, .. } = &mut *self.scratch;
        skipper.skip(cursor, self.body, parents.len() + 3, &mut self.tally, keys)?;
        Ok(())
    }

    /// Does `each` with every element of the array at the cursor, which it steps over.
    fn list(
        &mut self,
        cursor: &mut Cursor<'a>,
        trail: &mut Trail,
        mut each: impl FnMut(&mut Self, &mut Cursor<'a>, &mut Trail, usize) -> Result<(), Stop<V::Error>>,
    ) -> Result<(), Stop<V::Error>> {
        if cursor.peek() != Some(b'[') {
            return Err(cursor.wrong("an array is expected").into());
        }
        cursor.at += 1;
        cursor.space();
        if cursor.peek() == Some(b']') {
            cursor.at += 1;
            return Ok(());
        }
        loop {
            let start = cursor.at;
            self.drop_comma(*trail, start);
            each(self, cursor, trail, start)?;
            cursor.space();
            match cursor.peek() {
                Some(b',') => {
                    trail.comma = cursor.at;
                    cursor.at += 1;
                    cursor.space();
                }
                Some(b']') => {
                    cursor.at += 1;
                    return Ok(());
                }
                _ => return Err(cursor.wrong(Cursor::AFTER_ELEMENT).into()),
            }
        }
    }
}
