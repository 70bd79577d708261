mod analyzers;
mod api_keys;
mod material;
mod schema;

use std::fs;
use std::path::Path;
use std::time::Duration;

use insta::assert_snapshot;

use super::*;
use crate::admin::Role;
use crate::crypto::InterchangeKey;
use crate::identity::Algorithm;
use crate::policy::{Code, Diagnostics};
use crate::store::StoreConfig;

const LEAST: &str = r#"
listeners: [{ https: "127.0.0.1:8443", certificate: certs/server.pem, key: certs/server.key }]
upstreams:
  model: { url: "http://127.0.0.1:8000", recipient: model-host }
issuers:
  - { issuer: "https://id.example.org", jwks: "https://id.example.org/jwks", audience: consentry, algorithms: [RS256], namespace: customers }
keys: { file: keys/master.key }
"#;

/// What the language's document shows.
const DOCUMENTED: &str = r#"
listeners:
  - { https: "0.0.0.0:8443", certificate: certs/server.pem, key: certs/server.key }
admin: { socket: run/admin.sock }
upstreams:
  favourites-model: { url: "http://127.0.0.1:8000", recipient: model-host, timeouts: { connect: 1s, total: 30s } }
issuers:
  - { issuer: "https://id.example.org", jwks: "https://id.example.org/jwks", audience: consentry, algorithms: [RS256], types: [at+jwt, JWT], namespace: customers }
  - { issuer: "https://backoffice.example.org", public_key: keys/backoffice.pem, audience: consentry, algorithms: [ES256], namespace: staff }
api_keys: keys/api-keys.yaml
keys: { file: keys/master.key }
interchange_keys:
  model-host-2026: { file: keys/model-host.fernet }
problems: "https://docs.example.org/consentry/problems"
store: { sqlite: data/consentry.db, keyring: data/keys.db }
policies: policies
trusted_proxies: []
"#;

fn read(text: &str) -> Result<(Config, Diagnostics), Diagnostics> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consentry.yaml");
    fs::write(&path, text).unwrap();
    load(&path)
}

fn good(text: &str) -> Config {
    let (config, warnings) = read(text).unwrap_or_else(|found| panic!("{found}"));
    assert!(warnings.is_empty(), "{warnings}");
    config
}

fn found(text: &str) -> Diagnostics {
    match read(text) {
        Ok((_, found)) | Err(found) => found,
    }
}

/// Codes and what is underlined.
fn codes(found: &Diagnostics) -> Vec<(Code, String)> {
    let text = |span| found.sources().text(span).to_owned();
    found.iter().map(|one| (one.code, one.span.map(text).unwrap_or_default())).collect()
}

/// A line for each finding, without the folder.
fn lines(found: &Diagnostics) -> String {
    let line = |one: &crate::policy::Diagnostic| {
        let place = one.span.and_then(|span| found.sources().place(span));
        let (line, column) = place.map_or((0, 0), |(_, line, column)| (line, column));
        let underlined = one.span.map(|span| found.sources().text(span)).unwrap_or_default();
        format!("{line}:{column} {} [{underlined}] {}\n    {}\n", one.code.code(), one.message, one.help)
    };
    found.iter().map(line).collect()
}

fn changed(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from), "{from}");
    LEAST.replacen(from, to, 1)
}

#[test]
fn what_is_left_out_has_the_documented_defaults() {
    let config = good(LEAST);
    let under = |path: &str| config.folder.join(path);
    assert_eq!(config.listeners[0].https, "127.0.0.1:8443".parse().unwrap());
    assert_eq!(config.listeners[0].certificate, under("certs/server.pem"));
    assert_eq!(config.listeners[0].key, under("certs/server.key"));
    assert_eq!(config.admin, Admin { socket: Some(under("run/admin.sock")), tls: None });
    let upstream = &config.upstreams["model"];
    assert_eq!(
        (upstream.url.to_string().as_str(), &*upstream.recipient),
        ("http://127.0.0.1:8000/", "model-host")
    );
    assert_eq!(upstream.ca, None);
    assert_eq!(upstream.timeouts.connect, Duration::from_secs(5));
    assert_eq!(upstream.timeouts.total, Duration::from_secs(30));
    assert_eq!(upstream.timeouts.idle, Duration::from_millis(1_500));
    assert_eq!(config.issuers[0].types, ["at+jwt", "JWT"]);
    assert_eq!(config.issuers[0].audiences, ["consentry"]);
    assert_eq!(config.issuers[0].key, KeyFrom::Jwks("https://id.example.org/jwks".into()));
    assert_eq!(config.api_keys, None);
    assert_eq!(config.keys, MasterKeySource::File(under("keys/master.key")));
    assert!(config.interchange_keys.is_empty() && config.trusted_proxies.is_empty());
    assert_eq!(config.problems, None);
    assert_eq!(
        config.store,
        StoreConfig {
            sqlite: under("data/consentry.db"),
            keyring: under("data/keys.db"),
            restored: false,
            lost: false
        }
    );
    assert_eq!(config.policies, under("policies"));
    assert_eq!(config.log, Log::default());
    assert_eq!(config.threads, None);
    assert_eq!(config.connections, Connections::default());
}

