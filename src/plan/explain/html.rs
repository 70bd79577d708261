//! Explanations as a page of its own: no script, nothing fetched, tables with captions and heads, light and dark, fit to print.

use askama::Template;

use super::Explained;

const STYLE: &str = include_str!("explain.css");

/// A page with these explanations. Every text of a policy is escaped.
///
/// # Errors
/// Where the page cannot be written.
pub fn page(controller: &str, explained: &[Explained]) -> Result<String, askama::Error> {
    Page { controller, explained, style: STYLE }.render()
}

#[derive(Template)]
#[template(path = "plan/explain/explain.html")]
struct Page<'a> {
    controller: &'a str,
    explained: &'a [Explained],
    style: &'static str,
}
