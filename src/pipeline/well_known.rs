//! The gateway's own pages under `/.well-known/consentry/`: the privacy notice, and a page for each problem. They need no
//! credential, hold nobody's data, and are written when the policies are loaded.

use std::collections::HashMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};

use super::{Gateway, account};
use crate::audit::DecisionId;
use crate::net::Content;

/// The pages by path.
#[derive(Debug, Default)]
pub struct Pages(HashMap<String, Page>);

/// One page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Bytes,
}

impl Pages {
    /// Where all pages are. No policy's route may be below it.
    pub const BASE: &'static str = "/.well-known/consentry/";

    /// Puts a page at `BASE` and `name`.
    pub fn put(&mut self, name: &str, page: Page) {
        self.0.insert(format!("{}{name}", Self::BASE), page);
    }
}

/// The page that a request asks for, if it asks for one.
pub(super) fn page<B>(gateway: &Gateway, request: &Request<B>) -> Option<Response<Content>> {
    let path = request.uri().path();
    if !path.starts_with(Pages::BASE) || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return None;
    }
    let page = gateway.live().pages.0.get(path)?.clone();
    let mut response = Response::new(Content::from(page.body));
    let headers = response.headers_mut();
    headers.extend(account::decision_header(DecisionId::random()));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    Some(response)
}
