//! Routes: who may call, how often, with how much.

use std::sync::Arc;

use super::words::{instead, names, quoted};
use super::{Changes, Class, Whom, param};
use crate::action::Spec;
use crate::plan::{Access, DeniedRow, Limits, Payload, RateLimit, Route, RouteKind};
use crate::policy::Spanned;
use crate::policy::units::show_duration;

fn about(route: &Route) -> String {
    format!("route {}", quoted(&route.text))
}

pub(super) fn added(route: &Route, found: &mut Changes) {
    let says = format!("is new: {}; {}", kind(route.kind), who(&route.access, route.kind));
    found.add(Class::More, Whom::Callers, about(route), says);
}

pub(super) fn removed(route: &Route, found: &mut Changes) {
    found.add(Class::Less, Whom::Callers, about(route), "is no longer served");
}

pub(super) fn compare(old: &Route, new: &Route, found: &mut Changes) {
    // Every member is named, so that a new one cannot be forgotten. Method and segments are the text's.
    let Route {
        index: _,
        text: _,
        method: _,
        kind,
        bodyless,
        payload,
        // The condition's text is the access rule's.
        when: _,
        access,
        rate_limit,
        limits,
        path,
        query,
        headers,
        activity,
        segments: _,
    } = new;
    let about = about(new);
    if activity.name != old.activity.name {
        let says = format!("belongs to {}", instead(quoted(&activity.name), quoted(&old.activity.name)));
        found.add(Class::More, Whom::Persons, &about, says);
    }
    if *kind != old.kind {
        let says = format!("{} (before: {})", self::kind(*kind), self::kind(old.kind));
        found.add(of_kinds(old.kind, *kind), Whom::Upstream, &about, says);
        // What passes uninspected is never kept. What is kept of parameters is told with them.
        let sides = activity.request.fields.iter().chain(&activity.response.fields);
        let kept: Vec<_> = sides.filter(|field| field.specs.stored != Spec::LeaveOut).collect();
        if let (RouteKind::Open { .. }, RouteKind::Governed) = (old.kind, *kind)
            && !kept.is_empty()
        {
            let says = format!("keeps of its bodies: {}", names(kept.iter().map(|field| &field.name)));
            found.add(Class::More, Whom::Store, &about, says);
        }
    }
    if *bodyless != old.bodyless {
        let says = if *bodyless { "calls have no body" } else { "calls have a body" };
        found.add(Class::more_if(!*bodyless), Whom::Callers, &about, says);
    }
    if let (Some(old), Some(new)) = (&old.payload, payload) {
        bodies(old, new, &about, found);
    }
    self::access(&old.access, access, &about, found);
    rate(old.rate_limit, *rate_limit, &about, found);
    self::limits(old.limits, *limits, &about, found);
    let of = format!("{about}, ");
    param::compare(&of, "path parameter", &old.path, path, found);
    param::compare(&of, "query parameter", &old.query, query, found);
    param::compare(&of, "header", &old.headers, headers, found);
}

/// Formats, and what becomes of a batch. Another format finds the same fields; what it has beside them may be more.
fn bodies(old: &Payload, new: &Payload, about: &str, found: &mut Changes) {
    // The person's walker is the data subject's and the format's.
    let Payload { request, response, person: _, person_field: _, on_denied_row } = new;
    for (whom, what, old, new) in [
        (Whom::Callers, "bodies are", old.request.format(), request.format()),
        (Whom::Upstream, "answers are", old.response.format(), response.format()),
    ] {
        if old != new {
            let says = format!("{what} read as {}", instead(quoted(new.word()), quoted(old.word())));
            found.add(Class::More, whom, about, says);
        }
    }
    let (class, says) = match (old.on_denied_row, on_denied_row) {
        (DeniedRow::Refuse, DeniedRow::LeaveOutRow) => {
            (Class::More, "a batch with a row that may not be processed passes, without the row")
        }
        (DeniedRow::LeaveOutRow, DeniedRow::Refuse) => {
            (Class::Less, "a batch with a row that may not be processed is refused")
        }
        (DeniedRow::Refuse, DeniedRow::Refuse) | (DeniedRow::LeaveOutRow, DeniedRow::LeaveOutRow) => return,
    };
    found.add(class, Whom::Callers, about, says);
}

fn kind(kind: RouteKind) -> String {
    match kind {
        RouteKind::Governed => "the body is inspected field by field".to_owned(),
        RouteKind::Open { body: None } => "calls are forwarded uninspected, without a body".to_owned(),
        RouteKind::Open { body: Some(cap) } => {
            format!("calls are forwarded uninspected, with a body of up to {cap} bytes")
        }
        RouteKind::Answer(answer) => format!("answered from kept records: {}", quoted(answer.word())),
    }
}

fn of_kinds(old: RouteKind, new: RouteKind) -> Class {
    match (old, new) {
        (RouteKind::Open { body: old }, RouteKind::Open { body: new }) => Class::more_if(new > old),
        (RouteKind::Open { body: Some(_) }, RouteKind::Governed) => Class::Less,
        _ => Class::More,
    }
}

