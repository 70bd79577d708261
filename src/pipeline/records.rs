//! Records: what the gateway answers from what it keeps, a page of pseudonymised records or one re-identified record.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body as _;
use serde_json::value::RawValue;

use super::Gateway;
use super::account::Account;
use super::admit::Admitted;
use super::answer;
use super::authorize::ask;
use super::finish::write;
use crate::action::{self, Refused};
use crate::audit::What;
use crate::custody::{CustodyError, Kept, OpenedRecord, Reader};
use crate::net::Content;
use crate::payload::{Kind, Treated, Value};
use crate::personal::Reference;
use crate::plan::{Activity, Answer};
use crate::problem::{Problem, Rejection};
use crate::standing::Stand;
use crate::store::RecordRow;
use crate::telemetry::Causes;

/// Records on one page.
const PAGE: u32 = 100;

/// Answers from the records of the activity that this one is about.
pub(super) async fn answer(
    gateway: &Gateway,
    admitted: Admitted,
    body: Option<&Content>,
    kind: Answer,
    account: &mut Account,
) -> Result<Response<Content>, Rejection> {
    if body.is_some_and(|body| !body.is_end_stream()) {
        return Err(Rejection::new(Problem::FieldNotPermitted).detail("This route takes no body."));
    }
    let shelf = Shelf::of(gateway, &admitted)?;
    let body = match kind {
        Answer::PseudonymizedRecords => shelf.page(&admitted, account).await?,
        Answer::ReIdentifiedRecord => shelf.single(&admitted, account).await?,
    };
    Ok(answer::json(StatusCode::OK, body))
}

/// Why a record is not there in clear.
enum Unopened {
    Refused(Rejection),
    /// Its ciphertext is not the one that was kept.
    Damaged(CustodyError),
}

impl From<Rejection> for Unopened {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<Unopened> for Rejection {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::Refused(rejection) => rejection,
            // Asking again would not help.
            Unopened::Damaged(error) => Self::new(Problem::InternalError).because(error),
        }
    }
}

/// The records that one activity answers from.
struct Shelf<'a> {
    gateway: &'a Gateway,
    activity: &'a Activity,
    source: &'a Activity,
    keys: Arc<[crate::crypto::InterchangeKey]>,
}

impl<'a> Shelf<'a> {
    fn of(gateway: &'a Gateway, admitted: &'a Admitted) -> Result<Self, Rejection> {
        let live = &admitted.routed.live;
        let activity = &admitted.routed.route.activity;
        // INVARIANT: the plan gives an answering route an activity with a source.
        let source = activity.records_of.and_then(|index| live.plan.activities.get(index));
        let source = source.ok_or(Problem::InternalError)?;
        Ok(Self { gateway, activity, source, keys: Arc::clone(&live.keys) })
    }

    fn reader(&self) -> Reader {
        if self.activity.may_outlive_source { Reader::Outliving } else { Reader::Source }
    }

