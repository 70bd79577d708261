//! Declared paths, compiled to a trie in flat arrays.

mod clash;
mod place;
mod table;
mod tree;

pub use clash::Clash;
pub(super) use place::{Extra, Part, Place, Rows};
pub(super) use table::Table;

use std::cmp::Ordering;

use super::path::Path;
use super::spelled::Spelled;

use tree::Tree;

/// A declared field's number: its place in the list that the layout was compiled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

impl FieldId {
    /// The place in the list of paths.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What becomes of a key that no path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// The body is refused.
    Refuse,
    /// The key goes, with all that it holds.
    LeaveOut,
}

/// Where declared fields are in a body: compiled once at load, read by every walk.
#[derive(Clone, Debug)]
pub struct Layout {
    undeclared: Undeclared,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// For each object of more than [`FEW`] members: its edges, counted from its first, ordered by `order`.
    sorted: Vec<u32>,
    /// Fields in the order of the tree; those under one node are neighbours.
    below: Vec<FieldId>,
    tables: Vec<Table>,
}

/// Up to this many names are compared one by one.
const FEW: u32 = 8;

/// A place in a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(u32);

#[derive(Clone, Copy, Debug)]
struct Node {
    shape: Shape,
    below: (u32, u32),
}

/// What a layout has at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A single value.
    Field(FieldId),
    /// An object with these members.
    Object(Members),
    /// An array of elements of one shape, which may be rows.
    Array(NodeId, Rows),
    /// A single value, or an array that has the field further in.
    Either(FieldId, NodeId),
    /// A value of an `Either`, within the elements of its array.
    Part(FieldId),
    /// A string that holds a JSON document of its own.
    Embedded(NodeId),
    /// A string of the format's own, one of these.
    Fixed(&'static [&'static str]),
    /// Columns, and rows of cells in their order.
    Table(u32),
    /// What makes the body another one: it is refused with this reason.
    Apart(&'static str),
}

/// The declared members of an object.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Members {
    first: u32,
    sorted: u32,
    count: u32,
}

impl Members {
    /// How many there are.
    #[inline]
    pub(super) fn count(self) -> u32 {
        self.count
    }
}

#[derive(Clone, Debug)]
struct Edge {
    name: Box<str>,
    /// The key as nearly every body spells it.
    spelled: Option<Spelled>,
    to: NodeId,
}

impl Layout {
    /// Compiles a list of paths; the place in the list is the field's [`FieldId`]. An empty list is a layout in which
    /// every key is undeclared.
    ///
    /// # Errors
    /// The first path that contradicts an earlier one.
    pub fn compile(paths: &[Path], undeclared: Undeclared) -> Result<Self, Clash> {
        let places: Vec<_> =
            (0..=u16::MAX).zip(paths).map(|(field, path)| Place::of(FieldId(field), path)).collect();
        Self::place(paths, &places, &[], undeclared)
    }

    /// The same for a format that has the fields elsewhere than their paths say, and `extras` of its own beside them.
    pub(super) fn place(
        paths: &[Path],
        places: &[Place],
        extras: &[Extra],
        undeclared: Undeclared,
    ) -> Result<Self, Clash> {
        let tree = Tree::grow(paths, places, extras)?;
        let tables = extras.iter().filter_map(Extra::table).collect();
        let (nodes, edges, sorted, below) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut layout = Self { undeclared, nodes, edges, sorted, below, tables };
        layout.flatten(&tree);
        Ok(layout)
    }

    /// What becomes of keys that are not declared.
    pub fn undeclared(&self) -> Undeclared {
        self.undeclared
    }

    /// The root's place.
    pub(super) fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// What is declared at a place.
    #[inline]
    pub(super) fn shape(&self, node: NodeId) -> Shape {
        self.nodes.get(node.0 as usize).map_or(Shape::Object(Members::default()), |node| node.shape)
    }

    /// A table by its number.
    pub(super) fn table(&self, number: u32) -> Option<&Table> {
        self.tables.get(number as usize)
    }

    /// Every field at or under a place.
    pub(super) fn below(&self, node: NodeId) -> &[FieldId] {
        let range = self.nodes.get(node.0 as usize).map_or((0, 0), |node| node.below);
        self.below.get(range.0 as usize..range.1 as usize).unwrap_or_default()
    }

