//! Paths and queries: what is matched is what is forwarded, and it is read in one way.

use std::cell::OnceCell;

use consentry::net::{CanonicalPath, canonical, query};
use consentry::plan::{NoRoute, Plan};
use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use super::files;

/// The paths that the plan has beside those of the shipped activity.
const ROUTES: [&str; 8] =
    ["/a", "/a/", "/a/b", "/a/{id}", "/a/{id}/c/e", "/a/b/{id}", "/caf%C3%A9/{id}", "/{x}/{y}/{z}/d"];

thread_local! {
    static PLAN: OnceCell<Plan> = const { OnceCell::new() };
}

fn plan() -> Plan {
    let mut routes = String::from("routes:\n");
    for path in ROUTES {
        let parameters: Vec<_> = path.split('/').filter_map(|text| text.strip_prefix('{')).collect();
        let declared = parameters.iter().map(|name| {
            let name = name.trim_end_matches('}');
            format!("{name}: {{ type: string, length: 0..200 }}")
        });
        let declared: Vec<_> = declared.collect();
        routes.push_str(&format!("  - match: GET {path}\n    personal_data: none\n"));
        if !declared.is_empty() {
            routes.push_str(&format!("    path: {{ {} }}\n", declared.join(", ")));
        }
    }
    files::plan_of(&files::activity().replacen("routes:\n", &routes, 1))
}

/// The path of the most specific route that fits, by looking at them all: fewer parameters are more specific.
fn fitting(path: &str) -> Option<&'static str> {
    let segments: Vec<_> = path.split('/').collect();
    let fits = |route: &&&str| {
        let pieces: Vec<_> = route.split('/').collect();
        let fits = |(piece, segment): (&&str, &&str)| match piece.starts_with('{') {
            true => !segment.is_empty(),
            false => piece == segment,
        };
        pieces.len() == segments.len() && pieces.iter().zip(&segments).all(fits)
    };
    ROUTES.iter().filter(fits).min_by_key(|route| route.matches('{').count()).copied()
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// A path as it stands in a request line.
pub(super) fn path(input: &[u8]) {
    let Ok(sent) = std::str::from_utf8(input) else { return };
    if let Ok(uri) = sent.parse::<Uri>()
        && uri.path_and_query().is_some()
    {
        assert_eq!(canonical(&uri), CanonicalPath::new(uri.path()), "a target is read by its path");
    }
    let Ok(form) = CanonicalPath::new(sent) else { return };
    assert_eq!(CanonicalPath::new(form.as_str()).as_ref(), Ok(&form), "the form of a form is itself");
    assert_eq!(decoded(form.as_str()), decoded(sent), "the form means what was sent");
    let target = form.target(None).expect("a form can be forwarded");
    assert_eq!(target.as_str(), form.as_str(), "what is matched is what is forwarded");
    assert_eq!(canonical(&Uri::from(target)).as_ref(), Ok(&form), "a server reads the same");
    let mut text = form.as_str().to_owned();
    // However often it is decoded.
    for _ in 0..4 {
        let segments = text.matches('/').count();
        assert_eq!(segments, sent.matches('/').count(), "decoding makes no separator");
        let dots = text.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")));
        assert!(!dots && !text.contains('\\'), "decoding makes no dot segment");
        let Ok(next) = String::from_utf8(decoded(&text)) else { break };
        text = next;
    }
    PLAN.with(|plan| routed(plan.get_or_init(self::plan), form.as_str()));
}

fn routed(plan: &Plan, path: &str) {
    // The shipped activity has these two of its own.
    let shipped = matches!(path, "/predict/" | "/health");
    match (plan.route(&Method::GET, path), fitting(path)) {
        (Ok(found), Some(route)) => {
            assert_eq!(&*found.route.text, format!("GET {route}"), "the most specific route is found");
            let pieces = route.split('/').zip(path.split('/')).filter(|(piece, _)| piece.starts_with('{'));
            let sent: Vec<_> = pieces.map(|(_, segment)| decoded(segment)).collect();
            let params: Vec<_> = found.params.into_iter().map(String::into_bytes).collect();
            assert_eq!(params, sent, "parameters are what stands in the path");
        }
        (Err(NoRoute::Unknown), None) => {}
        (found, route) => {
            assert!(shipped && route.is_none(), "found {}, and {route:?} fits", found.is_ok());
        }
    }
    let other = plan.route(&Method::DELETE, path);
    let known = shipped || fitting(path).is_some();
    assert_eq!(matches!(other, Err(NoRoute::Method { .. })), known, "another method is told what there is");
}

/// What stands behind the `?`.
pub(super) fn query(input: &[u8]) {
    let Ok(sent) = std::str::from_utf8(input) else { return };
    let Ok(pairs) = query::pairs(sent) else { return };
    let mut written = String::new();
    for (name, value) in &pairs {
        assert!(!name.is_empty(), "a parameter has a name");
        query::write(&mut written, name, value);
    }
    if written.len() <= query::LONGEST {
        assert_eq!(query::pairs(&written).as_ref(), Ok(&pairs), "what is forwarded is what was checked");
    }
    let other: Vec<_> = form_urlencoded::parse(sent.as_bytes()).collect();
    assert_eq!(pairs, other, "a form parser reads the same");
    let path = CanonicalPath::new("/a").expect("a path");
    let target = path.target(Some(&written)).expect("a query that was written can be forwarded");
    assert_eq!(target.query(), Some(written.as_str()), "and it is the same there");
}
