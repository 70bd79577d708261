//! `key-rotate`: from one master key to another, while exchanges go on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Control, OfficeError, Reply};
use crate::audit::What;
use crate::clock::Day;
use crate::custody::{Foreign, Rewrapped};
use crate::pipeline::Gateway;

/// What the audit tells before the master key that the deployment names comes into use by command.
pub const KEY_ROTATE: What<'static> = What::Administered { command: "key-rotate", role: "operator" };

/// What was read of the master keys. A command may come from beside another file than the one that is read here, so every answer
/// tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The file that was read, with its whole path.
    pub file: String,
    /// Where the current master key is, as in "the one at /etc/consentry/master.key".
    pub current: String,
    /// Whether that file names others, under `previous`.
    pub previous: bool,
}

impl Named {
    /// What is to be done with those of before, once nothing is wrapped under them.
    fn afterwards(&self) -> String {
        let Self { file, previous, .. } = self;
        if *previous {
            format!(
                "What `previous` of `keys` names in {file} opens nothing in the keyring any more: take it out of that file, and keep that \
                 key for as long as you keep copies of the keyring from before."
            )
        } else {
            format!(
                "{file} names no other: if you named one, it was in another file, which was not read. Keep every master \
                 key of before for as long as you keep copies of the keyring from then."
            )
        }
    }
}

/// Takes the master key that the deployment names now, if a gateway runs, and wraps anew what is under another. Given again it goes
/// on where it was interrupted. `check` is a check value of the master key that is meant, in base64, and `in_use` tells of the one in use,
/// before and after.
pub(super) async fn rotate(
    gateway: &Gateway,
    control: Option<&dyn Control>,
    check: Option<&str>,
    in_use: &mut Named,
) -> Result<Reply, OfficeError> {
    let meant = check.map(|check| STANDARD.decode(check)).transpose().map_err(|_| {
        OfficeError::Asked(
            "the member `check` of `key-rotate` is no check value: it is not base64".to_owned(),
        )
    })?;
    match control {
        // It was admitted when the deployment was opened.
        None => drop(gateway.journal().record(KEY_ROTATE)?.await?),
        Some(control) => match control.master_key(meant).await {
            Ok(named) => *in_use = named,
            Err(says) => {
                let Named { file, current, .. } = in_use;
                return Ok(Reply::not_done(format!(
                    "{says}\n{file} was read; the master key in use is the one {current}."
                )));
            }
        },
    }
    let Named { file, current, .. } = &*in_use;
    tracing::info!(file, "the master key in use is the one {current}");
    // From here on it is in use, whatever fails: nobody is to go back to the one of before.
    let behind = |source| OfficeError::Rotation { current: current.clone(), source: Box::new(source) };
    rewrap(gateway, in_use).await.map_err(behind)
}

/// Wraps anew what is not under the master key in use, and ends the rotation where nothing is left.
async fn rewrap(gateway: &Gateway, in_use: &Named) -> Result<Reply, OfficeError> {
    let (custody, journal) = (gateway.custody(), gateway.journal());
    let Named { file, current, .. } = in_use;
    let provider = custody.provider().await;
    let was_rotated = journal.is_rotated(&*provider).await?;
    let Rewrapped { keys, mut secrets, foreign } = custody.rewrap().await?;
    secrets += journal.rewrap(&*provider).await?;
    let left = foreign.count();
    let data = json!({
        "keys": keys,
        "secrets": secrets,
        "left": left,
        "left_keys": left_keys(&foreign),
        "left_secrets": left_secrets(&foreign),
    });
    if left > 0 {
        tracing::error!(keys, secrets, left, "not everything could be wrapped under the master key");
        return Ok(Reply::not_done(format!(
            "{keys} keys and {secrets} secrets were wrapped under the master key in use, the one {current}. {left} open under no \
             master key that `keys` of {file} names, and stay as they were, as does the rotation: leave `previous` as it is. Name the \
             master key that they are under there, and give the command again. The log names each of them. Where nobody has that \
             master key, what they sealed is lost, and a key goes with the erasure of its person or when its records come to their \
             term; but no term takes secrets, keys of persons whose processing is restricted, or keys of an activity that no policy \
             names."
        ))
        .with(&data));
    }
    journal.rotated(&*provider, keys, secrets).await?;
    tracing::info!(keys, secrets, "everything is wrapped under the master key in use");
    let afterwards = in_use.afterwards();
    let says = if was_rotated && keys == 0 && secrets == 0 {
        format!(
            "Nothing was to be done: all keys and secrets are wrapped under the master key in use, the one {current}. {afterwards}"
        )
    } else {
        format!(
            "{keys} keys and {secrets} secrets are wrapped under the new master key, the one {current}, and all others were. {afterwards}"
        )
    };
    Ok(Reply::done(says).with(&data))
}

fn left_keys(foreign: &Foreign) -> Vec<Value> {
    let line = |((activity, day), keys): (&(String, Day), &u64)| json!({ "activity": activity, "day": day.number(), "keys": keys });
    foreign.keys.iter().map(line).collect()
}

fn left_secrets(foreign: &Foreign) -> Vec<String> {
    foreign.secrets.iter().map(|(name, version)| format!("{name}/{version}")).collect()
}
