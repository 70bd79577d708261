//! One call of somebody who may make it: what the gateway says to it. The same house as a case has, so that nothing of the
//! deployment is touched.

use anyhow::Context as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Map;

use super::answer::sample;
use super::setting::{Got, Setting};
use crate::action::Spec;
use crate::check::Check;
use crate::clock::Clock;
use crate::config::Config;
use crate::net::{headers, query};
use crate::payload::Format;
use crate::plan::explain::request::{self, Trace, Verdict};
use crate::plan::{DataSubject, HeadPart, LegalBasis, Match, Param, Plan, Route, RouteKind, Sent};
use crate::policy::cases::{Call, CallBody, Case, Given, Token};
use crate::policy::{PolicySet, Span, Spanned};
use crate::problem::Problem;

/// Who a call is taken to be about, where it does not say.
const SOMEBODY: &str = "somebody";
/// What is not the caller's to say here, or is said by the connection.
const OURS: &[&str] =
    &["authorization", "connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"];
/// A call of a route with a body, its path, query and headers made up where they must be there. What was made up comes beside
/// it, a sentence each.
///
/// # Errors
/// Where nothing comes to mind that a rule would let through.
pub fn call(route: &Route, body: String) -> anyhow::Result<(Call, Vec<String>)> {
    let mut assumed = Vec::new();
    let mut made_up = |param: &Param, what: &str| -> anyhow::Result<String> {
        let value = made_up(&param.check).with_context(|| {
            format!("no value for the {what} `{}` comes to mind; write the whole call", param.name)
        })?;
        assumed.push(format!("The {what} {} was made up: {value}.", param.name));
        Ok(value)
    };
    let mut path = String::new();
    let mut params = route.path.iter();
    let (_, template) = route.text.split_once(' ').unwrap_or_default();
    for segment in template.split('/').skip(1) {
        path.push('/');
        match params.as_slice().first() {
            Some(param) if segment == format!("{{{}}}", param.name) => {
                path.push_str(&made_up(param, "path parameter")?);
                params.next();
            }
            _ => path.push_str(segment),
        }
    }
    let mut asked = String::new();
    for param in route.query.iter().filter(|param| param.required) {
        query::write(&mut asked, &param.name, &made_up(param, "query parameter")?);
    }
    if !asked.is_empty() {
        path = format!("{path}?{asked}");
    }
    let mut headers = Vec::new();
    for param in route.headers.iter().filter(|param| param.required) {
        headers.push((param.name.to_string(), made_up(param, "header")?));
    }
    if let Some(format) = route.payload.as_ref().map(|payload| payload.request.format())
        && format != Format::Json
    {
        headers.push(("Content-Type".to_owned(), Sent::text(&body, format).content_type));
    }
    let body = if body.is_empty() { CallBody::None } else { CallBody::Text(body) };
    let call = Call { method: route.method.clone(), path: Spanned::new(path, Span::NOWHERE), headers, body };
    Ok((call, assumed))
}

