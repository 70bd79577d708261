//! Addresses: URLs, networks.

use std::net::IpAddr;

use http::Uri;
use ipnet::IpNet;

use super::file::File;
use crate::policy::yaml::Node;
use crate::policy::{Code, Span};

/// What a URL may have.
#[derive(Clone, Copy)]
pub(super) enum Query {
    Allowed,
    Refused,
}

/// A URL of http or https with a host, and without user and fragment.
pub(super) fn url(node: &Node, query: Query, file: &mut File<'_>) -> Option<(String, Uri)> {
    let text = file.reader.text(node)?;
    match usable(&text.value, query) {
        Ok(uri) => Some((text.value, uri)),
        Err(Unusable { code, message, help }) => {
            if code == Code::KeyNotHere {
                file.hide(text.span);
            }
            file.reader.report(code, text.span, message, help);
            None
        }
    }
}

/// An upstream's `url`, by the rule of consentry.yaml.
///
/// # Errors
/// What is wrong with it, and what to write; without what signs in.
pub fn upstream_url(text: &str) -> Result<Uri, String> {
    usable(text, Query::Refused).map_err(|unusable| format!("{} {}", unusable.message, unusable.help))
}

/// Why an address cannot be used.
struct Unusable {
    code: Code,
    message: String,
    help: &'static str,
}

fn usable(text: &str, query: Query) -> Result<Uri, Unusable> {
    // Looked for in the text: a password must be found in what is no URL, too.
    if text.contains('@') {
        let message = "An address has no user and no password here.".into();
        let help = "Leave user and password out: they would stand in files and logs.";
        return Err(Unusable { code: Code::KeyNotHere, message, help });
    }
    let fits = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && has_good_port(uri)
            && (uri.query().is_none() || matches!(query, Query::Allowed))
            && !text.contains('#')
    };
    text.parse::<Uri>().ok().filter(fits).ok_or_else(|| {
        let message = format!("`{text}` is not an address that can be used here.");
        let help = match query {
            Query::Allowed => {
                "Write https:// or http://, a host, and perhaps a port, a path and a query, without fragment."
            }
            Query::Refused => {
                "Write https:// or http://, a host, and perhaps a port and a path, without query and fragment."
            }
        };
        Unusable { code: Code::WrongValue, message, help }
    })
}

/// A port from 1 to 65535, or none. A port that is no number counts as none to `Uri`.
fn has_good_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    match uri.port_u16() {
        Some(port) => port > 0,
        None => Some(authority) == uri.host(),
    }
}

/// Whether nobody between here and there can read along or change what is sent.
pub(super) fn is_protected(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback());
    uri.scheme_str() == Some("https") || here
}

/// The networks of trusted proxies.
pub(super) fn networks(node: &Node, file: &mut File<'_>) -> Option<Vec<IpNet>> {
    let nodes = file.reader.list(node, "trusted proxies")?;
    file.each(nodes, |node, file| {
        let parse = |text: &str| {
            let network: Option<IpNet> = text.parse().ok();
            network.or_else(|| Some(text.parse::<IpAddr>().ok()?.into()))
        };
        let help = "Write `10.0.0.1`, `10.0.0.0/8` or `\"fd00::/8\"`.";
        let network: IpNet = file.reader.parsed(node, parse, "an address or a network", help)?;
        everybody(network, node.span, file)
    })
}

fn everybody(network: IpNet, span: Span, file: &mut File<'_>) -> Option<IpNet> {
    if network.prefix_len() > 0 {
        return Some(network.trunc());
    }
    let message = "Every caller would be a trusted proxy, and could write any address as its own.";
    file.reader.report(Code::InsecureSetting, span, message, "Name the addresses of your proxies.");
    None
}
