//! What is told of each command that is carried out or refused: who gave it, which it was, what came of it; in the log and in a
//! count. Never whom it was about, what was said with it, or what was answered.

use std::error::Error;

use super::access::Access;
use super::command::Command;
use crate::telemetry::{Causes, Metrics};

/// In the place of a command that was not read.
pub(super) const NONE: &str = "none";
/// In the place of a command, where it was figures that somebody was refused.
pub(super) const METRICS: &str = "metrics";

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It was carried out.
    Done,
    /// It was carried out, and did not find or bring what it should: an audit in order, a reload in force.
    NotDone,
    /// Nobody may give it without a token, and none that is known was shown.
    Unauthenticated,
    /// The token is for another role.
    Forbidden,
    /// It was no command, or did not come.
    Malformed,
    /// It was meant for another store.
    Misdirected,
    /// It makes no sense here.
    Refused,
    /// A part did not answer.
    Failed,
}

impl Came {
    /// Its name in log and figures.
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Malformed => "malformed",
            Self::Misdirected => "misdirected",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Who is at the other end of a connection, as far as that tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// Somebody who could open the socket: the number of their account, where the system knows it.
    Socket(Option<u32>),
    /// Somebody over TLS. Their token says who it is; their address would tell of a person.
    Tls,
}

/// Who gives a command, as the log names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct By {
    who: String,
    role: &'static str,
}

impl By {
    /// Whoever shows this token on this connection.
    pub(super) fn of(access: &Access, token: Option<&str>, peer: Option<Peer>) -> Self {
        let (who, role) = match (access, token) {
            (Access::Socket, _) => match peer {
                Some(Peer::Socket(Some(uid))) => (format!("socket, uid {uid}"), "any"),
                _ => ("socket".to_owned(), "any"),
            },
            (Access::Tokens(_), None) => ("no token".to_owned(), NONE),
            (Access::Tokens(_), Some(token)) => match access.grant(token) {
                Some(grant) => (format!("token {}", grant.name), grant.role.word()),
                None => ("unknown token".to_owned(), NONE),
            },
        };
        Self { who, role }
    }

    /// Writes and counts what came of their command.
    pub(super) fn gave(&self, metrics: &Metrics, command: &'static str, came: Came) {
        self.told(metrics, command, came, None);
    }

    /// The same of one that failed, with why.
    pub(super) fn failed(&self, metrics: &Metrics, command: &'static str, error: &(dyn Error + 'static)) {
        self.told(metrics, command, Came::Failed, Some(&Causes(error).to_string()));
    }

    fn told(&self, metrics: &Metrics, command: &'static str, came: Came, cause: Option<&str>) {
        let (by, role, result) = (self.who.as_str(), self.role, came.word());
        metrics.command(command, result);
        match came {
            Came::Unauthenticated | Came::Forbidden => {
                tracing::warn!(by, role, command, result, "administration: refused");
            }
            Came::Failed => tracing::warn!(by, role, command, result, cause, "administration: failed"),
            Came::Done | Came::NotDone | Came::Malformed | Came::Misdirected | Came::Refused => {
                tracing::info!(by, role, command, result, "administration");
            }
        }
    }
}

/// Has the refusals counted from zero on: a figure that is first seen at one has not risen.
pub(super) fn begin(metrics: &Metrics) {
    for command in Command::NAMES.into_iter().chain([NONE, METRICS]) {
        for refused in [Came::Unauthenticated, Came::Forbidden] {
            metrics.command_begins(command, refused.word());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{SyncSender, sync_channel};

    use super::*;
    use crate::admin::{Grant, Role, new_token};

    struct Lines(SyncSender<String>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_names_the_token_and_never_shows_it() {
        let (token, hash) = new_token();
        let grant = Grant { name: "dpo".into(), role: Role::Officer, hash };
        let tokens = Access::Tokens(vec![grant]);
        let (log, lines) = sync_channel(8);
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || Lines(log.clone())).finish();
        let metrics = Metrics::new();
        tracing::subscriber::with_default(subscriber, || {
            let tls = Some(Peer::Tls);
            By::of(&tokens, Some(&token), tls).gave(&metrics, "erase", Came::Done);
            By::of(&tokens, Some(&token), tls).gave(&metrics, "reload", Came::Forbidden);
            By::of(&tokens, Some("ca_wrong"), tls).gave(&metrics, NONE, Came::Unauthenticated);
            By::of(&tokens, None, tls).gave(&metrics, NONE, Came::Unauthenticated);
            let socket = By::of(&Access::Socket, None, Some(Peer::Socket(Some(1000))));
            socket.gave(&metrics, "drift", Came::Done);
            socket.failed(&metrics, "retention", &std::fmt::Error);
        });
        let lines: Vec<String> = lines.iter().collect();
        let expected = [
            r#"administration by="token dpo" role="officer" command="erase" result="done""#,
            r#"administration: refused by="token dpo" role="officer" command="reload" result="forbidden""#,
            r#"administration: refused by="unknown token" role="none" command="none" result="unauthenticated""#,
            r#"administration: refused by="no token" role="none" command="none" result="unauthenticated""#,
            r#"administration by="socket, uid 1000" role="any" command="drift" result="done""#,
            r#"administration: failed by="socket, uid 1000" role="any" command="retention" result="failed" cause="#,
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        for (line, expected) in lines.iter().zip(expected) {
            assert!(line.contains(expected), "{line}");
            assert!(!line.contains(&*token) && !line.contains("ca_"), "{line}");
        }
        let text = metrics.encode().unwrap();
        assert!(
            text.contains(r#"consentry_commands_total{command="none",result="unauthenticated"} 2"#),
            "{text}"
        );
    }
}
