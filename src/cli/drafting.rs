//! Writes drafts into a folder: never over a file that is there.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::demo::material;
use super::{Exit, output};
use crate::clock::Clock;
use crate::config;
use crate::draft::{self, Api, Deployment, Drafted, Said};
use crate::keys::LocalKey;
use crate::policy;

/// What a person says of a draft.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Known {
    /// The folder for consentry.yaml and policies/.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    output: PathBuf,
    /// Where the API is; by default where the description is fetched from, or says.
    #[arg(long, value_name = "URL")]
    upstream_url: Option<String>,
    /// What the activity is called; several are called so with the name of their call.
    #[arg(long, value_name = "NAME")]
    activity: Option<String>,
    /// The gateway's port on loopback, in a consentry.yaml that is drafted.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// What data is processed for: a name.
    #[arg(long, value_name = "NAME", help_heading = ONLY_YOU)]
    purpose: Option<String>,
    /// What a data subject reads of the purpose.
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU)]
    says: Option<String>,
    /// consent, contract, legal_obligation, vital_interests, public_task or legitimate_interests.
    #[arg(long, value_name = "WORD", help_heading = ONLY_YOU)]
    legal_basis: Option<String>,
    /// How long records are kept: `30d`.
    #[arg(long, value_name = "DURATION", help_heading = ONLY_YOU)]
    retention: Option<String>,
    /// The controller's name.
    #[arg(long, value_name = "NAME", help_heading = ONLY_YOU)]
    controller: Option<String>,
    /// The controller's postal address.
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU)]
    address: Option<String>,
    /// Where to write to the controller.
    #[arg(long, value_name = "EMAIL", help_heading = ONLY_YOU)]
    contact: Option<String>,
    /// Where to write to the data protection officer.
    #[arg(long, value_name = "EMAIL", help_heading = ONLY_YOU)]
    dpo: Option<String>,
    /// The controller's country, two letters.
    #[arg(long, value_name = "CODE", help_heading = ONLY_YOU)]
    country: Option<String>,
}

const ONLY_YOU: &str = "What only you can know; what is not said is left empty, to be filled in";

impl Known {
    fn said(&self) -> Said {
        let retention = self.retention.as_ref().map(|retention| match retention.contains(' ') {
            true => retention.clone(),
            false => format!("{retention} after exchange"),
        });
        Said {
            purpose: self.purpose.clone(),
            says: self.says.clone(),
            legal_basis: self.legal_basis.clone(),
            retention,
            controller: self.controller.clone(),
            address: self.address.clone(),
            contact: self.contact.clone(),
            dpo: self.dpo.clone(),
            country: self.country.clone(),
        }
    }
}

/// Drafts policies for an API and writes them. `source` says what it is known from.
pub(super) fn write(api: &Api, source: &str, known: &Known) -> anyhow::Result<Exit> {
    let said = known.said();
    let policies = known.output.join("policies");
    let taken = names(&policies)?;
    if let Some(name) = &known.activity {
        if !policy::is_name(name) {
            bail!(
                "`{name}` cannot be a name: use letters, digits, `-` and `_`, and begin with a letter or digit"
            );
        }
        if taken.contains(name) {
            bail!(
                "there is a {} already, and nothing is written over: choose another --activity",
                policies.join(format!("{name}.yaml")).display()
            );
        }
    }
    let groups = draft::groups(api, known.activity.as_deref(), &taken);
    if groups.is_empty() {
        let notes: String = api.notes.iter().map(|note| format!("\n  {}", printable(note))).collect();
        bail!("there is no call that could be drafted{notes}");
    }
    let url = known.upstream_url.clone().or_else(|| api.origin.clone());
    let url = url.context("nothing says where the API is: name it with --upstream-url")?;
    let url: http::Uri = url.parse().with_context(|| format!("{url} is not an address"))?;
    let place = Place::find(&known.output, &url)?;
    let drafts: Vec<Drafted> =
        groups.iter().map(|group| draft::activity(group, source, &place.upstream, &said)).collect();

    fs::create_dir_all(&policies).with_context(|| format!("cannot make {}", policies.display()))?;
    for drafted in &drafts {
        let file = policies.join(format!("{}.yaml", drafted.name));
        create(&file, &drafted.policy)?;
        tell(&file, drafted);
        if let Some(cases) = &drafted.cases {
            create(&policies.join(format!("{}.cases.yaml", drafted.name)), cases)?;
        } else {
            output::note("  no cases: no value came to mind for a field that must be there");
        }
    }
    for note in &api.notes {
        output::note(format_args!("not drafted: {}", printable(note)));
    }
    let organisation = policies.join("organisation.yaml");
    if !organisation.exists() {
        let (text, holes) = draft::organisation(&said, &place.recipient, place.own);
        create(&organisation, &text)?;
        output::note(format_args!("wrote {}{}", organisation.display(), to_fill(&holes)));
    }
    if place.new {
        deployment(&known.output, &place, &url, known.port)?;
    } else if place.unknown {
        output::note(format_args!(
            "consentry.yaml names no upstream at {url}: add `{}: {{ url: \"{url}\", recipient: … }}` under `upstreams`",
            place.upstream
        ));
    }
    next(&known.output, &drafts);
    Ok(Exit::Fine)
}