    /// `{"page": 1, "pages": 3, "records": […]}`: fields with an export destination only, in the order of the records'
    /// random names, so that neither number nor order tells who it is.
    async fn page(&self, admitted: &Admitted, account: &Account) -> Result<Bytes, Rejection> {
        let page = admitted.routed.query.iter().find(|(name, _)| name == "page");
        // The route's check let a whole number from 1 pass; one too large to count to names a page beyond the last.
        let page: u64 = page.map_or(1, |(_, value)| value.parse().unwrap_or(u64::MAX)).max(1);
        let store = self.gateway.store();
        let count = store.records_count(&self.source.name).await.map_err(Rejection::unavailable)?;
        let skip = (page - 1).saturating_mul(u64::from(PAGE));
        let rows =
            store.records(&self.source.name, None, skip, PAGE).await.map_err(Rejection::unavailable)?;

        let domain = &self.activity.pseudonymization_domain;
        let pseudonyms = self.gateway.custody().pseudonyms(domain).await.map_err(Rejection::unavailable)?;
        let materials = action::Materials { pseudonyms: Some(&pseudonyms), keys: &self.keys, analyses: None };
        let mut shown = Vec::new();
        let mut stands = Vec::new();
        let mut damaged = 0_u64;
        for row in &rows {
            let (stand, record) = match self.open(row).await {
                Ok(Some(opened)) => opened,
                Ok(None) => continue,
                // One that was tampered with keeps nobody else's from being shown, and does not go unsaid.
                Err(Unopened::Damaged(error)) => {
                    let (activity, number) = (&*self.source.name, row.number);
                    tracing::error!(activity, number, cause = %Causes(&error), "a kept record is damaged, and left out of a page");
                    damaged += 1;
                    continue;
                }
                Err(Unopened::Refused(rejection)) => return Err(rejection),
            };
            shown.push(self.export(&record, &materials)?);
            stands.push(stand);
        }
        let pages = count.div_ceil(u64::from(PAGE)).max(1);
        let damaged = if damaged > 0 { format!(r#","damaged":{damaged}"#) } else { String::new() };
        let body = format!(r#"{{"page":{page},"pages":{pages},"records":[{}]{damaged}}}"#, shown.join(","));
        let what = What::Exported {
            activity: &self.activity.name,
            caller: Some(admitted.caller.tag()),
            decision: account.decision,
            records: stands.len() as u64,
        };
        write(self.gateway, what).await?;
        // Whoever withdrew while the page was being made must not be on it.
        match self.gateway.standing().forward_all(&stands) {
            Some(_leave) => Ok(body.into()),
            None => Err(Rejection::new(Problem::DependencyUnavailable)
                .retry_after(1)
                .detail("What somebody permits changed while the page was made.")),
        }
    }

    /// One record as it was kept.
    async fn single(&self, admitted: &Admitted, account: &mut Account) -> Result<Bytes, Rejection> {
        let unknown = || Rejection::new(Problem::RecordUnknown);
        let number: u64 =
            admitted.routed.params.first().and_then(|text| text.parse().ok()).ok_or_else(unknown)?;
        let row =
            self.gateway.store().record(&self.source.name, number).await.map_err(Rejection::unavailable)?;
        let (stand, record) = match &row {
            Some(row) => self.open(row).await?.ok_or_else(unknown)?,
            None => return Err(unknown()),
        };
        account.person = Some(record.reference);
        let what = What::ReIdentified {
            activity: &self.activity.name,
            caller: Some(admitted.caller.tag()),
            decision: account.decision,
            person: record.reference,
            reason: admitted.reason.as_deref().unwrap_or("none"),
            record: number,
            text: None,
        };
        write(self.gateway, what).await?;
        let body = record.to_json().to_vec().into();
        self.gateway.standing().forward(&stand).map(|_leave| body).ok_or_else(unknown)
    }

    /// A record in clear, if its person's standing permits this activity; each record is a data subject of its own.
    async fn open(&self, row: &RecordRow) -> Result<Option<(Stand, OpenedRecord)>, Unopened> {
        let Some(stand) = self.stand(row.record.reference).await? else { return Ok(None) };
        if stand.permits(ask(self.gateway, self.activity)).is_err() {
            return Ok(None);
        }
        match self.gateway.custody().open_record(&row.record, self.reader()).await {
            Ok(record) => Ok(Some((stand, record))),
            Err(CustodyError::Destroyed) => Ok(None),
            Err(error @ CustodyError::Damaged(_)) => Err(Unopened::Damaged(error)),
            Err(error) => Err(Rejection::unavailable(error).into()),
        }
    }

    async fn stand(&self, reference: Reference) -> Result<Option<Stand>, Rejection> {
        self.gateway.standing().of_reference(reference).await.map_err(Rejection::unavailable)
    }

    /// One row: the person's pseudonym in this activity's domain, and what each field's export destination shows.
    fn export(&self, record: &OpenedRecord, materials: &action::Materials<'_>) -> Result<String, Rejection> {
        let mut row = String::with_capacity(256);
        row.push_str("{\"person\":");
        let person =
            materials.pseudonyms.as_ref().map(|pseudonyms| pseudonyms.of(&record.reference.to_string()));
        push_string(&mut row, person.as_deref().unwrap_or_default());
        for field in self.source.request.fields.iter().chain(&self.source.response.fields) {
            let Some(export) = &field.export else { continue };
            let kept = record.field(&field.name);
            let damaged = |error| Rejection::new(Problem::InternalError).because(error);
            let Some(kept) = kept.map_err(damaged)? else { continue };
            if let Some(value) = exported(export, kept, materials)? {
                row.push(',');
                push_string(&mut row, &field.name);
                row.push(':');
                row.push_str(&value);
            }
        }
        row.push('}');
        Ok(row)
    }
}

/// What an export shows of a kept value, as JSON. Of a field with `[*]` each value is treated by itself.
fn exported(
    export: &action::Action,
    kept: Kept<'_>,
    materials: &action::Materials<'_>,
) -> Result<Option<String>, Rejection> {
    let list = match kept {
        Kept::One(value) => return shown(export, value, materials),
        Kept::Many(list) => list,
    };
    let mut values = Vec::with_capacity(list.len());
    for value in list {
        values.extend(shown(export, value, materials)?);
    }
    Ok(Some(format!("[{}]", values.join(","))))
}

/// What an export shows of one value, spelled as JSON; nothing where it cannot be treated, so that no value keeps a page from
/// those who are on it with others.
fn shown(
    export: &action::Action,
    kept: &RawValue,
    materials: &action::Materials<'_>,
) -> Result<Option<String>, Rejection> {
    let kind = kind_of(kept);
    let failed = |error: serde_json::Error| Rejection::new(Problem::InternalError).because(error);
    let text: Cow<'_, str> = match kind {
        Kind::String => serde_json::from_str::<String>(kept.get()).map_err(failed)?.into(),
        _ => kept.get().into(),
    };
    let mut out = String::new();
    match export.apply(Value { kind, text: &text }, materials, &mut out) {
        Ok(Treated::Kept) => Ok(Some(kept.get().to_owned())),
        Ok(Treated::LeftOut) | Err(Refused::Unsuitable(_)) => Ok(None),
        Ok(Treated::Replaced(Kind::String)) => {
            let mut text = String::with_capacity(out.len() + 2);
            push_string(&mut text, &out);
            Ok(Some(text))
        }
        Ok(Treated::Replaced(_)) => Ok(Some(out)),
        Err(_) => Err(Problem::InternalError.into()),
    }
}

/// What a value is by its spelling: a number of any size is not read for that.
fn kind_of(kept: &RawValue) -> Kind {
    let text = kept.get();
    match text.as_bytes().first() {
        Some(b'"') => Kind::String,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'n') => Kind::Null,
        _ if text.contains(['.', 'e', 'E']) => Kind::Number,
        _ => Kind::Integer,
    }
}

fn push_string(out: &mut String, text: &str) {
    // A string is always JSON.
    out.push_str(&serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned()));
}
