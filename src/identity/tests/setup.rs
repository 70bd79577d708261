use zeroize::Zeroizing;

use super::super::*;
use super::support::*;

fn errors(issuers: Vec<IssuerConfig>) -> Vec<String> {
    let config = config(issuers, Vec::new(), Served::default().fetch());
    Identity::new(config, clock()).unwrap_err().iter().map(ToString::to_string).collect()
}

fn error(issuer: IssuerConfig) -> String {
    let mut errors = errors(vec![issuer]);
    assert_eq!(errors.len(), 1);
    errors.remove(0)
}

#[test]
fn a_secret_is_long_and_no_pem() {
    let short = || KeySource::Secret(Zeroizing::new(vec![7; 31]));
    assert!(error(issuer(short(), &[Algorithm::HS256])).contains("shorter"));
    let long = || KeySource::Secret(Zeroizing::new(vec![7; 32]));
    let both = error(issuer(long(), &[Algorithm::HS256, Algorithm::HS512, Algorithm::HS384]));
    assert!(both.contains("shorter than the hash of HS512, 64 bytes"), "{both}");
    assert!(error(issuer(long(), &[Algorithm::HS256, Algorithm::RS256])).contains("HMAC only"));
    let pem = KeySource::Secret(Zeroizing::new(Signer::ec().pem()));
    assert!(error(issuer(pem, &[Algorithm::HS256])).contains("PEM"));
    assert!(!format!("{:?}", issuer(long(), &[])).contains('7'));
}

#[test]
fn a_public_key_fits_its_algorithms() {
    let key = |signer: &Signer| KeySource::PublicKey(signer.pem());
    let (ec, rsa) = (Signer::ec(), Signer::rsa());
    assert!(error(issuer(key(&ec), &[Algorithm::HS256])).contains("HMAC needs a secret"));
    assert!(error(issuer(key(&ec), &[Algorithm::ES256, Algorithm::RS256])).contains("one family"));
    assert!(error(issuer(key(&ec), &[Algorithm::ES256, Algorithm::ES384])).contains("P-256"));
    assert!(error(issuer(key(&ec), &[Algorithm::RS256])).contains("not a public key"));
    assert!(error(issuer(key(&rsa), &[Algorithm::ES256])).contains("not a public key"));
    let private = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec();
    assert!(error(issuer(KeySource::PublicKey(private), &[Algorithm::RS256])).contains("private"));
    assert!(error(issuer(KeySource::PublicKey(b"no".to_vec()), &[Algorithm::EdDSA])).contains("PEM"));
}

#[test]
fn a_key_set_comes_over_a_protected_way() {
    let at = |url: &str| KeySource::Jwks(url.into());
    let rsa = [Algorithm::RS256];
    for url in ["http://id.example.org/jwks", "http://127.evil.example/", "file:///etc/keys", "jwks", ""] {
        assert!(error(issuer(at(url), &rsa)).contains("https"), "{url}");
    }
    assert!(error(issuer(at("https://id.example.org/jwks"), &[Algorithm::HS256])).contains("HMAC"));
    for url in
        ["https://id.example.org/jwks", "http://127.0.0.1:8080/jwks", "http://[::1]/", "http://localhost/"]
    {
        let config = config(vec![issuer(at(url), &rsa)], Vec::new(), Served::default().fetch());
        assert!(Identity::new(config, clock()).is_ok(), "{url}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let secret = || issuer_of(&Signer::secret());
    let mut none = [secret(), secret(), secret()];
    none[0].audiences.clear();
    none[1].types.clear();
    none[2].algorithms.clear();
    let twice = [secret(), secret()];
    let errors = errors(none.into_iter().chain(twice).collect());
    let says = |text: &str| errors.iter().any(|error| error.contains(text));
    assert!(says("no audience") && says("no type") && says("no algorithm") && says("twice"), "{errors:?}");
    assert_eq!(errors.len(), 4);
}
