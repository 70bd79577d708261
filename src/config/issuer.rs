//! Who issues tokens.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jsonwebtoken::AlgorithmFamily;
use zeroize::Zeroizing;

use super::address::{self, Query};
use super::file::File;
use super::secret::{self, SecretError};
use super::shape;
use crate::identity::{Algorithm, IssuerConfig, KeySource};
use crate::policy::reader::Map;
use crate::policy::yaml::{Content, Node};
use crate::policy::{Code, Span, Spanned};

const ALGORITHMS: &[(&str, Algorithm)] = &[
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
];

/// The words of [`ALGORITHMS`].
pub(super) fn algorithm_words() -> Vec<&'static str> {
    ALGORITHMS.iter().map(|(word, _)| *word).collect()
}

/// Who issues tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// `issuer`: the `iss` of its tokens.
    pub issuer: String,
    /// `audience`: the `aud` that its tokens must have, one of these; a text or a list.
    pub audiences: Vec<String>,
    /// `algorithms`: those it may use; HS… with a `secret_file` and nowhere else, of one family with a `public_key`.
    pub algorithms: Vec<Algorithm>,
    /// `types`: the `typ` that its tokens may have. Default: `at+jwt` and `JWT`.
    pub types: Vec<String>,
    /// `namespace`: that in which its `sub` means a person.
    pub namespace: Arc<str>,
    /// `jwks`, `public_key` or `secret_file`: where its keys are.
    pub key: KeyFrom,
}

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFrom {
    /// `jwks`: the address of a JWK Set: https, or http on this host.
    Jwks(String),
    /// `public_key`: a file with a public key in PEM.
    PublicKey(PathBuf),
    /// `secret_file`: a file with a secret for HMAC, as [`secret_text`](super::secret_text) reads it.
    SecretFile(PathBuf),
}

impl KeyFrom {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Jwks(_) => None,
            Self::PublicKey(path) | Self::SecretFile(path) => Some(path),
        }
    }
}

impl Issuer {
    /// Reads the key's file, if there is one. Blocks on the disk.
    ///
    /// # Errors
    /// [`SecretError`]: the file cannot be read, or others may read the secret.
    pub fn open(&self) -> Result<IssuerConfig, SecretError> {
        let Self { issuer, audiences, algorithms, types, namespace, key } = self;
        let keys = match key {
            KeyFrom::Jwks(url) => KeySource::Jwks(url.clone()),
            KeyFrom::PublicKey(path) => KeySource::PublicKey(secret::public(path)?.into_bytes()),
            KeyFrom::SecretFile(path) => {
                let text = secret::secret_text(path)?;
                KeySource::Secret(Zeroizing::new(text.as_bytes().to_vec()))
            }
        };
        Ok(IssuerConfig {
            issuer: issuer.clone(),
            audiences: audiences.clone(),
            algorithms: algorithms.clone(),
            types: types.clone(),
            namespace: namespace.clone(),
            keys,
        })
    }
}

pub(super) fn issuers(node: &Node, file: &mut File<'_>) -> Option<Vec<Issuer>> {
    let nodes = file.reader.list(node, "issuers")?;
    let mut names: Vec<Spanned<String>> = Vec::new();
    let issuers = file.each(nodes, |node, file| issuer(node, &mut names, file));
    file.once(&names, "an issuer", "Keep one of the two: a token finds its issuer by its `iss`.");
    issuers
}

fn issuer(node: &Node, names: &mut Vec<Spanned<String>>, file: &mut File<'_>) -> Option<Issuer> {
    let mut map = file.reader.map(node, &shape::ISSUER)?;
    let issuer = map.must("issuer", "Write the `iss` of its tokens.").and_then(|node| file.reader.text(node));
    names.extend(issuer.clone());
    let audience = map.must("audience", "Write the `aud` that its tokens must have.");
    let audiences = audience.and_then(|node| match &node.content {
        Content::List(_) => file.reader.texts(node, "audiences"),
        _ => file.reader.text(node).map(|text| vec![text]),
    });
    let help = "Write the algorithms it uses: `algorithms: [RS256]`.";
    let algorithms = map.must("algorithms", help);
    let at = algorithms.map_or(node.span, |node| node.span);
    let algorithms = algorithms.and_then(|node| {
        let texts = file.reader.texts(node, "algorithms")?;
        let words = texts.iter().map(|text| algorithm(text, file));
        let words: Vec<_> = words.collect();
        words.into_iter().collect::<Option<Vec<Algorithm>>>()
    });
    let types = match map.take("types") {
        None => Some(vec!["at+jwt".to_owned(), "JWT".to_owned()]),
        Some(node) => types(node, file),
    };
    let help = "Write the namespace in which its `sub` means a person: `namespace: customers`.";
    let namespace = map.must("namespace", help).and_then(|node| file.reader.name(node));
    let key = key(&mut map, file);
    map.finish(&mut file.reader);
    let (algorithms, key) = (algorithms?, key?);
    if !fits(&algorithms, &key, at, file) {
        return None;
    }
    Some(Issuer {
        issuer: issuer?.value,
        audiences: values(audiences?),
        algorithms,
        types: types?,
        namespace: namespace?.value.into(),
        key,
    })
}

