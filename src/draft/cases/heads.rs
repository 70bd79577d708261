//! The head of a drafted call: path, query, headers, and how the upstream is asked.

use serde_json::Value;

use super::expected::{Expected, of_field};
use crate::action::Spec;
use crate::draft::model::Place;
use crate::draft::sample;
use crate::draft::whole::{Call, HeadProposal};
use crate::draft::yaml;
use crate::net::path::CanonicalPath;

/// The head of a call.
#[derive(Clone)]
pub(super) struct Head {
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// How the upstream is asked, as a case expects it; `None` where every parameter passes as it comes.
    asked: Option<Asked>,
}

#[derive(Clone)]
struct Asked {
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A head with all that must be there, and all that is treated. `None` where no value comes to mind.
    pub(super) fn of(call: &Call<'_>) -> Option<Self> {
        let operation = call.operation;
        let (mut path, mut pattern) = (String::new(), String::from("^"));
        for segment in operation.path.split('/').skip(1) {
            path.push('/');
            pattern.push('/');
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let Some(name) = name else {
                path.push_str(segment);
                pattern.push_str(&regex_syntax::escape(segment));
                continue;
            };
            let head = call.parameters.iter().find(|head| head.place == Place::Path && head.name == name)?;
            let value = value(head)?;
            path.push_str(&escaped(&text(&value)));
            pattern.push_str(&match comes(head, &value)? {
                Expected::Is(value) => regex_syntax::escape(&as_forwarded(&text(&value))?),
                other => other.pattern("[^/]+"),
            });
        }
        pattern.push('$');
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        let (mut asked_query, mut asked_headers) = (Vec::new(), Vec::new());
        for head in call.parameters.iter().filter(|head| head.place != Place::Path) {
            let needed = head.proposal.field.required;
            let Some(value) = value(head) else {
                if needed {
                    return None;
                }
                continue;
            };
            let text = text(&value);
            if !(needed || head.treated) || head.place == Place::Header && !is_header(&text) {
                if needed {
                    return None;
                }
                continue;
            }
            let (sent, asked) = match head.place {
                Place::Header => (&mut headers, &mut asked_headers),
                _ => (&mut query, &mut asked_query),
            };
            let name = match head.place {
                Place::Header => head.name.to_ascii_lowercase(),
                _ => head.name.clone(),
            };
            if let Some(comes) = comes(head, &value) {
                let comes = match comes {
                    // What stands in a head is a text.
                    Expected::Is(value) => Expected::Is(self::text(&value).into()),
                    other => other,
                };
                asked.push((name.clone(), comes.of_text()));
            }
            sent.push((name, text));
        }
        let treated = call.parameters.iter().any(|head| head.treated);
        let asked = treated.then_some(Asked { path: pattern, query: asked_query, headers: asked_headers });
        Some(Self { path, query, headers, asked })
    }

    /// The same with a parameter of the query that nobody declared.
    pub(super) fn with_parameter(&self, name: &str) -> Self {
        let mut more = self.clone();
        more.query.push((name.to_owned(), "1".into()));
        more
    }

    /// The lines of `send`.
    pub(super) fn sent(&self) -> String {
        let pairs: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        let target =
            if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, pairs.join("&")) };
        let mut lines = format!("    path: {}\n", yaml::quoted(&target));
        if !self.headers.is_empty() {
            let headers = self.headers.iter().map(|(name, value)| (name.clone(), yaml::quoted(value)));
            lines.push_str(&format!("    headers: {}\n", map(&headers.collect::<Vec<_>>())));
        }
        lines
    }

    /// The line of how the upstream is asked.
    pub(super) fn asked(&self) -> String {
        let Some(asked) = &self.asked else { return String::new() };
        let mut parts = vec![format!("path: {{ matches: {} }}", yaml::quoted(&asked.path))];
        parts.push(format!("query: {}", map(&asked.query)));
        if !self.headers.is_empty() {
            parts.push(format!("headers: {}", map(&asked.headers)));
        }
        format!("  upstream_asked: {{ {} }}\n", parts.join(", "))
    }
}

fn map(entries: &[(String, String)]) -> String {
    if entries.is_empty() {
        return "{}".into();
    }
    let entries: Vec<String> =
        entries.iter().map(|(name, value)| format!("{}: {value}", yaml::scalar(name))).collect();
    format!("{{ {} }}", entries.join(", "))
}

fn value(head: &HeadProposal) -> Option<Value> {
    if head.treated {
        return head.proposal.sample.clone();
    }
    let field = &head.proposal.field;
    sample::sample(&field.rules, None, field.example.as_ref())
}

/// What the upstream gets in its place; `None` where it is left out.
fn comes(head: &HeadProposal, value: &Value) -> Option<Expected> {
    match (head.treated, &head.proposal.outward) {
        (false, _) => Some(Expected::Is(value.clone())),
        (true, Spec::LeaveOut) => None,
        (true, _) => Some(of_field(&head.proposal, value)),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As the gateway writes it: what RFC 3986 leaves to anybody stays.
fn escaped(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

/// A piece of a path in the one form in which it is forwarded; `None` where it has none.
fn as_forwarded(piece: &str) -> Option<String> {
    let path = CanonicalPath::new(&format!("/{}", escaped(piece))).ok()?;
    path.as_str().strip_prefix('/').map(str::to_owned)
}

fn is_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x21..0x7f).contains(&byte))
}