#[test]
fn the_documented_configuration_is_read_whole() {
    let config = good(DOCUMENTED);
    assert_eq!(config.upstreams["favourites-model"].timeouts.connect, Duration::from_secs(1));
    assert_eq!(config.issuers[1].key, KeyFrom::PublicKey(config.folder.join("keys/backoffice.pem")));
    assert_eq!(config.issuers[1].algorithms, [Algorithm::ES256]);
    let key = ("model-host-2026".into(), config.folder.join("keys/model-host.fernet"));
    assert_eq!(config.interchange_keys, [key]);
    assert_eq!(config.problems.as_deref(), Some("https://docs.example.org/consentry/problems"));
    let deployment = config.deployment();
    assert_eq!(deployment.upstreams["favourites-model"], "model-host");
    assert_eq!(deployment.interchange_keys, ["model-host-2026"]);
}

#[test]
fn the_example_loads_and_its_defaults_are_those_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("consentry.example.yaml");
    let text = fs::read_to_string(path).unwrap();
    let config = good(&text);
    let defaults = good(LEAST);
    let relative = |config: &Config, path: &Path| path.strip_prefix(&config.folder).unwrap().to_owned();
    for of in [
        |c: &Config| c.admin.socket.clone().unwrap(),
        |c: &Config| c.store.sqlite.clone(),
        |c: &Config| c.store.keyring.clone(),
    ] {
        assert_eq!(relative(&config, &of(&config)), relative(&defaults, &of(&defaults)));
    }
    assert_eq!(config.connections, defaults.connections);
    assert_eq!(config.log, defaults.log);
    assert_eq!(config.upstreams["favourites-model"].timeouts, defaults.upstreams["model"].timeouts);
    assert_eq!(config.issuers[0].types, config.issuers[1].types);
    // Nothing that is marked so differs from what holds without it.
    let marked = |line: &&str| !line.contains("# default") || line.trim_start().starts_with('#');
    let shorter: String = text.lines().filter(marked).map(|line| format!("{line}\n")).collect();
    let shorter = shorter.replace("    timeouts:\n  us-model:", "  us-model:").replace("  timeouts:\n", "");
    let shorter = ["admin:\n", "store:\n", "drift:\n", "log:\n", "connections:\n"]
        .iter()
        .fold(shorter, |text, key| text.replace(&format!("\n{key}"), "\n"));
    let shorter = good(&shorter);
    assert_eq!(shorter.connections, config.connections);
    for name in ["favourites-model", "us-model"] {
        assert_eq!(shorter.upstreams[name].timeouts, config.upstreams[name].timeouts);
    }
    assert_eq!(shorter.issuers.len(), 3);

    let other = text.replace("#|", "").replacen("keys:\n  file: keys/master.key ", "#", 1);
    let other = good(&other);
    assert_eq!(other.keys, MasterKeySource::Env("ENCRYPTION_KEY".into()));
    let [MasterKeySource::File(before)] = &other.previous_keys[..] else { panic!("one of before") };
    assert!(before.ends_with("keys/master.key"));
    let tls = other.admin.tls.unwrap();
    assert_eq!(tls.listener.https.port(), 9443);
    assert_eq!((tls.tokens[0].role, tls.tokens[0].hash), (Role::Operator, [0; 32]));
}

