//! TLS as Mozilla's *intermediate* profile has it: versions 1.2 and 1.3, authenticated encryption with forward secrecy
//! only, no renegotiation, no early data.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;

use super::Certificates;
use crate::files;

/// HTTP versions that a listener offers, in the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2 and HTTP/1.1.
    Http2AndHttp1,
    /// HTTP/1.1 alone.
    Http1Only,
}

impl Protocols {
    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http2AndHttp1 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Self::Http1Only => vec![b"http/1.1".to_vec()],
        }
    }
}

/// Why a TLS configuration cannot be made. A file is named, its contents never.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file is missing, or may not be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM.
    #[error("{} cannot be read as PEM: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in words of ours: the reader's quote lines of the file, the key for one.
        why: &'static str,
    },
    /// A certificate file without a certificate.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// The key is of another kind or size than TLS here accepts.
    #[error("the private key in {} cannot be used", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// Key and certificate are not a pair.
    #[error(
        "the private key in {} does not belong to the first certificate in {}; \
         the certificate of the server stands first, then those that signed it",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
    /// A certificate authority's file holds something that is not a certificate.
    #[error("{} holds a certificate that cannot be used as an authority", path.display())]
    Authority {
        /// The authority's file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The operating system's list of authorities is empty.
    #[error(
        "this system has no certificate authorities that can be read; name a file with the authority's certificate"
    )]
    NoAuthorities,
    /// The TLS library refuses the configuration.
    #[error("TLS cannot be configured")]
    Library(#[from] rustls::Error),
}

/// The cryptography of all TLS here; taken explicitly, so that nothing depends on what a process installed.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What a listener needs to answer TLS handshakes with `certificates`, also after they reload.
///
/// Sessions resume by ticket, under keys of this process that change every few hours; early data is off
/// (RFC 8446 appendix E.5: it can be replayed).
///
/// # Errors
/// If the TLS library refuses the configuration or cannot make ticket keys.
pub fn server(certificates: Arc<Certificates>, protocols: Protocols) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = protocols.alpn();
    config.max_early_data_size = 0;
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// Whom an outgoing connection believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// The operating system's list.
    System,
    /// The certificates of one PEM file, and no others.
    File(PathBuf),
}

/// What an outgoing TLS connection needs; HTTP/1.1 is what it offers.
///
/// # Errors
/// If there is no authority to believe, or the file is bad.
pub fn client(authorities: &Authorities) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match authorities {
        Authorities::System => system_roots()?,
        Authorities::File(path) => file_roots(path)?,
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = Protocols::Http1Only.alpn();
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

fn system_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A list may hold entries that cannot be read or parsed; one that can is enough to go on.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(TlsError::NoAuthorities) } else { Ok(roots) }
}

fn file_roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(path)? {
        roots.add(certificate).map_err(|source| TlsError::Authority { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

/// The certificates in a PEM file, at least one.
pub(super) fn certificates_in(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let file = |source| unread(path, source);
    let certificates =
        CertificateDer::pem_reader_iter(open(path)?).collect::<Result<Vec<_>, _>>().map_err(file)?;
    if certificates.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(certificates) }
}

/// A file of PEM, to read.
pub(super) fn open(path: &Path) -> Result<File, TlsError> {
    files::open(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

/// Why nothing was read from a file, told apart: what cannot be read at all is no matter of its form.
pub(super) fn unread(path: &Path, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Read { path, source },
        pem::Error::NoItemsFound => TlsError::File { path, why: "it holds nothing of the kind" },
        pem::Error::MissingSectionEnd { .. } => TlsError::File { path, why: BROKEN_LINES },
        pem::Error::IllegalSectionStart { .. } => TlsError::File { path, why: BROKEN_LINES },
        pem::Error::Base64Decode(_) => {
            TlsError::File { path, why: "what stands between its lines is not base64" }
        }
        _ => TlsError::File { path, why: "it is not well formed" },
    }
}

const BROKEN_LINES: &str =
    "its BEGIN and END do not stand on lines of their own, as where line breaks are lost";
