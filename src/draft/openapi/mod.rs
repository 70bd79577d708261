//! An OpenAPI description, 3.0 or 3.1, as an [`Api`].

mod operation;
mod scalar;
mod schema;
mod unsaid;

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::document::DocumentError;
use super::model::Api;

/// Most paths that are looked at.
const PATHS: usize = 1000;

/// Reads a description.
///
/// # Errors
/// If it is no OpenAPI 3 description.
pub fn api(document: &Value) -> Result<Api, DocumentError> {
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    let paths = document.get("paths").and_then(Value::as_object);
    let Some(paths) = paths.filter(|_| version.starts_with("3.")) else {
        return Err(DocumentError::NotThat("an OpenAPI 3.0 or 3.1 description with `paths`"));
    };
    let server = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    let (origin, base) = server_parts(server);
    let mut api = Api { origin, base, ..Api::default() };
    for (path, item) in paths.iter().take(PATHS) {
        let path = format!("{}{path}", api.base);
        for (method, operation) in item.as_object().into_iter().flatten() {
            if let Some(method) = operation::method(method) {
                operation::add(document, method, &path, item, operation, &mut api);
            }
        }
    }
    if paths.len() > PATHS {
        api.notes.push(format!("the description has more than {PATHS} paths: the rest was not looked at"));
    }
    Ok(api)
}

/// Scheme, host and port of a server's URL, and the path that stands before every other.
fn server_parts(url: &str) -> (Option<String>, String) {
    let uri: Option<http::Uri> = url.parse().ok();
    let (origin, path) = match uri {
        Some(uri) => {
            let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"));
            let host = uri.authority().filter(|authority| !authority.as_str().contains('@'));
            (scheme.zip(host).map(|(scheme, host)| format!("{scheme}://{host}")), uri.path().to_owned())
        }
        None => (None, String::new()),
    };
    let base = path.trim_end_matches('/');
    // A variable in a URL cannot be guessed.
    (origin, if base.contains(['{', '?', '#']) { String::new() } else { base.to_owned() })
}
