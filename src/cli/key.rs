//! `key`: keys and tokens, made here and shown once.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Subcommand;
use zeroize::Zeroizing;

use super::{Deployment, Exit, connect, output};
use crate::admin::{Command, Role, new_token};
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::crypto::{InterchangeKey, hex};
use crate::identity::ApiKey;
use crate::keys::{LocalKey, write_new};
use crate::policy::Diagnostics;

/// Seconds of a day.
const DAY: u64 = 86_400;
/// 9999-12-31T23:59:59Z, the last moment that can be written.
const LAST: Timestamp = Timestamp::from_millis(253_402_300_799_000);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Make the master key, in a new file that its owner alone can read. Back it up apart from the data.
    Master {
        /// The file; one that is there is never overwritten. A folder that is not there is made, for its owner alone.
        file: PathBuf,
    },
    /// Take the master key that consentry.yaml names now into use, and wrap anew everything that is wrapped under one of `previous`.
    /// Requests go on meanwhile; given again, it goes on where it was interrupted.
    Rotate {
        #[command(flatten)]
        deployment: Deployment,
    },
    /// Make a Fernet key to share with an upstream or a caller: in a new file that its owner alone can read, or printed.
    Interchange {
        /// The file; one that is there is never overwritten. A folder that is not there is made, for its owner alone. Left
        /// out, the key is printed.
        file: Option<PathBuf>,
    },
    /// Make an API key: the key for its holder, and the lines for api-keys.yaml.
    Api {
        /// Whose it is.
        name: String,
        /// A scope; may be given several times.
        #[arg(long = "scope", value_name = "SCOPE", required = true)]
        scopes: Vec<String>,
        /// The namespace of the persons for whom its holder acts.
        #[arg(long, default_value = "customers")]
        namespace: String,
        /// How many days it holds.
        #[arg(long, default_value_t = 365)]
        days: u64,
    },
    /// Make an administration token: the token for its holder, and the line for consentry.yaml.
    Admin {
        /// Whose it is.
        name: String,
        /// What for: operator, officer, auditor, or monitor, who reads metrics and health alone.
        #[arg(long, value_parser = role)]
        role: String,
    },
}

fn role(word: &str) -> Result<String, &'static str> {
    Role::parse(word).map(|_| word.to_owned()).ok_or("the roles are operator, officer, auditor and monitor")
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.kind {
        Kind::Master { file } => {
            LocalKey::create(&file).with_context(|| format!("no key was made in {}", file.display()))?;
            output::note(format_args!("Made {}. Back it up apart from the data.", file.display()));
        }
        Kind::Rotate { deployment } => {
            return connect::carry_out(&deployment, Command::KeyRotate { check: None });
        }
        Kind::Interchange { file: None } => output::line(InterchangeKey::generate().as_str()),
        Kind::Interchange { file: Some(file) } => {
            write_new(&file, &InterchangeKey::generate())
                .with_context(|| format!("no key was made in {}", file.display()))?;
            output::note(format_args!(
                "Made {}. The other side needs the same key; nobody else may have it.",
                file.display()
            ));
        }
        Kind::Api { name, scopes, namespace, days } => {
            let (key, line) = api(name, scopes, namespace, days, Clock::system().now())?;
            output::note("The key, shown this once; give it to its holder:");
            output::line(key.as_str());
            output::note("These lines go below `keys:` in api-keys.yaml:");
            output::line(line);
        }
        Kind::Admin { name, role } => {
            let (token, line) = admin(&name, &role)?;
            output::note("The token, shown this once; give it to its holder:");
            output::line(token.as_str());
            output::note("This line goes below `tokens:` of `admin:` in consentry.yaml:");
            output::line(line);
        }
    }
    Ok(Exit::Fine)
}

/// An API key, and the line of it that the file's own reader accepts.
fn api(
    name: String,
    scopes: Vec<String>,
    namespace: String,
    days: u64,
    now: Timestamp,
) -> anyhow::Result<(Zeroizing<String>, String)> {
    named(&[(&name, "the name"), (&namespace, "--namespace")])?;
    scopes.iter().try_for_each(|scope| named(&[(scope, "--scope")]))?;
    if days == 0 {
        bail!("no key was made: with --days 0 it would have ended already");
    }
    // RFC 3339 has years of four digits.
    let most = u64::try_from(LAST.seconds() - now.seconds()).unwrap_or(0) / DAY;
    if days > most {
        bail!("no key was made: --days is {most} at most");
    }
    let expires = now.plus(Duration::from_secs(days * DAY));
    let made = ApiKey::generate(name, scopes, namespace, expires);
    let entry = &made.entry;
    let line = format!(
        "  - {{ id: {}, name: {}, hash: {}, scopes: [{}], namespace: {}, expires: \"{}\" }}",
        entry.id,
        quoted(&entry.name),
        entry.hash,
        entry.scopes.iter().map(|scope| quoted(scope)).collect::<Vec<_>>().join(", "),
        quoted(&entry.namespace),
        entry.expires
    );
    config::api_key_entries(&line).map_err(refused)?;
    Ok((made.text, line))
}

