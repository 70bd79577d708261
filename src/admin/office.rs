//! Where commands are carried out, whoever they come from: a running gateway's administration, or the command line while
//! no gateway runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::json;

use super::consented::{self, Word};
use super::objection;
use super::rotation::{self, Named};
use super::shown::{Shown, consent_line, stop_line};
use super::stranger;
use super::unnamed::{self, Unnamed};
use super::verify::verify_audit;
use super::{Command, Lapsed, PersonId, Refusal, Reloaded, Reply, Unrenewed};
use crate::audit::{StoredEntry, What};
use crate::clock::{Clock, Timestamp};
use crate::crypto::{digest, hex};
use crate::custody::{CustodyError, retention};
use crate::journal::{Journal, JournalError};
use crate::personal::Person;
use crate::pipeline::Gateway;
use crate::policy::DATA_SUBJECT_REQUEST;
use crate::rights::consent::{self, Method, Statement};
use crate::rights::{self, Facts, Rights, RightsError, stops};
use crate::store::{Store, StoreError};

/// How many entries of the audit are shown at once.
const ENTRIES: u32 = 1000;

/// What the composition root does for the administration: swap the policies, exchange the master key.
pub trait Control: Send + Sync {
    /// Reads policies, certificates and keys anew. What is not in order leaves what was in force.
    fn reload(&self) -> Pin<Box<dyn Future<Output = Reloaded> + Send + '_>>;

