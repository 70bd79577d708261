//! A signed statement of where the chain stood. Kept elsewhere, it proves that nothing before it was changed since.

use serde_json::Value;

use crate::clock::Timestamp;
use crate::crypto::{SigningKey, VerifyingKey};

use super::Chain;
use super::encode::{hex, unhex};

const LABEL: &[u8] = b"consentry checkpoint v1";

/// A chain's count and head at a moment, signed with the gateway's Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many entries there were.
    pub count: u64,
    /// The hash of the last.
    pub head: [u8; 32],
    /// When it was signed.
    pub at: Timestamp,
    /// Over a label, count, head and time, each of fixed length.
    pub signature: [u8; 64],
}

/// Why a text is not a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The text is not JSON.
    #[error("the checkpoint is not well-formed JSON")]
    Json(#[source] serde_json::Error),
    /// A member is missing or of another form, or the version is unknown.
    #[error("the checkpoint has no usable `{0}`")]
    Member(&'static str),
    /// One of several, from 1, is none.
    #[error("checkpoint {number} of those that were kept: {fault}")]
    Among {
        /// Which.
        number: usize,
        /// Why.
        fault: Box<Self>,
    },
    /// The text holds none.
    #[error("there is no checkpoint in it")]
    Nothing,
}

impl Checkpoint {
    /// Signs where `chain` stands.
    pub fn sign(chain: Chain, at: Timestamp, key: &SigningKey) -> Self {
        let signature = key.sign(&message(chain.count, &chain.head, at));
        Self { count: chain.count, head: chain.head, at, signature }
    }

    /// Whether `key` signed this.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        key.verify(&message(self.count, &self.head, self.at), &self.signature)
    }

    /// One line of canonical JSON (without a line end), fit to be printed, kept elsewhere and given back.
    pub fn encode(&self) -> String {
        let text = |bytes: &[u8]| {
            let mut out = Vec::new();
            hex(&mut out, bytes);
            String::from_utf8(out).unwrap_or_default()
        };
        format!(
            r#"{{"at":{},"count":{},"head":"{}","signature":"{}","v":1}}"#,
            self.at.millis(),
            self.count,
            text(&self.head),
            text(&self.signature)
        )
    }

    /// Reads checkpoints that [`encode`](Self::encode) wrote and that were kept one behind the other, one a line for example, and at
    /// least one. No signature is looked at.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, CheckpointError> {
        let among = |number, error| CheckpointError::Among { number, fault: Box::new(error) };
        let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let read = |(number, value): (_, serde_json::Result<Value>)| {
            let value = value.map_err(CheckpointError::Json);
            value.and_then(|value| Self::read(&value)).map_err(|error| among(number, error))
        };
        let all = (1..).zip(values).map(read).collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() { Err(CheckpointError::Nothing) } else { Ok(all) }
    }

    fn read(value: &Value) -> Result<Self, CheckpointError> {
        let member = |name: &'static str| value.get(name).ok_or(CheckpointError::Member(name));
        let wrong = CheckpointError::Member;
        if member("v")?.as_u64() != Some(1) {
            return Err(wrong("v"));
        }
        Ok(Self {
            count: member("count")?.as_u64().ok_or(wrong("count"))?,
            head: member("head")?.as_str().and_then(unhex).ok_or(wrong("head"))?,
            at: Timestamp::from_millis(member("at")?.as_i64().ok_or(wrong("at"))?),
            signature: member("signature")?.as_str().and_then(unhex).ok_or(wrong("signature"))?,
        })
    }
}

fn message(count: u64, head: &[u8; 32], at: Timestamp) -> Vec<u8> {
    [LABEL, &count.to_be_bytes(), head, &at.millis().to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_and_the_words_it_signed_are_accepted() {
        let key = SigningKey::generate().unwrap();
        let chain = Chain { count: 3, head: [7; 32] };
        let signed = Checkpoint::sign(chain, Timestamp::from_millis(5), &key);
        assert!(signed.is_signed_by(&key.public()));
        assert!(!signed.is_signed_by(&SigningKey::generate().unwrap().public()));
        for forged in [
            Checkpoint { count: 4, ..signed },
            Checkpoint { head: [8; 32], ..signed },
            Checkpoint { at: Timestamp::from_millis(6), ..signed },
        ] {
            assert!(!forged.is_signed_by(&key.public()));
        }
    }

    #[test]
    fn reads_what_it_writes() {
        let signed =
            Checkpoint::sign(Chain::genesis(), Timestamp::from_millis(5), &SigningKey::generate().unwrap());
        assert_eq!(Checkpoint::parse_all(&format!("{}\n", signed.encode())).unwrap(), [signed]);
        assert!(Checkpoint::parse_all("{}").is_err());
        assert!(Checkpoint::parse_all("no").is_err());
        assert!(Checkpoint::parse_all(&signed.encode().replace("\"v\":1", "\"v\":2")).is_err());
        let lines = format!("{0}\n\n{0}\n", signed.encode());
        assert_eq!(Checkpoint::parse_all(&lines).unwrap(), [signed, signed]);
        let error = |text: &str| Checkpoint::parse_all(text).unwrap_err().to_string();
        assert!(
            error(&format!("{lines}{{}}"))
                .starts_with("checkpoint 3 of those that were kept: the checkpoint has no")
        );
        assert!(
            error(&format!("{lines}half"))
                .starts_with("checkpoint 3 of those that were kept: the checkpoint is not")
        );
        assert_eq!(error(" \n"), "there is no checkpoint in it");
    }
}