/// What becomes of a call's body, which is sent as that of a case is; `None` where the route inspects none.
pub fn trace(plan: &Plan, set: &PolicySet, route: &Route, call: &Call) -> Option<Trace> {
    let format = route.payload.as_ref()?.request.format();
    let sent = Sent::of(call, format);
    let header = |name: &str| {
        let found = call.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let sent = request::Sent {
        body: sent.as_ref().map_or(&[][..], |sent| &sent.bytes),
        content_type: sent.as_ref().map(|sent| &*sent.content_type).or_else(|| header("content-type")),
        json_length: header("inference-header-content-length"),
    };
    Trace::of(plan, set, route, sent)
}

/// What the gateway says to a call that comes from somebody with every scope that the route asks for, about a person who has
/// agreed to all that it asks; and what of this was taken for granted.
///
/// # Errors
/// Where the call cannot be made.
pub async fn outcome(
    config: &Config,
    plan: &Plan,
    call: Call,
    trace: Option<&Trace>,
) -> anyhow::Result<(Verdict, Vec<String>)> {
    let mut assumed = vec![
        "Keys, tokens and pseudonyms are made up for this; those of your gateway are others.".to_owned(),
    ];
    let (case, others) = staged(plan, call, trace, &mut assumed);
    let mut setting = Setting::new(config, &case).await?;
    let got = match setting.agreed(&others, &case.given.consent).await {
        Ok(()) => setting.act(&case).await,
        Err(error) => Err(error),
    };
    setting.close().await;
    Ok((verdict(&got?), assumed))
}

/// The call as a case, with what its route asks for; and further persons of whom it holds data.
fn staged(plan: &Plan, call: Call, trace: Option<&Trace>, assumed: &mut Vec<String>) -> (Case, Vec<String>) {
    let mut others = Vec::new();
    let ours = |name: &str| OURS.iter().any(|other| name.eq_ignore_ascii_case(other));
    if call.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
        assumed.push("The request's credential was not looked at.".to_owned());
    }
    let mut given = Given { clock: Some(Clock::system().now()), ..Given::default() };
    if let Ok(found) = plan.route(&call.method, path(&call)) {
        let named = named(&found, &call);
        others = permit(plan, found.route, trace, named, &mut given, assumed);
    }
    let headers = call.headers.iter().filter(|(name, _)| !ours(name)).cloned().collect();
    let case = Case {
        name: Spanned::new("explain".to_owned(), Span::NOWHERE),
        given,
        send: Call { headers, ..call },
        upstream_answers: None,
        upstream_sees: None,
        upstream_asked: None,
        caller_gets: None,
        stored: None,
    };
    (case, others)
}

/// What the client sends beside the body, and what the upstream sees of it.
pub fn params(plan: &Plan, call: &Call) -> Vec<[String; 4]> {
    let Ok(Match { route, params }) = plan.route(&call.method, path(call)) else { return Vec::new() };
    // Everything of a parameter is named, so that a destination of its own cannot be forgotten here.
    let name = |Param { name, required: _, check: _, kind: _, field: _ }: &Param| name.to_string();
    let goes = matches!(route.kind, RouteKind::Governed);
    let sees = |param: &Param, value: &str| match &param.field {
        _ if !goes => "nothing".to_owned(),
        Some(field) if field.specs.outward != Spec::Unchanged => field.specs.outward.describe(),
        _ => value.to_owned(),
    };
    let mut rows: Vec<[String; 4]> = route
        .path
        .iter()
        .zip(params)
        .map(|(param, value)| [name(param), "path".to_owned(), value.clone(), sees(param, &value)])
        .collect();
    let asked = call.path.value.split_once('?').map_or("", |(_, asked)| asked);
    for (asked, value) in query::pairs(asked).unwrap_or_default() {
        let declared = route.query.iter().find(|param| *param.name == *asked);
        let seen = declared.map_or_else(|| "refused: not declared".to_owned(), |param| sees(param, &value));
        rows.push([asked.into_owned(), "query".to_owned(), value.into_owned(), seen]);
    }
    let mut came = HeaderMap::new();
    for (name, value) in
        call.headers.iter().filter(|(name, _)| !OURS.contains(&name.to_ascii_lowercase().as_str()))
    {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            came.append(name, value);
        }
    }
    let declared: Vec<HeaderName> =
        route.headers.iter().filter_map(|param| param.name.parse().ok()).collect();
    let passed = headers::to_upstream(&came, &declared);
    for (name, value) in &came {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let declared = route.headers.iter().find(|param| *param.name == *name.as_str());
        let seen = match declared.filter(|_| passed.contains_key(name)) {
            Some(param) => sees(param, &value),
            // What every call may carry: a trace, for example.
            None if goes && passed.contains_key(name) => value.clone(),
            None => "nothing".to_owned(),
        };
        rows.push([name.to_string(), "header".to_owned(), value, seen]);
    }
    rows
}

fn path(call: &Call) -> &str {
    call.path.value.split('?').next().unwrap_or_default()
}

