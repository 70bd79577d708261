//! Fields, and what is not declared.

use std::cmp::Ordering;
use std::sync::Arc;

use super::words::{instead, optional, quoted};
use super::{Changes, Class, Whom, param};
use crate::action::Spec;
use crate::payload::{Direction, Undeclared};
use crate::plan::{Field, Gate, Side, Specs};

/// One direction of an exchange.
pub(super) fn compare(old: &Side, new: &Side, direction: Direction, found: &mut Changes) {
    let Side { unknown_fields, fields, headers, gates: _, schema } = new;
    let whose = match direction {
        Direction::Request => "a request",
        Direction::Response => "an answer",
    };
    let fate = match (old.unknown_fields, unknown_fields) {
        (Undeclared::Refuse, Undeclared::LeaveOut) => {
            Some((Class::More, format!("{whose} with fields that are not declared passes, without them")))
        }
        (Undeclared::LeaveOut, Undeclared::Refuse) => {
            Some((Class::Less, format!("{whose} with fields that are not declared is refused")))
        }
        (Undeclared::Refuse, Undeclared::Refuse) | (Undeclared::LeaveOut, Undeclared::LeaveOut) => None,
    };
    if let Some((class, says)) = fate {
        found.add(class, Whom::Callers, "undeclared fields", says);
    }
    for field in fields {
        match old.fields.iter().find(|before| before.name == field.name) {
            None => added(field, direction, old.unknown_fields, found),
            Some(before) => {
                self::field(before, field, direction, found);
                gated((old, before), (new, field), found);
            }
        }
    }
    for before in old.fields.iter().filter(|before| !fields.iter().any(|field| field.name == before.name)) {
        let (class, fate) = match unknown_fields {
            Undeclared::Refuse => (Class::Less, "a body that has it is refused"),
            Undeclared::LeaveOut if refuses(before) => {
                (Class::More, "it is left out, and bodies that were refused for it pass")
            }
            Undeclared::LeaveOut => (Class::Less, "it is left out"),
        };
        found.add(class, outward(direction).0, about(before), format!("is no longer declared: {fate}"));
    }
    param::compare("", "response header", &old.headers, headers, found);
    let whole = format!("{whose} as a whole");
    let name = |file: &Arc<str>| quoted(file);
    match (&old.schema, schema) {
        (None, None) => {}
        (None, Some((file, _))) => {
            found.add(Class::Less, Whom::Callers, whole, format!("must fit the schema {}", name(file)));
        }
        (Some((file, _)), None) => {
            found.add(
                Class::More,
                Whom::Callers,
                whole,
                format!("need no longer fit the schema {}", name(file)),
            );
        }
        (Some((_, before)), Some((_, after))) if after.is_as(before) => {}
        // Whether another schema lets more through cannot be told.
        (Some(_), Some((file, _))) => {
            let says = format!("must fit another schema than before, {}", name(file));
            found.add(Class::More, Whom::Callers, whole, says);
        }
    }
}

/// Every field of a side that was not there.
pub(super) fn all_new(side: &Side, direction: Direction, found: &mut Changes) {
    side.fields.iter().for_each(|field| added(field, direction, Undeclared::Refuse, found));
    param::compare("", "response header", &[], &side.headers, found);
}

fn about(field: &Field) -> String {
    format!("field {}", quoted(&field.name))
}

/// Whether a body may be refused for what this field is, or for its being there. A body has values of other types too.
fn refuses(field: &Field) -> bool {
    !field.check.is_open() || field.check.kind().is_some() || treatment_refuses(field)
}

/// Whether a value may be refused for what would become of it.
pub(super) fn treatment_refuses(field: &Field) -> bool {
    let Specs { outward, stored, export: _, otherwise } = &field.specs;
    // Every other treatment refuses what it cannot treat.
    let takes_all = |spec: &Spec| matches!(spec, Spec::Unchanged | Spec::LeaveOut | Spec::Redact(_));
    ![Some(outward), Some(stored), otherwise.as_ref()].into_iter().flatten().all(takes_all)
}

/// Who is at the end of a side, and how that is said.
const fn outward(direction: Direction) -> (Whom, &'static str) {
    match direction {
        Direction::Request => (Whom::Upstream, "the upstream sees"),
        Direction::Response => (Whom::Callers, "callers get"),
    }
}

/// `until_now` is what became of it while it was not declared.
pub(super) fn added(field: &Field, direction: Direction, until_now: Undeclared, found: &mut Changes) {
    let Specs { outward: out, stored, export, otherwise } = &field.specs;
    let (whom, sees) = outward(direction);
    let mut parts = vec![format!("{sees} {}", out.describe())];
    parts.extend(
        otherwise.as_ref().map(|other| format!("some of them only; the others get {}", other.describe())),
    );
    if *stored != Spec::LeaveOut {
        parts.push(format!("kept: {}", kept(stored)));
    }
    if *export != Spec::LeaveOut {
        parts.push(format!("an export shows {}", export.describe()));
    }
    let demanded = direction == Direction::Request && field.required;
    if demanded {
        parts.push("it must be sent".to_owned());
    }
    let nowhere = *stored == Spec::LeaveOut && *export == Spec::LeaveOut && !demanded;
    let class = match (out, until_now) {
        (Spec::LeaveOut, Undeclared::LeaveOut) | (Spec::RefuseIfPresent, Undeclared::Refuse) if nowhere => {
            Class::Other
        }
        (Spec::RefuseIfPresent, Undeclared::LeaveOut) if nowhere => Class::Less,
        _ => Class::More,
    };
    found.add(class, whom, about(field), format!("is new: {}", parts.join("; ")));
}

