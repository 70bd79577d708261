//! Handshakes: versions, protocols, certificates that change, and callers who never finish.

use std::time::{Duration, Instant};

use rustls::ProtocolVersion::{TLSv1_2, TLSv1_3};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::support::*;
use crate::net::Protocol;
use crate::net::tls::{self, Protocols};

const REQUEST: &str = "GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn of_version(dir: &std::path::Path, version: &'static SupportedProtocolVersion) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.join("tls.crt")).unwrap()).unwrap();
    ClientConfig::builder_with_provider(tls::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

#[tokio::test]
async fn both_versions_are_spoken_and_told_to_the_handler() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&secure(&certificates(dir.path()), Protocols::Http2AndHttp1));
    for (version, told) in [(&TLS13, TLSv1_3), (&TLS12, TLSv1_2)] {
        let mut tls = shake(server.addr, of_version(dir.path(), version)).await.unwrap();
        tell(&mut tls, REQUEST).await;
        assert!(hear_one(&mut tls).await.starts_with("HTTP/1.1 200"));
        let info = server.seen.connections.lock().unwrap().pop().unwrap();
        let agreed = info.tls.clone().unwrap();
        assert_eq!((agreed.version, agreed.server_name.as_deref()), (told, Some("localhost")));
        assert_eq!((info.protocol, info.local), (Protocol::Http1, server.addr));
    }
}

#[tokio::test]
async fn the_protocol_is_what_alpn_says() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = certificates(dir.path());
    let agreed = |server: &Server, offered: &'static [&'static str]| {
        let (addr, config) = (server.addr, caller(dir.path(), offered));
        async move { shake(addr, config).await.map(|tls| tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)) }
    };
    let both = Server::start(&secure(&certificates, Protocols::Http2AndHttp1));
    assert_eq!(agreed(&both, &["http/1.1", "h2"]).await.unwrap().unwrap(), b"h2");
    assert_eq!(agreed(&both, &["http/1.1"]).await.unwrap().unwrap(), b"http/1.1");
    assert_eq!(agreed(&both, &[]).await.unwrap(), None);
    assert!(agreed(&both, &["spdy/3"]).await.is_err());
    let one = Server::start(&secure(&certificates, Protocols::Http1Only));
    assert!(agreed(&one, &["h2"]).await.is_err());

    // HTTP/2's preface where HTTP/1.1 was agreed is no request.
    let mut tls = shake(both.addr, caller(dir.path(), &["http/1.1"])).await.unwrap();
    tell(&mut tls, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(hear(&mut tls).await.starts_with("HTTP/1.1 400"));
}

#[tokio::test]
async fn certificates_reload_without_a_dropped_connection() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = certificates(dir.path());
    let server = Server::start(&secure(&certificates, Protocols::Http2AndHttp1));
    let before = caller(dir.path(), &["http/1.1"]);
    let mut standing = shake(server.addr, before.clone()).await.unwrap();
    tell(&mut standing, REQUEST).await;
    hear_one(&mut standing).await;

    std::fs::write(dir.path().join("tls.key"), "").unwrap();
    certificates.reload().unwrap_err();
    shake(server.addr, before.clone()).await.expect("the running certificate stays in force");

    certify(dir.path());
    certificates.reload().unwrap();
    let mut fresh = shake(server.addr, caller(dir.path(), &["http/1.1"])).await.unwrap();
    for tls in [&mut standing, &mut fresh] {
        tell(tls, REQUEST).await;
        assert!(hear_one(tls).await.starts_with("HTTP/1.1 200"));
    }
    let mut without_session = before;
    without_session.resumption = rustls::client::Resumption::disabled();
    shake(server.addr, without_session).await.expect_err("the old certificate is no longer shown");
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = secure(&certificates(dir.path()), Protocols::Http2AndHttp1);
    config.timers.handshake = Duration::from_millis(60);
    let server = Server::start(&config);
    for said in [&b""[..], b"\x16\x03\x01\x02"] {
        let begun = Instant::now();
        assert_eq!(server.say(said).await, "");
        assert!(begun.elapsed() >= Duration::from_millis(60));
    }
    let answer = server.say(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1 200"));
    assert!(server.taken().is_empty());
    let mut tls = shake(server.addr, caller(dir.path(), &[])).await.unwrap();
    tell(&mut tls, REQUEST).await;
    assert!(hear_one(&mut tls).await.starts_with("HTTP/1.1 200"));
}

#[test]
fn early_data_is_off() {
    let dir = tempfile::tempdir().unwrap();
    let config = tls::server(certificates(dir.path()), Protocols::Http1Only).unwrap();
    assert_eq!(config.max_early_data_size, 0);
}