#[test]
fn many_mistakes_are_reported_at_once() {
    let text = r#"
listeners:
  - { https: "0.0.0.0", certificate: certs/server.pem }
  - { http: "0.0.0.0:8080", certificate: certs/server.pem, key: certs/server.key }
  - { https: "0.0.0.0:8443", certificat: certs/server.pem, key: certs/server.key, client_certificates: ca.pem }
  - { https: "0.0.0.0:8443", certificate: certs/server.pem, key: [one, two] }
admin: { socket: run/admin.sock, https: "127.0.0.1:9443", certificate: a.pem, key: a.key, tokens: [{ name: on-call, role: root, hash: 12 }] }
upstreams:
  "a model": { url: "ftp://model", recipient: model-host }
  model: { url: "http://model:8000/?key=1", recipient: model-host, timeout: { connect: 1s } }
  other: { url: "http://model:8000", timeouts: { connect: 1, total: 400d, idel: 3s } }
issuers:
  - { issuer: "https://id.example.org", jwks: "http://id.example.org/jwks", audience: [], algorithms: [RS256, HS256], namespace: customers }
  - { issuer: "https://id.example.org", secret_file: s, audience: consentry, algorithms: [HS256, RS256], namespace: customers }
  - { issuer: "https://other.example.org", audience: consentry, algorithms: [none, RS255], types: JWT }
keys: { vault: "https://vault.example.org" }
interchange_keys: { one: keys/one.fernet, two: { env: TWO } }
problems: docs.example.org
store: { postgres: "postgres://db", sqlite: data/one.db, keyring: ./data/../data/one.db }
policies: 3
trusted_proxies: [10.0.0.0/33, "::/0", proxy]
log: { filter: "consentry=loud", format: xml }
threads: 0
connections: { max: -1, head_size: 4KiB, timeouts: { handshake: soon } }
polices: here
"#;
    assert_snapshot!("many_mistakes", lines(&found(text)));
}

#[test]
fn an_empty_configuration_says_all_that_is_missing() {
    assert_snapshot!("nothing", lines(&found("policies: policies\n")));
    assert_eq!(codes(&found("")).len(), 1);
    assert_eq!(codes(&found("- one\n")), [(Code::WrongShape, "- one".to_owned())]);
}

#[test]
fn a_diagnostic_shows_the_line_it_speaks_of() {
    let mut found = found(&changed("certificate:", "certifcate:"));
    // The folder's name differs from run to run.
    let sources = found.sources().source(0).unwrap().text.clone();
    let mut named = crate::policy::Sources::default();
    named.add("consentry.yaml", sources);
    found = Diagnostics::new(named.into(), found.iter().cloned().collect());
    assert_snapshot!("rendered", found.render(false));
}

