//! Writes drafts into a folder: never over a file that is there, and accepted by nobody but who is asked or says so.

mod asking;
mod known;
mod lacking;
mod place;

use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use super::accept::{self, Which};
use super::{Exit, output};
use crate::config;
use crate::draft::{self, Api, Drafted, Said};
use crate::policy;
use place::Place;

/// What a person says of a draft.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Known {
    /// The folder for consentry.yaml and policies/.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    output: PathBuf,
    /// Where the API is; by default where the description is fetched from, or says. A file that says nothing of it (a model's, or
    /// lines of calls) needs this. A path in it comes before the paths of
    /// the routes; where it ends in what the description's `servers` put before every path, that is meant once.
    #[arg(long, value_name = "URL")]
    upstream_url: Option<String>,
    /// What the activity is called; several are called so with the name of their call.
    #[arg(long, value_name = "NAME")]
    activity: Option<String>,
    /// The gateway's port on loopback, in a consentry.yaml that is drafted.
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// Where policies have some of the calls already, draft only the others.
    #[arg(long)]
    only_new: bool,
    /// Accept every guess: they are shown, and you have read them. Without this you are asked at a terminal, and elsewhere
    /// nothing is accepted.
    #[arg(long)]
    accept: bool,
    /// Ask nothing, at a terminal neither.
    #[arg(long)]
    no_questions: bool,
    /// What data is processed for: a name.
    #[arg(long, value_name = "NAME", help_heading = ONLY_YOU, value_parser = known::name)]
    purpose: Option<String>,
    /// What a data subject reads of the purpose.
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU, value_parser = known::text)]
    says: Option<String>,
    /// consent, contract, legal_obligation, vital_interests, public_task or legitimate_interests.
    #[arg(long, value_name = "WORD", help_heading = ONLY_YOU, value_parser = known::legal_basis)]
    legal_basis: Option<String>,
    /// The reference of the balancing test, for legitimate_interests.
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU, value_parser = known::text)]
    assessment: Option<String>,
    /// What lifts the prohibition of special categories (Art. 9(2)): explicit_consent, health_care, …
    #[arg(long, value_name = "WORD", help_heading = ONLY_YOU, value_parser = known::art9_condition)]
    art9_condition: Option<String>,
    /// The law that permits data on criminal offences (Art. 10).
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU, value_parser = known::text)]
    art10_reference: Option<String>,
    /// How long records are kept: `30d`.
    #[arg(long, value_name = "DURATION", help_heading = ONLY_YOU, value_parser = known::retention)]
    retention: Option<String>,
    /// The controller's name.
    #[arg(long, value_name = "NAME", help_heading = ONLY_YOU, value_parser = known::text)]
    controller: Option<String>,
    /// The controller's postal address.
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU, value_parser = known::text)]
    address: Option<String>,
    /// Where people reach the controller: an e-mail address or a URL.
    #[arg(long, value_name = "CONTACT", help_heading = ONLY_YOU, value_parser = known::address)]
    contact: Option<String>,
    /// Where people reach the data protection officer.
    #[arg(long, value_name = "CONTACT", help_heading = ONLY_YOU, value_parser = known::address)]
    dpo: Option<String>,
    /// The country in which the API runs where it is the controller's own, two letters.
    #[arg(long, value_name = "CODE", help_heading = ONLY_YOU, value_parser = known::country)]
    country: Option<String>,
    /// Who runs the API, where that is somebody else.
    #[arg(long, value_name = "NAME", help_heading = ONLY_YOU, value_parser = known::text)]
    recipient: Option<String>,
    /// What they are in law: processor, joint_controller or controller.
    #[arg(long, value_name = "WORD", help_heading = ONLY_YOU, value_parser = known::role)]
    recipient_role: Option<String>,
    /// The reference of the agreement with them (Art. 28).
    #[arg(long, value_name = "TEXT", help_heading = ONLY_YOU, value_parser = known::text)]
    agreement: Option<String>,
    /// The country in which the API runs where others run it, two letters.
    #[arg(long, value_name = "CODE", help_heading = ONLY_YOU, value_parser = known::country)]
    recipient_country: Option<String>,
    /// What a transfer there rests on: scc, bcr, adequacy, …
    #[arg(long, value_name = "WORD", help_heading = ONLY_YOU, value_parser = known::transfer)]
    transfer: Option<String>,
}