fn field(old: &Field, new: &Field, direction: Direction, found: &mut Changes) {
    // What is run is compiled from the words, which are what is compared.
    let Field {
        name: _,
        path: _,
        category,
        identifying,
        required,
        check,
        outward: _,
        gate: _,
        stored: _,
        export: _,
        rule: _,
        specs,
    } = new;
    let about = about(new);
    destinations(&old.specs, specs, direction, &about, found);
    for change in check.rules().changes(old.check.rules()) {
        param::rule(&change, &about, found);
    }
    if *required != old.required {
        let (class, says) = match (direction, required) {
            // Whoever left it out until now gives it from now on.
            (Direction::Request, true) => (Class::More, "must be sent"),
            (Direction::Request, false) => (Class::Less, "may be missing"),
            (Direction::Response, true) => (Class::Other, "must be in an answer"),
            (Direction::Response, false) => (Class::Other, "may be missing in an answer"),
        };
        found.add(class, Whom::Callers, &about, says);
    }
    if *category != old.category {
        let says = instead(optional(category.as_deref()), optional(old.category.as_deref()));
        found.add(Class::Other, Whom::Register, &about, format!("its category is {says}"));
    }
    if *identifying != old.identifying {
        let says = if *identifying { "counts as identifying" } else { "no longer counts as identifying" };
        found.add(Class::Other, Whom::Register, &about, says);
    }
}

/// Who gets a field's value, and what the others get.
fn gated(old: (&Side, &Field), new: (&Side, &Field), found: &mut Changes) {
    let who = |(side, field): (&Side, &Field)| {
        let (gate, _) = field.gate.as_ref()?;
        side.gates.get(*gate).map(Gate::describe)
    };
    let others = |field: &Field| field.specs.otherwise.clone().unwrap_or_else(|| field.specs.outward.clone());
    let about = about(new.1);
    let (before, after) = (others(old.1), others(new.1));
    if (old.1.gate.is_some() || new.1.gate.is_some())
        && let Some(class) = class(&before, &after)
    {
        let says =
            format!("callers without more rights get {}", instead(after.describe(), before.describe()));
        found.add(class, Whom::Callers, &about, says);
    }
    match (who(old), who(new)) {
        // Whether others hold these rights than held those cannot be told.
        (Some(before), Some(after)) if before != after => {
            let says = format!("who gets it in full is said by {}", instead(quoted(&after), quoted(&before)));
            found.add(Class::More, Whom::Callers, &about, says);
        }
        _ => {}
    }
}

/// A parameter that is, or was, treated as a field is: any other passes as it came and is not kept.
pub(super) fn treated(old: Option<&Field>, new: Option<&Field>, about: &str, found: &mut Changes) {
    let untreated = || Specs {
        outward: Spec::Unchanged,
        stored: Spec::LeaveOut,
        export: Spec::LeaveOut,
        otherwise: None,
    };
    let specs = |field: Option<&Field>| field.map_or_else(untreated, |field| field.specs.clone());
    if old.is_some() || new.is_some() {
        destinations(&specs(old), &specs(new), Direction::Request, about, found);
    }
    let category = |field: Option<&Field>| field.and_then(|field| field.category.clone());
    let (before, after) = (category(old), category(new));
    if before != after {
        let says = instead(optional(after.as_deref()), optional(before.as_deref()));
        found.add(Class::Other, Whom::Register, about, format!("its category is {says}"));
    }
}

fn destinations(old: &Specs, new: &Specs, direction: Direction, about: &str, found: &mut Changes) {
    // What others get is compared with who they are.
    let Specs { outward: out, stored, export, otherwise: _ } = new;
    let (whom, sees) = outward(direction);
    if let Some(class) = class(&old.outward, out) {
        found.add(class, whom, about, outwards(&old.outward, out, sees));
    }
    if let Some(class) = class(&old.stored, stored) {
        let says = match stored {
            Spec::LeaveOut => format!("is no longer kept (before: {})", kept(&old.stored)),
            stored => format!("is kept: {}", instead(kept(stored), kept(&old.stored))),
        };
        found.add(class, Whom::Store, about, says);
    }
    if let Some(class) = class(&old.export, export) {
        let says = match export {
            Spec::LeaveOut => format!("an export no longer shows it (before: {})", old.export.describe()),
            export => format!("an export will show {}", instead(export.describe(), old.export.describe())),
        };
        found.add(class, Whom::Export, about, says);
    }
}

fn outwards(old: &Spec, new: &Spec, sees: &str) -> String {
    let will = sees.replace("sees", "will see").replace("get", "will get");
    match (old, new) {
        (_, Spec::RefuseIfPresent) => format!("a body that has it is refused (before: {})", old.describe()),
        (Spec::RefuseIfPresent, Spec::LeaveOut) => {
            "a body that has it is no longer refused; it is left out".to_owned()
        }
        (_, Spec::LeaveOut) => format!(
            "{} (before: {})",
            sees.replace("sees", "no longer sees it").replace("get", "no longer get it"),
            old.describe()
        ),
        (_, Spec::Unchanged) => format!("{will} it exactly (before: {})", old.describe()),
        (_, new) => format!("{will} {}", instead(new.describe(), old.describe())),
    }
}

/// `None` where nothing changed.
fn class(old: &Spec, new: &Spec) -> Option<Class> {
    if old == new {
        return None;
    }
    match new.discloses(old) {
        Some(Ordering::Equal) => Some(match (old, new) {
            (Spec::RefuseIfPresent, _) => Class::More,
            (_, Spec::RefuseIfPresent) => Class::Less,
            _ => Class::Other,
        }),
        order => Class::of(order),
    }
}

/// What is kept, in words.
fn kept(spec: &Spec) -> String {
    match spec {
        Spec::Unchanged => "the value as it came, encrypted".to_owned(),
        spec => spec.describe(),
    }
}