    /// Reads where the master keys are anew, and puts the current one in force. Answers what was read, or what is wrong with it, in
    /// which case those before stay. `meant` is a check value of the one that it is to be.
    fn master_key(
        &self,
        meant: Option<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Named, String>> + Send + '_>>;

    /// Why what was read last is not in force, where it is not.
    fn refused(&self) -> Option<Refusal>;

    /// What lies in the files of certificates and is not in force.
    fn unrenewed(&self) -> Vec<Unrenewed>;

    /// Certificates that are in force and not valid.
    fn lapsed(&self) -> Vec<Lapsed>;

    /// Since when it cannot be seen what lies in the files of certificates, where their disk does not answer.
    fn unseen(&self) -> Option<Timestamp>;
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// What was asked makes no sense here.
    #[error("{0}")]
    Asked(String),
    /// A right could not be carried out.
    #[error(transparent)]
    Rights(#[from] RightsError),
    /// The store does not answer.
    #[error("the store did not do what was asked; ask again")]
    Store(#[from] StoreError),
    /// The journal does not answer.
    #[error("the journal did not do what was asked; ask again")]
    Journal(#[from] JournalError),
    /// The keys do not open, or cannot be wrapped anew.
    #[error("the keys did not do what was asked; ask again")]
    Custody(#[from] CustodyError),
    /// A step of a rotation, behind the exchange of the master key.
    #[error(
        "the new master key, the one {current}, is in use; leave `previous` as it is, and give the command again: what is wrapped under \
         a master key of before may not be wrapped anew yet"
    )]
    Rotation {
        /// Where the master key in use is.
        current: String,
        /// What failed.
        #[source]
        source: Box<OfficeError>,
    },
    /// The answer cannot be written.
    #[error("the answer could not be written")]
    Answer(#[from] serde_json::Error),
}

impl OfficeError {
    /// What was not done, and a line for each cause beneath. None of them holds an identifier.
    pub fn says(&self) -> String {
        let mut says = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            says += &format!("\n  because {error}");
            source = error.source();
        }
        says
    }

    /// Whether asking otherwise helps, rather than asking later.
    pub fn is_asked_wrong(&self) -> bool {
        match self {
            Self::Asked(_) => true,
            Self::Rights(error) => !matches!(error, RightsError::Store(_) | RightsError::Custody(_)),
            Self::Store(_)
            | Self::Journal(_)
            | Self::Custody(_)
            | Self::Rotation { .. }
            | Self::Answer(_) => false,
        }
    }
}

/// Carries commands out.
pub struct Office {
    pub(super) gateway: Arc<Gateway>,
    rights: Rights,
    pub(super) control: Option<Arc<dyn Control>>,
    /// One rotation at a time: it knows by what the master key in use is named.
    rotating: tokio::sync::Mutex<Named>,
    pub(super) unnamed: Unnamed,
}

impl Office {
    /// Over the rooms that exchanges use, with the master keys that `named` tells of. Without `control` there is nothing to reload.
    pub fn new(
        gateway: Arc<Gateway>,
        rights: Rights,
        named: Named,
        control: Option<Arc<dyn Control>>,
    ) -> Self {
        Self {
            gateway,
            rights,
            control,
            rotating: tokio::sync::Mutex::new(named),
            unnamed: Unnamed::default(),
        }
    }

    /// Whether this names the store here.
    pub(super) fn holds(&self, store: &[u8]) -> bool {
        self.store().identity().to_string().as_bytes() == store
    }

    /// Does it, and says what came of it.
    ///
    /// # Errors
    /// Where it makes no sense, or a part does not answer; then nothing is known to be done, and it can be asked again.
    pub async fn carry_out(&self, command: Command) -> Result<Reply, OfficeError> {
        let mut stranger_in = None;
        if let Some(person) = command.person()
            && !self.known(person).await?
        {
            stranger_in = Some(person.namespace.clone());
        }
        let presumes = command.presumes_somebody();
        let reply = self.act(command, stranger_in.as_deref()).await?;
        Ok(match stranger_in.filter(|_| presumes) {
            Some(namespace) => reply.and_says(&stranger::before(&namespace)),
            None => reply,
        })
    }

    async fn act(&self, command: Command, stranger_in: Option<&str>) -> Result<Reply, OfficeError> {
        match command {
            Command::ConsentGrant { person, purpose, language, method } => {
                let (person, wording) = (subject(&person), self.wording(&purpose)?);
                let statement = statement(&purpose, wording, &language, &method)?;
                consent::grant(&self.rights, &self.facts(), &person, statement).await?;
                Ok(consented::recorded(Word::Given, &purpose, &self.facts()))
            }
            Command::ConsentRefuse { person, purpose, language, method } => {
                let (person, wording) = (subject(&person), self.wording(&purpose)?);
                let statement = statement(&purpose, wording, &language, &method)?;
                consent::refuse(&self.rights, &self.facts(), &person, statement).await?;
                Ok(consented::recorded(Word::Refused, &purpose, &self.facts()))
            }
            Command::ConsentWithdraw { person, purpose, method } => {
                let (person, method) = (subject(&person), self::method(&method)?);
                self.spoken_of(&person, &purpose).await?;
                consent::withdraw(&self.rights, &self.facts(), &person, &purpose, method).await?;
                let unnamed = consent::unnamed(&self.rights, &self.facts(), &person).await?;
                Ok(consented::withdrawn(&purpose, &self.facts(), &unnamed))
            }
            Command::ConsentShow { person } => self.show(&subject(&person)).await,
            Command::Restrict { person, lift } => self.restrict(&subject(&person), lift).await,
            Command::Object { person, purpose, lift } => {
                let person = subject(&person);
                self.spoken_of(&person, &purpose).await?;
                self.object(&person, &purpose, lift).await
            }
            Command::Erase { person } => self.erase(&subject(&person), stranger_in).await,
            Command::Retention {} => self.retention().await,
            Command::AuditVerify { against } => verify_audit(self.journal(), against.as_deref()).await,
            Command::AuditCheckpoint {} => Ok(Reply::done(self.journal().checkpoint().encode())),
            Command::AuditKey {} => Ok(Reply::done(hex(self.journal().public().as_bytes()))),
            Command::AuditShow { from, count } => self.entries(from, count).await,
            Command::Access { person, reason } => self.access(&subject(&person), &reason).await,
            Command::Drift {} => Ok(self.drift()),
            Command::KeyRotate { check } => {
                let mut in_use = self.rotating.lock().await;
                rotation::rotate(&self.gateway, self.control.as_deref(), check.as_deref(), &mut in_use).await
            }
            Command::Reload {} => self.reload().await,
        }
    }

    /// Erases what has come to its term. The composition root asks for it now and then.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn retention(&self) -> Result<Reply, OfficeError> {
        let (live, now) = (self.gateway.live(), self.clock().now());
        let report = retention::run(self.store(), &Facts::from(&live.plan).terms(), now).await?;
        let retention::Report { records, keys, unnamed } = report;
        unnamed.iter().for_each(|activity| unnamed::warn(activity));
        self.unnamed.put(live.plan.digest, now, unnamed.clone());
        Ok(Reply::done(format!("{records} records came to their term; {keys} keys were destroyed."))
            .with(&json!({ "records": records, "keys": keys, "unnamed": unnamed })))
    }

    async fn show(&self, person: &Person) -> Result<Reply, OfficeError> {
        let row = self.store().stand(self.gateway.custody().lookup(person)).await?;
        let mut lines: Vec<String> = row.consents.iter().map(consent_line).collect();
        lines.extend(row.stops.iter().map(stop_line));
        if lines.is_empty() {
            lines.push("The person has said nothing, or is not known.".to_owned());
        }
        Ok(Reply::done(lines.join("\n")))
    }

    async fn access(&self, person: &Person, reason: &str) -> Result<Reply, OfficeError> {
        let facts = self.facts();
        let access = match rights::access(&self.rights, &facts, person, reason).await {
            Err(RightsError::Reason) => return Err(OfficeError::Asked(no_reason(reason, &facts.reasons))),
            access => access?,
        };
        let shown = Shown::of(&access);
        Ok(Reply::done(serde_json::to_string_pretty(&shown)?).with(&shown))
    }

    async fn entries(&self, from: u64, count: u32) -> Result<Reply, OfficeError> {
        let entries = self.store().audit_entries(from.max(1), count.min(ENTRIES)).await?;
        let line = |entry: &StoredEntry| format!("{} {}", entry.seq, String::from_utf8_lossy(&entry.encoded));
        Ok(Reply::done(entries.iter().map(line).collect::<Vec<_>>().join("\n")))
    }

    async fn restrict(&self, person: &Person, lift: bool) -> Result<Reply, OfficeError> {
        if lift {
            stops::lift_restriction(&self.rights, person).await?;
            return Ok(Reply::done("The restriction is lifted."));
        }
        stops::restrict(&self.rights, person).await?;
        Ok(Reply::done(
            "Processing is restricted from now on: what is kept stays, and is not used (Art. 18).",
        ))
    }

    async fn object(&self, person: &Person, purpose: &str, lift: bool) -> Result<Reply, OfficeError> {
        if lift {
            stops::lift_objection(&self.rights, person, purpose).await?;
            return Ok(Reply::done(format!("The objection to {purpose} is lifted.")));
        }
        // Of a purpose that no policy names any more there is nothing left to object to, whoever has spoken of it.
        self.wording(purpose)?;
        let facts = self.facts();
        stops::object(&self.rights, &facts, person, purpose).await?;
        Ok(objection::recorded(purpose, &facts))
    }

    async fn erase(&self, person: &Person, stranger_in: Option<&str>) -> Result<Reply, OfficeError> {
        let erasure = rights::erase(&self.rights, &self.facts(), person).await?;
        let mut lines = vec![match (stranger_in, erasure.kept.is_empty()) {
            (Some(namespace), _) if erasure.keys_destroyed == 0 => stranger::nothing_to_erase(namespace),
            (_, true) => "The person's data is erased: their keys are destroyed, and what they sealed opens nowhere.".to_owned(),
            (_, false) => "The person's data is erased, but for what a law holds; what the destroyed keys sealed opens nowhere.".to_owned(),
        }];
        lines.push(format!(
            "{} keys destroyed, {} records deleted.",
            erasure.keys_destroyed, erasure.records_deleted
        ));
        for kept in &erasure.kept {
            lines.push(format!(
                "Kept: {} keys of {}, by {} (Art. 17(3)).",
                kept.keys, kept.activity, kept.ground
            ));
        }
        Ok(Reply::done(lines.join("\n")))
    }

    fn drift(&self) -> Reply {
        let live = self.gateway.live();
        let report = live.drift().report(&live.plan);
        let refused = self.refused().map(|refused| format!("{refused}\n")).unwrap_or_default();
        let refusal =
            self.refused().map(|refused| json!({ "at": refused.at.to_string(), "errors": refused.errors, "cause": refused.cause }));
        let mut data = serde_json::to_value(&report).unwrap_or_default();
        if let Some(data) = data.as_object_mut() {
            data.insert("refused".to_owned(), refusal.unwrap_or_default());
        }
        Reply::done(format!("{refused}{report}")).with(&data)
    }

    async fn reload(&self) -> Result<Reply, OfficeError> {
        let Some(control) = &self.control else {
            return Err(OfficeError::Asked("No gateway runs: there is nothing to reload.".to_owned()));
        };
        let Reloaded { says, policies, all } = control.reload().await;
        if policies {
            self.journal().record(What::Administered { command: "reload", role: "operator" })?.await?;
        }
        let reply = if all { Reply::done(says) } else { Reply::not_done(says) };
        Ok(reply.with(&json!({ "policies": policies })))
    }

    /// Whether anything is known of somebody of that name. A namespace that no credential has must not pass for one: what was
    /// withdrawn there would bind nobody. Of an issuer that is gone, whoever is known still has their rights.
    async fn known(&self, person: &PersonId) -> Result<bool, OfficeError> {
        let row = self.store().stand(self.gateway.custody().lookup(&subject(person))).await?;
        let known = row.reference.is_some() || !row.stops.is_empty();
        let namespaces = self.gateway.identity().namespaces();
        if known || namespaces.iter().any(|known| **known == *person.namespace) {
            return Ok(known);
        }
        let namespaces: Vec<&str> = namespaces.iter().map(|known| &**known).collect();
        let there_are = namespaces.join(", ");
        Err(OfficeError::Asked(format!(
            "No issuer and no API key has this namespace; there are: {there_are}. Name the person's with `--namespace`, or as \
             `namespace` beside the identifier."
        )))
    }

    fn facts(&self) -> Facts {
        Facts::from(&self.gateway.live().plan)
    }

    /// Refuses a purpose that is a slip of the pen: neither does a policy name it, nor has the person ever spoken of it.
    /// What a policy named once can be withdrawn from and taken back all the same.
    async fn spoken_of(&self, person: &Person, purpose: &str) -> Result<(), OfficeError> {
        let unknown = match self.wording(purpose) {
            Ok(_) => return Ok(()),
            Err(unknown) => unknown,
        };
        let row = self.store().stand(self.gateway.custody().lookup(person)).await?;
        let consented = row.consents.iter().any(|consent| consent.purpose == purpose);
        let objected = row.stops.iter().any(|stop| stop.purpose.as_deref() == Some(purpose));
        if consented || objected { Ok(()) } else { Err(unknown) }
    }

    /// The hash of what the notice says of a purpose, and its version.
    fn wording(&self, purpose: &str) -> Result<([u8; 32], u32), OfficeError> {
        let live = self.gateway.live();
        let purposes = &live.plan.organisation.purposes;
        let found = purposes.get(purpose).ok_or_else(|| {
            let known: Vec<&str> = purposes.keys().map(|name| &**name).collect();
            OfficeError::Asked(format!("No policy names this purpose; there are: {}.", known.join(", ")))
        })?;
        let says = found.says.as_deref().unwrap_or_default();
        Ok((digest(says.as_bytes()), found.notice_version))
    }

    pub(super) fn store(&self) -> &Store {
        self.gateway.store()
    }

    fn journal(&self) -> &Journal {
        self.gateway.journal()
    }

    fn clock(&self) -> &Clock {
        self.gateway.clock()
    }
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Office")
    }
}

fn no_reason(given: &str, reasons: &[Arc<str>]) -> String {
    if reasons.is_empty() {
        return format!(
            "`{given}` is not a reason that organisation.yaml lists: it lists none. Add the line \
             `reasons: [{DATA_SUBJECT_REQUEST}]` to it."
        );
    }
    format!("`{given}` is not a reason that organisation.yaml lists; there are: {}.", reasons.join(", "))
}

fn subject(person: &PersonId) -> Person {
    Person::new(person.namespace.as_str(), person.identifier.as_str())
}

fn statement<'a>(
    purpose: &'a str,
    (wording, notice_version): ([u8; 32], u32),
    language: &'a str,
    method: &str,
) -> Result<Statement<'a>, OfficeError> {
    Ok(Statement { purpose, notice_version, wording, language, method: self::method(method)? })
}

fn method(word: &str) -> Result<Method, OfficeError> {
    Method::parse(word)
        .ok_or_else(|| OfficeError::Asked("The method is one of page, api, paper and spoken.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_reason_is_listed_the_line_to_add_is_said() {
        let says = no_reason("data-subject-request", &[]);
        assert!(
            says.contains("`data-subject-request`") && says.contains("`reasons: [data-subject-request]`")
        );
    }
}
