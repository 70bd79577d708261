//! Parameters that are treated as fields.

use std::sync::Arc;

use super::{Coverage, Covers, Target};
use crate::action::Spec;
use crate::net::query;
use crate::payload::Step;
use crate::plan::{HeadPart, Param, Route};
use crate::policy::cases::{Case, UpstreamAsked};

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

/// Counts what a call that was let through has shown of them.
pub(super) fn count(all: &mut Coverage, route: &Route, case: &Case) {
    for (part, param, field) in route.treated().filter(|(part, param, _)| sent(*part, param, case)) {
        let looks = case.upstream_asked.as_ref().is_some_and(|asked| looks(asked, part, param));
        let stored = case.stored.as_ref().is_some_and(|expected| expected.looks_at(field.path.steps()));
        for (kept, looked) in [(false, looks), (true, stored)] {
            if looked {
                let target = Target::Parameter { route: route.index, name: Arc::clone(&field.name), kept };
                all.cover(|other| *other == target);
            }
        }
    }
}

fn sent(part: HeadPart, param: &Param, case: &Case) -> bool {
    match part {
        HeadPart::Path => true,
        HeadPart::Query => {
            let query = case.send.path.value.split_once('?').map_or("", |(_, query)| query);
            query::pairs(query).is_ok_and(|pairs| pairs.iter().any(|(name, _)| *name == *param.name))
        }
        HeadPart::Header => case.send.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(&param.name)),
    }
}

fn looks(asked: &UpstreamAsked, part: HeadPart, param: &Param) -> bool {
    let named = [Step::Member((&*param.name).into())];
    match part {
        HeadPart::Path => asked.path.is_some(),
        HeadPart::Query => asked.query.as_ref().is_some_and(|expected| expected.looks_at(&named)),
        HeadPart::Header => asked.headers.as_ref().is_some_and(|expected| expected.looks_at(&named)),
    }
}
