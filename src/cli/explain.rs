//! `explain`: what becomes of every field of a route, or of one request.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use super::call::{self, Written};
use super::{Deployment, Exit, deployment, output};
use crate::app;
use crate::config::Config;
use crate::plan::explain::request::{self, Request};
use crate::plan::{self, Loaded, Plan, Route, RouteKind, explain};
use crate::policy::PolicySet;
use crate::policy::cases::Call;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A route (`POST /predict/`), a part of one, or an activity's name; all routes where it is left out.
    #[arg(value_name = "ROUTE")]
    route: Option<String>,
    /// The same, for commands that read better so.
    #[arg(long = "route", value_name = "ROUTE", conflicts_with = "route")]
    route_option: Option<String>,
    /// What this request becomes, field by field (`-`: standard input): a body for ROUTE, a call as cases write it, the
    /// text of an HTTP request, or a curl command.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    deployment: Deployment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// A page of its own, to paste into an assessment.
    Html,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = deployment::read(&args.deployment) else { return Ok(Exit::InvalidPolicy) };
    let Some((plan, set)) = deployment::policies(&config) else { return Ok(Exit::InvalidPolicy) };
    let named = args.route.as_deref().or(args.route_option.as_deref());
    let shadow = plan.shadows.iter().find(|shadow| Some(&*shadow.activity.name) == named);
    let (config, plan, set, named) = match shadow.filter(|_| args.request.is_some()) {
        None => (config, plan, set, named.map(str::to_owned)),
        // What a request becomes is asked as if the shadow were in force, in the place of what it shadows.
        Some(shadow) => {
            let (name, of) = (shadow.activity.name.to_string(), shadow.of.name.to_string());
            match plan::load_promoted(&config.policies, &config.deployment(), &name) {
                Ok(Loaded { plan, set, .. }) => {
                    (Config { promoted: Some(name), ..config }, plan, set, Some(of))
                }
                Err(diagnostics) => {
                    deployment::show(&diagnostics);
                    return Ok(Exit::InvalidPolicy);
                }
            }
        }
    };
    let named = named.as_deref();
    let routes = explain::wanted(&plan, named);
    if routes.is_empty() {
        let all: Vec<&str> = plan.routes.iter().map(|route| &*route.text).collect();
        bail!("there is no such route or activity; there are: {}", all.join(", "));
    }
    let text = match &args.request {
        Some(file) => {
            let request = traced(&config, &plan, &set, &routes, named.is_some(), call::read(file)?)?;
            match args.format {
                Format::Text => request.text(),
                Format::Html => request::page(&request)?,
            }
        }
        None => {
            let explained: Vec<_> = routes.iter().map(|route| explain::explain(&plan, route)).collect();
            match args.format {
                Format::Text => explained.iter().map(|one| one.text()).collect::<Vec<_>>().join("\n"),
                Format::Html => explain::page(&plan.organisation.name, &explained)?,
            }
        }
    };
    output::text(text);
    Ok(Exit::Fine)
}

/// That outside analysers, which the route's texts go to, have not been asked.
fn unasked(route: &Route) -> Option<String> {
    let asks = route.activity.request.fields.iter().flat_map(|field| field.asks());
    let mut names: Vec<&str> = asks.map(|ask| &*ask.analyzer).collect();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| {
        format!("The analyser {} was not asked: texts still have what it alone would find.", names.join(", "))
    })
}

/// What one request becomes: what the gateway says to it, and, where it inspects its body, what it does to each field.
fn traced(
    config: &Config,
    plan: &Plan,
    set: &PolicySet,
    routes: &[&Route],
    route_named: bool,
    text: String,
) -> anyhow::Result<Request> {
    let (call, mut assumed) = match call::written(text, route_named)? {
        Written::Call(call) => (call, Vec::new()),
        Written::Body(body) => {
            let governed =
                |route: &&&Route| route.kind == RouteKind::Governed && route.activity.shadows.is_none();
            let governed: Vec<_> = routes.iter().filter(governed).collect();
            match governed.as_slice() {
                [route] => app::cases::call(route, body)?,
                [] => bail!("no route of these inspects a body"),
                several => {
                    let all: Vec<&str> = several.iter().map(|route| &*route.text).collect();
                    bail!("say which route the body is for: {}", all.join(", "));
                }
            }
        }
    };
    let params = app::cases::params(plan, &call);
    let path = call.path.value.split('?').next().unwrap_or_default();
    let trace = plan.route(&call.method, path).ok().and_then(|found| {
        assumed.extend(unasked(found.route));
        app::cases::trace(plan, set, found.route, &call)
    });
    let Call { method, path, .. } = &call;
    let shown = format!("{method} {}", path.value);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let said = runtime.block_on(app::cases::outcome(config, plan, call, trace.as_ref()));
    let (verdict, more) = said.context("the gateway could not be asked")?;
    assumed.extend(more);
    // INVARIANT: what is told field by field is what the gateway does.
    let told = trace.as_ref().is_none_or(|trace| trace.faults.is_empty() || !verdict.forwarded);
    ensure!(
        told,
        "the gateway lets the request through, and its fields were explained otherwise; please report this"
    );
    Ok(Request { call: shown, assumed, verdict, params, trace })
}
