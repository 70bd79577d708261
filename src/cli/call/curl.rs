//! A curl command, as documents and browsers give it: the options that make the request; those that only concern the connection
//! or the output are passed over, any other is refused.

use anyhow::{Context as _, bail, ensure};

use super::target;
use crate::policy::cases::Call;

/// Options with a value that say nothing of the request.
const PASSED_WITH_VALUE: &[&str] = &[
    "--cacert",
    "--cert",
    "--key",
    "--connect-timeout",
    "--max-time",
    "--output",
    "--resolve",
    "--connect-to",
    "--retry",
    "--write-out",
    "--proxy",
    "--interface",
    "-o",
    "-m",
    "-w",
    "-E",
    "-x",
];
/// Options without one.
const PASSED: &[&str] = &[
    "--compressed",
    "--silent",
    "--show-error",
    "--insecure",
    "--include",
    "--verbose",
    "--location",
    "--fail",
    "--fail-with-body",
    "--http1.1",
    "--http2",
    "--http2-prior-knowledge",
    "--globoff",
    "--no-buffer",
    "--tlsv1.2",
    "--tlsv1.3",
];
/// The same as letters.
const PASSED_LETTERS: &str = "sSkivLfgN#";
/// Options of which each gives a value to the request.
const LETTERS: &[(char, &str)] = &[
    ('X', "--request"),
    ('H', "--header"),
    ('d', "--data"),
    ('A', "--user-agent"),
    ('b', "--cookie"),
    ('e', "--referer"),
    ('u', "--user"),
    ('o', "-o"),
    ('m', "-m"),
    ('w', "-w"),
    ('E', "-E"),
    ('x', "-x"),
    ('F', "--form"),
    ('T', "--upload-file"),
];

#[derive(Default)]
struct Request {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    json: bool,
    in_query: bool,
    head: bool,
}

pub(super) fn call(text: &str) -> anyhow::Result<Call> {
    // A command over several lines; within quotes nobody ends one so.
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let words = shlex::split(&text).context("the curl command's quotes do not match")?;
    let mut words = words.into_iter().skip(1);
    let mut request = Request::default();
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            // `--data-raw=x` is curl's own spelling since 8.16, and everybody's habit.
            let (name, inline) = match long.split_once('=') {
                Some((name, value)) => (format!("--{name}"), Some(value.to_owned())),
                None => (word.clone(), None),
            };
            request.option(&name, || inline.or_else(|| words.next()))?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            let mut letters = letters.chars();
            while let Some(letter) = letters.next() {
                let long = LETTERS.iter().find(|(short, _)| *short == letter).map(|(_, long)| *long);
                match (letter, long) {
                    ('G', _) => request.in_query = true,
                    ('I', _) => request.head = true,
                    (_, Some(long)) => {
                        let rest: String = letters.by_ref().collect();
                        request.option(long, || if rest.is_empty() { words.next() } else { Some(rest) })?;
                    }
                    (letter, None) if PASSED_LETTERS.contains(letter) => {}
                    (letter, None) => bail!("the curl option -{letter} is not understood here"),
                }
            }
        } else {
            request.url(word)?;
        }
    }
    request.finish()
}

impl Request {
    fn option(&mut self, name: &str, value: impl FnOnce() -> Option<String>) -> anyhow::Result<()> {
        match name {
            "--get" => self.in_query = true,
            "--head" => self.head = true,
            name if PASSED.contains(&name) => {}
            name => {
                let value = value().with_context(|| format!("the curl option {name} lacks its value"))?;
                self.with_value(name, value)?;
            }
        }
        Ok(())
    }

    fn with_value(&mut self, name: &str, value: String) -> anyhow::Result<()> {
        let mut header = |name: &str, value: String| self.headers.push((name.to_owned(), value));
        match name {
            "--request" => self.method = Some(value),
            "--url" => return self.url(value),
            "--header" => match value.split_once(':') {
                Some((name, value)) => header(name.trim(), value.trim().to_owned()),
                None => bail!("a header of the curl command has no colon"),
            },
            "--user-agent" => header("User-Agent", value),
            "--cookie" => header("Cookie", value),
            "--referer" => header("Referer", value),
            "--user" | "--oauth2-bearer" => header("Authorization", String::new()),
            "--data-raw" => self.data.push(value),
            "--data" | "--data-ascii" | "--data-binary" | "--json" => {
                ensure!(
                    !value.starts_with('@'),
                    "a body in a file of its own is not read: put it in the command's place"
                );
                self.json |= name == "--json";
                self.data.push(value);
            }
            name if PASSED_WITH_VALUE.contains(&name) => {}
            name => bail!("the curl option {name} is not understood here"),
        }
        Ok(())
    }

    fn url(&mut self, url: String) -> anyhow::Result<()> {
        ensure!(self.url.replace(url).is_none(), "the curl command asks for two addresses");
        Ok(())
    }

    /// As curl sends it: a body makes it a POST of a form, if nothing else is said.
    fn finish(self) -> anyhow::Result<Call> {
        let Self { method, url, mut headers, data, json, in_query, head } = self;
        let mut path = target(&url.context("the curl command names no address")?);
        let said = |headers: &[(String, String)], name: &str| {
            headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let mut body = data.join(if json { "" } else { "&" });
        let has_body = !data.is_empty() && !in_query;
        if has_body {
            let media = if json { "application/json" } else { "application/x-www-form-urlencoded" };
            if !said(&headers, "content-type") {
                headers.push(("Content-Type".to_owned(), media.to_owned()));
            }
            if json && !said(&headers, "accept") {
                headers.push(("Accept".to_owned(), "application/json".to_owned()));
            }
        } else if !body.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&std::mem::take(&mut body));
        }
        let method = method.unwrap_or_else(|| {
            let method = if head {
                "HEAD"
            } else if has_body {
                "POST"
            } else {
                "GET"
            };
            method.to_owned()
        });
        super::call(&method, path, headers, body)
    }
}
