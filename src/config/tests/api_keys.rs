//! The file of API keys.

use std::fs;

use insta::assert_snapshot;

use super::{codes, lines};
use crate::clock::Timestamp;
use crate::config::api_keys;
use crate::identity::{ApiKey, ApiKeyEntry};
use crate::policy::{Code, Diagnostics};

fn read_keys(text: &str) -> Result<Vec<ApiKeyEntry>, Diagnostics> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api-keys.yaml");
    fs::write(&path, text).unwrap();
    api_keys(&path)
}

#[test]
fn api_keys_are_read() {
    let key =
        ApiKey::generate("batch", vec!["predict".into()], "staff", Timestamp::from_millis(1_814_313_600_000));
    let entry = key.entry;
    let text = format!(
        "keys:\n  - {{ id: {}, name: batch, hash: {}, scopes: [predict], namespace: staff, expires: 2027-06-30 }}\n  - {{ id: 0000000000000012, name: batch, hash: \"{}\", scopes: [predict, a:b/c], namespace: staff, expires: 2027-06-30T02:00:00.5+02:00, revoked: true }}\n",
        entry.id, entry.hash, entry.hash
    );
    let keys = read_keys(&text).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(keys[0], entry);
    assert!(keys[1].revoked);
    assert_eq!(keys[1].id, "0000000000000012");
    assert_eq!(keys[1].expires, Timestamp::from_millis(1_814_313_600_500));
    assert_eq!(keys[1].scopes, ["predict", "a:b/c"]);
    assert_eq!(read_keys("keys: []\n").unwrap(), []);
}

#[test]
fn mistakes_in_api_keys_are_reported_at_once() {
    let hash = format!("sha256:{}", "0".repeat(64));
    let text = format!(
        r#"
keys:
  - {{ id: 00000000000000ab, name: one, hash: "{hash}", scopes: [predict], namespace: staff, expires: 2027-06-30 }}
  - {{ id: 00000000000000ab, name: two, hash: "{hash}", scopes: ["predict research"], namespace: staff, expires: 2027-02-30 }}
  - {{ id: 00000000000000AB, name: "no name", hash: "md5:0", scopes: [], namespace: "", expires: never, revoked: yes }}
  - {{ id: ck_00000000000000ab_topsecret, name: three, hash: ck_00000000000000ab_topsecret, scope: [predict], purpose: research }}
  - four
key: []
"#
    );
    let found = read_keys(&text).unwrap_err();
    assert_snapshot!("api_keys", lines(&found));
    assert!(!found.render(false).contains("topsecret"));
    assert_eq!(codes(&read_keys("{}\n").unwrap_err()), [(Code::Missing, "{}".to_owned())]);
    assert_eq!(codes(&read_keys("").unwrap_err()).len(), 1);
}
