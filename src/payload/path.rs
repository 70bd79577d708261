//! Names of fields: `customer.addresses[*].zip`, the member-name and wildcard subset of RFC 9535 without `$.`.
/// placeholder
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    steps: Vec<Step>,
}
/// placeholder
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The member of an object that has this name.
    Member(Box<str>),
    /// Every element of an array.
    Every,
}
