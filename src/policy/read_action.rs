//! Reads what is done to a value for a destination.

use super::codes::Code;
use super::diagnostics::{Span, Spanned};
use super::model::{Destinations, Gate};
use super::read_detect;
use super::read_route::scopes;
use super::reader::{Map, Reader};
use super::shape;
use super::yaml::{Content, Meaning, Node, Scalar};
use crate::action::{DateTo, Generalize, ReplaceBy, Spec};
use crate::check::RuleKind;
use crate::payload::Direction;

/// Of what destinations are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Of a field on one side of an exchange.
    Field(Direction),
    /// Of a category, for both sides.
    Category,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Upstream,
    Caller,
    Stored,
    Export,
}

/// Words of the language for which there is no code yet.
const NOT_YET: &[&str] = &["tokenize", "noise", "decrypt", "detokenize", "re_identify"];
/// What `redact` without a text leaves.
const REDACTED: &str = "[redacted]";

pub(super) fn destinations(map: &mut Map<'_>, of: Of, reader: &mut Reader) -> Destinations {
    let mut read = |key, destination| {
        let node = map.take_known(key)?;
        action(node, destination, reader)
    };
    let upstream =
        (of != Of::Field(Direction::Response)).then(|| read("upstream", Destination::Upstream)).flatten();
    let stored = read("stored", Destination::Stored);
    let export = read("export", Destination::Export);
    let (mut caller, mut gate) = (None, None);
    if of != Of::Field(Direction::Request)
        && let Some(node) = map.take("caller")
    {
        (caller, gate) = match gated(node) {
            false => (action(node, Destination::Caller, reader), None),
            true if of == Of::Category => {
                let help = "Say it at each field of a response.";
                let message = "What each caller gets is said of a field, not of a category.";
                reader.report(Code::NotHere, node.span, message, help);
                (None, None)
            }
            true => self::gate(node, reader),
        };
    }
    for (wrong, key, help) in [
        (Direction::Response, "upstream", "Say `caller`: a field of an answer goes to who called."),
        (
            Direction::Request,
            "caller",
            "Say `upstream`: a field of a request goes to the upstream; what the caller gets stands under `response`.",
        ),
    ] {
        if of == Of::Field(wrong)
            && let Some(entry) = map.set_aside(key)
        {
            reader.report(
                Code::DestinationNotHere,
                entry.at,
                format!("A field here has no destination `{key}`."),
                help,
            );
        }
    }
    Destinations { upstream, caller, stored, export, gate }
}

/// A pseudonym of which nobody says whether it is a text or a whole number.
fn is_unsaid(node: &Node) -> bool {
    match &node.content {
        Content::Scalar(scalar) => scalar.text == "pseudonymize",
        Content::Map(entries) => match entries.as_slice() {
            [entry] if entry.key == "pseudonymize" => {
                !matches!(&entry.value.content, Content::Map(options) if options.iter().any(|option| option.key == "as"))
            }
            _ => false,
        },
        Content::List(_) => false,
    }
}

/// Whoever expects a number and gets `p1_…` fails, or learns from nonsense: where a number goes to the upstream as a pseudonym, the
/// policy says which it is.
pub(super) fn said_which(map: &Map<'_>, kind: Option<RuleKind>, reader: &mut Reader) {
    let number = matches!(kind, Some(RuleKind::Integer | RuleKind::Number));
    if let Some(node) = map.peek("upstream").filter(|node| number && is_unsaid(node)) {
        reader.report(
            Code::ActionUnfit,
            node.span,
            "The upstream expects a number here, and a pseudonym is a text.",
            "Say `pseudonymize: { as: integer }`, or `{ as: string }` where it takes a text as well.",
        );
    }
}

/// Whether a destination is said for some callers: `{ all_scopes: […] }`, `{ when: …, then: … }`.
fn gated(node: &Node) -> bool {
    const WORDS: [&str; 5] = ["all_scopes", "any_scope", "when", "then", "otherwise"];
    matches!(&node.content, Content::Map(entries) if entries.iter().any(|entry| WORDS.contains(&entry.key.as_str())))
}

