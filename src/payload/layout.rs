//! Declared paths, compiled to a trie.
/// A declared field's number: its place in the list that the layout was compiled from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);
/// placeholder
#[derive(Clone, Debug)]
pub struct Layout {}