    /// How JSON mostly spells the key of a member, and its place.
    #[inline(always)]
    pub(super) fn spelled(&self, members: Members, number: u32) -> Option<(&Spelled, NodeId)> {
        let edge = self.edges.get((members.first + number) as usize).filter(|_| number < members.count)?;
        Some((edge.spelled.as_ref()?, edge.to))
    }

    /// The number of the member with this name, unescaped, and its place.
    pub(super) fn member(&self, members: Members, name: &[u8]) -> Option<(u32, NodeId)> {
        let first = members.first as usize;
        let edges = self.edges.get(first..first + members.count as usize)?;
        let is = |edge: &Edge| edge.name.as_bytes() == name;
        if members.count <= FEW {
            return (0..).zip(edges).find(|(_, edge)| is(edge)).map(|(number, edge)| (number, edge.to));
        }
        let sorted = self.sorted.get(members.sorted as usize..(members.sorted + members.count) as usize)?;
        let at = |number: u32| edges.get(number as usize);
        let place = sorted.binary_search_by(|&number| {
            at(number).map_or(Ordering::Less, |edge| order(edge.name.as_bytes(), name))
        });
        let number = *sorted.get(place.ok()?)?;
        at(number).map(|edge| (number, edge.to))
    }

    /// The place of a member by its number.
    #[inline]
    pub(super) fn nth(&self, members: Members, number: u32) -> Option<NodeId> {
        self.edges.get((members.first + number) as usize).map(|edge| edge.to)
    }

    /// Lays a tree out in the arrays; nodes keep their numbers.
    fn flatten(&mut self, tree: &Tree<'_>) {
        for sprout in &tree.sprouts {
            let shape = match (sprout.own, sprout.field, sprout.every) {
                (Some(own), ..) => own,
                (None, Some(field), None) if sprout.alias => Shape::Part(field),
                (None, Some(field), None) => Shape::Field(field),
                (None, Some(field), Some(array)) => Shape::Either(field, array),
                (None, None, Some(element)) => Shape::Array(element, sprout.rows),
                (None, None, None) => Shape::Object(self.lay_members(&sprout.members)),
            };
            self.nodes.push(Node { shape, below: (0, 0) });
        }
        let mut todo = vec![Visit::Enter(self.root())];
        while let Some(visit) = todo.pop() {
            match visit {
                Visit::Enter(id) => {
                    self.mark(id, |range, now| range.0 = now);
                    todo.push(Visit::Leave(id));
                    let sprout = tree.sprouts.get(id.0 as usize);
                    self.below.extend(sprout.filter(|sprout| !sprout.alias).and_then(|sprout| sprout.field));
                    if let Some(Shape::Table(table)) = sprout.and_then(|sprout| sprout.own)
                        && let Some(table) = self.tables.get(table as usize)
                    {
                        self.below.extend(table.fields());
                    }
                    if let Some(Shape::Embedded(document)) = sprout.and_then(|sprout| sprout.own) {
                        todo.push(Visit::Enter(document));
                    }
                    let members = sprout.map_or(&[][..], |sprout| &sprout.members);
                    todo.extend(members.iter().rev().map(|(_, to)| Visit::Enter(*to)));
                    todo.extend(sprout.and_then(|sprout| sprout.every).map(Visit::Enter));
                }
                Visit::Leave(id) => self.mark(id, |range, now| range.1 = now),
            }
        }
    }

    fn lay_members(&mut self, members: &[(&str, NodeId)]) -> Members {
        let laid = Members {
            first: number(self.edges.len()),
            sorted: number(self.sorted.len()),
            count: number(members.len()),
        };
        self.edges.extend(members.iter().map(|&(name, to)| Edge {
            name: name.into(),
            spelled: Spelled::new(name),
            to,
        }));
        if laid.count > FEW {
            let mut places: Vec<_> = (0..).zip(members).collect();
            places.sort_unstable_by(|(_, (a, _)), (_, (b, _))| order(a.as_bytes(), b.as_bytes()));
            self.sorted.extend(places.into_iter().map(|(place, _): (u32, _)| place));
        }
        laid
    }

