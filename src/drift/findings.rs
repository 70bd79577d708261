//! What has drifted, told as `check` tells what it finds: with a code, the article, the place in the policy, and what to do.

use std::sync::Arc;

use super::report::{Missing, RouteReport, SideReport};
use crate::policy::{Activity, Code, Diagnostic, Diagnostics, Param, PolicySet, Route, Side, Span};

/// Of each route what is declared and did not occur, and what occurred and is not declared. What the files no longer
/// have has no place.
pub fn findings(routes: &[RouteReport], set: &PolicySet) -> Diagnostics {
    let mut found = Vec::new();
    for drifted in routes {
        let activity = set.all().find(|activity| activity.name == drifted.activity);
        let place = Place { activity, route: &drifted.route };
        if let Some(calls) = drifted.uncalled_for {
            let message = format!("`{}` was not called in the last {calls} calls.", drifted.route);
            let help = "Take the route out if nobody needs it: what is declared is what the register shows.";
            found.push(told(Code::NeverOccurred, place.of_route(), message, help));
            continue;
        }
        missing(
            &drifted.query,
            drifted,
            |name| place.of_param(name, |route| &route.query, |side| &side.query),
            &mut found,
        );
        missing(
            &drifted.headers,
            drifted,
            |name| place.of_param(name, |route| &route.headers, |side| &side.headers),
            &mut found,
        );
        for (body, side) in [("request", &drifted.request), ("response", &drifted.response)] {
            missing(&side.missing, drifted, |name| place.of_field(body, name), &mut found);
            undeclared(body, side, drifted, place.of_side(body), &mut found);
        }
    }
    Diagnostics::new(Arc::clone(&set.sources), found)
}

fn told(code: Code, place: Option<Span>, message: String, help: &str) -> Diagnostic {
    match place {
        Some(span) => Diagnostic::new(code, span, message, help),
        None => Diagnostic::nowhere(code, message, help),
    }
}

fn missing(
    all: &[Missing],
    route: &RouteReport,
    place: impl Fn(&str) -> Option<Span>,
    found: &mut Vec<Diagnostic>,
) {
    for Missing { name, exchanges, .. } in all {
        let message =
            format!("`{name}` did not occur in the last {exchanges} exchanges of `{}`.", route.route);
        let help = "Take it out if nobody needs it: what is asked for without need should not be asked for.";
        found.push(told(Code::NeverOccurred, place(name), message, help));
    }
}

fn undeclared(
    body: &str,
    side: &SideReport,
    route: &RouteReport,
    place: Option<Span>,
    found: &mut Vec<Diagnostic>,
) {
    if side.undeclared == 0 {
        return;
    }
    let names: Vec<_> = side.names.iter().map(|named| format!("`{}`", named.name)).collect();
    let names = if names.is_empty() { String::new() } else { format!(", {} among them", names.join(", ")) };
    let message = format!(
        "Of `{}`, {} members in {} {body} bodies are not declared{names}.",
        route.route, side.undeclared, side.bodies_with_undeclared
    );
    let help = "Declare what is needed, and ask for the rest not to be sent: it is refused, or goes nowhere.";
    found.push(told(Code::SentUndeclared, place, message, help));
}

/// Where a route's words stand.
#[derive(Clone, Copy)]
struct Place<'a> {
    activity: Option<&'a Activity>,
    route: &'a str,
}

impl<'a> Place<'a> {
    fn route(self) -> Option<&'a Route> {
        self.activity?.routes.iter().find(|route| route.text.value == self.route)
    }

    fn side(self, body: &str) -> Option<&'a Side> {
        let activity = self.activity?;
        if body == "request" { activity.request.as_ref() } else { activity.response.as_ref() }
    }

    fn of_route(self) -> Option<Span> {
        Some(self.route()?.text.span)
    }

    fn of_side(self, body: &str) -> Option<Span> {
        Some(self.side(body)?.span)
    }

    fn of_field(self, body: &str, name: &str) -> Option<Span> {
        Some(self.side(body)?.fields.iter().find(|field| field.name.value == name)?.name.span)
    }

    fn of_param(
        self,
        name: &str,
        own: impl Fn(&'a Route) -> &'a Vec<Param>,
        shared: impl Fn(&'a Side) -> &'a Vec<Param>,
    ) -> Option<Span> {
        let own = self.route().into_iter().flat_map(own);
        let shared = self.side("request").into_iter().flat_map(shared);
        Some(own.chain(shared).find(|param| param.name.value == name)?.name.span)
    }
}