/// A type that is not usual is warned of: where it is a slip of the pen, every token of the issuer would be refused.
fn types(node: &Node, file: &mut File<'_>) -> Option<Vec<String>> {
    let types = file.reader.texts(node, "types")?;
    for text in &types {
        let word = text.value.to_ascii_lowercase();
        let word = word.strip_prefix("application/").unwrap_or(&word);
        if !["at+jwt", "jwt"].contains(&word) {
            let message = format!("`{}` is a type that access tokens seldom have.", text.value);
            let help = "Write `at+jwt` or `JWT`, unless the issuer's tokens say another `typ`.";
            file.reader.report(Code::TokenTypeUnusual, text.span, message, help);
        }
    }
    Some(values(types))
}

fn values(texts: Vec<Spanned<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

fn algorithm(text: &Spanned<String>, file: &mut File<'_>) -> Option<Algorithm> {
    if text.value.eq_ignore_ascii_case("none") {
        let message = "Without a signature everybody could write a token (RFC 8725 section 3.2).";
        file.reader.report(
            Code::InsecureSetting,
            text.span,
            message,
            "Name the algorithm that the issuer signs with.",
        );
        return None;
    }
    let known = ALGORITHMS.iter().find(|(word, _)| *word == text.value);
    if known.is_none() {
        file.reader.unknown_word(&text.value, text.span, &algorithm_words());
    }
    known.map(|(_, algorithm)| *algorithm)
}

fn key(map: &mut Map<'_>, file: &mut File<'_>) -> Option<KeyFrom> {
    map.not_yet(&["discovery", "introspection"], &mut file.reader);
    match (map.take("jwks"), map.take("public_key"), map.take("secret_file")) {
        (Some(node), None, None) => {
            let (url, uri) = address::url(node, Query::Allowed, file)?;
            if !address::is_protected(&uri) {
                let message = "Keys that come without TLS can be anybody's.";
                let help = "Write `https://`; `http://` is for this host alone.";
                file.reader.report(Code::InsecureSetting, node.span, message, help);
            }
            Some(KeyFrom::Jwks(url))
        }
        (None, Some(node), None) => file.path(node).map(KeyFrom::PublicKey),
        (None, None, Some(node)) => file.path(node).map(KeyFrom::SecretFile),
        (None, None, None) => {
            let help = "Write `jwks: URL`, `public_key: FILE`, or for HS256 `secret_file: FILE`.";
            file.reader.report(Code::Missing, map.span, "An issuer has no keys.", help);
            None
        }
        _ => {
            let message = "An issuer has its keys in one place, and here are several.";
            let help = "Keep one of `jwks`, `public_key` and `secret_file`.";
            file.reader.report(Code::WrongValue, map.span, message, help);
            None
        }
    }
}

/// An algorithm is bound to the kind of key (RFC 8725 section 3.1): were HS256 allowed beside a public key, everybody
/// who has that key could sign.
fn fits(algorithms: &[Algorithm], key: &KeyFrom, at: Span, file: &mut File<'_>) -> bool {
    let hmac = |algorithm: &Algorithm| algorithm.family() == AlgorithmFamily::Hmac;
    let mut families = algorithms.iter().map(|algorithm| algorithm.family());
    let first = families.next();
    let (message, help) = match key {
        KeyFrom::SecretFile(_) if !algorithms.iter().all(hmac) => {
            ("A secret is for HMAC only.", "Name HS256, HS384 or HS512, or give a `public_key` in its place.")
        }
        KeyFrom::Jwks(_) | KeyFrom::PublicKey(_) if algorithms.iter().any(hmac) => (
            "An HMAC algorithm beside public keys would let everybody who has those sign.",
            "Name no HS… algorithm here, or give a `secret_file` in its place.",
        ),
        KeyFrom::PublicKey(_) if families.any(|family| Some(family) != first) => (
            "One key serves one family of algorithms.",
            "Name RS… and PS…, or ES256, or ES384, or EdDSA, as the key is; several keys come by `jwks`.",
        ),
        _ => return true,
    };
    file.reader.report(Code::InsecureSetting, at, message, help);
    false
}