#[test]
fn each_check_underlines_what_it_is_about() {
    let listener = r#"{ https: "127.0.0.1:8443", certificate: certs/server.pem, key: certs/server.key }"#;
    let twice = format!("{listener}, {listener}");
    let least = "keys: { file: keys/master.key }";
    let with = |more: &str| format!("{least}\n{more}");
    let jwks = r#"jwks: "https://id.example.org/jwks""#;
    let cases = [
        (listener, "", Code::Missing, "[]"),
        (listener, twice.as_str(), Code::NameTwice, "\"127.0.0.1:8443\""),
        ("https: \"127", "http: \"127", Code::InsecureSetting, "http"),
        ("http://127.0.0.1:8000", "http://model:8000", Code::UpstreamInTheClear, "\"http://model:8000\""),
        (
            "http://127.0.0.1:8000",
            "http://127.0.0.1:8000/#x",
            Code::WrongValue,
            "\"http://127.0.0.1:8000/#x\"",
        ),
        ("http://127.0.0.1:8000", "http://127.0.0.1:99999", Code::WrongValue, "\"http://127.0.0.1:99999\""),
        ("http://127.0.0.1:8000", "http://127.0.0.1:0", Code::WrongValue, "\"http://127.0.0.1:0\""),
        ("http://127.0.0.1:8000", "http://127.0.0.1:", Code::WrongValue, "\"http://127.0.0.1:\""),
        ("http://127.0.0.1:8000", "/path", Code::WrongValue, "\"/path\""),
        (", recipient: model-host", "", Code::Missing, "{ url: \"http://127.0.0.1:8000\" }"),
        ("recipient: model-host", "recipient: model-host, ca: ca.pem", Code::WrongValue, "ca.pem"),
        ("http://127.0.0.1:8000\"", "https://model\", socket: run/m.sock", Code::WrongValue, "run/m.sock"),
        (
            "recipient: model-host }",
            "recipient: model-host, socket: run/../m.sock }\nadmin: { socket: m.sock }",
            Code::SameFile,
            "admin",
        ),
        ("[RS256]", "[RS256, RS256]", Code::NameTwice, "RS256"),
        ("[RS256]", "[none]", Code::InsecureSetting, "none"),
        ("[RS256]", "[HS256]", Code::InsecureSetting, "[HS256]"),
        ("[RS256]", "[]", Code::WrongValue, "[]"),
        ("[RS256]", "[RS256], types: [jtw, application/AT+JWT, jwt]", Code::TokenTypeUnusual, "jtw"),
        (jwks, "secret_file: s", Code::InsecureSetting, "[RS256]"),
        (
            jwks,
            "jwks: \"http://id.example.org/jwks\"",
            Code::InsecureSetting,
            "\"http://id.example.org/jwks\"",
        ),
        (least, "keys: { file: one, env: TWO }", Code::WrongValue, "{ file: one, env: TWO }"),
        (least, "keys: {}", Code::Missing, "{}"),
        (least, "keys: { pkcs11: x }", Code::NotImplementedYet, "pkcs11"),
        (least, "keys: { file: a, previous: { file: b } }", Code::WrongShape, "{ file: b }"),
        (
            least,
            "keys: { file: a, previous: [{ file: b, env: B }] }",
            Code::WrongValue,
            "{ file: b, env: B }",
        ),
        (least, "keys: { file: a, previous: [{}] }", Code::Missing, "{}"),
        (least, "keys: { file: a, previous: [{ vault: b }] }", Code::NotImplementedYet, "vault"),
        (least, "keys: { file: a, previous: [{ file: k/../a }] }", Code::NameTwice, "{ file: k/../a }"),
        (least, "keys: { env: A, previous: [{ env: B }, { env: B }] }", Code::NameTwice, "{ env: B }"),
        (least, "keys: { previous: [{ file: b }] }", Code::Missing, "{ previous: [{ file: b }] }"),
        (least, "keys: { file: a, previous: [{ file: b, previous: [] }] }", Code::UnknownKey, "previous"),
        (least, &with("store: { redis: x }"), Code::NotImplementedYet, "redis"),
        (least, &with("store: { keyring: data//./consentry.db }"), Code::SameFile, "keyring"),
        (least, &with("admin: { socket: data/./consentry.db }"), Code::SameFile, "admin"),
        (least, &with("admin: { socket: keys/../data/keys.db-wal }"), Code::SameFile, "admin"),
        (least, &with("admin: { socket: keys/master.key }"), Code::SameFile, "admin"),
        (least, &with("admin: { socket: certs/server.key }"), Code::SameFile, "admin"),
        (least, &with("admin: { socket: policies/churn.yaml }"), Code::SameFile, "admin"),
        (least, &with("admin: { socket: policies }"), Code::SameFile, "admin"),
        (least, &with("admin: { socket: consentry.yaml }"), Code::SameFile, "admin"),
        (least, &with("trusted_proxies: [0.0.0.0/0]"), Code::InsecureSetting, "0.0.0.0/0"),
        (least, &with("admin: { socket: none }"), Code::Missing, "none"),
        (least, &with("admin: { sokcet: run/x }"), Code::UnknownKey, "sokcet"),
        (
            least,
            &with("admin: { tokens: [], https: \"127.0.0.1:1\", certificate: a, key: b }"),
            Code::Missing,
            "[]",
        ),
        (least, &with("connections: { head_size: 2MiB }"), Code::WrongValue, "2MiB"),
        (least, &with("connections: { timeouts: { idle: 25h } }"), Code::WrongValue, "25h"),
        (least, &with("threads: 1025"), Code::WrongValue, "1025"),
        (least, &with("log: { filter: inof }"), Code::WrongValue, "inof"),
        (least, &with("log: { filter: \"warn, info\" }"), Code::WrongValue, "\"warn, info\""),
        (least, &with("log: { filter: \"warn,consentry\" }"), Code::WrongValue, "\"warn,consentry\""),
        (least, &with("log: { filter: \",\" }"), Code::WrongValue, "\",\""),
        (least, &with("polices: x"), Code::UnknownKey, "polices"),
        (least, &with("portal: {}"), Code::NotImplementedYet, "portal"),
    ];
    for (from, to, code, underlined) in cases {
        assert_eq!(codes(&found(&changed(from, to))), [(code, underlined.to_owned())], "{to}");
    }
}

