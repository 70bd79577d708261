//! The trie of a layout while it grows.

use std::collections::HashMap;

use super::{Clash, FieldId, NodeId, Place, Rows, number};
use crate::payload::path::{Path, Step};

pub(super) struct Tree<'a> {
    pub(super) sprouts: Vec<Sprout<'a>>,
}

pub(super) struct Sprout<'a> {
    /// The field whose path made it.
    by: FieldId,
    pub(super) field: Option<FieldId>,
    pub(super) every: Option<NodeId>,
    pub(super) rows: Rows,
    pub(super) members: Vec<(&'a str, NodeId)>,
}

impl<'a> Tree<'a> {
    /// `places` says where the fields are whose declared paths are `paths`; a contradiction is told by those.
    pub(super) fn grow(paths: &[Path], places: &'a [Place]) -> Result<Self, Clash> {
        if paths.len() > usize::from(u16::MAX) {
            return Err(Clash::TooMany);
        }
        let path_of = |field: FieldId| paths.get(field.index()).cloned().ok_or(Clash::TooMany);
        let mut tree = Self { sprouts: vec![Sprout::new(FieldId(0))] };
        let mut known: HashMap<(u32, &str), NodeId> = HashMap::new();
        for place in places {
            let id = place.field;
            let mut here = NodeId(0);
            for (nth, step) in place.steps.iter().enumerate() {
                let sprout = tree.sprout(here)?;
                if let Some(outer) = sprout.field {
                    return Err(Clash::Within { outer: path_of(outer)?, inner: path_of(id)?, second: id });
                }
                let other = match step {
                    Step::Member(_) => sprout.every.is_some(),
                    Step::Every => !sprout.members.is_empty(),
                };
                if other {
                    return Err(Clash::Shape { first: path_of(sprout.by)?, second: path_of(id)?, field: id });
                }
                let next = match step {
                    Step::Member(name) => known.get(&(here.0, &**name)).copied(),
                    Step::Every => sprout.every,
                };
                if let Some((every, rows)) = place.rows
                    && every == nth
                {
                    tree.sprout(here)?.rows = rows;
                }
                here = match next {
                    Some(next) => next,
                    None => {
                        let next = tree.branch(here, step, id)?;
                        if let Step::Member(name) = step {
                            known.insert((here.0, name), next);
                        }
                        next
                    }
                };
            }
            let sprout = tree.sprout(here)?;
            if let Some(first) = sprout.field {
                return Err(Clash::Twice { path: path_of(id)?, first, second: id });
            }
            if sprout.every.is_some() || !sprout.members.is_empty() {
                return Err(Clash::Within { outer: path_of(id)?, inner: path_of(sprout.by)?, second: id });
            }
            sprout.field = Some(id);
        }
        Ok(tree)
    }

    fn branch(&mut self, from: NodeId, step: &'a Step, by: FieldId) -> Result<NodeId, Clash> {
        let next = NodeId(number(self.sprouts.len()));
        self.sprouts.push(Sprout::new(by));
        let sprout = self.sprout(from)?;
        match step {
            Step::Member(name) => sprout.members.push((name, next)),
            Step::Every => sprout.every = Some(next),
        }
        Ok(next)
    }

    /// INVARIANT: an id is only ever made with its sprout.
    fn sprout(&mut self, id: NodeId) -> Result<&mut Sprout<'a>, Clash> {
        self.sprouts.get_mut(id.0 as usize).ok_or(Clash::TooMany)
    }
}

impl Sprout<'_> {
    fn new(by: FieldId) -> Self {
        Self { by, field: None, every: None, rows: Rows::None, members: Vec::new() }
    }
}
