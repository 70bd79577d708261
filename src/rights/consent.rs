//! Consent (GDPR Art. 4(11), 7): given for one purpose, refused, withdrawn as easily as given, shown.

use std::time::Duration;

use crate::audit::{Event, What};
use crate::clock::Timestamp;
use crate::crypto::Digest;
use crate::personal::{Person, Reference};
use crate::store::{Change, ConsentRow, ConsentState, DataChange, StandRow};

use super::{Facts, Rights, RightsError, Turn, destroyed};

/// How somebody said what they said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// On the gateway's own page.
    Page,
    /// In a program of the controller's, which told the gateway.
    Api,
    /// On paper.
    Paper,
    /// Spoken, to a member of staff.
    Spoken,
}

impl Method {
    /// The method of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Page, Self::Api, Self::Paper, Self::Spoken].into_iter().find(|method| method.word() == word)
    }

    /// The word for it in rows and events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Api => "api",
            Self::Paper => "paper",
            Self::Spoken => "spoken",
        }
    }
}

/// What somebody said about one purpose, with the evidence that Art. 7(1) asks for. There is no statement about two.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// About what.
    pub purpose: &'a str,
    /// The material version of the notice that was shown.
    pub notice_version: u32,
    /// SHA-256 of the wording that was shown, as [`crate::crypto::digest`] gives it.
    pub wording: Digest,
    /// The language it was shown in, a tag of BCP 47.
    pub language: &'a str,
    /// How it was said.
    pub method: Method,
}

/// Records a consent. An older material version is kept as evidence too, but permits nothing where a newer one is asked.
///
/// # Errors
/// [`RightsError::PurposeUnknown`], [`RightsError::VersionUnknown`], [`RightsError::Language`], and where the store
/// does not answer.
pub async fn grant(
    rights: &Rights,
    facts: &Facts,
    person: &Person,
    statement: Statement<'_>,
) -> Result<(), RightsError> {
    let expires = checked(facts, &statement)?;
    let now = rights.clock.now();
    rights
        .change(person, |turn, reference| {
            let mut row = row(reference, &statement, ConsentState::Given, last_word(turn, &statement, now));
            row.expires = Some(now.plus(expires));
            let given = What::ConsentGiven {
                language: Some(statement.language),
                method: statement.method.word(),
                notice_version: statement.notice_version.into(),
                person: reference,
                purpose: statement.purpose,
                wording: statement.wording,
            };
            Ok(Change {
                data: vec![DataChange::PutConsent(row)],
                events: vec![Event { at: now, what: given }.encoded().into()],
                ..Change::default()
            })
        })
        .await
}

/// Records that somebody was asked and said no. Where a consent to the purpose stood, it has ended, as if withdrawn.
///
/// # Errors
/// As [`grant`].
pub async fn refuse(
    rights: &Rights,
    facts: &Facts,
    person: &Person,
    statement: Statement<'_>,
) -> Result<(), RightsError> {
    checked(facts, &statement)?;
    let now = rights.clock.now();
    rights
        .change(person, |turn, reference| {
            let mut change = ending(turn, facts, reference, statement.purpose, statement.method, now);
            change.data.push(DataChange::PutConsent(row(reference, &statement, ConsentState::Refused, now)));
            let refused = What::ConsentRefused {
                method: statement.method.word(),
                notice_version: statement.notice_version.into(),
                person: reference,
                purpose: statement.purpose,
                wording: statement.wording,
            };
            change.events.push(Event { at: now, what: refused }.encoded().into());
            Ok(change)
        })
        .await
}

/// Withdraws the consent to a purpose, whatever version it was given to (Art. 7(3)). Once this has returned, nothing
/// more is forwarded on it, and the keys of what rested on it are destroyed, or closed to all but what may outlive it.
///
/// Withdrawing what was never given is answered alike. It keeps nothing: there is no consent whose end would need
/// evidence, and nothing is to be learnt of somebody unknown. What is kept for such a purpose is destroyed all the same.
///
/// # Errors
/// Where the store does not answer. A purpose that no policy has any more can be withdrawn from.
pub async fn withdraw(
    rights: &Rights,
    facts: &Facts,
    person: &Person,
    purpose: &str,
    method: Method,
) -> Result<(), RightsError> {
    let now = rights.clock.now();
    rights
        .change(person, |turn, reference| {
            if turn.row.reference.is_none() {
                return Ok(Change::default());
            }
            Ok(ending(turn, facts, reference, purpose, method, now))
        })
        .await
}