fn who(access: &Access, kind: RouteKind) -> String {
    let Access { all_scopes, any_scope, on_behalf_of, reason_required, when } = access;
    let mut parts = Vec::new();
    parts.extend(when.as_ref().map(|when| format!("callers must fulfil {}", quoted(&when.value))));
    if !all_scopes.is_empty() {
        parts.push(format!("callers need {}", names(all_scopes)));
    }
    if !any_scope.is_empty() {
        parts.push(format!("callers need one of {}", names(any_scope)));
    }
    if *reason_required {
        parts.push("callers need a reason".to_owned());
    }
    if let Some(scope) = on_behalf_of {
        parts.push(format!("{} lets a caller act for others", quoted(scope)));
    }
    match (parts.is_empty(), kind) {
        (false, _) => parts.join("; "),
        (true, RouteKind::Open { .. }) => "anyone may call".to_owned(),
        (true, _) => "every authenticated caller may call".to_owned(),
    }
}

fn access(old: &Access, new: &Access, about: &str, found: &mut Changes) {
    let Access { all_scopes, any_scope, on_behalf_of, reason_required, when } = new;
    let beside = |some: &[Arc<str>], others: &[Arc<str>]| -> Vec<Arc<str>> {
        some.iter().filter(|scope| !others.contains(scope)).cloned().collect()
    };
    let mut told = |class, says: String| found.add(class, Whom::Callers, about, says);
    let text = |access: &Option<Spanned<String>>| access.as_ref().map(|when| when.value.clone());
    match (text(&old.when), text(when)) {
        (None, Some(after)) => told(Class::Less, format!("callers must fulfil {}", quoted(&after))),
        (Some(before), None) => {
            told(Class::More, format!("callers need no longer fulfil {}", quoted(&before)))
        }
        // Whether another condition lets more through cannot be told.
        (Some(before), Some(after)) if before != after => {
            told(Class::More, format!("callers must fulfil {}", instead(quoted(&after), quoted(&before))));
        }
        _ => {}
    }
    let (come, gone) = (beside(all_scopes, &old.all_scopes), beside(&old.all_scopes, all_scopes));
    if !come.is_empty() {
        told(Class::Less, format!("callers need the scope {}", names(come)));
    }
    if !gone.is_empty() {
        told(Class::More, format!("callers no longer need the scope {}", names(gone)));
    }
    match (old.any_scope.is_empty(), any_scope.is_empty()) {
        (true, true) => {}
        (true, false) => told(Class::Less, format!("callers need one of the scopes {}", names(any_scope))),
        (false, true) => {
            told(Class::More, format!("callers no longer need one of the scopes {}", names(&old.any_scope)));
        }
        (false, false) => {
            let (come, gone) = (beside(any_scope, &old.any_scope), beside(&old.any_scope, any_scope));
            if !come.is_empty() {
                told(Class::More, format!("callers may also come with the scope {}", names(come)));
            }
            if !gone.is_empty() {
                told(Class::Less, format!("callers can no longer come with the scope {}", names(gone)));
            }
        }
    }
    if *on_behalf_of != old.on_behalf_of {
        match (&old.on_behalf_of, on_behalf_of) {
            (_, Some(scope)) => {
                told(Class::More, format!("callers with the scope {} may act for others", quoted(scope)));
            }
            (before, None) => {
                let scope = before.as_deref().unwrap_or_default();
                told(
                    Class::Less,
                    format!("the scope {} no longer lets callers act for others", quoted(scope)),
                );
            }
        }
    }
    match (old.reason_required, reason_required) {
        (false, true) => told(Class::Less, "callers must give a reason".to_owned()),
        (true, false) => told(Class::More, "callers need not give a reason".to_owned()),
        (true, true) | (false, false) => {}
    }
}

fn rate(old: Option<RateLimit>, new: Option<RateLimit>, about: &str, found: &mut Changes) {
    if old == new {
        return;
    }
    let show = |limit: Option<RateLimit>| match limit {
        None => "as often as anybody likes".to_owned(),
        Some(RateLimit { calls, period, burst, per }) => {
            let per = per.word().replace('_', " ");
            format!("{calls} times in {}, {burst} at once, per {per}", show_duration(period))
        }
    };
    let class = match (old, new) {
        (None, Some(_)) => Class::Less,
        (Some(old), Some(new)) if old.per == new.per => {
            // Calls per time, without a division.
            let speed =
                |one: RateLimit, other: RateLimit| u128::from(one.calls.get()) * other.period.as_nanos();
            Class::more_if(speed(new, old) > speed(old, new) || new.burst > old.burst)
        }
        _ => Class::More,
    };
    found.add(class, Whom::Callers, about, format!("may be called {}", instead(show(new), show(old))));
}

fn limits(old: Limits, new: Limits, about: &str, found: &mut Changes) {
    let Limits { body, depth, rows } = new;
    let limits = [
        ("bytes of a body", body, old.body),
        ("levels of nesting", depth.into(), old.depth.into()),
        ("elements of an array", rows.into(), old.rows.into()),
    ];
    for (what, now, then) in limits {
        if let Some(class) = Class::of(Some(now.cmp(&then))) {
            let says = format!("up to {} {what} (before: {then})", now);
            found.add(class, Whom::Callers, about, says);
        }
    }
}
