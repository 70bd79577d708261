//! What has drifted, for people and for programs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ShadowReport;

/// All that has drifted.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// How many exchanges of a route something must be missing in.
    pub window: u64,
    /// How many calls found a route.
    pub exchanges: u64,
    /// Every route.
    pub routes: Vec<RouteReport>,
    /// Every shadow.
    pub shadows: Vec<ShadowReport>,
}

/// What has drifted of one route.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RouteReport {
    /// Its activity.
    pub activity: String,
    /// As the policy writes it.
    pub route: String,
    /// How many calls found it.
    pub exchanges: u64,
    /// How many calls the gateway had since one of them was this route's, where that is a window or more.
    pub uncalled_for: Option<u64>,
    /// Declared query parameters that did not occur.
    pub query: Vec<Missing>,
    /// Declared request headers that did not occur.
    pub headers: Vec<Missing>,
    /// What goes to the upstream.
    pub request: SideReport,
    /// What comes back.
    pub response: SideReport,
}

/// What has drifted of one direction.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SideReport {
    /// Bodies that were walked to their end.
    pub bodies: u64,
    /// Declared fields that did not occur.
    pub missing: Vec<Missing>,
    /// Members that are not declared, and that occurred.
    pub undeclared: u64,
    /// Bodies that had some.
    pub bodies_with_undeclared: u64,
    /// Names of those, where many persons' bodies have them.
    pub names: Vec<Named>,
    /// Whether so many names came that they are data themselves, and are not told.
    pub names_are_data: bool,
}

/// Something declared that did not occur.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Its name, as declared.
    pub name: String,
    /// For how many exchanges.
    pub exchanges: u64,
    /// Whether it ever occurred since the gateway started.
    pub ever: bool,
}

/// The name of something that is not declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The name.
    pub name: Box<str>,
    /// In how many of the bodies that were looked at.
    pub bodies: u64,
}

/// What has drifted of an activity, in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Declared fields that did not occur, over all routes and both directions.
    pub fields: u64,
    /// Declared query parameters and headers that did not occur.
    pub parameters: u64,
    /// Routes that were not called.
    pub routes: u64,
    /// Members that occurred in requests and are not declared, since the start.
    pub undeclared_in_requests: u64,
    /// The same in answers.
    pub undeclared_in_answers: u64,
}

impl Summary {
    pub(super) fn add(&mut self, route: &RouteReport) {
        let count = |missing: &[Missing]| missing.len() as u64;
        self.fields += count(&route.request.missing) + count(&route.response.missing);
        self.parameters += count(&route.query) + count(&route.headers);
        self.routes += u64::from(route.uncalled_for.is_some());
        self.undeclared_in_requests += route.request.undeclared;
        self.undeclared_in_answers += route.response.undeclared;
    }
}

impl Report {
    /// A line for each thing that has drifted: activity, route, what, since when.
    pub fn rows(&self) -> Vec<[String; 4]> {
        let mut rows = Vec::new();
        for route in &self.routes {
            let mut row = |what: String, note: String| {
                rows.push([route.activity.clone(), route.route.clone(), what, note]);
            };
            if let Some(calls) = route.uncalled_for {
                row("the route".into(), format!("not called in the last {calls} calls"));
                continue;
            }
            for (kind, missing) in [
                ("query", &route.query),
                ("header", &route.headers),
                ("request", &route.request.missing),
                ("response", &route.response.missing),
            ] {
                for Missing { name, exchanges, ever } in missing {
                    let ever = if *ever { "" } else { ", nor ever" };
                    row(format!("{kind} {name}"), format!("not in the last {exchanges} exchanges{ever}"));
                }
            }
            for (kind, side) in [("request", &route.request), ("response", &route.response)] {
                if side.undeclared == 0 {
                    continue;
                }
                let (count, bodies) = (side.undeclared, side.bodies_with_undeclared);
                let data = if side.names_are_data { "; too many names to be fields" } else { "" };
                row(format!("{kind}, undeclared"), format!("{count} members in {bodies} bodies{data}"));
                for Named { name, bodies } in &side.names {
                    row(format!("{kind}, undeclared {name}"), format!("in {bodies} of the bodies looked at"));
                }
            }
        }
        rows.extend(self.shadows.iter().flat_map(ShadowReport::rows));
        rows
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        if rows.is_empty() {
            return write!(
                f,
                "Nothing has drifted in {} calls; a window is {} exchanges of a route.",
                self.exchanges, self.window
            );
        }
        write!(f, "{} calls; a window is {} exchanges of a route.", self.exchanges, self.window)?;
        let heads = ["activity", "route", "what", ""].map(str::to_owned);
        let lines = || std::iter::once(&heads).chain(&rows);
        let mut widths = [0; 4];
        for line in lines() {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = cell.chars().count().max(*width);
            }
        }
        lines().try_for_each(|line| {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            write!(f, "\n  {}", cells.collect::<Vec<_>>().join("  ").trim_end())
        })
    }
}