const ONLY_YOU: &str =
    "What only you can know; asked for at a terminal, and what nobody says is left empty, to be filled in";

impl Known {
    fn said(&self) -> Said {
        Said {
            purpose: self.purpose.clone(),
            says: self.says.clone(),
            legal_basis: self.legal_basis.clone(),
            assessment: self.assessment.clone(),
            art9_condition: self.art9_condition.clone(),
            art10_reference: self.art10_reference.clone(),
            retention: self.retention.clone(),
            controller: self.controller.clone(),
            address: self.address.clone(),
            contact: self.contact.clone(),
            dpo: self.dpo.clone(),
            country: self.country.clone(),
            recipient: self.recipient.clone(),
            recipient_role: self.recipient_role.clone(),
            agreement: self.agreement.clone(),
            recipient_country: self.recipient_country.clone(),
            transfer: self.transfer.clone(),
        }
    }

    /// Where a person says that the API is.
    ///
    /// # Errors
    /// If consentry.yaml could not say the same.
    pub(super) fn upstream(&self) -> anyhow::Result<Option<http::Uri>> {
        let url = self.upstream_url.as_deref().map(config::upstream_url).transpose();
        url.map_err(|why| anyhow!("--upstream-url: {why}"))
    }

    /// A file or folder of the deployment, as short as it can be named.
    fn within(&self, name: &str) -> PathBuf {
        if self.output == Path::new(".") { PathBuf::from(name) } else { self.output.join(name) }
    }

    fn asks(&self) -> bool {
        !self.no_questions && std::io::stdin().is_terminal()
    }
}

/// Drafts policies for an API and writes them. `source` says what it is known from.
pub(super) fn write(api: &Api, source: &str, known: &Known) -> anyhow::Result<Exit> {
    let policies = known.within("policies");
    let taken = place::names(&policies)?;
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
    let there = place::there(&policies);
    let (new, left_out) = match &there {
        Some(set) => place::new_calls(api, set, known.only_new)?,
        None => (api.clone(), Vec::new()),
    };
    if !left_out.is_empty() {
        output::note(format_args!(
            "left out, for a policy has it already: {}",
            printable(&left_out.join(", "))
        ));
    }
    let groups = draft::groups(&new, known.activity.as_deref(), &taken);
    if groups.is_empty() {
        let notes: String = api.notes.iter().map(|note| format!("\n  {}", printable(note))).collect();
        bail!("there is no call that could be drafted{notes}");
    }
    let url = match (known.upstream()?, &api.origin) {
        (Some(url), _) => without_base(url, &api.base)?,
        (None, Some(origin)) => servable(origin)
            .context("where the API is found to be cannot be used: name it with --upstream-url")?,
        (None, None) => bail!("nothing says where the API is: name it with --upstream-url"),
    };
    let place = Place::find(&known.output, &url)?;
    let organisation = policies.join("organisation.yaml");
    let drafts = |said: &Said| -> Vec<Drafted> {
        groups.iter().map(|group| draft::activity(group, source, &place.upstream, said)).collect()
    };
    let responsible = |said: &Said| {
        (!organisation.exists()).then(|| draft::organisation(said, &place.recipient, place.own))
    };
    let mut said = known.said();
    if known.asks() {
        let purposes: Vec<String> = there
            .iter()
            .flat_map(|set| &set.organisation)
            .flat_map(|organisation| &organisation.purposes)
            .map(|purpose| purpose.name.value.clone())
            .collect();
        asking::ask(&mut said, &purposes, |said| {
            let of_drafts = drafts(said).into_iter().flat_map(|drafted| drafted.holes);
            of_drafts.chain(responsible(said).into_iter().flat_map(|(_, holes)| holes)).collect()
        })?;
    }

    let mut files = Vec::new();
    fs::create_dir_all(&policies).with_context(|| format!("cannot make {}", policies.display()))?;
    place::schemas(&policies)?;
    for drafted in drafts(&said) {
        let file = policies.join(format!("{}.yaml", drafted.name));
        place::create(&file, &drafted.policy)?;
        tell(&file, &drafted);
        if let Some(cases) = &drafted.cases {
            place::create(&policies.join(format!("{}.cases.yaml", drafted.name)), cases)?;
        } else {
            output::note("  no cases: no value came to mind for a field that must be there");
        }
        files.push(file);
    }
    for note in &api.notes {
        output::note(format_args!("not drafted: {}", printable(note)));
    }
    if let Some((text, holes)) = responsible(&said) {
        place::create(&organisation, &text)?;
        output::note(format_args!("wrote {}{}", organisation.display(), to_fill(&holes)));
        files.push(organisation);
    } else {
        let declared = there.as_ref().and_then(|set| set.organisation.as_ref());
        lacking::of_organisation(declared, &organisation, &said, &place).iter().for_each(output::note);
    }
    if place.new {
        place::deployment(&known.output, &place, &url, known.port)?;
    } else if place.unknown {
        output::note(format_args!(
            "consentry.yaml names no upstream at {url}: add under `upstreams`\n  {}: {{ url: \"{url}\", recipient: {} }}",
            place.upstream, place.recipient
        ));
    }
    accepted(known, &files)
}

