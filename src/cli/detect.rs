//! `detect`: what the detectors for free text find: in a text, and in figures.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;

use super::{Exit, output};
use crate::detect::{Detector, Kind, Named, Wanted, evaluate};
use crate::plan::explain::Table;

/// The largest text that is read.
const LARGEST: u64 = 16 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a text, and show what would be found in it.
    Text(Text),
    /// Make texts in ten languages, and print how much of what is planted in them is found (recall), and how much of what is found
    /// was planted (precision), in Markdown.
    Evaluate {
        /// What the texts are made from: the same seed makes the same texts.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many texts in each language.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        texts: u32,
    },
}

#[derive(Debug, clap::Args)]
struct Text {
    /// The text, in UTF-8; without a file, or with `-`, it is read from standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// What is looked for: email, phone, iban, card, ip, national_id, birth_date.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "KIND,…",
        default_value = "email,phone,iban,card,ip,national_id,birth_date"
    )]
    kinds: Vec<String>,
    /// National identification numbers of these countries alone.
    #[arg(long, value_delimiter = ',', value_name = "DE,…")]
    national_id: Vec<String>,
    /// Where phone numbers are written without their country's code.
    #[arg(long, value_delimiter = ',', value_name = "DE,…")]
    region: Vec<String>,
    /// A pattern with its name; may be given several times.
    #[arg(long, value_name = "NAME=REGEX")]
    pattern: Vec<String>,
}

pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    match args.command {
        Command::Text(args) => text(args),
        Command::Evaluate { seed, texts } => {
            output::text(evaluate::evaluate(seed, texts)?);
            Ok(Exit::Fine)
        }
    }
}

fn text(args: Text) -> anyhow::Result<Exit> {
    let file = args.file.clone().filter(|file| file.as_os_str() != "-");
    let detector = Detector::compile(&wanted(args)?)?;
    let text = read(file.as_deref())?;
    let mut found = Vec::new();
    detector.find(&text, &mut found);
    if found.is_empty() {
        output::note("Nothing was found.");
        return Ok(Exit::Fine);
    }
    let mut rows = Vec::with_capacity(found.len());
    let (mut line, mut line_start, mut at) = (1, 0, 0);
    for one in &found {
        // Lines are counted from the last find on, so that all is counted once.
        for (newline, _) in text.get(at..one.start).unwrap_or_default().match_indices('\n') {
            line += 1;
            line_start = at + newline + 1;
        }
        at = one.start;
        let column = text.get(line_start..one.start).unwrap_or_default().chars().count() + 1;
        let value = text.get(one.start..one.end).unwrap_or_default().escape_debug().to_string();
        rows.push(vec![format!("{line}:{column}"), detector.label(one.what).to_owned(), value]);
    }
    output::text(Table::new("", &["place", "kind", "text"], rows).text(""));
    Ok(Exit::Fine)
}

/// The text of a file, or of standard input.
fn read(file: Option<&Path>) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let (read, from) = match file {
        Some(path) => (
            File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)),
            path.display().to_string(),
        ),
        None => {
            (std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes), "standard input".to_owned())
        }
    };
    read.with_context(|| format!("cannot read {from}"))?;
    // Where it is longer than is allowed, that is said, and not that its last character is cut.
    if bytes.len() as u64 > LARGEST {
        bail!("a text has at most {LARGEST} bytes");
    }
    String::from_utf8(bytes).ok().with_context(|| format!("{from} is no text in UTF-8"))
}

fn wanted(args: Text) -> anyhow::Result<Wanted> {
    let kind = |word: &String| {
        let known = Kind::ALL.iter().find(|kind| kind.word() == word).copied();
        let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        known.with_context(|| format!("there is no kind `{word}`; there are: {}", words.join(", ")))
    };
    let pattern = |text: &String| {
        let (name, pattern) = text.split_once('=').context("a pattern is written NAME=REGEX")?;
        Ok(Named { name: name.to_owned(), pattern: pattern.to_owned() })
    };
    Ok(Wanted {
        kinds: args.kinds.iter().map(kind).collect::<anyhow::Result<_>>()?,
        countries: args.national_id,
        regions: args.region,
        patterns: args.pattern.iter().map(pattern).collect::<anyhow::Result<_>>()?,
    })
}
