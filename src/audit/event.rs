//! What can happen, as the audit tells it.

use crate::clock::{Day, Timestamp};
use crate::personal::Reference;
use crate::problem::Problem;

use super::DecisionId;
use super::encode::{Member, Writer};

/// One event: when, and what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub what: What<'a>,
}

impl Event<'_> {
    /// Appends the canonical encoding, which is what the chain hashes and the journal keeps. Allocates nothing but
    /// what `out` grows by (about 600 bytes for an exchange).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out, self.at, self.what.kind());
        self.what.members(&mut writer);
        writer.finish();
    }

    /// The canonical encoding in a buffer of its own.
    pub fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(640);
        self.encode(&mut out);
        out
    }
}

/// How an exchange that had been permitted ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The caller was given the answer.
    Answered,
    /// The caller was given a problem after the intent had been written.
    Refused,
    /// The client left before anything was sent, or the gateway stopped: an intent without an outcome is sealed so at the
    /// next start.
    Aborted,
    /// The upstream could not be reached, was too slow, or broke off.
    UpstreamFailed,
}

impl Member for Outcome {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Aborted => "aborted",
            Self::UpstreamFailed => "upstream-failed",
        }
        .put(out);
    }
}

/// Writes the enum, its words and its encoding from one table: a new kind is one row here (and one sample in the
/// tests, which ask for it). Within a row the members stand in alphabetical order, as they are written.
macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $name:ident $word:literal { $( $(#[$about:meta])* $member:ident: $type:ty, )* }
    )+) => {
        /// The closed list of what the audit records. A kind never changes its members' meaning.
        ///
        /// INVARIANT: every text is a name that the operator wrote (an activity, a purpose, a route's pattern, a
        /// reason code); none comes from a request.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum What<'a> {
            $( $(#[$doc])* $name { $( $(#[$about])* $member: $type, )* }, )+
        }

        impl What<'_> {
            /// The word of every kind, as the member `kind` has it.
            #[cfg(test)]
            pub(super) const KINDS: &'static [&'static str] = &[$($word),+];

            /// The word of this kind.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name { .. } => $word),+ }
            }

            fn members(&self, writer: &mut Writer<'_>) {
                match self {
                    $(Self::$name { $($member),* } => { $(writer.member(stringify!($member), $member);)* })+
                }
            }
        }
    };
}

