//! Parameters that are treated as fields.

use std::sync::Arc;

use super::{Coverage, Covers, Target};
use crate::action::Spec;
use crate::net::query;
use crate::payload::Step;
use crate::plan::{HeadPart, Match, Param, Route};
use crate::policy::cases::{Case, Expected, UpstreamAsked};

/// Everything that is done to the treated parameters of a route.
pub(super) fn add(all: &mut Coverage, route: &Route) {
    for (_, _, field) in route.treated() {
        let stored = match &field.specs.stored {
            Spec::Unchanged => "encrypted".to_owned(),
            spec => spec.to_string(),
        };
        for (kept, what, how) in [
            (
                false,
                format!("to the upstream: {}", field.specs.outward),
                "`upstream_asked` of a call that has it",
            ),
            (true, format!("stored: {stored}"), "`stored` of a call that has it"),
        ] {
            // A call that has it is always refused.
            if field.specs.outward == Spec::RefuseIfPresent {
                continue;
            }
            let target = Target::Parameter { route: route.index, name: Arc::clone(&field.name), kept };
            all.add(
                Covers::Action,
                &route.activity,
                format!("{}: {} {what}", route.text, field.name),
                how,
                target,
            );
        }
    }
}

/// Counts what a call that was let through has shown of them. A pattern that the value fits as it was sent shows no action
/// but `unchanged`.
pub(super) fn count(all: &mut Coverage, found: &Match<'_>, case: &Case) {
    let route = found.route;
    for (part, param, field) in route.treated() {
        let Some(sent) = sent(part, param, found, case) else { continue };
        let shows = |expected: &Expected| field.specs.outward == Spec::Unchanged || !fits(expected, &sent);
        let looks = case.upstream_asked.as_ref().is_some_and(|asked| looks(asked, part, param, shows));
        let stored = case.stored.as_ref().is_some_and(|expected| expected.looks_at(field.path.steps()));
        for (kept, looked) in [(false, looks), (true, stored)] {
            if looked {
                let target = Target::Parameter { route: route.index, name: Arc::clone(&field.name), kept };
                all.cover(|other| *other == target);
            }
        }
    }
}

/// What the call has in the parameter's place, as the upstream would see it unchanged: of the path all of it.
fn sent(part: HeadPart, param: &Param, found: &Match<'_>, case: &Case) -> Option<String> {
    match part {
        HeadPart::Path => {
            Some(found.route.path_with(|index| found.params.get(index).map_or("", String::as_str)))
        }
        HeadPart::Query => {
            let query = case.send.path.value.split_once('?').map_or("", |(_, query)| query);
            let pairs = query::pairs(query).ok()?;
            pairs.into_iter().find(|(name, _)| *name == *param.name).map(|(_, value)| value.into_owned())
        }
        HeadPart::Header => {
            let own = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(&param.name);
            case.send.headers.iter().find(own).map(|(_, value)| value.clone())
        }
    }
}

fn fits(expected: &Expected, sent: &str) -> bool {
    matches!(expected, Expected::Matches(pattern) if pattern.is_match(sent))
}

fn looks(asked: &UpstreamAsked, part: HeadPart, param: &Param, shows: impl Fn(&Expected) -> bool) -> bool {
    let named = [Step::Member((&*param.name).into())];
    let of_one = |all: &Option<Expected>| {
        all.as_ref().is_some_and(|all| {
            let own = match all {
                Expected::Members(members) => members.iter().find(|(name, _)| **name == *param.name),
                _ => None,
            };
            all.looks_at(&named) && own.is_none_or(|(_, expected)| shows(expected))
        })
    };
    match part {
        HeadPart::Path => asked.path.as_ref().is_some_and(|all| all.looks_at(&[]) && shows(all)),
        HeadPart::Query => of_one(&asked.query),
        HeadPart::Header => of_one(&asked.headers),
    }
}
