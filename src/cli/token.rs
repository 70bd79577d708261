//! `token`: a token for development, signed with a secret file of the deployment.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Deployment, Exit, deployment, output};
use crate::clock::Clock;
use crate::config::{self, Config, KeyFrom};
use crate::identity::{self, Algorithm, DevelopmentToken};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  TOKEN=$(consentry token --sub ada --scope predict)")]
pub(super) struct Args {
    /// Who the token is for.
    #[arg(long)]
    sub: String,
    /// The program that holds it; equal to --sub for a token of a program, which is nobody's own.
    #[arg(long)]
    client_id: Option<String>,
    /// A scope; may be given several times.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// The purpose that the token names.
    #[arg(long)]
    purpose: Option<String>,
    /// The reason that the token gives: a code of organisation.yaml.
    #[arg(long)]
    reason: Option<String>,
    /// The issuer, where the deployment has several with a secret file.
    #[arg(long)]
    issuer: Option<String>,
    /// How many minutes it holds, a year at most.
    #[arg(long, default_value_t = 60, value_name = "MINUTES")]
    minutes: u64,
    #[command(flatten)]
    deployment: Deployment,
}

/// How long a token may hold, in minutes: one that never ends is no token for development.
const LONGEST: u64 = 365 * 24 * 60;

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    output::line(made(args, &config)?);
    Ok(Exit::Fine)
}

/// A token that the deployment's gateway accepts.
fn made(args: Args, config: &Config) -> anyhow::Result<String> {
    if !(1..=LONGEST).contains(&args.minutes) {
        bail!(
            "a token holds from 1 to {LONGEST} minutes, which is a year: say another number with --minutes"
        );
    }
    for (option, text) in [("--sub", Some(&args.sub)), ("--client-id", args.client_id.as_ref())] {
        if text.is_some_and(String::is_empty) {
            bail!("{option} is empty, and would name nobody: say whose the token is");
        }
    }
    let mut found = config.issuers.iter().filter_map(|issuer| match &issuer.key {
        KeyFrom::SecretFile(path) if args.issuer.as_ref().is_none_or(|wanted| *wanted == issuer.issuer) => {
            Some((issuer, path))
        }
        _ => None,
    });
    let Some((issuer, path)) = found.next() else {
        bail!(
            "the deployment has no such issuer with a `secret_file`: other issuers issue their tokens themselves"
        );
    };
    if found.next().is_some() {
        bail!("the deployment has several issuers with a `secret_file`: name one with --issuer");
    }
    let hmac =
        |algorithm: &&Algorithm| matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
    let Some(algorithm) = issuer.algorithms.iter().find(hmac) else {
        bail!("the issuer has no algorithm that a secret signs for: name HS256 under its `algorithms`");
    };
    let secret = config::secret_text(path)?;
    let clock = Clock::system();
    let token = DevelopmentToken {
        issuer: issuer.issuer.clone(),
        audience: issuer.audiences.first().cloned().unwrap_or_default(),
        algorithm: *algorithm,
        typ: typ(&issuer.types),
        sub: args.sub,
        client_id: args.client_id,
        scopes: args.scopes,
        purpose: args.purpose,
        reason: args.reason,
        claims: serde_json::Map::new(),
        ttl: Duration::from_secs(args.minutes * 60),
    };
    let token = identity::issue(&token, secret.as_bytes(), clock.now()).context("cannot sign")?;
    identity::tried(issuer.open()?, &token, clock).context("no token was made")?;
    Ok(token)
}

/// That of an access token (RFC 9068) where the issuer admits it, else the first that it does.
fn typ(types: &[String]) -> Option<String> {
    let access = types.iter().find(|typ| typ.eq_ignore_ascii_case("at+jwt"));
    access.or(types.first()).cloned()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// What comes of `consentry token` with these words, of an issuer with this beside what it must have.
    fn token(words: &[&str], issuer: &str, secret: &str) -> anyhow::Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("issuer.secret");
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let text = format!(
            "listeners: [{{ https: \"127.0.0.1:0\", certificate: a, key: b }}]\n\
             upstreams: {{ model: {{ url: \"http://127.0.0.1:8000\", recipient: host }} }}\n\
             issuers: [{{ issuer: \"https://id.example.org\", secret_file: issuer.secret, audience: consentry, namespace: customers, {issuer} }}]\n\
             keys: {{ file: master.key }}\n"
        );
        let path = folder.path().join("consentry.yaml");
        fs::write(&path, text).unwrap();
        let (config, _) = config::load(&path).unwrap_or_else(|found| panic!("{found}"));
        let line = Line::try_parse_from([&["token"], words].concat()).unwrap();
        made(line.args, &config)
    }

    /// What a token's head says.
    fn head(token: &str) -> serde_json::Value {
        use base64::Engine as _;
        let head = token.split('.').next().unwrap();
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(head).unwrap())
            .unwrap()
    }

    #[test]
    fn a_token_is_as_its_issuer_may_make_them() {
        let long = "s".repeat(64);
        for (issuer, alg, typ) in [
            ("algorithms: [HS256]", "HS256", "at+jwt"),
            ("algorithms: [HS512, HS256]", "HS512", "at+jwt"),
            ("algorithms: [HS384], types: [JWT]", "HS384", "JWT"),
            ("algorithms: [HS256], types: [JWT, application/at+jwt]", "HS256", "JWT"),
        ] {
            let head = head(&token(&["--sub", "ada"], issuer, &long).unwrap());
            assert_eq!((head["alg"].as_str(), head["typ"].as_str()), (Some(alg), Some(typ)), "{issuer}");
        }
    }

    #[test]
    fn a_token_that_no_gateway_would_take_is_not_made() {
        let (good, long) = ("algorithms: [HS256]", "s".repeat(64));
        for (words, says) in [
            (["--sub", "", "--minutes", "5"], "--sub is empty"),
            (["--sub", "ada", "--client-id", ""], "--client-id is empty"),
            (["--sub", "ada", "--minutes", "0"], "--minutes"),
            (["--sub", "ada", "--minutes", "99999999999999999"], "--minutes"),
        ] {
            let error = token(&words, good, &long).unwrap_err().to_string();
            assert!(error.contains(says), "{words:?}: {error}");
        }
        let short = "s".repeat(40);
        for issuer in ["algorithms: [HS512]", "algorithms: [HS256, HS512]"] {
            let error = format!("{:#}", token(&["--sub", "ada"], issuer, &short).unwrap_err());
            assert!(error.contains("shorter than the hash"), "{issuer}: {error}");
        }
        let enormous = "a".repeat(9000);
        let error = format!("{:#}", token(&["--sub", &enormous], good, &long).unwrap_err());
        assert!(error.contains("longer than 8 KiB") && error.len() < 200, "{error}");
    }
}
