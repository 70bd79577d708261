//! `import`: drafts a policy from the description of an API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::drafting::{self, Known};
use super::{Exit, output};
use crate::draft::{self, Api, kserve, mlflow, openapi};
use crate::net::fetch::fetch;
use crate::net::tls::{self, Authorities};

/// How long a description may take to arrive.
const WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// From an OpenAPI 3 description, JSON or YAML: FastAPI has it at /openapi.json.
    #[command(after_help = "\
Example:
  consentry import openapi http://127.0.0.1:8000/openapi.json
  consentry serve

At a terminal it asks for what only you can know, shows every guess, and asks whether you accept it. Nothing is enforced before a
person has accepted it: the gateway does not serve a policy in which anything is proposed.")]
    Openapi(Source),
    /// From the MLmodel file of an MLflow model that was logged with a signature, or the folder that it is in.
    #[command(after_help = "\
Example:
  consentry import mlflow mlruns/1/models/m-1/artifacts/MLmodel --upstream-url http://127.0.0.1:5001 --activity churn")]
    Mlflow(Source),
    /// From a model's metadata, as KServe, Triton and MLServer give it at /v2/models/NAME.
    #[command(after_help = "\
Example:
  consentry import kserve http://127.0.0.1:8080/v2/models/triage")]
    Kserve(Source),
}

#[derive(Debug, clap::Args)]
struct Source {
    /// A file, or an http:// or https:// address.
    #[arg(value_name = "FILE-or-URL")]
    from: String,
    /// Only this call, `POST /score` for example; may be given several times.
    #[arg(long = "route", value_name = "ROUTE")]
    routes: Vec<String>,
    #[command(flatten)]
    known: Known,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    type Reader = fn(&serde_json::Value) -> Result<Api, draft::DocumentError>;
    let of_mlflow = matches!(args.kind, Kind::Mlflow(_));
    let (mut source, reader): (Source, Reader) = match args.kind {
        Kind::Openapi(source) => (source, openapi::api),
        Kind::Mlflow(source) => (source, mlflow::api),
        Kind::Kserve(source) => (source, kserve::api),
    };
    source.known.upstream()?;
    if let Some(model) = model_of(&source.from).filter(|_| of_mlflow) {
        source.from = model;
    }
    let bytes = bytes(&source.from)?;
    let document = draft::read(&bytes).with_context(|| format!("{} cannot be read", source.from))?;
    let mut api = reader(&document).with_context(|| format!("{} cannot be read", source.from))?;
    chosen(&mut api, &source.routes)?;
    if let Some(origin) = origin(&source.from) {
        // Where the description was fetched is where the API is, whatever it says of itself.
        api.origin = Some(origin);
    }
    drafting::write(&api, &named(&source.from)?, &source.known)
}

/// The `MLmodel` file of a folder that MLflow saved a model in; `None` for what is no folder.
fn model_of(from: &str) -> Option<String> {
    let folder = Path::new(from);
    folder.is_dir().then(|| folder.join("MLmodel").to_string_lossy().into_owned())
}

/// What a file or an address holds: bounded in size and time, following nothing.
fn bytes(from: &str) -> anyhow::Result<Vec<u8>> {
    if !from.contains("://") {
        let path = PathBuf::from(from);
        let size = std::fs::metadata(&path).with_context(|| format!("there is no file {from}"))?.len();
        if usize::try_from(size).is_ok_and(|size| size <= draft::MAX_BYTES) {
            return std::fs::read(&path).with_context(|| format!("cannot read {from}"));
        }
        bail!("{from} is larger than {} MiB", draft::MAX_BYTES >> 20);
    }
    let url: http::Uri = from.parse().with_context(|| format!("{from} is not an address"))?;
    let tls = match url.scheme_str() {
        Some("https") => Some(tls::client(&Authorities::System)?),
        _ => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let document = runtime.block_on(fetch(&url, draft::MAX_BYTES, WITHIN, tls));
    Ok(document.with_context(|| format!("{from} gives no description"))?.to_vec())
}

/// How a policy names what it was drafted from.
fn named(from: &str) -> anyhow::Result<String> {
    match from.parse::<http::Uri>() {
        Ok(url) if from.contains("://") => Ok(drafting::without_userinfo(url)?.to_string()),
        _ => Ok(from.to_owned()),
    }
}

/// Scheme, host and port of an address.
fn origin(from: &str) -> Option<String> {
    let url: http::Uri = from.parse().ok()?;
    Some(format!("{}://{}", url.scheme_str()?, url.authority()?))
}

fn chosen(api: &mut Api, routes: &[String]) -> anyhow::Result<()> {
    if routes.is_empty() {
        return Ok(());
    }
    for route in routes {
        if api.operations.iter().any(|operation| operation.route() == *route) {
            continue;
        }
        let why = api.notes.iter().find(|note| note.starts_with(&format!("{route}: ")));
        let known: Vec<String> = api.operations.iter().take(20).map(draft::Operation::route).collect();
        match why {
            Some(why) => bail!("this call cannot be drafted: {}", drafting::printable(why)),
            None => {
                bail!("there is no call `{route}`; there are: {}", drafting::printable(&known.join(", ")))
            }
        }
    }
    api.operations.retain(|operation| routes.contains(&operation.route()));
    api.notes.clear();
    output::note(format_args!("Drafting {} of the calls.", api.operations.len()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_folder_its_model_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().to_str().unwrap();
        let model = model_of(name).unwrap();
        assert!(bytes(&model).unwrap_err().to_string().contains("MLmodel"), "it says what is not there");
        std::fs::write(folder.path().join("MLmodel"), "signature: {}").unwrap();
        assert_eq!(bytes(&model_of(&format!("{name}/")).unwrap()).unwrap(), b"signature: {}");
        assert_eq!((model_of(&model), model_of("http://127.0.0.1:9/MLmodel")), (None, None));
    }
}