/// The activities for which a person has keys and which no policy names any more, so that nothing says on what these rest: a
/// withdrawal leaves them.
///
/// # Errors
/// Where the store does not answer.
pub async fn unnamed(rights: &Rights, facts: &Facts, person: &Person) -> Result<Vec<String>, RightsError> {
    let row = rights.store.stand(rights.custody.lookup(person)).await?;
    let Some(reference) = row.reference else { return Ok(Vec::new()) };
    let mut names: Vec<_> =
        rights.store.keys_of(reference).await?.into_iter().map(|key| key.activity).collect();
    names.retain(|name| facts.activities.iter().all(|activity| *activity.name != **name));
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// What must be so before a statement is recorded; answers how long a consent holds.
fn checked(facts: &Facts, statement: &Statement<'_>) -> Result<Duration, RightsError> {
    let purpose = facts.purpose(statement.purpose).ok_or(RightsError::PurposeUnknown)?;
    if statement.notice_version == 0 || statement.notice_version > purpose.notice_version {
        return Err(RightsError::VersionUnknown { newest: purpose.notice_version });
    }
    // RFC 5646 section 2.1, as far as it keeps anything but a language out of the evidence.
    let subtag =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let primary = |part: &str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mut parts = statement.language.split('-');
    if statement.language.len() > 35
        || !parts.next().is_some_and(|part| primary(part) && subtag(part))
        || !parts.all(subtag)
    {
        return Err(RightsError::Language);
    }
    Ok(purpose.consent_expires)
}

/// From when a statement counts: behind all that was said about its purpose. A clock that ran ahead when something was said does
/// not make that the last word for as long as it ran ahead.
fn last_word(turn: &Turn<'_>, statement: &Statement<'_>, now: Timestamp) -> Timestamp {
    let said = turn.row.consents.iter().filter(|consent| consent.purpose == statement.purpose);
    let behind = said.map(|consent| consent.at.plus(Duration::from_millis(1))).max();
    behind.map_or(now, |behind| now.max(behind))
}

fn row(reference: Reference, statement: &Statement<'_>, state: ConsentState, at: Timestamp) -> ConsentRow {
    ConsentRow {
        reference,
        purpose: statement.purpose.to_owned(),
        notice_version: statement.notice_version,
        state,
        at,
        expires: None,
        wording: statement.wording,
        language: statement.language.to_owned(),
        method: statement.method.word().to_owned(),
    }
}

/// Ends every consent to a purpose that stands, with the keys of what rested on it.
fn ending(
    turn: &Turn<'_>,
    facts: &Facts,
    person: Reference,
    purpose: &str,
    method: Method,
    now: Timestamp,
) -> Change {
    let stood =
        |consent: &&mut ConsentRow| consent.purpose == purpose && consent.state == ConsentState::Given;
    let mut after: StandRow = turn.row.clone();
    let mut withdrawn = Vec::new();
    for consent in after.consents.iter_mut().filter(stood) {
        consent.state = ConsentState::Withdrawn;
        consent.at = now;
        method.word().clone_into(&mut consent.method);
        withdrawn.push(consent.clone());
    }
    let mut change = Change { keyring: facts.ended(purpose, &after, &turn.keys, now), ..Change::default() };
    if let Some(newest) = withdrawn.iter().max_by_key(|consent| consent.notice_version) {
        let what = What::ConsentWithdrawn {
            method: method.word(),
            notice_version: Some(newest.notice_version.into()),
            person,
            purpose,
            wording: Some(newest.wording),
        };
        change.events.push(Event { at: now, what }.encoded().into());
    }
    change.events.extend(destroyed(turn.keys.len() + facts.activities.len(), now));
    change.data.extend(withdrawn.into_iter().map(DataChange::PutConsent));
    change
}
