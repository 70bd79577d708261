//! `learn`: drafts a policy from traffic: recorded, or seen by a plain pass-through for a while.

mod listen;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::drafting::{self, Known};
use super::{Exit, output};
use crate::draft::learn::{self, Seen};
use crate::policy::units;

/// The largest recording, in bytes, and the longest line of one.
const RECORDING: u64 = 256 << 20;
const LINE: u64 = 8 << 20;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  consentry learn --har session.har
  consentry learn --jsonl calls.jsonl --upstream-url http://127.0.0.1:8000
  consentry learn --listen 127.0.0.1:9000 --upstream http://127.0.0.1:8000 --for 10min

A line of --jsonl is { \"method\": \"POST\", \"path\": \"/score\", \"request\": {…}, \"status\": 200, \"response\": {…} }.
What is written holds shapes: names, types, bounds with room around them, formats, and lists of values where few values repeat
often and the name says nothing of a person. While --listen runs, nothing is protected: it passes everything on.")]
#[command(group(clap::ArgGroup::new("from").required(true).args(["har", "jsonl", "listen"])))]
pub(super) struct Args {
    /// A recording of a browser or a proxy, HAR 1.2.
    #[arg(long, value_name = "FILE")]
    har: Option<PathBuf>,
    /// Calls as lines of JSON.
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// An address of loopback at which calls are passed on to --upstream and looked at.
    #[arg(long, value_name = "ADDRESS", requires = "upstream", value_parser = loopback)]
    listen: Option<SocketAddr>,
    /// Where calls are passed on to.
    #[arg(long, value_name = "URL", requires = "listen")]
    upstream: Option<String>,
    /// How long; Ctrl-C ends it sooner.
    #[arg(long = "for", value_name = "DURATION", default_value = "10min", value_parser = duration)]
    window: Duration,
    #[command(flatten)]
    known: Known,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "write an address and a port: 127.0.0.1:9000")?;
    match address.ip().is_loopback() {
        true => Ok(address),
        false => Err("what is passed on here is not protected: it listens on loopback only".into()),
    }
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    // `10m` is what most people write.
    let minutes = text.strip_suffix('m').map(|number| format!("{number}min"));
    let parsed = units::duration(minutes.as_deref().unwrap_or(text));
    parsed.ok_or("write a whole number and s, min or h: 10min")
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    // Before minutes of looking at calls.
    args.known.upstream()?;
    args.upstream.as_deref().map(drafting::servable).transpose()?;
    let mut seen = Seen::default();
    let mut origin = args.upstream.clone();
    let source = if let Some(file) = &args.har {
        let bytes = whole(file)?;
        origin =
            learn::har(&bytes, &mut seen).with_context(|| format!("{} cannot be read", file.display()))?;
        file.display().to_string()
    } else if let Some(file) = &args.jsonl {
        lines(file, &mut seen)?;
        file.display().to_string()
    } else if let (Some(address), Some(upstream)) = (args.listen, &args.upstream) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        seen = runtime.block_on(listen::listen(address, upstream, args.window))?;
        "traffic that was seen".to_owned()
    } else {
        bail!("say what to learn from: --har, --jsonl or --listen");
    };
    let count = seen.exchanges();
    if count == 0 {
        bail!("no call was seen: nothing was written");
    }
    let mut api = seen.api();
    api.origin = origin;
    output::note(format_args!("{count} calls were seen."));
    drafting::write(&api, &format!("{source}, {count} calls"), &args.known)
}

fn whole(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    opened.take(RECORDING + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > RECORDING {
        bail!("{} is larger than {} MiB", file.display(), RECORDING >> 20);
    }
    Ok(bytes)
}

fn lines(file: &Path, seen: &mut Seen) -> anyhow::Result<()> {
    let opened = fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut reader = BufReader::new(opened);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let read = reader.by_ref().take(LINE + 1).read_line(&mut line);
        let read = read.with_context(|| format!("{}, line {number} is not UTF-8", file.display()))?;
        if read == 0 {
            break;
        }
        if u64::try_from(read).unwrap_or(u64::MAX) > LINE {
            bail!("{}, line {number} is longer than {} MiB", file.display(), LINE >> 20);
        }
        // Some editors put a mark before the first line.
        let line = if number == 1 { line.strip_prefix('\u{feff}').unwrap_or(&line) } else { &line };
        if !line.trim().is_empty() {
            learn::line(line, seen).with_context(|| format!("{}, line {number}", file.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_before_the_first_line_is_no_part_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calls.jsonl");
        let line = r#"{"method":"POST","path":"/a","request":{"v":2},"response":{"s":2}}"#;
        fs::write(&file, format!("\u{feff}{line}\n{line}\n")).unwrap();
        let mut seen = Seen::default();
        lines(&file, &mut seen).unwrap();
        assert_eq!(seen.exchanges(), 2);
        fs::write(&file, format!("{line}\n\u{feff}{line}\n")).unwrap();
        assert!(lines(&file, &mut seen).is_err());
    }
}