/// Where the upstream stands, or will stand, in consentry.yaml.
struct Place {
    upstream: String,
    recipient: String,
    /// Whether the API runs on this host.
    own: bool,
    /// Whether there is no consentry.yaml yet.
    new: bool,
    /// Whether there is one, and it does not name the API.
    unknown: bool,
}

impl Place {
    fn find(folder: &Path, url: &http::Uri) -> anyhow::Result<Self> {
        let host = url.host().context("an address names a host")?;
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        let own = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        let recipient = if own { "own-it" } else { "api-host" }.to_owned();
        let file = folder.join("consentry.yaml");
        let drafted = Self { upstream: "api".into(), recipient, own, new: !file.exists(), unknown: false };
        if drafted.new {
            return Ok(drafted);
        }
        let Ok((config, _)) = config::load(&file) else {
            return Ok(Self { unknown: true, ..drafted });
        };
        let same = |other: &http::Uri| other.authority() == url.authority() && other.scheme() == url.scheme();
        match config.upstreams.iter().find(|(_, entry)| same(&entry.url)) {
            Some((name, entry)) => {
                Ok(Self { upstream: name.to_string(), recipient: entry.recipient.to_string(), ..drafted })
            }
            None => Ok(Self { unknown: true, ..drafted }),
        }
    }
}

/// Names of the activities that are there.
fn names(policies: &Path) -> anyhow::Result<Vec<String>> {
    if !policies.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(policies).with_context(|| format!("cannot read {}", policies.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".cases.yaml").or_else(|| name.strip_suffix(".yaml"));
        names.extend(stem.map(str::to_owned));
    }
    Ok(names)
}

fn create(file: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o644).open(file);
    let mut made = made.with_context(|| format!("cannot write {}", file.display()))?;
    made.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}

/// consentry.yaml with development material beside it.
fn deployment(folder: &Path, place: &Place, url: &http::Uri, port: u16) -> anyhow::Result<()> {
    let certificates = material::certificates(&folder.join("certs"), &Clock::system())?;
    let keys = folder.join("keys");
    fs::create_dir_all(&keys).with_context(|| format!("cannot make {}", keys.display()))?;
    let (secret, master) = (keys.join("development-issuer.secret"), keys.join("master.key"));
    if !secret.exists() {
        material::write_secret(&secret, &material::key())?;
    }
    if !master.exists() {
        LocalKey::create(&master).with_context(|| format!("no key was made in {}", master.display()))?;
    }
    let within = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
    let text = draft::deployment(&Deployment {
        upstream: &place.upstream,
        url: url.to_string().trim_end_matches('/'),
        recipient: &place.recipient,
        port,
        certificate: &within(&certificates.certificate),
        key: &within(&certificates.key),
        secret: &within(&secret),
        master: &within(&master),
    });
    let file = folder.join("consentry.yaml");
    create(&file, &text)?;
    output::note(format_args!("wrote {}, with development certificates and keys beside it", file.display()));
    Ok(())
}

fn tell(file: &Path, drafted: &Drafted) {
    output::note(format_args!(
        "wrote {}: {} guesses to accept{}",
        file.display(),
        drafted.guesses,
        to_fill(&drafted.holes)
    ));
    for note in &drafted.notes {
        output::note(format_args!("  not drafted: {}", printable(note)));
    }
}

fn to_fill(holes: &[&str]) -> String {
    if holes.is_empty() { String::new() } else { format!("; to fill in: {}", holes.join(", ")) }
}

fn next(folder: &Path, drafts: &[Drafted]) {
    let file = |name: &str| folder.join("policies").join(format!("{name}.yaml")).display().to_string();
    let files: Vec<String> =
        drafts.iter().map(|drafted| file(&drafted.name)).chain([file("organisation")]).collect();
    let config = folder.join("consentry.yaml");
    output::note("\nNothing is enforced yet. Read the files, fill in what is empty, then:");
    output::note(format_args!("  consentry accept {}", files.join(" ")));
    output::note(format_args!(
        "  consentry test --config {0} && consentry serve --config {0}",
        config.display()
    ));
}

/// A stranger's text as a terminal may show it.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}
