//! What is saved and not in force, and why. For people, and without what the policies say: whoever may ask for health may not
//! read them, nor learn where files lie.

use std::fmt;

use crate::clock::Timestamp;

/// What became of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// For people: what is in force now, and what is not and why.
    pub says: String,
    /// Whether the policies came into force, with all that they need.
    pub policies: bool,
    /// Whether all that was read is in force, certificates and API keys too.
    pub all: bool,
}

/// A set of policies that was read and is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When it was read.
    pub at: Timestamp,
    /// How much is wrong with it.
    pub errors: usize,
    /// What kept it from coming into force, where that is not in the policies: `consentry check` does not find it.
    pub cause: Option<String>,
}

impl Refusal {
    /// For those who may not know which file it is.
    pub(super) fn without_cause(&self) -> String {
        match &self.cause {
            Some(_) => {
                format!("{}: the log says why; `consentry reload` tries it at once", self.for_other_reasons())
            }
            None => self.to_string(),
        }
    }

    fn for_other_reasons(&self) -> String {
        format!(
            "what is saved is NOT in force: at {} something other than the policies was in the way",
            self.at
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, errors, cause } = self;
        if let Some(cause) = cause {
            return write!(f, "{}: {cause}; `consentry reload` tries it at once", self.for_other_reasons());
        }
        let (s, are) = if *errors == 1 { ("", "is") } else { ("s", "are") };
        write!(
            f,
            "what is saved is NOT in force: it was refused at {at}, there {are} {errors} error{s} in it; \
             `consentry check` shows what is wrong"
        )
    }
}

/// A certificate and its key that lie in their files and are not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrenewed {
    /// When they were first tried.
    pub since: Timestamp,
    /// Why they are not.
    pub cause: String,
}

impl Unrenewed {
    /// For those who may not know which file it is.
    pub(super) fn without_cause(&self) -> String {
        format!("{}: the log says why", self.stands())
    }

    fn stands(&self) -> String {
        format!(
            "what lies in the files of a certificate is NOT in force since {}, and is tried again every ten seconds",
            self.since
        )
    }
}

impl fmt::Display for Unrenewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stands(), self.cause)
    }
}

/// Since when the disk of the files of certificates has not answered. Holds nothing but what everybody may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unseen(pub(super) Timestamp);

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(since) = self;
        write!(
            f,
            "whether a certificate was renewed is NOT known: the disk of its files has not answered since {since}; what is renewed comes \
             into force once it does"
        )
    }
}

/// A certificate that is in force and that callers who look at its times refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    /// Its file.
    pub file: String,
    /// How it stands: the rest of a sentence that begins with the file.
    pub says: String,
}

impl Lapsed {
    /// For those who may not know which file it is. When a certificate ends is told to whoever connects.
    pub(super) fn without_file(&self) -> String {
        format!("a certificate that is served {}; callers who look at that do not connect", self.says)
    }
}

impl fmt::Display for Lapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.without_file(), self.file)
    }
}
