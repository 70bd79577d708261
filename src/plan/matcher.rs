//! Finds the route of a method and a canonical path.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;

use super::route::{Match, NoRoute, Route};
use crate::policy::Segment;

/// Routes by the shape of their paths. Segments are what stands between slashes, so `/a` and `/a/` differ.
///
/// INVARIANT: of two routes of one method that fit one path, one is the more specific (compilation refuses others), so
/// the order of `templates`, fewer parameters first, finds the right one.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    literal: HashMap<Box<str>, Vec<usize>>,
    /// Routes with parameters, by their number of segments.
    templates: HashMap<usize, Vec<usize>>,
}

impl Matcher {
    pub(super) fn new(routes: &[Arc<Route>]) -> Self {
        let mut matcher = Self::default();
        let mut order: Vec<_> = routes.iter().enumerate().collect();
        order.sort_by_key(|(_, route)| route.path.len());
        for (index, route) in order {
            match literal_path(&route.segments) {
                Some(path) => matcher.literal.entry(path).or_default().push(index),
                None => matcher.templates.entry(route.segments.len()).or_default().push(index),
            }
        }
        matcher
    }

    pub(super) fn find<'a>(
        &self,
        routes: &'a [Arc<Route>],
        method: &Method,
        path: &str,
    ) -> Result<Match<'a>, NoRoute> {
        let mut allowed: Vec<&'a str> = Vec::new();
        let candidates = self.literal.get(path).into_iter().flatten();
        for route in candidates.filter_map(|&index| routes.get(index)) {
            if route.method == *method {
                return Ok(Match { route, params: Vec::new() });
            }
            allowed.push(route.method.as_str());
        }
        let segments = path.strip_prefix('/').ok_or(NoRoute::Unknown)?.split('/');
        let candidates = self.templates.get(&segments.clone().count()).into_iter().flatten();
        for route in candidates.filter_map(|&index| routes.get(index)) {
            let Some(params) = capture(&route.segments, segments.clone()) else { continue };
            if route.method == *method {
                return Ok(Match { route, params });
            }
            allowed.push(route.method.as_str());
        }
        if allowed.is_empty() {
            return Err(NoRoute::Unknown);
        }
        allowed.sort_unstable();
        allowed.dedup();
        Err(NoRoute::Method { allow: allowed.join(", ") })
    }
}

fn literal_path(segments: &[Segment]) -> Option<Box<str>> {
    let mut path = String::new();
    for segment in segments {
        let Segment::Literal(text) = segment else { return None };
        path.push('/');
        path.push_str(text);
    }
    Some(path.into())
}

/// The decoded parameters, where the path fits. A parameter is never empty, and always UTF-8.
fn capture<'p>(segments: &[Segment], path: impl Iterator<Item = &'p str>) -> Option<Vec<String>> {
    let mut params = Vec::new();
    for (segment, text) in segments.iter().zip(path) {
        match segment {
            Segment::Literal(literal) if **literal == *text => {}
            Segment::Param(_) if !text.is_empty() => {
                params.push(percent_decode_str(text).decode_utf8().ok()?.into_owned());
            }
            Segment::Literal(_) | Segment::Param(_) => return None,
        }
    }
    Some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(path: &str) -> Vec<Segment> {
        let piece = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Param(name.into()),
            None => Segment::Literal(text.into()),
        };
        path.trim_start_matches('/').split('/').map(piece).collect()
    }

    #[test]
    fn parameters_are_decoded_and_never_empty() {
        let template = segments("/decrypt/{id}");
        assert_eq!(capture(&template, ["decrypt", "a%20b"].into_iter()), Some(vec!["a b".to_owned()]));
        assert_eq!(capture(&template, ["decrypt", ""].into_iter()), None);
        assert_eq!(capture(&template, ["decrypt", "%ff"].into_iter()), None);
    }
}
