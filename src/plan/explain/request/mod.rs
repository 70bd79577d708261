//! What one request becomes, field by field, and the rule that did it: the real walk with the real checks and actions, under
//! secrets made up for the occasion. No store and no network; whether the call passes, the pipeline says ([`Verdict`]).

mod report;
mod rules;
mod undeclared;
mod walk;

use std::sync::Arc;

use crate::payload::{Caps, Declared, Direction, Envelope, Format, Stop, Undeclared, Walker};
use crate::plan::{Answer, DataSubject, Plan, Route, RouteKind};
use crate::policy::PolicySet;
use crate::problem::Problem;

pub use report::page;
use walk::Recorder;

/// The most keys that are looked at: a body that is explained is one that somebody reads.
const MEMBERS: usize = 100_000;

/// A request, what the gateway said to it, and what it becomes.
#[derive(Debug)]
pub struct Request {
    /// Method, path and query.
    pub call: String,
    /// What was taken for granted, a sentence each.
    pub assumed: Vec<String>,
    /// What the gateway said.
    pub verdict: Verdict,
    /// Path, query and headers: the place, the name, what came, what the upstream sees.
    pub params: Vec<[String; 4]>,
    /// What becomes of the body; `None` where the route inspects none.
    pub trace: Option<Trace>,
}

/// What the gateway's pipeline said to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The caller's status.
    pub status: u16,
    /// The problem, where it is refused.
    pub problem: Option<Problem>,
    /// The field at fault.
    pub field: Option<String>,
    /// The sentence for the caller.
    pub detail: Option<String>,
    /// Whether the upstream was asked.
    pub forwarded: bool,
}

/// What becomes of a body.
#[derive(Debug, Default)]
pub struct Trace {
    /// Whose exports are shown: the activities that answer with pages of these records.
    pub exports: Vec<String>,
    /// Every value of a declared field, in the order of the body, then what is missing.
    pub values: Vec<Traced>,
    /// What nobody declared: the place, and what is there.
    pub undeclared: Vec<(String, &'static str)>,
    /// What the policy says of it.
    pub undeclared_rule: Rule,
    /// Whether it is refused.
    pub undeclared_refused: bool,
    /// All that is wrong, in the order of the body.
    pub faults: Vec<Fault>,
    /// The body as the upstream sees it; `None` where the call is refused.
    pub upstream: Option<String>,
}

/// What a client sends.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent<'a> {
    /// The body, decoded.
    pub body: &'a [u8],
    /// `Content-Type`; the format's own where none is said.
    pub content_type: Option<&'a str>,
    /// `Inference-Header-Content-Length`.
    pub json_length: Option<&'a str>,
}

/// One value of a declared field.
#[derive(Debug)]
pub struct Traced {
    /// The field's name.
    pub field: Arc<str>,
    /// Its place in this body: `visits[2].shop`.
    pub at: String,
    /// What came, as JSON; `None` where it is missing.
    pub sent: Option<String>,
    /// What a rule of the value made of it before anything else, where it changed it.
    pub cleaned: Option<(String, Rule)>,
    /// What each destination gets, in the order of [`Trace::destinations`]; `None` is nothing.
    pub becomes: Vec<(Option<String>, Rule)>,
}

/// The words of the policy that decide, and where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// File and line.
    pub place: String,
    /// The words.
    pub words: String,
}

/// Something for which a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The problem that a caller gets.
    pub problem: Problem,
    /// The place in the body.
    pub at: String,
    /// What is wrong.
    pub says: String,
    /// The rule that it breaks, where it is one of the policy's.
    pub rule: Option<Rule>,
}

