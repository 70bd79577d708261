//! What can be done to a value on its way to one destination: [`Spec`] as a policy writes it, [`Action`] as it is run.
//! Actions are synchronous and do no I/O; what they need is fetched before ([`Materials`]).
//!
//! | word | the destination sees | reversible | needs |
//! |---|---|---|---|
//! | `unchanged` | the value, byte for byte | – | |
//! | `leave_out` | nothing | no | |
//! | `refuse_if_present` | the exchange is refused, also for a null | – | |
//! | `redact: TEXT` | the text, also for a null | no | |
//! | `mask: { keep_last: 4 }` | `••••1234`: always four bullets, so that the length does not show; of a value of no more characters than are kept, the bullets alone | no | |
//! | `pseudonymize` | `p1_` and 26 characters: 130 bits of an HMAC-SHA-256 under the domain's secret | by look-up | domain secret |
//! | `pseudonymize: { as: integer }` | 53 bits of such a MAC: 0 to 2^53 - 1, which every JSON reader keeps | by look-up | domain secret |
//! | `encrypt: { key: NAME }` | a Fernet token of the text | with the key | interchange key |
//! | `generalize: { bands_of: 10 }` | the lower bound of the value's band: 36 is 30, -5 is -10, 36.6 is 30.0 | no | |
//! | `generalize: { bands_of: 10, as: label }` | `30-39` for integers; `30-40` for numbers, the upper end not included | no | |
//! | `generalize: { date_to: month }` | the first day of the month (or year), a date or a date-time as it came | no | |
//! | `generalize: { prefix: 2 }` | the first characters; of a value of no more characters, the empty text | no | |
//! | `detect: { kinds: [email], replace_by: mask }` | the text with what is found in it replaced; the text as it is where nothing is | as the word | as the word |
//!
//! A null, where the policy lets one stand, stays a null but for `leave_out`, `refuse_if_present` and `redact`: there is
//! no value to protect, and a model needs to know what is missing. Who wants to hide that it is writes `redact` or
//! `leave_out`.
//!
//! An action sees the value that the field's check let through. Where the check changed it (`sanitize`), `Treated::Kept` must
//! not become a copy of the body's bytes: `Checked::settle` of the check room sees to that.

mod analyses;
mod detect;
mod disclosure;
mod encrypt;
mod generalize;
mod mask;
mod pseudonymize;
mod redact;
mod spec;

use std::sync::Arc;

use thiserror::Error;

pub use analyses::Analyses;
pub use pseudonymize::Pseudonyms;
pub use spec::{Ask, DateTo, DetectSpec, Generalize, ReplaceBy, Spec};

use crate::crypto::InterchangeKey;
use crate::detect::{DetectError, Detector, Wanted};
use crate::payload::{Kind, Treated, Value};
use crate::problem::Problem;
use detect::Detect;
use generalize::{Bands, Prefix};
use mask::Mask;
use redact::Redact;

/// An action as it is run. Made by [`Action::compile`] only.
#[derive(Clone, Debug)]
pub struct Action {
    run: Run,
    /// What may not be in a text that goes.
    guard: Option<Arc<Detector>>,
}

#[derive(Clone, Debug)]
enum Run {
    Unchanged,
    LeaveOut,
    RefuseIfPresent,
    Redact(Redact),
    Mask(Mask),
    Pseudonymize { as_integer: bool },
    Encrypt { key: usize },
    Bands(Bands),
    DateTo(DateTo),
    Prefix(Prefix),
    Detect(Detect),
}

/// What the actions of one exchange need. Two references: cheap to make for each exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct Materials<'a> {
    /// The secret of the activity's pseudonymisation domain.
    pub pseudonyms: Option<&'a Pseudonyms>,
    /// Interchange keys, in the order that `resolve_key` of [`Action::compile`] numbered them.
    pub keys: &'a [InterchangeKey],
    /// What outside analysers found in the texts that are treated.
    pub analyses: Option<&'a Analyses>,
}