events! {
    /// An exchange was permitted and may now reach the upstream.
    ExchangeIntended "exchange-intended" {
        /// The processing activity.
        activity: &'a str,
        /// A keyed tag of the calling program or member of staff; none where the caller is the person themself, whom
        /// the reference names and an erasure forgets.
        caller: Option<[u8; 16]>,
        /// The decision.
        decision: DecisionId,
        /// `before_forward` or `overlapped`.
        journal: &'a str,
        /// The legal basis (Art. 6(1)).
        legal_basis: &'a str,
        /// The version of the notice that the consent rests on.
        notice_version: Option<u64>,
        /// The persons, in the order of the rows; empty where a policy names none.
        persons: &'a [Reference],
        /// SHA-256 of the policy as it was loaded.
        policy: [u8; 32],
        /// The purpose (Art. 5(1)(b)).
        purpose: &'a str,
        /// To whom the data goes (Art. 30(1)(d)); none for what the gateway answers itself.
        recipient: Option<&'a str>,
        /// The route's pattern as the policy has it, never the path that was asked for.
        route: &'a str,
    }
    /// An exchange that was intended has ended.
    ExchangeEnded "exchange-ended" {
        /// The decision of the intent.
        decision: DecisionId,
        /// How.
        outcome: Outcome,
        /// What the caller was told, if it was refused.
        problem: Option<Problem>,
        /// The numbers of the records that were kept.
        records: &'a [u64],
        /// SHA-256 over the ciphertexts of those records, in order; none where nothing was kept.
        sealed: Option<[u8; 32]>,
        /// The status of the upstream's answer, if there was one.
        upstream_status: Option<u16>,
    }
    /// An authenticated caller was refused before anything was sent. Unauthenticated refusals are counted only.
    Refused "refused" {
        /// The activity, once a route was found.
        activity: Option<&'a str>,
        /// As in an intent.
        caller: Option<[u8; 16]>,
        /// The decision.
        decision: DecisionId,
        /// The persons who have a reference; a refusal mints none.
        persons: &'a [Reference],
        /// What the caller was told.
        problem: Problem,
    }
    /// A person agreed (Art. 7(1)).
    ConsentGiven "consent-given" {
        /// The language of the wording.
        language: Option<&'a str>,
        /// How, for instance `page`, `api`, `paper`.
        method: &'a str,
        /// The version of the notice.
        notice_version: u64,
        /// Who.
        person: Reference,
        /// To what.
        purpose: &'a str,
        /// SHA-256 of the wording that was shown.
        wording: [u8; 32],
    }
    /// A person withdrew their consent (Art. 7(3)).
    ConsentWithdrawn "consent-withdrawn" {
        /// How.
        method: &'a str,
        /// The version of the notice that had been agreed to.
        notice_version: Option<u64>,
        /// Who.
        person: Reference,
        /// From what.
        purpose: &'a str,
        /// SHA-256 of the wording that had been agreed to.
        wording: Option<[u8; 32]>,
    }
    /// A person was asked and said no.
    ConsentRefused "consent-refused" {
        /// How.
        method: &'a str,
        /// The version of the notice.
        notice_version: u64,
        /// Who.
        person: Reference,
        /// To what.
        purpose: &'a str,
        /// SHA-256 of the wording that was shown.
        wording: [u8; 32],
    }
    /// The processing of a person's data was restricted (Art. 18).
    RestrictionSet "restriction-set" {
        /// Who.
        person: Reference,
    }
    /// The restriction was lifted.
    RestrictionLifted "restriction-lifted" {
        /// Who.
        person: Reference,
    }
    /// A person objected (Art. 21).
    ObjectionRaised "objection-raised" {
        /// Who.
        person: Reference,
        /// To what.
        purpose: &'a str,
    }
    /// The objection was taken back or overridden.
    ObjectionLifted "objection-lifted" {
        /// Who.
        person: Reference,
        /// To what.
        purpose: &'a str,
    }
    /// A person's data was erased (Art. 17).
    Erased "erased" {
        /// The activities whose keys were destroyed.
        activities: &'a [&'a str],
        /// The activities whose keys are kept (Art. 17(3)), each with its ground as `activity: ground`.
        kept: &'a [&'a str],
        /// How many keys were destroyed.
        keys: u64,
        /// Who; none where the person was not known.
        person: Option<Reference>,
        /// How many tombstones the keyring holds after this one, so that a keyring set back shows.
        tombstones: u64,
    }
    /// A kept record was corrected (Art. 16).
    Rectified "rectified" {
        /// Whose.
        person: Reference,
        /// Which.
        record: u64,
        /// SHA-256 over its ciphertexts as they are now.
        sealed: [u8; 32],
    }
    /// A person asked what is kept of them and was given it (Art. 15, 20).
    AccessAnswered "access-answered" {
        /// Who.
        person: Option<Reference>,
        /// How many records the answer held.
        records: u64,
    }
    /// What had come to its term was erased (Art. 5(1)(e)).
    RetentionRun "retention-run" {
        /// Of which activity.
        activity: &'a str,
        /// Of which day of exchange.
        day: Day,
        /// How many keys were destroyed.
        keys: u64,
        /// How many records were deleted.
        records: u64,
    }
    /// A data key was made.
    KeyMinted "key-minted" {
        /// For which activity.
        activity: &'a str,
        /// For which day of exchange.
        day: Day,
        /// For whom.
        person: Reference,
    }
    /// A data key was destroyed.
    KeyDestroyed "key-destroyed" {
        /// Of which activity.
        activity: &'a str,
        /// Why: `erasure`, `withdrawal`, `retention`.
        because: &'a str,
        /// Of which day of exchange.
        day: Day,
        /// Whose.
        person: Reference,
    }
    /// From now on nothing is wrapped under a master key of before.
    KeysRotated "keys-rotated" {
        /// How many data keys the run that came to the end wrapped anew.
        keys: u64,
        /// How many secrets.
        secrets: u64,
    }
    /// A record was shown with the person's data in clear.
    ReIdentified "re-identified" {
        /// The activity under which it was asked.
        activity: &'a str,
        /// As in an intent.
        caller: Option<[u8; 16]>,
        /// The decision.
        decision: DecisionId,
        /// Whose record.
        person: Reference,
        /// The reason code.
        reason: &'a str,
        /// Which record.
        record: u64,
        /// SHA-256 of the sealed free text that was given beside the code.
        text: Option<[u8; 32]>,
    }
    /// Pseudonymised records were handed out.
    Exported "exported" {
        /// The activity under which they were asked for.
        activity: &'a str,
        /// As in an intent.
        caller: Option<[u8; 16]>,
        /// The decision.
        decision: DecisionId,
        /// How many.
        records: u64,
    }
    /// A set of policies came into force.
    PolicyLoaded "policy-loaded" {
        /// SHA-256 of the set.
        digest: [u8; 32],
        /// How many warnings it had.
        warnings: u64,
    }
    /// The gateway started.
    Started "started" {
        /// How many intents of the run before had no outcome, and were sealed as aborted.
        aborted: u64,
        /// Its version.
        version: &'a str,
    }
    /// The gateway stopped in good order.
    Stopped "stopped" {
        /// Its version.
        version: &'a str,
    }
    /// Somebody administered the gateway.
    Administered "administered" {
        /// The command, without its arguments.
        command: &'a str,
        /// The role of the credential.
        role: &'a str,
    }
}