#[test]
fn a_filter_names_levels() {
    for filter in
        ["OFF", "error", "Info", "warn,consentry::store=debug", "consentry=trace,info", "[exchange]=debug"]
    {
        assert_eq!(good(&format!("{LEAST}log: {{ filter: \"{filter}\" }}")).log.filter, filter);
    }
    let told = found(&format!("{LEAST}log: {{ filter: inof }}")).to_string();
    assert!(
        ["off", "error", "warn", "info", "debug", "trace"].iter().all(|level| told.contains(level)),
        "{told}"
    );
}

#[test]
fn one_key_serves_one_family_and_a_key_set_several() {
    let several = changed("[RS256]", "[RS256, PS256, ES256, EdDSA]");
    assert_eq!(good(&several).issuers[0].algorithms.len(), 4);
    let one = several.replace("jwks: \"https://id.example.org/jwks\"", "public_key: keys/id.pem");
    assert_eq!(codes(&found(&one)), [(Code::InsecureSetting, "[RS256, PS256, ES256, EdDSA]".to_owned())]);
    good(&one.replace("ES256, EdDSA", "RS512"));
    for here in ["http://localhost:9000/jwks", "http://127.0.0.1/jwks", "http://[::1]/jwks?p=1"] {
        good(&changed("https://id.example.org/jwks", here));
    }
}

#[test]
fn nobody_to_call_is_an_error_and_api_keys_alone_are_not() {
    let (before, rest) = LEAST.split_once("issuers:").unwrap();
    let (_, after) = rest.split_once("keys: {").unwrap();
    let without = |text: &str| format!("{before}{text}keys: {{{after}");
    assert_eq!(codes(&found(&without("")))[0].0, Code::Missing);
    assert_eq!(codes(&found(&without("issuers: []\n"))), [(Code::Missing, "issuers".to_owned())]);
    assert_eq!(codes(&found(&without("isuers: []\n"))), [(Code::UnknownKey, "isuers".to_owned())]);
    good(&without("api_keys: keys/api-keys.yaml\n"));
}

#[test]
fn operators_are_advised_an_address_of_this_host_and_nobody_to_leave_out_what_must_be_there() {
    let help = |text: &str| found(text).iter().map(|one| one.help.clone()).collect::<Vec<_>>();
    let token = "admin: { certificate: a.pem, key: a.key, tokens: [{ name: on-call, role: operator, hash: \"sha256:0000000000000000000000000000000000000000000000000000000000000000\" }] }\nkeys: {";
    assert_eq!(help(&changed("keys: {", token)), ["Write `https: \"127.0.0.1:9443\"`."]);
    assert_eq!(help(&changed("https: \"127.0.0.1:8443\", ", "")), ["Write `https: \"0.0.0.0:8443\"`."]);
    for (audience, advice) in [
        ("[]", "Name at least one."),
        ("\"\"", "Write the text after the colon."),
        ("[a, \"\"]", "Write the text, or leave it out of the list."),
    ] {
        assert_eq!(help(&changed("audience: consentry", &format!("audience: {audience}"))), [advice]);
    }
    let types = changed("algorithms", "types: [], algorithms");
    assert_eq!(help(&types), ["Name at least one, or leave the key out."]);
}