    fn mark(&mut self, id: NodeId, set: impl Fn(&mut (u32, u32), u32)) {
        let now = number(self.below.len());
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            set(&mut node.below, now);
        }
    }
}

enum Visit {
    Enter(NodeId),
    Leave(NodeId),
}

/// By length first: most names differ in it.
fn order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// INVARIANT: at most 65,535 paths of bounded text make far fewer than 2³² nodes.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(paths: &[&str]) -> Result<Layout, Clash> {
        let paths: Vec<_> = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
        Layout::compile(&paths, Undeclared::Refuse)
    }

    fn look(layout: &Layout, names: &[&str]) -> Option<NodeId> {
        names.iter().try_fold(layout.root(), |node, name| match layout.shape(node) {
            Shape::Object(members) => layout.member(members, name.as_bytes()).map(|(_, node)| node),
            Shape::Array(element, _) if *name == "*" => Some(element),
            _ => None,
        })
    }

    #[test]
    fn fields_are_found_under_their_steps_in_the_order_of_the_tree() {
        let layout = compile(&["c.rows[*].zip", "a", "c.name", "c.rows[*].city"]).unwrap();
        let below = |names: &[&str]| layout.below(look(&layout, names).unwrap()).to_vec();
        assert_eq!(below(&[]), [0, 3, 2, 1].map(FieldId));
        assert_eq!(below(&["c"]), [0, 3, 2].map(FieldId));
        assert_eq!(below(&["c", "rows", "*"]), [0, 3].map(FieldId));
        assert_eq!(below(&["a"]), [FieldId(1)]);
        assert_eq!(look(&layout, &["b"]), None);
    }

    #[test]
    fn many_names_are_found() {
        let names: Vec<_> = (0..300).map(|n| format!("field_{}", n * 7919 % 1000)).collect();
        let layout = compile(&names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let Shape::Object(members) = layout.shape(layout.root()) else { panic!("the root is an object") };
        for (number, name) in (0..).zip(&names) {
            let (found, node) = layout.member(members, name.as_bytes()).unwrap();
            assert_eq!(found, number);
            assert_eq!(Some(node), layout.nth(members, number));
            let (spelled, to) = layout.spelled(members, number).unwrap();
            assert!(spelled.begins(format!("\"{name}\":").as_bytes()) && to == node);
        }
        assert!(layout.member(members, b"field_").is_none());
        assert!(layout.member(members, b"").is_none());
        assert!(layout.spelled(members, 300).is_none());
    }

    #[test]
    fn a_name_that_json_must_escape_is_not_expected() {
        let layout = compile(&[r#"['a"b']"#, r"['a\\b']", r"['a\nb']", "['a b']"]).unwrap();
        let Shape::Object(members) = layout.shape(layout.root()) else { panic!("the root is an object") };
        let spelled = [0, 1, 2, 3].map(|number| layout.spelled(members, number).is_some());
        assert_eq!(spelled, [false, false, false, true]);
        assert!(layout.member(members, b"a\nb").is_some());
    }

    #[test]
    fn contradictions_are_named() {
        let clash = |paths: &[&str]| compile(paths).unwrap_err().to_string();
        assert_eq!(clash(&["a.b", "x", "a['b']"]), "`a.b` is declared twice");
        let within = "`a.b` lies within `a`, which is declared as a single value";
        assert_eq!(clash(&["a", "a.b"]), within);
        assert_eq!(clash(&["a.b", "a"]), within);
        assert_eq!(
            clash(&["a[*]", "a[*].b"]),
            "`a[*].b` lies within `a[*]`, which is declared as a single value"
        );
        assert_eq!(clash(&["a.b", "a[*]"]), "`a.b` and `a[*]` need an object and an array at one place");
        assert_eq!(clash(&["a[*].c", "a.b"]), "`a[*].c` and `a.b` need an object and an array at one place");
        let path = Path::parse("a").unwrap();
        assert!(matches!(Layout::compile(&vec![path; 65_536], Undeclared::Refuse), Err(Clash::TooMany)));
    }

    #[test]
    fn an_empty_list_is_an_object_without_members() {
        let layout = compile(&[]).unwrap();
        assert!(matches!(layout.shape(layout.root()), Shape::Object(members) if members.count() == 0));
        assert_eq!(layout.below(layout.root()), []);
    }
}