/// The person whom a parameter of the call names, where one does.
fn named(found: &Match<'_>, call: &Call) -> Option<String> {
    let Some(DataSubject::Parameter(part, name)) = &found.route.activity.data_subject else { return None };
    match part {
        HeadPart::Path => {
            let index = found.route.path.iter().position(|param| param.name == *name)?;
            found.params.get(index).cloned()
        }
        HeadPart::Query => {
            let (_, asked) = call.path.value.split_once('?')?;
            let pairs = query::pairs(asked).ok()?;
            pairs.into_iter().find(|(other, _)| **other == **name).map(|(_, value)| value.into_owned())
        }
        HeadPart::Header => {
            let mut headers = call.headers.iter();
            headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        }
    }
}

/// A token with what the route asks for, and a person who has agreed. Gives the other persons of a batch.
fn permit(
    plan: &Plan,
    route: &Route,
    trace: Option<&Trace>,
    named: Option<String>,
    given: &mut Given,
    assumed: &mut Vec<String>,
) -> Vec<String> {
    let (access, activity) = (&route.access, &route.activity);
    let mut scopes: Vec<String> = access.all_scopes.iter().map(ToString::to_string).collect();
    scopes.extend(access.any_scope.first().map(ToString::to_string));
    let mut others = Vec::new();
    let mut claims = Map::new();
    let mut person = SOMEBODY.to_owned();
    match &activity.data_subject {
        Some(DataSubject::Claim(claim)) if **claim != *"sub" => {
            claims.insert(claim.to_string(), person.clone().into());
        }
        Some(DataSubject::Body(_, field) | DataSubject::Rows(_, field)) => {
            let field = activity.request.fields.get(*field);
            let mut persons =
                trace.zip(field).map(|(trace, field)| trace.texts(&field.name)).unwrap_or_default();
            if !persons.is_empty() {
                person = persons.remove(0);
            }
            if !persons.is_empty() {
                scopes.extend(access.on_behalf_of.as_ref().map(ToString::to_string));
            }
            others = persons;
            assumed
                .push("The caller is taken to be the (first) person whose data the body holds.".to_owned());
        }
        Some(DataSubject::Parameter(..)) => {
            person = named.unwrap_or(person);
            assumed.push("The caller is taken to be the person whom the call names.".to_owned());
        }
        Some(DataSubject::Claim(_)) | None => {}
    }
    if access.reason_required
        && let Some(reason) = plan.organisation.reasons.first()
    {
        claims.insert("reason".to_owned(), reason.to_string().into());
        assumed.push(format!("The reason is taken to be {reason}."));
    }
    if !scopes.is_empty() {
        assumed.push(format!("The caller is taken to have the scopes {}.", scopes.join(", ")));
    }
    let mut agreed = Vec::new();
    if activity.legal_basis == LegalBasis::Consent {
        agreed.push(activity.purpose.name.to_string());
    }
    let transfer = activity.recipient.as_ref().and_then(|recipient| recipient.transfer_consent.as_ref());
    agreed.extend(transfer.map(|purpose| purpose.name.to_string()));
    if !agreed.is_empty() {
        assumed
            .push(format!("Everybody whose data it holds is taken to have agreed to {}.", agreed.join(", ")));
    }
    given.consent = agreed.into_iter().map(|purpose| Spanned::new(purpose, Span::NOWHERE)).collect();
    given.token = Some(Token { sub: Some(person), scopes, claims, ..Token::default() });
    others
}

fn verdict(got: &Got) -> Verdict {
    let slug = got.problem();
    Verdict {
        status: got.status,
        problem: Problem::ALL.iter().copied().find(|problem| Some(problem.slug()) == slug),
        field: got.member("field").map(str::to_owned),
        detail: got.member("detail").map(str::to_owned),
        forwarded: got.upstream_saw.is_some(),
    }
}

/// A text that a check lets through: what its rules name, or one of a few that come to mind.
fn made_up(check: &Check) -> Option<String> {
    let rules = check.rules();
    let ends = rules.range.iter().flat_map(|range| [range.min.clone(), range.max.clone()]).flatten();
    let named = rules.one_of.first().cloned().into_iter().chain(ends);
    let usual = sample(check).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    named.chain(usual).find(|text| check.run_text(text).is_ok())
}

#[cfg(test)]
mod tests;
