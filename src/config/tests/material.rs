//! Secrets and certificates that a configuration names.

use std::fs;
use std::path::Path;

use super::super::*;
use super::{LEAST, changed};
use crate::identity::KeySource;

#[test]
fn an_issuer_becomes_what_identity_takes() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("s");
    fs::write(&secret, format!("# for tests\n{}\n", "k".repeat(32))).unwrap();
    let path = folder.path().join("consentry.yaml");
    let text =
        changed("[RS256]", "[HS256]").replace("jwks: \"https://id.example.org/jwks\"", "secret_file: s");
    fs::write(&path, text).unwrap();
    let (config, _) = load(&path).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(config.issuers[0].open(), Err(SecretError::Exposed { .. })));
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let issuer = config.issuers[0].open().unwrap();
    assert_eq!((issuer.issuer.as_str(), &*issuer.namespace), ("https://id.example.org", "customers"));
    let KeySource::Secret(bytes) = issuer.keys else { panic!("no secret") };
    assert_eq!(*bytes, [b'k'; 32]);
}

#[test]
fn material_of_the_demo_serves_this_host_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consentry.yaml");
    let write = |text: &str| {
        fs::write(&path, text).unwrap();
        load(&path).unwrap_or_else(|found| panic!("{found}")).0
    };
    let here = write(LEAST);
    assert!(here.all_loopback());
    for address in ["0.0.0.0:8443", "192.0.2.1:1", "[::]:8443", "[::ffff:192.0.2.1]:1"] {
        assert!(!write(&changed("127.0.0.1:8443", address)).all_loopback(), "{address}");
    }
    for address in ["[::1]:8443", "127.1.2.3:1", "[::ffff:127.0.0.1]:1"] {
        assert!(write(&changed("127.0.0.1:8443", address)).all_loopback(), "{address}");
    }
    let admin = format!(
        "admin: {{ https: \"0.0.0.0:9443\", certificate: a.pem, key: a.key, tokens: [{{ name: n, role: auditor, hash: \"sha256:{}\" }}] }}\nkeys: {{",
        "00".repeat(32)
    );
    let open = write(&changed("keys: {", &admin));
    assert!(!open.all_loopback());

    // Every file that the configuration names is looked into.
    let everything = good_material(&write);
    assert_eq!(everything.len(), 12);
    for name in &everything {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let config = write(EVERYTHING);
        assert_eq!(refuse_demo(&config), Ok(()));
        fs::write(&file, format!("# {DEMO_MARKER}\n-----BEGIN …")).unwrap();
        assert_eq!(refuse_demo(&config), Err(DemoExposed { path: file.clone() }), "{name}");
        assert_eq!(refuse_demo(&here), Ok(()));
        fs::write(&file, "-----BEGIN …").unwrap();
    }
    assert!(demo_only("# consentry-demo\n-----BEGIN CERTIFICATE-----") && !demo_only("consentry"));
}

const EVERYTHING: &str = r#"
listeners: [{ https: "0.0.0.0:8443", certificate: c/1.pem, key: c/1.key }, { https: "0.0.0.0:8444", certificate: c/2.pem, key: c/2.key }]
upstreams:
  model: { url: "https://127.0.0.1:8000", recipient: model-host, ca: c/ca.pem }
issuers:
  - { issuer: one, public_key: k/1.pem, audience: a, algorithms: [EdDSA], namespace: customers }
  - { issuer: two, secret_file: k/2, audience: a, algorithms: [HS512], namespace: customers }
api_keys: k/api-keys.yaml
keys: { file: k/master, previous: [{ file: k/before }, { env: BEFORE }] }
interchange_keys: { one: { file: k/one }, two: { file: k/two } }
"#;

fn good_material(write: &impl Fn(&str) -> Config) -> Vec<String> {
    let config = write(EVERYTHING);
    let relative = |path: &Path| path.strip_prefix(&config.folder).unwrap().display().to_string();
    config.material().map(relative).collect()
}
