//! `key`: keys and tokens, made here and shown once.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Subcommand;

use super::{Exit, output};
use crate::admin::{Role, new_token};
use crate::clock::Clock;
use crate::crypto::InterchangeKey;
use crate::identity::ApiKey;
use crate::keys::LocalKey;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Make the master key, in a new file that its owner alone can read. Back it up apart from the data.
    Master {
        /// The file; one that is there is never overwritten.
        file: PathBuf,
    },
    /// Make a Fernet key to share with an upstream or a caller, and print it.
    Interchange,
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
        /// What for: operator, officer or auditor.
        #[arg(long, value_parser = role)]
        role: String,
    },
}

fn role(word: &str) -> Result<String, &'static str> {
    Role::parse(word).map(|_| word.to_owned()).ok_or("the roles are operator, officer and auditor")
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.kind {
        Kind::Master { file } => {
            LocalKey::create(&file).with_context(|| format!("no key was made in {}", file.display()))?;
            output::note(format_args!("Made {}. Back it up apart from the data.", file.display()));
        }
        Kind::Interchange => output::line(InterchangeKey::generate().as_str()),
        Kind::Api { name, scopes, namespace, days } => {
            let expires = Clock::system().now().plus(Duration::from_secs(days.saturating_mul(86_400)));
            let made = ApiKey::generate(name, scopes, namespace, expires);
            output::note("The key, shown this once; give it to its holder:");
            output::line(made.text.as_str());
            output::note("These lines go below `keys:` in api-keys.yaml:");
            let entry = &made.entry;
            output::line(format_args!(
                "  - {{ id: {}, name: {}, hash: {}, scopes: [{}], namespace: {}, expires: \"{}\" }}",
                entry.id,
                quoted(&entry.name),
                entry.hash,
                entry.scopes.iter().map(|scope| quoted(scope)).collect::<Vec<_>>().join(", "),
                quoted(&entry.namespace),
                entry.expires
            ));
        }
        Kind::Admin { name, role } => {
            let (token, hash) = new_token();
            output::note("The token, shown this once; give it to its holder:");
            output::line(token.as_str());
            output::note("This line goes below `tokens:` of `admin:` in consentry.yaml:");
            let name = quoted(&name);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            output::line(format_args!("  - {{ name: {name}, role: {role}, hash: \"sha256:{hash}\" }}"));
        }
    }
    Ok(Exit::Fine)
}

/// A text as YAML reads it back, whatever it holds: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
