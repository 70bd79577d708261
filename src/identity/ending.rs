//! API keys that end. A key ends without anybody doing anything, so whoever runs the gateway is told before it does, in time to
//! give its holder another.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use super::Identity;
use crate::clock::Timestamp;

/// How long before its end a key should have been exchanged: as long as a certificate.
const SOON: Duration = Duration::from_secs(14 * 86_400);
/// How often the log hears of one.
const AGAIN: Duration = Duration::from_secs(86_400);

/// The part of an API key by which its entry is found; not secret. Written as it stands in the file, 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(u64);

impl KeyId {
    /// Of 16 hexadecimal digits in lower case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Self)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// When an API key ends that nobody has revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which.
    pub id: KeyId,
    /// From when on it is refused.
    pub expires: Timestamp,
}

impl Ending {
    /// Whether it has ended at this moment, or will soon.
    pub(super) fn is_soon(self, now: Timestamp) -> bool {
        now.plus(SOON) >= self.expires
    }

    /// How it stands at this moment: the rest of a sentence that begins with the key.
    pub fn says(self, now: Timestamp) -> String {
        let Self { expires, .. } = self;
        if now >= expires {
            format!("is refused since {expires}, when it expired")
        } else {
            format!("expires at {expires}")
        }
    }
}

/// What the log has heard of keys that end.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(HashMap<KeyId, (bool, Timestamp)>);

impl Told {
    /// Tells the log of each key that ends soon or has ended, once a day, and at once when it ends.
    pub(super) fn tell(&mut self, identity: &Identity, now: Timestamp) {
        let ending = identity.api_keys_ending();
        self.0.retain(|id, _| ending.iter().any(|key| key.id == *id));
        for key in ending {
            let ended = now >= key.expires;
            let heard = self.0.get(&key.id);
            // A clock that was set back must not stop the telling.
            if heard.is_some_and(|(before, at)| *before == ended && now >= *at && now < at.plus(AGAIN)) {
                continue;
            }
            self.0.insert(key.id, (ended, now));
            tracing::warn!(
                "the API key {} {}: give its holder another of the same name, or take it out of the file",
                key.id,
                key.says(now)
            );
        }
    }

    #[cfg(test)]
    pub(super) fn last(&self, id: KeyId) -> Option<(bool, Timestamp)> {
        self.0.get(&id).copied()
    }
}
