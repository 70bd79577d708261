//! The trie of a layout while it grows.

use std::collections::HashMap;

use super::{Clash, Extra, FieldId, NodeId, Part, Place, Rows, Shape, number};
use crate::payload::path::{Path, Step};

pub(super) struct Tree<'a> {
    pub(super) sprouts: Vec<Sprout<'a>>,
}

pub(super) struct Sprout<'a> {
    /// The field whose path made it.
    by: FieldId,
    pub(super) field: Option<FieldId>,
    /// Whether the field is at another place too.
    pub(super) alias: bool,
    /// What the format has here of its own, or how what lies further in is written.
    pub(super) own: Option<Shape>,
    pub(super) every: Option<NodeId>,
    pub(super) rows: Rows,
    pub(super) members: Vec<(&'a str, NodeId)>,
}

impl<'a> Tree<'a> {
    /// `places` says where the fields are whose declared paths are `paths`; a contradiction is told by those.
    ///
    /// A field that is placed both at an array and within it is a single value or an array, as a body has it.
    pub(super) fn grow(paths: &[Path], places: &'a [Place], extras: &'a [Extra]) -> Result<Self, Clash> {
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
                if let Some(outer) = sprout.field
                    && (outer == id || sprout.every.is_some())
                    && *step == Step::Every
                {
                    here = tree.either(here, id)?;
                } else if let Some(outer) = sprout.field {
                    return Err(Clash::Within { outer: path_of(outer)?, inner: path_of(id)?, second: id });
                }
                let sprout = tree.sprout(here)?;
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
                if place.embedded == Some(nth) {
                    if let Some(outer) = tree.sprout(here)?.field {
                        return Err(Clash::Within {
                            outer: path_of(outer)?,
                            inner: path_of(id)?,
                            second: id,
                        });
                    }
                    here = tree.embedded(here, id)?;
                }
            }
            let sprout = tree.sprout(here)?;
            if let Some(first) = sprout.field {
                return Err(Clash::Twice { path: path_of(id)?, first, second: id });
            }
            if sprout.every.is_some() || !sprout.members.is_empty() {
                return Err(Clash::Within { outer: path_of(id)?, inner: path_of(sprout.by)?, second: id });
            }
            if sprout.own.is_some() {
                return Err(Clash::Within { outer: path_of(id)?, inner: path_of(sprout.by)?, second: id });
            }
            sprout.field = Some(id);
            sprout.alias = place.alias;
        }
        let mut tables = 0;
        for extra in extras {
            let own = match &extra.part {
                Part::Fixed(texts) => Shape::Fixed(texts),
                Part::Apart(reason) => Shape::Apart(reason),
                Part::Table(_) => {
                    tables += 1;
                    Shape::Table(tables - 1)
                }
            };
            tree.put(extra, own, &mut known)?;
        }
        Ok(tree)
    }

    /// Puts something of the format's own at its place, where no field is.
    fn put(
        &mut self,
        extra: &'a Extra,
        own: Shape,
        known: &mut HashMap<(u32, &'a str), NodeId>,
    ) -> Result<(), Clash> {
        let mut here = NodeId(0);
        for step in &extra.steps {
            if let Some(Shape::Embedded(_)) = self.sprout(here)?.own {
                return Ok(());
            }
            // The array of what is a single value or an array.
            if let (Step::Every, Some(_), Some(array)) =
                (step, self.sprout(here)?.field, self.sprout(here)?.every)
            {
                here = array;
            }
            let next = match step {
                Step::Member(name) => known.get(&(here.0, &**name)).copied(),
                Step::Every => self.sprout(here)?.every,
            };
            let by = self.sprout(here)?.by;
            here = match next {
                Some(next) => next,
                None => {
                    let next = self.branch(here, step, by)?;
                    if let Step::Member(name) = step {
                        known.insert((here.0, name), next);
                    }
                    next
                }
            };
        }
        let sprout = self.sprout(here)?;
        if sprout.field.is_none() && sprout.every.is_none() && sprout.members.is_empty() {
            sprout.own = Some(own);
        }
        Ok(())
    }

    /// The array beside a field at the same place.
    fn either(&mut self, at: NodeId, by: FieldId) -> Result<NodeId, Clash> {
        if let Some(array) = self.sprout(at)?.every {
            return Ok(array);
        }
        let array = NodeId(number(self.sprouts.len()));
        self.sprouts.push(Sprout::new(by));
        self.sprout(at)?.every = Some(array);
        Ok(array)
    }

    /// The document within the string at a place.
    fn embedded(&mut self, at: NodeId, by: FieldId) -> Result<NodeId, Clash> {
        if let Some(Shape::Embedded(document)) = self.sprout(at)?.own {
            return Ok(document);
        }
        let document = NodeId(number(self.sprouts.len()));
        self.sprouts.push(Sprout::new(by));
        self.sprout(at)?.own = Some(Shape::Embedded(document));
        Ok(document)
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
        Self { by, field: None, alias: false, own: None, every: None, rows: Rows::None, members: Vec::new() }
    }
}
