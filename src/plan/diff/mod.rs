//! Two plans compared: what changes for whom, in words, and whether somebody may see, keep or do more than before.
//!
//! One file for each kind of thing. Everything that is compared is taken apart member by member, so that a new member of an
//! activity, a route or a field does not compile until somebody says what a change of it means.
//!
//! | class | is said of a change after which |
//! |---|---|
//! | more | somebody may see, keep or do what they could not before, or it cannot be told that nobody may |
//! | less | somebody may do less, and nobody more |
//! | other | words, references and notices are others |

mod activity;
mod field;
mod organisation;
mod param;
mod report;
mod route;
mod words;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::Plan;

pub use report::{human, json, markdown};

/// Whether a change lets somebody see, keep or do more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// It does, or it cannot be told that it does not.
    More,
    /// Somebody may less, and nobody more.
    Less,
    /// Neither.
    Other,
}

/// Whom a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// The API behind the gateway, and who runs it.
    Upstream,
    /// The gateway, which keeps.
    Store,
    /// Whoever calls.
    Callers,
    /// Whoever gets a page of records.
    Export,
    /// The persons whose data it is.
    Persons,
    /// Whoever reads the register and the notice.
    Register,
}

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whether it lets somebody see, keep or do more.
    pub class: Class,
    /// Whom it is about.
    pub whom: Whom,
    /// The activity; `None` where it concerns the organisation.
    pub activity: Option<Arc<str>>,
    /// What changed: `field age`, `route POST /predict/`.
    pub about: String,
    /// What is other than before: the beginning of a sentence in lower case, without a full stop. Names stand in backquotes.
    pub says: String,
}

/// What is not in `new` as it is in `old`: the organisation first, then the activities in the order of their names. Empty
/// where both do the same, whatever their files say in comments and order.
pub fn changes(old: &Plan, new: &Plan) -> Vec<Change> {
    let mut found = Changes { found: Vec::new(), activity: None };
    // Every member is named, so that a new one cannot be forgotten. The digest is of the files, not of what they say; shadows
    // are not in force; keys are counted by the deployment; the matcher is made of the routes.
    let Plan {
        digest: _,
        activities,
        routes,
        shadows: _,
        beside: _,
        organisation,
        interchange_keys: _,
        claims: _,
        matcher: _,
    } = new;
    organisation::compare(&old.organisation, organisation, &mut found);
    for after in activities {
        found.activity = Some(Arc::clone(&after.name));
        match old.activities.iter().find(|before| before.name == after.name) {
            None => activity::added(new, after, &mut found),
            Some(before) => activity::compare((old, before), (new, after), &mut found),
        }
        for route in routes.iter().filter(|route| route.activity.index == after.index) {
            match old.routes.iter().find(|before| before.text == route.text) {
                None => route::added(route, &mut found),
                Some(before) => route::compare(before, route, &mut found),
            }
        }
        let gone = |route: &&Arc<super::Route>| {
            route.activity.name == after.name && !routes.iter().any(|other| other.text == route.text)
        };
        old.routes.iter().filter(gone).for_each(|route| route::removed(route, &mut found));
    }
    for before in &old.activities {
        if !activities.iter().any(|after| after.name == before.name) {
            found.activity = Some(Arc::clone(&before.name));
            activity::removed(old, new, before, &mut found);
            let mine = old.routes.iter().filter(|route| route.activity.name == before.name);
            mine.filter(|route| !routes.iter().any(|other| other.text == route.text))
                .for_each(|route| route::removed(route, &mut found));
        }
    }
    found.found
}

impl Class {
    /// Every class, the one to look at first.
    pub const ALL: &'static [Self] = &[Self::More, Self::Less, Self::Other];

    /// Its name in an interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::More => "more",
            Self::Less => "less",
            Self::Other => "other",
        }
    }

    /// Its heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::More => "Somebody may see, keep or do more",
            Self::Less => "Less than before",
            Self::Other => "Otherwise than before",
        }
    }

    /// The class of what became greater or smaller, where greater lets somebody do more; what cannot be compared counts as
    /// more. `None` where nothing changed.
    fn of(order: Option<Ordering>) -> Option<Self> {
        match order {
            Some(Ordering::Equal) => None,
            Some(Ordering::Less) => Some(Self::Less),
            Some(Ordering::Greater) | None => Some(Self::More),
        }
    }

    /// `More` where it is, else `Less`.
    const fn more_if(more: bool) -> Self {
        if more { Self::More } else { Self::Less }
    }
}

impl Whom {
    /// Its name in an interface.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Upstream => "upstream",
            Self::Store => "store",
            Self::Callers => "callers",
            Self::Export => "export",
            Self::Persons => "persons",
            Self::Register => "register",
        }
    }
}

/// As one line of a log.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let activity = self.activity.as_deref().unwrap_or("organisation");
        write!(f, "{activity}, {}: {}", self.about, self.says)
    }
}

/// What is found, in the order in which it is.
struct Changes {
    found: Vec<Change>,
    activity: Option<Arc<str>>,
}

impl Changes {
    fn add(&mut self, class: Class, whom: Whom, about: impl Into<String>, says: impl Into<String>) {
        let (activity, about, says) = (self.activity.clone(), about.into(), says.into());
        self.found.push(Change { class, whom, activity, about, says });
    }
}
