//! `key-rotate`: from one master key to another, while exchanges go on.

use serde_json::json;

use super::{Control, OfficeError, Reply};
use crate::custody::Rewrapped;
use crate::pipeline::Gateway;

/// Takes the master key that the deployment names now, if a gateway runs, and wraps anew what is under another. Given again it goes
/// on where it was interrupted.
pub(super) async fn rotate(gateway: &Gateway, control: Option<&dyn Control>) -> Result<Reply, OfficeError> {
    if let Some(control) = control
        && let Err(says) = control.master_key().await
    {
        return Ok(Reply::not_done(says));
    }
    let (custody, journal) = (gateway.custody(), gateway.journal());
    let provider = custody.provider().await;
    let was_rotated = journal.is_rotated(&*provider).await?;
    let Rewrapped { keys, mut secrets, foreign } = custody.rewrap().await?;
    secrets += journal.rewrap(&*provider).await?;
    let data = json!({ "keys": keys, "secrets": secrets, "left": foreign });
    if foreign > 0 {
        tracing::error!(
            keys,
            secrets,
            left = foreign,
            "not everything could be wrapped under the master key"
        );
        return Ok(Reply::not_done(format!(
            "{keys} keys and {secrets} secrets were wrapped under the master key in use. {foreign} open under no master key that `keys` \
             names, and stay as they were, as does the rotation: leave `previous` as it is. Name the master key that they are under \
             there, and give the command again; where nobody has it, they go when their records come to their term."
        ))
        .with(&data));
    }
    journal.rotated(&*provider, keys, secrets).await?;
    tracing::info!(keys, secrets, "everything is wrapped under the master key in use");
    let says = if was_rotated && keys == 0 && secrets == 0 {
        "Nothing was to be done: all keys and secrets are wrapped under the master key in use; whatever `previous` of `keys` names is \
         not needed."
            .to_owned()
    } else {
        format!(
            "{keys} keys and {secrets} secrets are wrapped under the new master key, and all others were. What `previous` of `keys` \
             names opens nothing any more: take it out of consentry.yaml, and keep that key for as long as you keep copies of the keyring \
             from before."
        )
    };
    Ok(Reply::done(says).with(&data))
}
