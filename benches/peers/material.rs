//! What all targets share: a certificate, the issuers' keys, the secrets of the work, who has agreed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKey, KeySize, PublicKey};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use consentry::clock::Clock;
use jsonwebtoken::{EncodingKey, Header};
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::crypto::{CryptoProvider, aws_lc_rs as provider};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

/// Whom tokens are for.
pub(crate) const AUDIENCE: &str = "bench";
/// Callers whose tokens are in rotation.
pub(crate) const CALLERS: usize = 1_000;
/// The caller who asks too often.
pub(crate) const HASTY: usize = CALLERS;
/// The caller who has not agreed to anything.
pub(crate) const SILENT: usize = CALLERS + 1;
/// What a caller may ask in [`WINDOW`] seconds.
pub(crate) const LIMIT: u32 = 100;
/// The seconds of [`LIMIT`].
pub(crate) const WINDOW: u32 = 1;

/// The seconds of a day.
const DAY: i64 = 24 * 3600;
/// The secret of HS256: letters and digits alone, so that every configuration can hold it.
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What pseudonyms are made with in targets that have their key in their configuration.
pub(crate) const PSEUDONYM_KEY: &str = "8f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e8f3a5c7e9b1d2f4a6c8e0b2d4f6a8c0e";
/// What records are sealed with in targets that have one key for all.
pub(crate) const RECORD_KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// RSA of 2048 bits with SHA-256.
    Rs256,
    /// ECDSA on P-256.
    Es256,
}

impl Algorithm {
    /// Its registered name (RFC 7518).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    /// Who signs with it: issuers have one algorithm each.
    pub(crate) fn issuer(self) -> String {
        format!("https://{}.bench.invalid", self.name().to_lowercase())
    }
}

/// Files in a folder, and what the load needs of them.
pub(crate) struct Material {
    folder: PathBuf,
    rsa: EncodingKey,
    ec: EncodingKey,
    now: i64,
    tls: Arc<ClientConfig>,
}

impl Material {
    /// Makes all of it.
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        let server = KeyPair::generate()?;
        let mut params = CertificateParams::new(["localhost".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = params.self_signed(&server)?.pem();
        fs::write(folder.join("server.pem"), &certificate)?;
        private(&folder.join("server.key"), &server.serialize_pem())?;
        private(&folder.join("both.pem"), &(certificate.clone() + &server.serialize_pem()))?;

        let rsa = RsaKey::generate(KeySize::Rsa2048).ok().context("an RSA key")?;
        let public = spki(rsa.public_key())?;
        fs::write(folder.join("rs256.pem"), pem("PUBLIC KEY", &public))?;
        let pkcs8 =
            rsa.as_der().ok().map(|der: Pkcs8V1Der<'_>| der.as_ref().to_vec()).context("an RSA key")?;
        let rsa = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", &pkcs8).as_bytes())?;
        let ec = KeyPair::generate()?;
        fs::write(folder.join("es256.pem"), ec.public_key_pem())?;
        let ec = EncodingKey::from_ec_pem(ec.serialize_pem().as_bytes())?;
        private(&folder.join("hs256.secret"), SECRET)?;

        let now = Clock::system().now().seconds();
        let material = Self { folder: folder.to_owned(), rsa, ec, now, tls: client(&certificate)? };
        let agreed: Vec<String> = (0..=HASTY).map(caller).collect();
        fs::write(folder.join("agreed.txt"), agreed.join("\n") + "\n")?;
        fs::write(folder.join("work.json"), material.work().to_string())?;
        Ok(material)
    }

    /// A file of the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// How the load connects: TLS 1.3, one suite and one group that every target has, nothing resumed.
    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// A caller's token, the `serial`th of them, which holds for so many seconds.
    pub(crate) fn token(
        &self,
        algorithm: Algorithm,
        number: usize,
        serial: u64,
        holds: i64,
    ) -> anyhow::Result<String> {
        self.signed(algorithm, &self.claims(algorithm, number, serial, holds))
    }

    /// A token that holds longer than any run, with another value of one claim.
    pub(crate) fn altered(
        &self,
        algorithm: Algorithm,
        number: usize,
        serial: u64,
        (claim, value): (&str, &str),
    ) -> anyhow::Result<String> {
        let mut claims = self.claims(algorithm, number, serial, DAY);
        *claims.get_mut(claim).context("a claim")? = value.into();
        self.signed(algorithm, &claims)
    }

    fn claims(&self, algorithm: Algorithm, number: usize, serial: u64, holds: i64) -> Value {
        json!({
            "iss": algorithm.issuer(), "aud": AUDIENCE, "sub": caller(number), "scope": "predict",
            "iat": self.now - 3600, "exp": self.now + holds, "jti": format!("{serial:016x}"),
        })
    }

    fn signed(&self, algorithm: Algorithm, claims: &Value) -> anyhow::Result<String> {
        let (name, key) = match algorithm {
            Algorithm::Hs256 => {
                (jsonwebtoken::Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes()))
            }
            Algorithm::Rs256 => (jsonwebtoken::Algorithm::RS256, &self.rsa),
            Algorithm::Es256 => (jsonwebtoken::Algorithm::ES256, &self.ec),
        };
        Ok(jsonwebtoken::encode(&Header::new(name), claims, key)?)
    }

    /// A token that holds longer than any run.
    pub(crate) fn lasting(&self, algorithm: Algorithm, number: usize, serial: u64) -> anyhow::Result<String> {
        self.token(algorithm, number, serial, DAY)
    }

    /// The issuers' keys as a key set.
    pub(crate) fn key_set(&self, algorithm: Algorithm) -> anyhow::Result<Value> {
        use jsonwebtoken::jwk::Jwk;
        let key = match algorithm {
            Algorithm::Hs256 => Jwk::from_encoding_key(
                &EncodingKey::from_secret(SECRET.as_bytes()),
                jsonwebtoken::Algorithm::HS256,
            )?,
            Algorithm::Rs256 => Jwk::from_encoding_key(&self.rsa, jsonwebtoken::Algorithm::RS256)?,
            Algorithm::Es256 => Jwk::from_encoding_key(&self.ec, jsonwebtoken::Algorithm::ES256)?,
        };
        Ok(json!({ "keys": [key] }))
    }

    /// What a target that is programmed needs to know, as it reads it from a file.
    fn work(&self) -> Value {
        let file = |name| self.file(name).display().to_string();
        json!({
            "secret": SECRET, "issuer": Algorithm::Hs256.issuer(), "audience": AUDIENCE,
            "pseudonym_key": PSEUDONYM_KEY, "record_key": RECORD_KEY, "agreed": file("agreed.txt"),
            "limit": LIMIT, "window": WINDOW,
        })
    }

    /// The secret of HS256, for a configuration that holds it itself.
    pub(crate) fn secret(&self) -> &'static str {
        SECRET
    }
}

/// The name of a caller.
pub(crate) fn caller(number: usize) -> String {
    format!("person-{number:05}")
}

fn client(certificate: &str) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes())?)?;
    let provider = CryptoProvider {
        cipher_suites: vec![provider::cipher_suite::TLS13_AES_128_GCM_SHA256],
        kx_groups: vec![provider::kx_group::X25519],
        ..provider::default_provider()
    };
    let mut config = ClientConfig::builder_with_provider(provider.into())
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A public key as `SubjectPublicKeyInfo`.
fn spki(key: &PublicKey) -> anyhow::Result<Vec<u8>> {
    let der: PublicKeyX509Der<'_> = key.as_der().ok().context("an RSA public key")?;
    Ok(der.as_ref().to_vec())
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
