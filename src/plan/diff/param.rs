//! Parameters of path and query, and headers; and rules, which fields have too.

use super::words::{instead, quoted};
use super::{Changes, Class, Whom};
use crate::check::{Bearing, RuleChange};
use crate::payload::{Direction, Undeclared};
use crate::plan::Param;

/// Parameters of one kind, before and after. `what` names one of them: `query parameter`; `of` is whose they are, and a comma.
pub(super) fn compare(of: &str, what: &str, old: &[Param], new: &[Param], found: &mut Changes) {
    let (whom, sees) = match what {
        "response header" => (Whom::Callers, "callers get it"),
        _ => (Whom::Upstream, "the upstream sees it as it comes"),
    };
    for after in new {
        // The kind is one of the rules.
        let Param { name, required, check, kind: _, field } = after;
        let about = format!("{of}{what} {}", quoted(name));
        let Some(before) = old.iter().find(|before| before.name == *name) else {
            match field {
                Some(field) => super::field::added(field, Direction::Request, Undeclared::Refuse, found),
                None => found.add(Class::More, whom, about, format!("is new: {sees}")),
            }
            continue;
        };
        super::field::treated(before.field.as_deref(), field.as_deref(), &about, found);
        for change in check.rules().changes(before.check.rules()) {
            rule(&change, &about, found);
        }
        if *required != before.required {
            let (class, says) = match required {
                true => (Class::More, "must be sent"),
                false => (Class::Less, "may be missing"),
            };
            found.add(class, Whom::Callers, about, says);
        }
    }
    for before in old.iter().filter(|before| !new.iter().any(|after| after.name == before.name)) {
        // Nobody asks what a header says that is not declared.
        let refused =
            !before.check.is_open() || before.field.as_deref().is_some_and(super::field::treatment_refuses);
        let (class, fate) = match what.ends_with("header") {
            true if refused => (Class::More, "it stays behind, and is no longer refused whatever it says"),
            true => (Class::Less, "it stays behind"),
            false => (Class::Less, "a call that has it is refused"),
        };
        let says = format!("is no longer declared: {fate}");
        found.add(class, whom, format!("{of}{what} {}", quoted(&before.name)), says);
    }
}

/// A rule that lets other values through than before.
pub(super) fn rule(change: &RuleChange, about: &str, found: &mut Changes) {
    let RuleChange { word, bearing, before, after } = change;
    let (class, how) = match bearing {
        Bearing::Looser => (Class::More, "loosened"),
        Bearing::Tighter => (Class::Less, "tightened"),
    };
    let says = format!("its {} is {how}: {}", quoted(word), instead(quoted(after), quoted(before)));
    found.add(class, Whom::Callers, about, says);
}
