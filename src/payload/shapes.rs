//! Formats in JSON whose rows come in one of several shapes, told apart by the key that holds them.

use super::caps::Caps;
use super::format::Format;
use super::json::{self, Opening};
use super::layout::{Clash, Extra, FieldId, Layout, Part, Place, Rows, Table, Undeclared};
use super::path::{Path, Step};
use super::stop::{Malformed, Stop};
use super::value::Visitor;

/// How rows lie behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// `[{"age": 36}, …]`: each row is an object.
    Records,
    /// `[36, …]` or `[[1, 2], …]`: each row is a value without a name, which bears that of the key.
    Values,
    /// `{"age": [36, …], …}`: each column is an array.
    Columns,
    /// `{"columns": ["age"], "data": [[36], …]}`.
    Table,
}

/// A format's shapes, each with the declared fields compiled for it.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    keys: Vec<&'static str>,
    shapes: Vec<Shape>,
}

#[derive(Clone, Debug)]
struct Shape {
    key: usize,
    how: How,
    layout: Layout,
    /// Fields that this shape has no place for.
    absent: Vec<FieldId>,
}

/// The reason for every body that has none of the shapes.
const NONE: &str = "none of the keys that hold rows is there, or what it holds is of another shape";
/// The reason for every body that has two of them: some readers would take the first, some the last.
const TWO: &str = "more than one of the keys that hold rows is there";

impl Shapes {
    /// Compiles declared fields for each shape; tells which of them belong to rows. Those that `whole` says so of are of
    /// the whole body, and stand where their paths say.
    ///
    /// # Errors
    /// The first path that contradicts an earlier one, or that has a place in no shape.
    pub(super) fn compile(
        format: Format,
        known: &[(&'static str, &[How])],
        whole: impl Fn(&Path) -> bool,
        paths: &[Path],
        undeclared: Undeclared,
    ) -> Result<(Self, Box<[bool]>), Clash> {
        let keys: Vec<_> = known.iter().map(|(key, _)| *key).collect();
        let in_row: Box<[bool]> = paths.iter().map(|path| !whole(path)).collect();
        for (field, path) in (0..=u16::MAX).map(FieldId).zip(paths) {
            if path.steps().first() == Some(&Step::Every) {
                let reason =
                    "the name of a row's field begins with a member, for rows are counted by the format";
                return Err(Clash::NoPlace { path: path.clone(), field, format, reason });
            }
        }
        let mut shapes = Vec::new();
        for (place, (key, hows)) in known.iter().enumerate() {
            for how in *hows {
                let (layout, absent) = lay(format, key, &keys, *how, paths, &in_row, undeclared)?;
                shapes.push(Shape { key: place, how: *how, layout, absent });
            }
        }
        Ok((Self { keys, shapes }, in_row))
    }

    pub(super) fn walk<V: Visitor>(
        &self,
        body: &[u8],
        caps: &Caps,
        visitor: &mut V,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop<V::Error>> {
        let none = || Stop::Malformed(Malformed { offset: 0, reason: NONE });
        let (key, opening) = json::opening(body, caps, &self.keys)?.ok_or_else(none)?;
        let fits = |how: How| match opening {
            Opening::Object => matches!(how, How::Columns | How::Table),
            Opening::Objects => how == How::Records,
            Opening::Values => how == How::Values,
            Opening::Nothing => matches!(how, How::Records | How::Values),
        };
        let shape = self.shapes.iter().find(|shape| shape.key == key && fits(shape.how)).ok_or_else(none)?;
        json::walk(body, &shape.layout, caps, visitor, out)?;
        shape.absent.iter().try_for_each(|&field| visitor.missing(field)).map_err(Stop::Visitor)
    }
}

fn lay(
    format: Format,
    key: &'static str,
    keys: &[&'static str],
    how: How,
    paths: &[Path],
    in_row: &[bool],
    undeclared: Undeclared,
) -> Result<(Layout, Vec<FieldId>), Clash> {
    let (mut places, mut cells, mut absent) = (Vec::new(), Vec::new(), Vec::new());
    for ((field, path), in_row) in (0..=u16::MAX).map(FieldId).zip(paths).zip(in_row) {
        let mut place = Place::of(field, path);
        if *in_row {
            let nameless = nameless(path, keys);
            match (how, nameless) {
                (How::Values, Some(named)) if named == key => {
                    place.steps.insert(1, Step::Every);
                    place.rows = Some((1, Rows::Each));
                }
                (How::Records, None) => {
                    place.steps.splice(0..0, [Step::Member(key.into()), Step::Every]);
                    place.rows = Some((1, Rows::Each));
                }
                (How::Columns, None) => {
                    place.steps.insert(1, Step::Every);
                    place.steps.insert(0, Step::Member(key.into()));
                    place.rows = Some((2, Rows::Column));
                }
                (How::Table, None) => {
                    cells.push(field);
                    continue;
                }
                _ => {
                    absent.push(field);
                    continue;
                }
            }
        }
        places.push(place);
    }
    let mut extras = Vec::new();
    if how == How::Table {
        let table = Table::new(paths, cells.into_iter(), format)?;
        extras.push(Extra { steps: vec![Step::Member(key.into())], part: Part::Table(table) });
    } else if !places.iter().any(|place| place.rows.is_some()) {
        // Where no field of this shape is declared, the key is declared all the same, for its rows to be left out of.
        extras.push(Extra { steps: vec![Step::Member(key.into())], part: Part::Fixed(&[]) });
    }
    let others = keys.iter().filter(|other| **other != key);
    extras.extend(
        others.map(|other| Extra { steps: vec![Step::Member((*other).into())], part: Part::Apart(TWO) }),
    );
    Ok((Layout::place(paths, &places, &extras, undeclared)?, absent))
}

/// The key whose rows have no names, where a path is what such a row has.
fn nameless<'k>(path: &Path, keys: &[&'k str]) -> Option<&'k str> {
    let Some((Step::Member(first), rest)) = path.steps().split_first() else { return None };
    let within = rest.iter().all(|step| *step == Step::Every);
    keys.iter().find(|key| ***key == **first && within).copied()
}