/// What some callers get, and who they are and what the others get.
fn gate(node: &Node, reader: &mut Reader) -> (Option<Spanned<Spec>>, Option<Spanned<Gate>>) {
    let Some(mut map) = reader.map(node, &shape::GATE) else { return (None, None) };
    let all_scopes = scopes(&mut map, "all_scopes", reader);
    let any_scope = scopes(&mut map, "any_scope", reader);
    let when = map.take("when").and_then(|node| reader.text(node));
    let asked = ["all_scopes", "any_scope", "when"].iter().any(|key| map.has(key));
    let then = match map.take("then") {
        Some(node) => action(node, Destination::Caller, reader),
        None => Some(Spanned::new(Spec::Unchanged, node.span)),
    };
    let otherwise = map.take("otherwise").and_then(|node| action(node, Destination::Caller, reader));
    if !asked {
        let help = "Say `all_scopes: […]`, `any_scope: […]` or `when: …`.";
        reader.report(Code::Missing, map.span, "Nothing says which callers get it.", help);
    }
    if let Some(refuses) =
        [&then, &otherwise].into_iter().flatten().find(|spec| spec.value == Spec::RefuseIfPresent)
    {
        let help = "Say `leave_out`: a caller is not refused for what the upstream answers.";
        reader.report(
            Code::WrongValue,
            refuses.span,
            "`refuse_if_present` cannot be said of some callers.",
            help,
        );
    }
    map.finish(reader);
    (then, Some(Spanned::new(Gate { all_scopes, any_scope, when, otherwise }, node.span)))
}

fn action(node: &Node, destination: Destination, reader: &mut Reader) -> Option<Spanned<Spec>> {
    let (word, at, options) = match &node.content {
        Content::Scalar(Scalar { text, meaning: Meaning::Text, .. }) => (text.as_str(), node.span, None),
        Content::Map(entries) => match entries.as_slice() {
            [entry] => (entry.key.as_str(), entry.at, Some(&entry.value)),
            _ => {
                reader.report(
                    Code::WrongShape,
                    node.span,
                    "One action is expected, and these are several keys or none.",
                    "Write one word, or `{ word: options }`.",
                );
                return None;
            }
        },
        _ => {
            reader.report(
                Code::WrongShape,
                node.span,
                "An action is expected.",
                "Write one word, or `{ word: options }`: `leave_out`, for example.",
            );
            return None;
        }
    };
    let spec = spec(word, at, options, destination, reader)?;
    let misfit = match (destination, &spec) {
        (
            Destination::Stored,
            Spec::Unchanged
            | Spec::LeaveOut
            | Spec::Pseudonymize { .. }
            | Spec::Generalize(_)
            | Spec::Detect(_),
        ) => None,
        (Destination::Stored, _) => {
            Some("Store it `encrypted`, pseudonymized, generalized, with `detect`, or say `leave_out`.")
        }
        (Destination::Export, Spec::RefuseIfPresent) => {
            Some("Say `leave_out`: an export shows what is kept, and refuses nothing.")
        }
        (Destination::Export, Spec::Detect(detect)) if detect.replace_by == ReplaceBy::Refuse => {
            Some("Replace it by `mask`, `redact`, `pseudonymize` or `leave_out`: an export refuses nothing.")
        }
        (Destination::Export, Spec::Detect(detect)) if detect.ask.is_some() => Some(
            "Leave `analyzer` out: no analyser is asked about kept records. Store the field with it instead.",
        ),
        _ => None,
    };
    if let Some(help) = misfit {
        reader.report(
            Code::WrongValue,
            node.span,
            format!("`{word}` cannot be said of this destination."),
            help,
        );
        return None;
    }
    Some(Spanned::new(spec, node.span))
}

