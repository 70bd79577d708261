//! Names of fields in formats that are flat: columns of a table, pairs of a form, parts of a message. A field's flat name
//! is the names of its path with dots between them: `customer.age`, and `first name` for `['first name']`.

use super::format::Format;
use super::layout::{Clash, FieldId, Undeclared};
use super::path::{Path, Step};
use super::stop::{Malformed, Stop};
use super::value::{Kind, Treated, Value, Visitor};

/// Declared fields by their flat names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) undeclared: Undeclared,
    /// Ordered by name.
    names: Box<[(Box<str>, Name)]>,
}

/// What is declared under a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) field: FieldId,
    /// Whether it may stand there several times: its path ends in `[*]`.
    pub(super) many: bool,
}

impl Names {
    /// Compiles paths; with `repeats` a path may end in `[*]`.
    ///
    /// # Errors
    /// The first path that the format has no place for, or whose name another has.
    pub(super) fn compile(
        format: Format,
        paths: &[Path],
        undeclared: Undeclared,
        repeats: bool,
    ) -> Result<Self, Clash> {
        if paths.len() > usize::from(u16::MAX) {
            return Err(Clash::TooMany);
        }
        let mut names: Vec<(Box<str>, Name)> = Vec::with_capacity(paths.len());
        for (field, path) in (0..u16::MAX).map(FieldId).zip(paths) {
            let no_place = |reason| Clash::NoPlace { path: path.clone(), field, format, reason };
            let (steps, many) = match path.steps() {
                [steps @ .., Step::Every] if repeats && !steps.is_empty() => (steps, true),
                steps => (steps, false),
            };
            if steps.contains(&Step::Every) {
                return Err(no_place(if repeats {
                    "names and texts are all there is, and `[*]` stands at the end only, for a name that is repeated"
                } else {
                    "a column has one value in each row, so a name has no `[*]`"
                }));
            }
            names.push((joined(steps).into(), Name { field, many }));
        }
        names.sort_by(|(one, a), (other, b)| one.cmp(other).then(a.field.cmp(&b.field)));
        let twice = names.iter().zip(names.iter().skip(1)).filter(|((one, _), (other, _))| one == other);
        // Of several, the field that is declared first is reported first.
        if let Some(((_, first), (_, second))) = twice.min_by_key(|(_, (_, second))| second.field) {
            let path = |name: &Name| paths.get(name.field.index()).cloned();
            let (Some(one), Some(other)) = (path(first), path(second)) else { return Err(Clash::TooMany) };
            return Err(match (first.many, second.many) {
                (false, true) => Clash::Within { outer: one, inner: other, second: second.field },
                (true, false) => Clash::Within { outer: other, inner: one, second: second.field },
                _ => Clash::Twice { path: other, first: first.field, second: second.field },
            });
        }
        Ok(Self { undeclared, names: names.into() })
    }

    /// What is declared under a name.
    pub(super) fn named(&self, name: &str) -> Option<Name> {
        let place = self.names.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.names.get(place).map(|(_, name)| *name)
    }

    /// Every name, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Name)> {
        self.names.iter().map(|(text, name)| (&**text, *name))
    }

    /// Every field, in the order of the policy.
    pub(super) fn fields(&self) -> Vec<FieldId> {
        let mut fields: Vec<_> = self.names.iter().map(|(_, name)| name.field).collect();
        fields.sort_unstable();
        fields
    }

    /// An undeclared name: refused, or left out.
    pub(super) fn undeclared<V: Visitor>(&self, visitor: &mut V) -> Result<(), Stop<V::Error>> {
        visitor.undeclared().map_err(Stop::Visitor)?;
        match self.undeclared {
            Undeclared::Refuse => Err(Stop::Undeclared),
            Undeclared::LeaveOut => Ok(()),
        }
    }
}

/// The name that a format without levels has for a path: the names on the way with dots between them.
pub fn flat_name(path: &Path) -> String {
    joined(path.steps())
}

fn joined(steps: &[Step]) -> String {
    let member = |step: &Step| match step {
        Step::Member(name) => Some(name.to_string()),
        Step::Every => None,
    };
    steps.iter().filter_map(member).collect::<Vec<_>>().join(".")
}

/// How often each declared name has come, and which other names have.
pub(super) struct Seen<'n> {
    names: &'n Names,
    counts: Vec<usize>,
    /// With their places in the body.
    undeclared: Vec<(String, usize)>,
}

