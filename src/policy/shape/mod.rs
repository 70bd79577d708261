//! What may stand in a file: the keys of every map of the language, what each says, and what its value looks like.
//!
//! One table for both: [`Reader::map`](super::reader::Reader::map) reads a map by its [`Shape`] and takes no key that the
//! shape lacks, and [`schema`](mod@schema) writes a JSON Schema of it for editors.
//!
//! INVARIANT: a new word is entered here first. A debug build, so every test, stops where a reader takes a key that is not
//! entered; the tests of this room fail where a key is entered and never taken, or where schema and reader disagree.

mod action;
mod activity;
mod cases;
mod field;
mod organisation;
mod route;
pub mod schema;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trial;

pub(super) use action::{DETECTION, ENCRYPT, GATE, GENERALIZE, MASK, PSEUDONYM};
pub use activity::ACTIVITY;
pub(super) use activity::{CHILDREN, DECISION, FURTHER};
pub use cases::CASE;
pub(super) use cases::{
    CALL, CALLER_GETS, EXCHANGE, FIND, GIVEN, PART, SAID, TOKEN, UPSTREAM_ANSWERS, UPSTREAM_ASKED,
};
pub(super) use field::{
    PATH_PARAMETER, QUERY_PARAMETER, REQUEST, REQUEST_FIELD, REQUEST_HEADER, RESPONSE, RESPONSE_FIELD,
    RESPONSE_HEADER,
};
pub use organisation::ORGANISATION;
pub(super) use organisation::{CATEGORY, CONSENT, CONTROLLER, DPO, PURPOSE, RECIPIENT};
pub(super) use route::{ACCESS, LIMITS, METHODS, PAYLOAD, RATE_LIMIT, ROUTE};

/// A map whose keys are words of the language.
#[derive(Debug)]
pub struct Shape {
    /// Its name among the definitions of a schema.
    pub id: &'static str,
    /// How messages name it: "a route".
    pub what: &'static str,
    /// What it is, for who writes it.
    pub says: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// What holds among them.
    pub rules: &'static [Rule],
}

impl Shape {
    /// Whether it has a key of this name.
    pub fn has(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }
}

/// A key of a map.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there whatever else is.
    pub needed: bool,
    /// What it says, for who writes it.
    pub says: &'static str,
    /// What its value is.
    pub is: Is,
}

/// A key that must be there.
pub const fn must(name: &'static str, is: Is, says: &'static str) -> Key {
    Key { name, needed: true, says, is }
}

/// What was drafted and nobody has accepted yet.
pub(super) const PROPOSED: Key = may(
    super::proposed::KEY,
    some(&Is::Text),
    "Places that were drafted and nobody has accepted yet, each an error: `consentry accept FILE` removes them.",
);

/// A key that may be there.
pub const fn may(name: &'static str, is: Is, says: &'static str) -> Key {
    Key { name, needed: false, says, is }
}

/// What a value is.
#[derive(Clone, Copy, Debug)]
pub enum Is {
    /// Whatever it is.
    Anything,
    /// A single value: text, number, boolean or null.
    Single,
    /// A text that says something.
    Text,
    /// A name: `Reader::name`.
    Name,
    /// `true` or `false`.
    Boolean,
    /// A whole number, both ends included.
    Integer(u32, u32),
    /// A number, both ends included.
    Number(u32, u32),
    /// A single value whose text has a form.
    Form(Form),
    /// One of a closed list of words.
    Words(fn() -> Vec<&'static str>),
    /// A map with the words of a shape.
    Keys(&'static Shape),
    /// The same as options of an action that can do without.
    Options(&'static Shape),
    /// A map whose keys are names, with at least so many.
    Named(&'static Is, usize),
    /// A map whose keys are free.
    Entries(&'static Is),
    /// A list.
    List(List),
    /// One of several.
    Either(&'static [Is]),
    /// An action: a word of a shape alone, or a map with this one key and its options.
    Action(&'static Shape),
    /// What a case expects: a value in which `{ matches: REGEX }`, `any` and `absent` stand for others.
    Expected,
    /// No options: `{}`.
    Nothing,
}

/// The form of a text.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// A regular expression that reads alike in ECMAScript and in Rust.
    pub pattern: &'static str,
    /// How it is written.
    pub example: &'static str,
}

/// A list.
#[derive(Clone, Copy, Debug)]
pub struct List {
    /// What is listed.
    pub of: &'static Is,
    /// How many at least.
    pub least: usize,
}

/// A list of any length.
pub const fn list(of: &'static Is) -> Is {
    Is::List(List { of, least: 0 })
}

/// A list of one or more.
pub const fn some(of: &'static Is) -> Is {
    Is::List(List { of, least: 1 })
}

/// A single value of a form.
pub const fn form(pattern: &'static str, example: &'static str) -> Is {
    Is::Form(Form { pattern, example })
}

/// `30d`
pub const DURATION: Is = form("^[1-9][0-9]*(ms|s|min|h|d)$", "30d");
/// `64KiB`
pub const SIZE: Is = form("^[1-9][0-9]*(B|KiB|MiB|GiB)$", "64KiB");
/// One scope (RFC 6749 section 3.3: `scope-token`).
pub const SCOPE: Is = form(r"^[!#-\[\]-~]+$", "predict");
/// The name of a header or method (RFC 9110 section 5.6.2: `token`).
pub(crate) const TOKEN_OF_HTTP: Is = form("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "accept-language");
/// The path of a file.
pub const FILE: Is = Is::Text;

/// What holds among the keys of a map.
#[derive(Debug)]
pub enum Rule {
    /// One of these is there, and no other of them.
    One(&'static [&'static str]),
    /// At least one of these is there.
    AtLeastOne(&'static [&'static str]),
    /// Not all of these are there.
    NotAll(&'static [&'static str]),
    /// Where something holds, the value of a key is of this kind, too.
    Then(Test, &'static str, &'static Is),
    /// Where something holds, some keys must be there and some may not.
    Where(Test, &'static [&'static str], &'static [&'static str]),
}

/// What may hold of a map.
#[derive(Debug)]
pub enum Test {
    /// It has the key.
    Has(&'static str),
    /// It does not.
    HasNot(&'static str),
    /// The text of the key's value fits the pattern.
    Fits(&'static str, &'static str),
    /// Of the maps that are listed under the key, one fulfils the test.
    Element(&'static str, &'static Test),
    /// The list under the key does not have the word.
    Lacks(&'static str, &'static str),
    /// The map under the key fulfils it.
    Within(&'static str, &'static Test),
    /// It does not hold.
    Not(&'static Test),
    /// All of these.
    All(&'static [Test]),
}

/// The words of a closed list, as [`Is::Words`] takes them.
pub fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|one| word(*one)).collect()
}
