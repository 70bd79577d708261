//! `check`: read deployment and policies as the gateway does, and report everything at once.

use anyhow::anyhow;
use serde_json::{Map, Value};

use super::{Deployment, Exit, deployment, output};
use crate::app::Needs;
use crate::clock::Clock;
use crate::policy::{Code, Diagnostics, report};
use crate::{app, config};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How findings are written: for people on standard error, for programs on standard output.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Print the page of a code instead: what it says, why, and how it is mended.
    #[arg(long, value_name = "CODE")]
    explain: Option<String>,
    /// Where the folder docs/reference/diagnostics is published: json and sarif then name the page of each code.
    #[arg(long, value_name = "URL")]
    pages: Option<String>,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// With the lines in question, underlined.
    Human,
    /// One object with all findings.
    Json,
    /// SARIF 2.1.0, as code hosts show it beside a change.
    Sarif,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    if let Some(text) = &args.explain {
        let known = || anyhow!("there is no code `{text}`: codes are CP and four digits, as in CP0303");
        output::text(Code::parse(text).ok_or_else(known)?.page());
        return Ok(Exit::Fine);
    }
    let (config, of_config) = match config::load(&args.deployment.config) {
        Ok((config, warnings)) => (Some(config), warnings),
        Err(found) => (None, found),
    };
    let now = Clock::system().now();
    let (plan, of_policies) = match config.as_ref().map(|config| app::check(config, now)) {
        Some(Ok((plan, warnings))) => (Some(plan), Some(warnings)),
        Some(Err(found)) => (None, Some(found)),
        None => (None, None),
    };
    let keys = config.as_ref().and_then(|config| config.api_keys.as_deref());
    let of_keys = keys.and_then(|path| config::api_keys(path).err());
    // Who checks policies in a pipeline has no keys, and should not have: what is wanting makes nothing invalid.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let needs = config.as_ref().map(|config| runtime.block_on(app::needs(config, now)));
    let found: Vec<&Diagnostics> = std::iter::once(&of_config).chain(&of_keys).chain(&of_policies).collect();
    match args.format {
        Format::Human => deployment::show_all(&found),
        Format::Json => output::text(report::json(&found, args.pages.as_deref(), members(needs.as_ref()))),
        Format::Sarif => output::text(report::sarif(&found, args.pages.as_deref())),
    }
    let plan = plan.filter(|_| of_keys.is_none());
    if args.format == Format::Human {
        if let Some(plan) = &plan {
            let (activities, routes) = (plan.activities.len(), plan.routes.len());
            let word = |count, one: &'static str, many| if count == 1 { one } else { many };
            output::line(format_args!(
                "{activities} {}, {routes} {}: valid.",
                word(activities, "activity", "activities"),
                word(routes, "route", "routes")
            ));
        }
        let Needs { needs, cautions } = needs.unwrap_or_default();
        note("Before the gateway serves, something is wanting here:", &needs);
        note("The gateway serves with this, and it should not stay so:", &cautions);
    }
    Ok(if plan.is_some() { Exit::Fine } else { Exit::InvalidPolicy })
}

fn note(about: &str, lines: &[String]) {
    if !lines.is_empty() {
        output::note(about);
    }
    lines.iter().for_each(|line| output::note(format_args!("  {line}.")));
}

/// The same for programs.
fn members(needs: Option<&Needs>) -> Map<String, Value> {
    let list =
        |of: fn(&Needs) -> &Vec<String>| needs.map_or(Value::Null, |needs| of(needs).as_slice().into());
    let members = [("needs", list(|needs| &needs.needs)), ("cautions", list(|needs| &needs.cautions))];
    members.into_iter().map(|(name, list)| (name.to_owned(), list)).collect()
}
