//! The text of an HTTP/1.1 request, as tools show it.

use anyhow::{Context as _, bail};

use super::target;
use crate::policy::cases::Call;

/// The call, where the first line is one of a request.
pub(super) fn call(text: &str) -> Option<anyhow::Result<Call>> {
    let line = text.lines().next()?;
    let mut words = line.split(' ');
    let (method, url, version) = (words.next()?, words.next()?, words.next()?);
    let named =
        method.bytes().all(|byte| byte.is_ascii_uppercase()) && version.trim_end().starts_with("HTTP/");
    named.then(|| rest(method, url, text))
}

fn rest(method: &str, url: &str, text: &str) -> anyhow::Result<Call> {
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
    let mut headers = Vec::new();
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else {
            bail!("a line of the request's head is no header: it has no colon");
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    super::call(method, target(url), headers, body.to_owned()).context("the request cannot be read")
}