/// An action that makes no sense where it stands. `Display` says what is wrong, [`mend`](Self::mend) what to write.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpecError {
    /// Bands of a field that is not declared to be a number.
    #[error("`bands_of` is for a field of type integer or number")]
    BandsOfOther,
    /// Bands of no width.
    #[error("`bands_of: 0` is no band")]
    BandsOfNothing,
    /// Bands that hold one value each.
    #[error("`bands_of: 1` of an integer is the value itself")]
    BandsOfOne,
    /// `date_to` or `prefix` of a field that is declared to be something else than a string.
    #[error("`{0}` is for a field of type string")]
    NotString(&'static str),
    /// A prefix of no characters.
    #[error("`prefix: 0` keeps nothing")]
    PrefixOfNothing,
    /// An action on texts and numbers of a field that is a file.
    #[error("`{0}` cannot be done to a file")]
    OfFile(&'static str),
    /// A key that the deployment does not name.
    #[error("there is no interchange key `{0}`")]
    KeyUnknown(String),
    /// A search that cannot be made.
    #[error(transparent)]
    Detect(DetectError),
}

/// Why an action did not give a value. Holds no value that somebody sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// `refuse_if_present`, and it is.
    #[error("must not be sent")]
    Present,
    /// The value is not such that the action can be done to it.
    #[error("{0}")]
    Unsuitable(&'static str),
    /// The text has something in it that tells who somebody is, and its destination may have pseudonyms only.
    #[error("tells who somebody is")]
    Identifying,
    /// A secret or key that the action needs was not fetched: a fault of the gateway, not of the caller.
    #[error("a key that this field needs is not at hand")]
    MaterialMissing,
}

impl Refused {
    /// What it means for whoever sent the value.
    pub const fn problem(self) -> Problem {
        match self {
            Self::Present => Problem::FieldNotPermitted,
            Self::Unsuitable(_) => Problem::FieldInvalid,
            Self::Identifying => Problem::TransferNotPermitted,
            Self::MaterialMissing => Problem::InternalError,
        }
    }
}

impl Action {
    /// Compiles what a policy wrote for a field of the type `kind` (`Kind::Number` for `number`; `None` where none is
    /// declared). `resolve_key` gives the place that a named interchange key will have in [`Materials::keys`].
    ///
    /// # Errors
    /// Where the action cannot be done to values of that type, or its options say nothing.
    pub fn compile(
        spec: &Spec,
        kind: Option<Kind>,
        resolve_key: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self, SpecError> {
        let only_strings = |word| match kind {
            None | Some(Kind::String) => Ok(()),
            Some(_) => Err(SpecError::NotString(word)),
        };
        if kind == Some(Kind::File)
            && !matches!(spec, Spec::Unchanged | Spec::LeaveOut | Spec::RefuseIfPresent)
        {
            return Err(SpecError::OfFile(spec.word()));
        }
        let run = match spec {
            Spec::Unchanged => Run::Unchanged,
            Spec::LeaveOut => Run::LeaveOut,
            Spec::RefuseIfPresent => Run::RefuseIfPresent,
            Spec::Redact(text) => Run::Redact(Redact::new(text)),
            Spec::Mask { keep_last } => Run::Mask(Mask::new(*keep_last)),
            Spec::Pseudonymize { as_integer } => Run::Pseudonymize { as_integer: *as_integer },
            Spec::Encrypt { key } => {
                let place = resolve_key(key).ok_or_else(|| SpecError::KeyUnknown(key.clone()))?;
                Run::Encrypt { key: place }
            }
            Spec::Generalize(Generalize::BandsOf { width, label }) => {
                Run::Bands(Bands::new(*width, *label, kind)?)
            }
            Spec::Generalize(Generalize::DateTo(to)) => {
                only_strings("date_to")?;
                Run::DateTo(*to)
            }
            Spec::Generalize(Generalize::Prefix(count)) => {
                only_strings("prefix")?;
                Run::Prefix(Prefix::new(*count)?)
            }
            Spec::Detect(spec) => {
                only_strings("detect")?;
                Run::Detect(Detect::new(spec)?)
            }
        };
        Ok(Self { run, guard: None })
    }

    /// The same towards who may have pseudonyms only: a text that goes, whole or in part, is looked through, and refused
    /// where something in it tells who somebody is. Whoever may send a number instead is no better off.
    ///
    /// # Errors
    /// Where the detectors cannot be made.
    pub fn pseudonyms_only(self) -> Result<Self, SpecError> {
        let goes = match &self.run {
            Run::Unchanged | Run::Detect(_) | Run::Prefix(_) => true,
            Run::Mask(mask) => mask.shows(),
            _ => false,
        };
        let guard = goes.then(|| Detector::compile(&Wanted::everything()).map(Arc::new)).transpose();
        Ok(Self { guard: guard.map_err(SpecError::Detect)?, ..self })
    }

    /// Whether the destination never sees anything.
    pub const fn leaves_out(&self) -> bool {
        matches!(self.run, Run::LeaveOut)
    }

    /// Whether a text that goes is looked through first.
    pub const fn is_guarded(&self) -> bool {
        self.guard.is_some()
    }

    /// Whether [`Materials::pseudonyms`] must be fetched before this action is done.
    pub const fn needs_pseudonyms(&self) -> bool {
        match &self.run {
            Run::Pseudonymize { .. } => true,
            Run::Detect(detect) => matches!(detect.replace_by(), ReplaceBy::Pseudonymize),
            Run::Unchanged
            | Run::LeaveOut
            | Run::RefuseIfPresent
            | Run::Redact(_)
            | Run::Mask(_)
            | Run::Encrypt { .. }
            | Run::Bands(_)
            | Run::DateTo(_)
            | Run::Prefix(_) => false,
        }
    }

    /// What an outside analyser must be asked about each value before this action is done; the answer is put in
    /// [`Materials::analyses`].
    pub const fn asks(&self) -> Option<&Arc<Ask>> {
        match &self.run {
            Run::Detect(detect) => detect.ask(),
            _ => None,
        }
    }

    /// What the destination gets for a value of the type `input`; `None` where it gets nothing.
    pub const fn output_kind(&self, input: Kind) -> Option<Kind> {
        match &self.run {
            Run::LeaveOut | Run::RefuseIfPresent => None,
            Run::Redact(_) => Some(Kind::String),
            _ if matches!(input, Kind::Null) => Some(Kind::Null),
            Run::Unchanged => Some(input),
            Run::Bands(bands) => Some(if bands.are_named() { Kind::String } else { input }),
            Run::Pseudonymize { as_integer: true } => Some(Kind::Integer),
            Run::Mask(_)
            | Run::Pseudonymize { as_integer: false }
            | Run::Encrypt { .. }
            | Run::DateTo(_)
            | Run::Prefix(_)
            | Run::Detect(_) => Some(Kind::String),
        }
    }

    /// Does it. What takes the value's place is written to `out`, which comes empty.
    ///
    /// # Errors
    /// The exchange must be refused: the value may not be there, cannot be treated, or a key is missing. A value that
    /// cannot be treated is never passed on.
    pub fn apply(
        &self,
        value: Value<'_>,
        materials: &Materials<'_>,
        out: &mut String,
    ) -> Result<Treated, Refused> {
        let treated = self.run(value, materials, out)?;
        if let Some(guard) = &self.guard {
            let goes = match treated {
                Treated::Kept if !matches!(value.kind, Kind::Boolean | Kind::Null | Kind::File) => value.text,
                Treated::Replaced(Kind::String) => out,
                _ => return Ok(treated),
            };
            let mut found = Vec::new();
            guard.find(goes, &mut found);
            if !found.is_empty() {
                return Err(Refused::Identifying);
            }
        }
        Ok(treated)
    }

    fn run(&self, value: Value<'_>, materials: &Materials<'_>, out: &mut String) -> Result<Treated, Refused> {
        match &self.run {
            Run::Unchanged => Ok(Treated::Kept),
            Run::LeaveOut => Ok(Treated::LeftOut),
            Run::RefuseIfPresent => Err(Refused::Present),
            Run::Redact(redact) => Ok(redact.apply(out)),
            _ if value.kind == Kind::Null => Ok(Treated::Kept),
            Run::Mask(mask) => Ok(mask.apply(value.text, out)),
            Run::Pseudonymize { as_integer } => {
                let pseudonyms = materials.pseudonyms.ok_or(Refused::MaterialMissing)?;
                Ok(pseudonyms.apply(value.text, *as_integer, out))
            }
            Run::Encrypt { key } => {
                let key = materials.keys.get(*key).ok_or(Refused::MaterialMissing)?;
                Ok(encrypt::apply(key, value.text, out))
            }
            Run::Bands(bands) => bands.apply(value, out),
            Run::DateTo(to) => generalize::date_to(*to, value, out),
            Run::Prefix(prefix) => prefix.apply(value, out),
            Run::Detect(detect) => detect.apply(value, materials, out),
        }
    }
}

impl SpecError {
    /// What to write instead.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::BandsOfOther => {
                "Say `type: integer` or `type: number`, or use `prefix` or `date_to` for a string."
            }
            Self::BandsOfNothing => "Write how many units a band has: `bands_of: 10`.",
            Self::BandsOfOne => "Use wider bands, or say `unchanged`.",
            Self::NotString("detect") => "Say `type: string`: only a text can be looked through.",
            Self::NotString(_) => "Say `type: string`, or use `bands_of` for a number.",
            Self::PrefixOfNothing => "Keep at least one character, or say `leave_out`.",
            Self::OfFile(_) => {
                "Say `unchanged`, `leave_out` or `refuse_if_present`; `stored: encrypted` keeps it."
            }
            Self::KeyUnknown(_) => "Name a key that `interchange_keys` in consentry.yaml has.",
            Self::Detect(error) => error.mend(),
        }
    }
}

#[cfg(test)]
mod tests;