#[test]
fn listeners_are_told_apart() {
    let more = |more: &str| changed("keys: {", &format!("{more}\nkeys: {{"));
    let admin = |address: &str| {
        more(&format!(
            "admin: {{ https: \"{address}\", certificate: a, key: b, socket: none, tokens: [{{ name: n, role: auditor, hash: \"sha256:{}\" }}] }}",
            "0a".repeat(32)
        ))
    };
    assert_eq!(codes(&found(&admin("127.0.0.1:8443"))), [(Code::NameTwice, "\"127.0.0.1:8443\"".to_owned())]);
    let config = good(&admin("127.0.0.2:8443"));
    assert_eq!(config.admin.socket, None);
    assert_eq!(config.admin.tls.unwrap().tokens[0].hash, [10; 32]);
    // Port 0 is another port each time.
    let any = LEAST.replace("listeners: [", "listeners: [{ https: \"127.0.0.1:0\", certificate: a, key: b }, { https: \"127.0.0.1:0\", certificate: a, key: b }, ");
    assert_eq!(good(&any).listeners.len(), 3);
}

#[test]
fn the_socket_that_is_not_written_has_a_place_of_its_own_too() {
    let found = found(&format!("{LEAST}api_keys: run/admin.sock"));
    assert_eq!(codes(&found).iter().map(|(code, _)| *code).collect::<Vec<_>>(), [Code::SameFile]);
}

#[test]
fn networks_are_read_with_and_without_a_length() {
    let text = changed(
        "keys: {",
        "trusted_proxies: [10.1.2.3/8, 192.0.2.1, \"fd00::1/8\", \"2001:db8::1\"]\nkeys: {",
    );
    let shown: Vec<_> = good(&text).trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8", "2001:db8::1/128"]);
}

#[test]
fn paths_start_from_the_folder_and_absolute_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    let path = folder.path().join("etc/consentry.yaml");
    fs::write(
        &path,
        changed("keys/master.key", "/run/secrets/master.key").replace("certs/server.pem", "../s.pem"),
    )
    .unwrap();
    let (config, _) = load(&path).unwrap();
    assert_eq!(config.folder, folder.path().join("etc"));
    assert_eq!(config.keys, MasterKeySource::File("/run/secrets/master.key".into()));
    assert_eq!(config.listeners[0].certificate, folder.path().join("etc/../s.pem"));
    assert_eq!(config.policies, folder.path().join("etc/policies"));
}

#[test]
fn a_key_that_stands_in_the_file_is_never_shown() {
    let fernet = InterchangeKey::generate();
    let pem =
        "|\n    -----BEGIN PRIVATE KEY-----\n    MC4CAQAwSECRETabcdefgh\n    -----END PRIVATE KEY-----\n";
    let least = "keys: { file: keys/master.key }";
    let cases = [
        (least, format!("keys: {}", *fernet), &**fernet, Code::KeyNotHere),
        (least, format!("keys: {{ file: \"{}\" }}", *fernet), &**fernet, Code::KeyNotHere),
        (least, format!("keys: {{ env: \"{}\" }}", *fernet), &**fernet, Code::WrongValue),
        (least, format!("keys: {{ file: a, previous: [{}] }}", *fernet), &**fernet, Code::KeyNotHere),
        (
            least,
            format!("keys: {{ file: a, previous: [{{ file: {} }}] }}", *fernet),
            &**fernet,
            Code::KeyNotHere,
        ),
        (least, format!("keys:\n  file: {pem}"), "SECRETabcdefgh", Code::KeyNotHere),
        (least, format!("{least}\ninterchange_keys: {{ a: {} }}", *fernet), &**fernet, Code::KeyNotHere),
        ("http://127.0.0.1", "http://me:hunter-two@127.0.0.1".into(), "hunter-two", Code::KeyNotHere),
        (
            least,
            format!(
                "{least}\nadmin: {{ https: \"127.0.0.1:1\", certificate: a, key: b, tokens: [{{ name: é, role: officer, hash: ct_hunter-two }}] }}"
            ),
            "hunter-two",
            Code::WrongValue,
        ),
    ];
    for (from, to, secret, code) in cases {
        let found = found(&changed(from, &to));
        assert!(found.iter().any(|one| one.code == code), "{found}");
        for shown in [found.to_string(), found.render(false), format!("{found:?}")] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(found.render(false).contains('*'));
    }
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_said_so() {
    let found = load(Path::new("nowhere/consentry.yaml")).unwrap_err();
    assert_eq!(codes(&found), [(Code::FileUnreadable, String::new())]);
    let large = format!("# {}\n{LEAST}", "x".repeat(1 << 20));
    assert_eq!(codes(&self::found(&large)), [(Code::FileTooLarge, String::new())]);
}