fn spec(
    word: &str,
    at: Span,
    options: Option<&Node>,
    destination: Destination,
    reader: &mut Reader,
) -> Option<Spec> {
    let stored = destination == Destination::Stored;
    Some(match word {
        "encrypted" if stored => {
            no_options(word, options, reader)?;
            Spec::Unchanged
        }
        "unchanged" if stored => {
            reader.report(
                Code::WrongValue,
                at,
                "Nothing is stored unchanged.",
                "Say `encrypted`: it seals the value as it came.",
            );
            return None;
        }
        "unchanged" => {
            no_options(word, options, reader)?;
            Spec::Unchanged
        }
        "leave_out" => {
            no_options(word, options, reader)?;
            Spec::LeaveOut
        }
        "refuse_if_present" => {
            no_options(word, options, reader)?;
            Spec::RefuseIfPresent
        }
        "redact" => match options {
            None => Spec::Redact(REDACTED.into()),
            Some(node) => Spec::Redact(reader.text(node)?.value),
        },
        "mask" => Spec::Mask {
            keep_last: match options {
                None => 0,
                Some(node) => {
                    let mut map = reader.map(node, &shape::MASK)?;
                    let keep =
                        map.must("keep_last", "Say how many characters at the end stay: `keep_last: 4`.");
                    let keep = keep.and_then(|node| reader.integer(node, 0, 64));
                    map.finish(reader);
                    keep?
                }
            },
        },
        "pseudonymize" => Spec::Pseudonymize {
            as_integer: match options {
                None => false,
                Some(node) => {
                    let mut map = reader.map(node, &shape::PSEUDONYM)?;
                    let as_integer = match map.take("as") {
                        None => Some(false),
                        Some(node) => reader.word(node, &[("integer", true), ("string", false)]),
                    };
                    map.finish(reader);
                    as_integer?
                }
            },
        },
        "encrypt" => {
            let help = "Write `encrypt: { key: NAME }` with a key that consentry.yaml names under `interchange_keys`.";
            let Some(node) = options else {
                reader.report(Code::Missing, at, "`encrypt` names no key.", help);
                return None;
            };
            let mut map = reader.map(node, &shape::ENCRYPT)?;
            let key = map.must("key", help).and_then(|node| reader.name(node));
            map.finish(reader);
            Spec::Encrypt { key: key?.value }
        }
        "generalize" => {
            let help = "Write `bands_of: 10`, `date_to: month` or `prefix: 2` in its braces.";
            let Some(node) = options else {
                reader.report(Code::Missing, at, "`generalize` does not say how.", help);
                return None;
            };
            Spec::Generalize(generalize(node, help, reader)?)
        }
        "detect" => Spec::Detect(Box::new(read_detect::detect(at, options, reader)?)),
        "hash" | "md5" | "sha1" | "sha256" | "sha512" => {
            let help = "Say `pseudonymize`: HMAC-SHA-256 under the domain's secret.";
            let message = format!("`{word}` has no key: who guesses the value finds its hash.");
            reader.report(Code::HashWithoutKey, at, message, help);
            return None;
        }
        word if NOT_YET.contains(&word) => {
            reader.not_yet(at, &format!("`{word}`"));
            return None;
        }
        word => {
            let others = Spec::WORDS.iter().copied().filter(|word| !(stored && *word == "unchanged"));
            let known: Vec<&str> = others.chain(stored.then_some("encrypted")).collect();
            reader.unknown_word(word, at, &known);
            return None;
        }
    })
}

fn no_options(word: &str, options: Option<&Node>, reader: &mut Reader) -> Option<()> {
    match options {
        None => Some(()),
        Some(Node { content: Content::Map(entries), .. }) if entries.is_empty() => Some(()),
        Some(node) => {
            reader.report(
                Code::WrongValue,
                node.span,
                format!("`{word}` has no options."),
                format!("Write `{word}` alone."),
            );
            None
        }
    }
}

fn generalize(node: &Node, help: &str, reader: &mut Reader) -> Option<Generalize> {
    let mut map = reader.map(node, &shape::GENERALIZE)?;
    map.not_yet(&["hierarchy"], reader);
    let bands = map.take("bands_of");
    let date = map.take("date_to");
    let prefix = map.take("prefix");
    let named = [bands, date, prefix].iter().flatten().count();
    let how = if named == 1 {
        let label = match bands.and_then(|_| map.take("as")) {
            None => Some(false),
            Some(node) => reader.word(node, &[("label", true)]),
        };
        match (bands, date, prefix) {
            (Some(node), ..) => reader
                .integer(node, 1, u32::MAX)
                .and_then(|width| Some(Generalize::BandsOf { width: u64::from(width), label: label? })),
            (_, Some(node), _) => {
                reader.word(node, &[("year", DateTo::Year), ("month", DateTo::Month)]).map(Generalize::DateTo)
            }
            (_, _, Some(node)) => reader.integer(node, 1, 256).map(Generalize::Prefix),
            (None, None, None) => None,
        }
    } else {
        if named > 1 || !map.has("hierarchy") {
            reader.report(
                Code::WrongValue,
                map.span,
                "A generalisation is said in one way, and here it is none or several.",
                help,
            );
        }
        None
    };
    map.finish(reader);
    how
}
