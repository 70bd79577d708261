//! What can be asked of the administration, as it travels.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::Role;

/// A person as an officer names them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonId {
    /// The namespace of the token's issuer.
    pub namespace: String,
    /// The identifier within it.
    pub identifier: Zeroizing<String>,
}

/// Hides who it is.
impl std::fmt::Debug for PersonId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PersonId({}, …)", self.namespace)
    }
}

/// One act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Records that a person agreed to a purpose (GDPR Art. 7).
    ConsentGrant {
        /// Who.
        person: PersonId,
        /// To what.
        purpose: String,
        /// The language of the notice that was shown, as a BCP 47 tag.
        language: String,
        /// How it was said: `api`, `paper`, `page`.
        method: String,
    },
    /// Records that a person was asked and said no.
    ConsentRefuse {
        /// Who.
        person: PersonId,
        /// To what.
        purpose: String,
        /// The language of the notice that was shown.
        language: String,
        /// How it was said.
        method: String,
    },
    /// Withdraws a consent; in force on this node when it is answered (Art. 7(3)).
    ConsentWithdraw {
        /// Who.
        person: PersonId,
        /// From what.
        purpose: String,
        /// How it was said.
        method: String,
    },
    /// Shows what a person permits.
    ConsentShow {
        /// Who.
        person: PersonId,
    },
    /// Restricts the processing of a person's data (Art. 18), or lifts that.
    Restrict {
        /// Who.
        person: PersonId,
        /// Whether the restriction is lifted.
        #[serde(default)]
        lift: bool,
    },
    /// Records an objection to a purpose (Art. 21), or lifts it.
    Object {
        /// Who.
        person: PersonId,
        /// To what.
        purpose: String,
        /// Whether the objection is lifted.
        #[serde(default)]
        lift: bool,
    },
    /// Erases a person's data by destroying their keys (Art. 17).
    Erase {
        /// Who.
        person: PersonId,
    },
    /// Erases what has come to its term, now rather than at the next hour.
    Retention {},
    /// Verifies the audit from its first entry, and against checkpoints that were kept elsewhere.
    AuditVerify {
        /// The checkpoints, each as [`Command::AuditCheckpoint`] gave it, one a line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        against: Option<String>,
    },
    /// Gives a signed checkpoint of the audit, to keep elsewhere.
    AuditCheckpoint {},
    /// Gives the key that verifies the signatures of checkpoints.
    AuditKey {},
    /// Shows entries of the audit as they were encoded, one a line.
    AuditShow {
        /// The number of the first, from 1.
        from: u64,
        /// How many at most; a thousand are given at once.
        count: u32,
    },
    /// Shows what is kept of a person, opened (Art. 15).
    Access {
        /// Who.
        person: PersonId,
        /// A code of organisation.yaml.
        reason: String,
    },
    /// Says what is declared and does not occur, what occurs undeclared, and what shadows would have done otherwise.
    Drift {},
    /// Puts the master key in force that the deployment names now, and wraps anew what is wrapped under one of before.
    KeyRotate {
        /// A check value of the master key that is meant, in base64: where the gateway reads another, nothing is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<String>,
    },
    /// Reads policies, certificates and keys anew.
    Reload {},
}

impl Command {
    /// Who may give it.
    pub const fn role(&self) -> Role {
        match self {
            Self::ConsentGrant { .. }
            | Self::ConsentRefuse { .. }
            | Self::ConsentWithdraw { .. }
            | Self::ConsentShow { .. }
            | Self::Restrict { .. }
            | Self::Object { .. }
            | Self::Access { .. }
            | Self::Erase { .. } => Role::Officer,
            Self::AuditVerify { .. }
            | Self::AuditCheckpoint {}
            | Self::AuditKey {}
            | Self::AuditShow { .. } => Role::Auditor,
            Self::Retention {} | Self::Drift {} | Self::KeyRotate { .. } | Self::Reload {} => Role::Operator,
        }
    }

    /// Whom it is about.
    pub const fn person(&self) -> Option<&PersonId> {
        match self {
            Self::ConsentGrant { person, .. }
            | Self::ConsentRefuse { person, .. }
            | Self::ConsentWithdraw { person, .. }
            | Self::ConsentShow { person }
            | Self::Restrict { person, .. }
            | Self::Object { person, .. }
            | Self::Access { person, .. }
            | Self::Erase { person } => Some(person),
            Self::Retention {}
            | Self::AuditVerify { .. }
            | Self::AuditCheckpoint {}
            | Self::AuditKey {}
            | Self::AuditShow { .. }
            | Self::Drift {}
            | Self::KeyRotate { .. }
            | Self::Reload {} => None,
        }
    }

    /// Whether it makes sense of somebody alone who is known already. Consent is the first that is heard of many.
    pub(super) const fn presumes_somebody(&self) -> bool {
        matches!(self, Self::ConsentWithdraw { .. } | Self::Restrict { .. } | Self::Object { .. })
    }

    /// All their names.
    pub(super) const NAMES: [&str; 16] = [
        "consent-grant",
        "consent-refuse",
        "consent-withdraw",
        "consent-show",
        "restrict",
        "object",
        "erase",
        "retention",
        "audit-verify",
        "audit-checkpoint",
        "audit-key",
        "audit-show",
        "access",
        "drift",
        "key-rotate",
        "reload",
    ];

    /// Its name, as it travels.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ConsentGrant { .. } => "consent-grant",
            Self::ConsentRefuse { .. } => "consent-refuse",
            Self::ConsentWithdraw { .. } => "consent-withdraw",
            Self::ConsentShow { .. } => "consent-show",
            Self::Restrict { .. } => "restrict",
            Self::Object { .. } => "object",
            Self::Erase { .. } => "erase",
            Self::Retention {} => "retention",
            Self::AuditVerify { .. } => "audit-verify",
            Self::AuditCheckpoint {} => "audit-checkpoint",
            Self::AuditKey {} => "audit-key",
            Self::AuditShow { .. } => "audit-show",
            Self::Access { .. } => "access",
            Self::Drift {} => "drift",
            Self::KeyRotate { .. } => "key-rotate",
            Self::Reload {} => "reload",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Whether it was done.
    pub done: bool,
    /// For people: one sentence, or a few lines. Never holds an identifier.
    pub says: String,
    /// For programs. Spelled as it is: a number that was kept may be larger than any that programs count with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
}

impl Reply {
    /// It was done.
    pub fn done(says: impl Into<String>) -> Self {
        Self { done: true, says: says.into(), data: None }
    }

    /// It was not.
    pub fn not_done(says: impl Into<String>) -> Self {
        Self { done: false, says: says.into(), data: None }
    }

    /// Adds a sentence for people.
    pub(super) fn and_says(mut self, more: &str) -> Self {
        self.says.push(' ');
        self.says.push_str(more);
        self
    }

    /// Adds what programs read.
    pub fn with(mut self, data: &impl Serialize) -> Self {
        // What is given here has texts for names, and so can be written.
        self.data = serde_json::value::to_raw_value(data).ok();
        self
    }

    /// Reads what is for programs.
    ///
    /// # Errors
    /// Where it is of another shape, or not there.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(self.data.as_deref().map_or("null", RawValue::get))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_travels_and_an_unknown_member_is_refused() {
        let erase = Command::Erase {
            person: PersonId { namespace: "customers".into(), identifier: Zeroizing::new("u1".into()) },
        };
        let text = serde_json::to_string(&erase).unwrap();
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), erase);
        assert!(serde_json::from_str::<Command>(r#"{"command":"reload","force":true}"#).is_err());
        assert!(!format!("{erase:?}").contains("u1"));
    }
}
