//! The demo's certificate authority and server certificate, made on this machine for this machine.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::MARKER;
use crate::clock::Clock;
use crate::files;

/// How long the demo's certificates hold. They are made anew when half of it is over.
const VALID: Duration = Duration::days(90);

/// Where the demo's certificates lie.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// The authority's certificate, for `curl --cacert`.
    pub(crate) authority: PathBuf,
    /// The server's certificate.
    pub(crate) certificate: PathBuf,
    /// The server's key, readable by its owner only.
    pub(crate) key: PathBuf,
}

/// Finds the certificates in `folder`, or makes them. The authority's key is never written: it signs one certificate
/// and is forgotten, so that nobody can sign another with it.
pub(crate) fn in_folder(folder: &Path, clock: &Clock) -> anyhow::Result<Certificates> {
    let certificates = Certificates {
        authority: folder.join("demo-ca.pem"),
        certificate: folder.join("demo-server.pem"),
        key: folder.join("demo-server.key"),
    };
    if fresh(&certificates, clock) {
        return Ok(certificates);
    }
    let now = OffsetDateTime::from_unix_timestamp(clock.now().seconds())?;
    let (authority_pem, issuer) = authority(now)?;
    let key = KeyPair::generate()?;
    let mut params =
        CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (now - Duration::hours(1), now + VALID);
    let certificate = params.signed_by(&key, &issuer)?;

    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    write(&certificates.authority, authority_pem.as_bytes(), 0o644)?;
    write(&certificates.certificate, certificate.pem().as_bytes(), 0o644)?;
    write(&certificates.key, key.serialize_pem().as_bytes(), 0o600)?;
    Ok(certificates)
}

fn authority(now: OffsetDateTime) -> anyhow::Result<(String, Issuer<'static, KeyPair>)> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Consentry demo authority (this machine only)");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (now - Duration::hours(1), now + VALID);
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

/// Whether all three files are there and less than half of their time is over.
fn fresh(certificates: &Certificates, clock: &Clock) -> bool {
    let Certificates { authority, certificate, key } = certificates;
    [authority, certificate, key].iter().all(|path| {
        let Ok(made) = fs::metadata(path).and_then(|file| file.modified()) else { return false };
        let made = OffsetDateTime::from(made).unix_timestamp();
        (0..VALID.whole_seconds() / 2).contains(&(clock.now().seconds() - made).max(0))
    })
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    // Text before the first line of PEM means nothing to its readers; it tells what the file is for.
    let bytes = [format!("{MARKER}: for loopback listeners only\n").as_bytes(), bytes].concat();
    // A file that is there may have a wider mode than the one asked for, which counts only when a file is made.
    if path.exists() {
        fs::remove_file(path).with_context(|| format!("cannot replace {}", path.display()))?;
    }
    let written = files::create(path, mode).and_then(|mut file| file.write_all(&bytes));
    written.with_context(|| format!("cannot write {}", path.display()))
}