impl Trace {
    /// What a governed route makes of a body. `set` is what the plan was compiled from. `None` for a route that inspects none.
    pub fn of(plan: &Plan, set: &PolicySet, route: &Route, sent: Sent<'_>) -> Option<Self> {
        let format = route.payload.as_ref()?.request.format();
        let Sent { body, content_type, json_length } = sent;
        let activity = &route.activity;
        let rules = rules::Rules::of(set, &activity.name);
        let exporting = |other: &&Route| {
            other.kind == RouteKind::Answer(Answer::PseudonymizedRecords)
                && other.activity.records_of == Some(activity.index)
        };
        let exporters: Vec<&Route> = plan.routes.iter().map(|route| &**route).filter(exporting).collect();
        let caps = Caps {
            bytes: usize::try_from(route.limits.body).unwrap_or(usize::MAX),
            depth: usize::try_from(route.limits.depth).unwrap_or(usize::MAX),
            rows: usize::try_from(route.limits.rows).unwrap_or(usize::MAX),
            members: MEMBERS,
        };
        let mut out = Vec::new();
        let side = &activity.request;
        // What is not declared is passed over even where it is refused, so that the rest can be told too.
        let paths: Vec<_> = side.fields.iter().map(|field| field.path.clone()).collect();
        let rows = match &activity.data_subject {
            Some(DataSubject::Rows(path, _)) => Some(path),
            Some(DataSubject::Claim(_) | DataSubject::Parameter(..) | DataSubject::Body(..)) | None => None,
        };
        let declared = Declared { paths: &paths, undeclared: Undeclared::LeaveOut, rows };
        let answered: Vec<_> = activity.response.fields.iter().map(|field| field.path.clone()).collect();
        let walker = Walker::compile(format, Direction::Request, declared).ok()?.answered_by(&answered);
        let mut recorder = Recorder::new(plan, activity, &exporters, &rules, &walker);
        let envelope = Envelope::open(format, content_type.or(Some(format.media_type())), json_length);
        let whole = |problem, says: String| Fault { problem, at: String::new(), says, rule: None };
        // An empty text is a text; of any other body that is empty, all that it lacks is told.
        let lacking = body.is_empty() && (format != Format::Text || route.may_lack_a_body());
        let walked = if lacking {
            recorder.nothing_came();
            Ok(())
        } else if let Some(envelope) = envelope {
            walker.walk(body, &envelope, &caps, &mut recorder, &mut out).map(drop)
        } else {
            Err(Stop::Visitor(whole(Problem::PayloadNotInspectable, format.demand())))
        };
        let stopped = walked.err().map(|stop| match stop {
            Stop::Visitor(fault) => fault,
            Stop::Malformed(malformed) if format == Format::Json => {
                whole(Problem::RequestMalformed, format!("The body is not JSON: {malformed}."))
            }
            Stop::Malformed(malformed) => whole(
                Problem::PayloadNotInspectable,
                format!("The body is not {}: {malformed}.", format.word()),
            ),
            Stop::TooLarge(cap) => {
                whole(Problem::PayloadTooLarge, format!("The body has {}.", caps.exceeded(cap, format)))
            }
            Stop::Undeclared | Stop::Unfit(_) => {
                whole(Problem::InternalError, "The walk stopped.".to_owned())
            }
        });
        let (values, unnamed, mut faults) = recorder.into_parts();
        faults.extend(stopped);
        let undeclared = match format {
            Format::Json => undeclared::of(side, body),
            // Where a body is no document of that shape, what is in it is counted.
            _ if unnamed == 0 => Vec::new(),
            _ => vec![(format!("{unnamed} in the body"), "not named here")],
        };
        let refused = side.unknown_fields == Undeclared::Refuse;
        let rule = rules.unknown_fields(side.unknown_fields);
        if refused {
            faults.extend(undeclared.iter().map(|(at, _)| Fault {
                problem: Problem::FieldNotPermitted,
                at: at.clone(),
                says: "The policy does not declare it.".to_owned(),
                rule: Some(rule.clone()),
            }));
        }
        let upstream = faults.is_empty().then(|| String::from_utf8_lossy(&out).trim().to_owned());
        Some(Self {
            exports: exporters.iter().map(|route| route.activity.name.to_string()).collect(),
            values,
            undeclared,
            undeclared_rule: rule,
            undeclared_refused: refused,
            faults,
            upstream,
        })
    }

    /// What stands in a field wherever it occurs, as texts, each once.
    pub fn texts(&self, field: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        let sent = self.values.iter().filter(|traced| *traced.field == *field);
        for json in sent.filter_map(|traced| traced.sent.as_ref()) {
            let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.clone());
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }

    /// Who gets something, in the order of [`Traced::becomes`].
    pub fn destinations(&self) -> Vec<String> {
        let mut all = vec!["upstream sees".to_owned(), "stored, encrypted".to_owned()];
        match self.exports.as_slice() {
            [] => all.push("export (no route shows it)".to_owned()),
            exports => all.extend(exports.iter().map(|name| format!("export by {name}"))),
        }
        all
    }
}
