//! A fixed text in the value's place.

use crate::payload::{Kind, Treated};

#[derive(Clone, Debug)]
pub(super) struct Redact(Box<str>);

impl Redact {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(super) fn apply(&self, out: &mut String) -> Treated {
        out.push_str(&self.0);
        Treated::Replaced(Kind::String)
    }
}
