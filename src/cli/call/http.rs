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
    // A body keeps its line ends, whatever the head's are.
    let ends = ["\r\n\r\n", "\n\n"].into_iter().filter_map(|end| text.split_once(end));
    let (head, body) = ends.min_by_key(|(head, _)| head.len()).unwrap_or((text, ""));
    let mut headers = Vec::new();
    for line in head.lines().skip(1) {
        let Some((name, value)) = line.split_once(':') else {
            bail!("a line of the request's head is no header: it has no colon");
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    super::call(method, target(url), headers, body.to_owned()).context("the request cannot be read")
}
