//! What is kept of a person, as they are shown it (GDPR Art. 15). Values are spelled as they came: a number may be larger
//! than any that programs count with.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::rights::{self, Access};
use crate::store::{ConsentRow, ConsentState, Stop, StopKind};

/// The whole answer.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    /// Whether anything is known of somebody of that name; where not, it may be mistyped.
    known: bool,
    consents: Vec<Consent<'a>>,
    /// Of a purpose, or of all where none is named.
    objections: Vec<Objection<'a>>,
    restricted_since: Option<String>,
    records: Vec<Record<'a>>,
    damaged: u64,
}

#[derive(Serialize)]
struct Consent<'a> {
    purpose: &'a str,
    state: &'static str,
    at: String,
    expires: Option<String>,
    notice_version: u32,
    language: &'a str,
    method: &'a str,
}

#[derive(Serialize)]
struct Objection<'a> {
    purpose: Option<&'a str>,
    at: String,
}

#[derive(Serialize)]
struct Record<'a> {
    activity: &'a str,
    number: u64,
    at: String,
    kept: Kept<'a>,
}

/// Some that were kept by a gateway of before are no JSON: they are shown as a text.
#[derive(Serialize)]
#[serde(untagged)]
enum Kept<'a> {
    Json(&'a RawValue),
    Text(Cow<'a, str>),
}

impl<'a> Shown<'a> {
    pub(super) fn of(access: &'a Access) -> Self {
        let objection = |(purpose, at): &'a (Option<String>, Timestamp)| Objection {
            purpose: purpose.as_deref(),
            at: at.to_string(),
        };
        let record = |shown: &'a rights::Shown| Record {
            activity: &shown.activity,
            number: shown.number,
            at: shown.at.to_string(),
            kept: Kept::of(&shown.json),
        };
        let stopped = access.restricted.is_some() || !access.objections.is_empty();
        Self {
            known: access.reference.is_some() || stopped,
            consents: access.consents.iter().map(Consent::of).collect(),
            objections: access.objections.iter().map(objection).collect(),
            restricted_since: access.restricted.map(|since| since.to_string()),
            records: access.records.iter().map(record).collect(),
            damaged: access.damaged,
        }
    }
}

impl<'a> Kept<'a> {
    fn of(kept: &'a [u8]) -> Self {
        serde_json::from_slice(kept).map_or_else(|_| Self::Text(String::from_utf8_lossy(kept)), Self::Json)
    }
}

impl<'a> Consent<'a> {
    fn of(row: &'a ConsentRow) -> Self {
        Self {
            purpose: &row.purpose,
            state: state(row.state),
            at: row.at.to_string(),
            expires: row.expires.map(|expires| expires.to_string()),
            notice_version: row.notice_version,
            language: &row.language,
            method: &row.method,
        }
    }
}

/// A line for people.
pub(super) fn consent_line(row: &ConsentRow) -> String {
    let ConsentRow { purpose, notice_version, at, expires, language, method, .. } = row;
    let until = expires.map(|expires| format!(", expires {expires}")).unwrap_or_default();
    let state = state(row.state);
    format!("{purpose} (notice version {notice_version}, {language}): {state} {at} by {method}{until}")
}

/// The same of what stops processing. The purpose is spelled as it is, to be named when it is lifted.
pub(super) fn stop_line(stop: &Stop) -> String {
    let kind = match stop.kind {
        StopKind::Restriction => "restriction",
        StopKind::Objection => "objection",
    };
    let purpose = stop.purpose.as_deref().map(|purpose| format!(" to {purpose}")).unwrap_or_default();
    format!("{kind}{purpose} since {}", stop.at)
}

const fn state(state: ConsentState) -> &'static str {
    match state {
        ConsentState::Given => "given",
        ConsentState::Refused => "refused",
        ConsentState::Withdrawn => "withdrawn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_objection_is_shown_as_it_is_lifted() {
        let (kind, purpose) = (StopKind::Objection, Some("Marketing-EU".to_owned()));
        let stop = Stop { lookup: [7; 32], kind, purpose, at: Timestamp::from_millis(0) };
        assert_eq!(stop_line(&stop), "objection to Marketing-EU since 1970-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_kept_is_spelled_as_it_is() {
        for (kept, shown) in [
            (
                &br#"{"weight":1e400,"id":12345678901234567890123}"#[..],
                r#"{"weight":1e400,"id":12345678901234567890123}"#,
            ),
            (br#"{"age":,"name":"Ada"}"#, r#""{\"age\":,\"name\":\"Ada\"}""#),
        ] {
            assert_eq!(serde_json::to_string(&Kept::of(kept)).unwrap(), shown);
        }
    }
}