/// An administration token, and the line of it that the reader of consentry.yaml accepts.
fn admin(name: &str, role: &str) -> anyhow::Result<(Zeroizing<String>, String)> {
    named(&[(name, "the name")])?;
    let (token, hash) = new_token();
    let hash = hex(&hash);
    let line = format!("  - {{ name: {}, role: {role}, hash: \"sha256:{hash}\" }}", quoted(name));
    config::admin_tokens(&line).map_err(refused)?;
    Ok((token, line))
}

/// Whether each of these says something: of an empty text a file's reader could only say that nothing stands in the file.
fn named(said: &[(&str, &str)]) -> anyhow::Result<()> {
    match said.iter().find(|(text, _)| text.trim().is_empty()) {
        Some((_, what)) => bail!("no key was made: {what} is empty"),
        None => Ok(()),
    }
}

/// What the reader says of what was asked for, without a place: there is no file yet.
fn refused(found: Diagnostics) -> anyhow::Error {
    let lines: Vec<String> = found.iter().map(|one| format!("{} {}", one.message, one.help)).collect();
    anyhow!("no key was made: {}", lines.join(" "))
}

/// A text as YAML reads it back, whatever it holds: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_772_445_600_000);

    fn of_api(name: &str, scope: &str, namespace: &str, days: u64) -> anyhow::Result<String> {
        let (key, line) = api(name.to_owned(), vec![scope.to_owned()], namespace.to_owned(), days, NOW)?;
        assert!(key.starts_with("ck_"));
        Ok(line)
    }

    #[test]
    fn a_line_is_one_that_its_reader_accepts() {
        let line = of_api("crm", "score:read", "customers", 365).unwrap();
        assert!(line.contains("\"score:read\"") && line.contains("2027-03-02"), "{line}");
        let (token, line) = admin("prometheus", "monitor").unwrap();
        assert!(token.starts_with("ca_") && line.contains("role: monitor"), "{line}");
    }

    #[test]
    fn an_interchange_key_in_a_file_is_its_owners_alone_and_never_written_over() {
        use std::fs;
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys/partner.fernet");
        let make = || run(Args { kind: Kind::Interchange { file: Some(file.clone()) } });
        make().unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let made = config::secret_text(&file).unwrap();
        InterchangeKey::parse(&made).unwrap();
        assert!(make().is_err());
        assert_eq!(*config::secret_text(&file).unwrap(), *made);
    }

    #[test]
    fn the_greatest_number_of_days_is_one_that_the_reader_accepts() {
        let line = of_api("crm", "score", "customers", 2_912_382).unwrap();
        assert!(line.contains("9999-12-31"), "{line}");
    }

    #[test]
    fn no_key_is_made_for_what_would_be_refused() {
        for (made, says) in [
            (of_api("a b", "score", "customers", 365), "`a b`"),
            (of_api("", "score", "customers", 365), "the name is empty"),
            (of_api("crm", " ", "customers", 365), "--scope is empty"),
            (of_api("crm", "score", "", 365), "--namespace is empty"),
            (admin("", "operator").map(|(_, line)| line), "the name is empty"),
            (of_api("crm", "c d", "customers", 365), "`c d` is not a scope"),
            (of_api("crm", "score", "my customers", 365), "`my customers`"),
            (of_api("crm", "score", "customers", 0), "--days 0"),
            (of_api("crm", "score", "customers", 3_000_000), "--days is 2912382 at most"),
            (of_api("crm", "score", "customers", u64::MAX), "--days is 2912382 at most"),
            (admin("a b", "operator").map(|(_, line)| line), "`a b`"),
        ] {
            let error = made.unwrap_err().to_string();
            assert!(error.starts_with("no key was made: ") && error.contains(says), "{error}");
        }
    }
}