impl<'n> Seen<'n> {
    pub(super) fn new(names: &'n Names) -> Self {
        Self { names, counts: vec![0; names.names.len()], undeclared: Vec::new() }
    }

    /// A declared name comes; how often it had before.
    pub(super) fn again(&mut self, name: Name, offset: usize) -> Result<usize, Malformed> {
        let count = self.counts.get_mut(name.field.index());
        let before = count.as_deref().copied().unwrap_or(0);
        if before > 0 && !name.many {
            return Err(Malformed { offset, reason: TWICE });
        }
        if let Some(count) = count {
            *count += 1;
        }
        Ok(before)
    }

    /// An undeclared name comes; it is compared at the end.
    pub(super) fn other(&mut self, name: &str, offset: usize) {
        self.undeclared.push((name.to_owned(), offset));
    }

    /// At the end of the body: no undeclared name came twice, and of declared ones those that never came are missing.
    pub(super) fn close<V: Visitor>(mut self, visitor: &mut V) -> Result<(), Stop<V::Error>> {
        // Sorting bounds the work whatever the names are.
        self.undeclared.sort_unstable();
        let pairs = self.undeclared.iter().zip(self.undeclared.iter().skip(1));
        if let Some((_, (_, offset))) =
            pairs.filter(|((one, _), (other, _))| one == other).min_by_key(|(_, (_, at))| at)
        {
            return Err(Malformed { offset: *offset, reason: TWICE }.into());
        }
        for field in self.names.fields() {
            if self.counts.get(field.index()).is_none_or(|count| *count == 0) {
                visitor.missing(field).map_err(Stop::Visitor)?;
            }
        }
        Ok(())
    }
}

/// The reason for every doubled name.
const TWICE: &str = "a name stands twice";

/// Lets a visitor treat a text. `bare` says that the format would write a value that is not there as this text does:
/// empty, and without quotes where the format has any.
pub(super) fn visit<V: Visitor>(
    visitor: &mut V,
    field: FieldId,
    at: &[u32],
    text: &str,
    bare: bool,
    replacement: &mut String,
) -> Result<Treated, Stop<V::Error>> {
    if bare && text.is_empty() && visitor.may_lack(field) {
        return visitor.missing(field).map(|()| Treated::Kept).map_err(Stop::Visitor);
    }
    replacement.clear();
    let treated = visitor.value(field, at, Value { kind: Kind::Untyped, text }, replacement);
    treated.map_err(Stop::Visitor)
}

/// A count as an index.
pub(super) fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(paths: &[&str], repeats: bool) -> Result<Names, Clash> {
        let paths: Vec<_> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        Names::compile(if repeats { Format::Form } else { Format::Csv }, &paths, Undeclared::Refuse, repeats)
    }

    #[test]
    fn names_have_dots_between_their_steps() {
        let names = compile(&["customer.age", "['first name']", "a['b.c']", "é"], false).unwrap();
        for (number, name) in ["customer.age", "first name", "a.b.c", "é"].into_iter().enumerate() {
            assert_eq!(names.named(name).unwrap().field.index(), number);
        }
        assert!(names.named("customer").is_none());
        assert!(names.named("").is_none());
        assert_eq!(names.fields().len(), 4);
    }

    #[test]
    fn repeated_names_end_in_every() {
        let names = compile(&["a[*]", "b"], true).unwrap();
        assert!(names.named("a").unwrap().many && !names.named("b").unwrap().many);
        for (path, repeats) in
            [("a[*]", false), ("a[*].b", true), ("[*]", true), ("a[*][*]", true), ("[*].a", true)]
        {
            assert!(matches!(compile(&[path], repeats), Err(Clash::NoPlace { .. })), "{path}");
        }
    }

    #[test]
    fn one_name_is_one_field() {
        let clash = |paths: &[&str]| compile(paths, true).unwrap_err().to_string();
        assert_eq!(clash(&["x", "a.b", "['a.b']"]), "`['a.b']` is declared twice");
        assert_eq!(clash(&["a[*]", "a"]), "`a[*]` lies within `a`, which is declared as a single value");
        assert_eq!(clash(&["a", "a[*]"]), "`a[*]` lies within `a`, which is declared as a single value");
        let path = Path::parse("a").unwrap();
        let many = Names::compile(Format::Csv, &vec![path; 65_536], Undeclared::Refuse, false);
        assert!(matches!(many, Err(Clash::TooMany)));
    }
}