/// Where an API is found to be, as consentry.yaml can say it.
///
/// # Errors
/// If it cannot.
pub(super) fn servable(url: &str) -> anyhow::Result<http::Uri> {
    let url = without_userinfo(url.parse().with_context(|| format!("{url} is not an address"))?)?;
    config::upstream_url(&url.to_string()).map_err(anyhow::Error::msg)
}

/// An address without the path that each route begins with: a call is sent to the two joined.
fn without_base(url: http::Uri, base: &str) -> anyhow::Result<http::Uri> {
    let path = url.path().trim_end_matches('/');
    let Some(rest) = path.strip_suffix(base).filter(|_| !base.is_empty()) else { return Ok(url) };
    let rest = if rest.is_empty() { "/" } else { rest }.parse()?;
    let mut parts = url.into_parts();
    parts.path_and_query = Some(rest);
    Ok(http::Uri::from_parts(parts)?)
}

/// An address without who signs in there: what is written, and shown, holds no password.
pub(super) fn without_userinfo(url: http::Uri) -> anyhow::Result<http::Uri> {
    let host = url.authority().and_then(|authority| authority.as_str().rsplit_once('@'));
    let Some((_, host)) = host else { return Ok(url) };
    let host = host.parse().context("an address names a host")?;
    let mut parts = url.into_parts();
    parts.authority = Some(host);
    Ok(http::Uri::from_parts(parts)?)
}

/// Accepts what a person says they accept, and says what comes next.
fn accepted(known: &Known, files: &[PathBuf]) -> anyhow::Result<Exit> {
    let which = if known.accept {
        Some(Which::All)
    } else if known.asks() {
        accept::show(files)?;
        answer()?
    } else {
        None
    };
    if let Some(which) = which {
        output::note("");
        let left = accept::files(files, &which)?;
        if left == 0 && !accept::is_wrong(files) {
            let config = known.within("consentry.yaml");
            let config = of_config(&config);
            output::note(format_args!(
                "\nAccepted, and whole. What it does, shown by calls: consentry test{config}\nNow:\n  consentry serve{config}"
            ));
            return Ok(Exit::Fine);
        }
    }
    next(&known.within("consentry.yaml"), files);
    Ok(Exit::Fine)
}

