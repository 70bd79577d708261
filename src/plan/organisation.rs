//! Who is responsible, for what, and who receives: `organisation.yaml` as run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::policy::{Role, TransferInstrument};

/// The controller and what the notice and the register say of it (GDPR Art. 13, 30(1)(a)).
#[derive(Clone, Debug)]
pub struct Organisation {
    /// The controller's name.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Where to write to it.
    pub contact: String,
    /// The data protection officer's contact.
    pub dpo: Option<String>,
    /// The supervisory authority's name.
    pub supervisory_authority: Option<String>,
    /// Purposes by name.
    pub purposes: BTreeMap<Arc<str>, Arc<Purpose>>,
    /// Recipients by name.
    pub recipients: BTreeMap<Arc<str>, Arc<Recipient>>,
    /// How long a consent lasts.
    pub consent_expires: Duration,
    /// Codes that a caller may give as a reason.
    pub reasons: Vec<Arc<str>>,
}

/// What personal data is processed for (GDPR Art. 5(1)(b)).
#[derive(Clone, Debug)]
pub struct Purpose {
    /// Its name, as tokens and headers spell it.
    pub name: Arc<str>,
    /// What a data subject reads.
    pub says: Option<String>,
    /// The material version of the notice: a consent to an older one does not count.
    pub notice_version: u32,
    /// Whether it is direct marketing, to which anyone may always object (GDPR Art. 21(2)).
    pub direct_marketing: bool,
}

/// Who receives personal data (GDPR Art. 28, 30(1)(d), 44).
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Its name in the policies.
    pub id: Arc<str>,
    /// Its name in the register.
    pub name: String,
    /// What it is in law.
    pub role: Role,
    /// The reference of the agreement with it.
    pub agreement: String,
    /// ISO 3166-1 alpha-2 code of its country.
    pub country: String,
    /// What a transfer rests on, where the country is a third one.
    pub transfer_instrument: Option<TransferInstrument>,
    /// Whether direct identifiers must be pseudonymised, generalised or left out before they go there.
    pub pseudonymize_before_transfer: bool,
    /// From when on the instrument holds no more.
    pub transfer_ends: Option<Timestamp>,
    /// Under which purpose a person agrees to the transfer, where it rests on that (GDPR Art. 49(1)(a)).
    pub transfer_consent: Option<Arc<Purpose>>,
}