/// Whether all that was shown is accepted at once, one by one, or not now.
fn answer() -> anyhow::Result<Option<Which>> {
    loop {
        output::prompt("\nThese are guesses. Accept them? [y: all of them, o: one by one, n: not now] ");
        match asking::line()?.as_deref().map(str::trim) {
            Some("y" | "Y") => return Ok(Some(Which::All)),
            Some("o" | "O") => return Ok(Some(Which::Asked)),
            None | Some("n" | "N") => return Ok(None),
            Some(_) => {}
        }
    }
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

fn to_fill(holes: &[String]) -> String {
    if holes.is_empty() { String::new() } else { format!("; to fill in: {}", holes.join(", ")) }
}

fn next(config: &Path, files: &[PathBuf]) {
    let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let config = of_config(config);
    output::note("\nNothing is enforced yet. Read the files, fill in what is empty, then:");
    output::note(format_args!("  consentry accept {}", files.join(" ")));
    output::note(format_args!("  consentry test{config} && consentry serve{config}"));
}

/// How a command is told of a deployment that is not the one of this folder.
fn of_config(config: &Path) -> String {
    if config == Path::new("consentry.yaml") {
        String::new()
    } else {
        format!(" --config {}", config.display())
    }
}

/// A stranger's text as a terminal may show it.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_could_never_be_served_is_refused() {
        #[derive(Debug, clap::Parser)]
        struct Command {
            #[command(flatten)]
            known: Known,
        }
        let of = |url: &str| {
            let command: Command = clap::Parser::parse_from(["x", "--upstream-url", url]);
            command.known.upstream()
        };
        for (url, says) in [
            ("127.0.0.1:8000", "not an address"),
            ("/api", "not an address"),
            ("ftp://api.example.org", "Write https:// or http://"),
            ("http://api.example.org:99999", "not an address"),
            ("http://api.example.org/p?x=1", "without query"),
            ("http://ada:s3cretpw@api.example.org", "no user and no password"),
        ] {
            let refused = of(url).unwrap_err().to_string();
            assert!(refused.starts_with("--upstream-url: ") && refused.contains(says), "{url}: {refused}");
            assert!(!refused.contains("s3cretpw"), "{refused}");
        }
        assert_eq!(of("http://[::1]:8000/v2").unwrap().unwrap().to_string(), "http://[::1]:8000/v2");
        assert!(servable("http://127.0.0.1:8000?x=1").is_err());
        assert_eq!(servable("http://ada:pw@127.0.0.1:8000").unwrap().host(), Some("127.0.0.1"));
    }

    #[test]
    fn a_base_that_routes_have_is_not_the_upstreams_too() {
        for (given, base, left) in [
            ("http://h/api/v2", "/api/v2", "http://h/"),
            ("http://h/api/v2/", "/api/v2", "http://h/"),
            ("http://h/intern/api/v2", "/api/v2", "http://h/intern"),
            ("http://h/other", "/api/v2", "http://h/other"),
            ("http://h/api", "/api/v2", "http://h/api"),
            ("http://h/my-api", "/api", "http://h/my-api"),
            ("http://h/api", "", "http://h/api"),
            ("http://h", "/api", "http://h/"),
        ] {
            assert_eq!(without_base(given.parse().unwrap(), base).unwrap().to_string(), left, "{given}");
        }
    }

    #[test]
    fn no_password_of_an_address_is_written() {
        for (given, written) in [
            ("https://ada:s3cretpw@api.example.org/v1", "https://api.example.org/v1"),
            ("http://ada@[::1]:8000/", "http://[::1]:8000/"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/"),
        ] {
            assert_eq!(without_userinfo(given.parse().unwrap()).unwrap().to_string(), written);
        }
    }
}
