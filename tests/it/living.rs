//! Policies that live: what is saved comes into force by itself, under load and whole, or is refused aloud.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use consentry::admin::{Command, Reply};
use consentry::clock::Timestamp;
use consentry::crypto::random;
use consentry::identity::ApiKey;
use consentry::problem::Problem::{
    self, ActivityClosed, DependencyUnavailable, FieldInvalid, ScopeMissing, TokenInvalid,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::support::admin::person;
use crate::support::gateway::write;
use crate::support::load::Callers;
use crate::support::{Call, Gateway, Options, canary, changed, clean_body};

/// What the figures say of this one.
pub(crate) fn figure(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

impl Gateway {
    async fn figure(&self, name: &str) -> u64 {
        figure(&self.admin.metrics().await, name)
    }

    /// Waits until this has been counted so often.
    async fn counted(&self, name: &str, least: u64) {
        for _ in 0..1200 {
            if self.figure(name).await >= least {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{name} is not {least} after half a minute:\n{}", self.admin.metrics().await);
    }
}

impl Gateway {
    /// Makes a call that goes through again and again, until it is refused.
    async fn soon_refuses(&self, call: &Call, problem: Problem) {
        for _ in 0..1200 {
            let answer = self.send(call.clone()).await;
            if answer.status != 200 {
                answer.problem(problem);
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("still answered after half a minute");
    }
}

const ACCEPTED: &str = "consentry_reloads_total{result=\"accepted\"}";
const REFUSED: &str = "consentry_reloads_total{result=\"refused\"}";

#[tokio::test]
async fn what_is_saved_comes_into_force_and_what_is_bad_is_refused_aloud() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let born_early = gateway.score(changed("1987", "1940"));
    gateway.edit_policy("churn.yaml", |text| text.replace("1900..2030", "1950..2030"));
    gateway.counted(ACCEPTED, 1).await;
    gateway.refuses(born_early.clone(), FieldInvalid).await.at("birth_year");
    assert_eq!(gateway.figure("consentry_policies_refused").await, 0);
    assert_eq!(gateway.admin.send("GET", "/health", Vec::new()).await.1, "ok\n");

    gateway.edit_policy("churn.yaml", |text| {
        text.replace("1950..2030", "all of them").replace("token.sub", "me")
    });
    gateway.counted(REFUSED, 1).await;
    gateway.refuses(born_early.clone(), FieldInvalid).await.at("birth_year");
    assert_eq!(gateway.figure("consentry_policies_refused").await, 1);
    let (status, health) = gateway.admin.send("GET", "/health", Vec::new()).await;
    let health = String::from_utf8(health.to_vec()).unwrap();
    assert!(status == 200 && health.contains("NOT in force") && health.contains("2 errors"), "{health}");

    gateway.edit_policy("churn.yaml", |text| {
        text.replace("all of them", "1900..2030").replace("subject: me", "subject: token.sub")
    });
    gateway.counted(ACCEPTED, 2).await;
    assert_eq!(gateway.figure("consentry_policies_refused").await, 0);
    gateway.send(born_early).await.ok();
    // Every set that came into force is in the audit, the first one too, and nobody commanded any.
    let audit = gateway.admin.done(Command::AuditShow { from: 1, count: 1000 }).await.says;
    assert_eq!(audit.matches("\"policy-loaded\"").count(), 3, "{audit}");
    assert_eq!(audit.matches("\"administered\"").count(), 0, "{audit}");
    drop(gateway.upstream.take());
    gateway.healthy().await;
    gateway.close().await;
}

/// What a reload says to programs.
fn policies(reply: &Reply) -> &str {
    reply.data.as_ref().unwrap().get()
}

#[tokio::test]
async fn a_pipe_among_the_policies_is_refused_aloud_and_keeps_nobody_waiting() {
    let gateway = Gateway::with_holder().await;
    let pipe = gateway.folder.path().join("policies/pipe.yaml");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(reply.says.contains("pipe.yaml cannot be read: it is no regular file"), "{}", reply.says);
    assert!(!reply.done && gateway.figure("consentry_policies_refused").await == 1);
    assert_eq!(policies(&reply), "{\"policies\":false}");
    gateway.healthy().await;
    fs::remove_file(&pipe).unwrap();
    gateway.admin.done(Command::Reload {}).await;
    gateway.close().await;
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_certificates_key_is_told_and_keeps_nobody_waiting() {
    let gateway = Gateway::with_holder().await;
    let key = gateway.folder.path().join("server.key");
    fs::remove_file(&key).unwrap();
    mknodat(CWD, &key, FileType::Fifo, Mode::RUSR, 0).unwrap();
    let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
    assert!(reply.says.contains("server.key cannot be read: it is no regular file"), "{}", reply.says);
    assert!(!reply.done && reply.says.starts_with("In force: "), "{}", reply.says);
    assert_eq!(policies(&reply), "{\"policies\":true}");
    gateway.healthy().await;
    gateway.edit_policy("churn.yaml", |text| format!("mode: closed\n{text}"));
    gateway.soon_refuses(&gateway.score(clean_body()), ActivityClosed).await;
    drop(gateway.upstream.take());
    gateway.close().await;
}

#[tokio::test]
async fn what_is_saved_comes_into_force_whatever_certificates_and_api_keys_are_like() {
    let gateway = Gateway::with(Options {
        more: "api_keys: api-keys.yaml\n".into(),
        files: vec![("api-keys.yaml", "keys: []\n".into())],
        ..Options::default()
    })
    .await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    write(gateway.folder.path(), "server.key", "");
    write(gateway.folder.path(), "api-keys.yaml", "keys: [");
    gateway.edit_policy("churn.yaml", |text| format!("mode: closed\n{text}"));
    gateway.soon_refuses(&gateway.score(clean_body()), ActivityClosed).await;
    gateway.counted("consentry_api_keys_refused", 1).await;
    assert_eq!((gateway.figure("consentry_policies_refused").await, gateway.figure(REFUSED).await), (0, 0));
    let health = gateway.admin.send("GET", "/health", Vec::new()).await.1;
    let health = String::from_utf8(health.to_vec()).unwrap();
    assert!(health.contains("the file of API keys is NOT in force"), "{health}");
    assert!(!health.contains("what is saved is NOT in force"), "{health}");
    drop(gateway.upstream.take());
    gateway.close().await;
}

#[tokio::test]
async fn what_was_refused_for_a_mode_comes_into_force_once_that_is_mended() {
    let gateway = Gateway::with_holder().await;
    // A look soon, and not in ten seconds: the same text, saved.
    let look = || {
        let path = gateway.folder.path().join("policies/churn.yaml");
        fs::write(&path, fs::read_to_string(&path).unwrap()).unwrap();
    };
    // A refused command does not leave its mark where nothing was saved. A mode is mended without a save.
    let partner = gateway.folder.path().join("partner.fernet");
    fs::set_permissions(&partner, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, reply) = gateway.admin.ask(&Command::Reload {}).await;
    let health = gateway.admin.send("GET", "/health", Vec::new()).await.1;
    let health = String::from_utf8(health.to_vec()).unwrap();
    // It is no matter of the policies: the file and the reason are told, and no tool that does not look at it is named.
    assert!(!reply.done && health.contains("NOT in force"), "{health}");
    for says in [health, reply.says] {
        assert!(says.contains("partner.fernet") && !says.contains("consentry check"), "{says}");
    }
    assert_eq!(gateway.figure("consentry_policies_refused").await, 1);
    fs::set_permissions(&partner, fs::Permissions::from_mode(0o600)).unwrap();
    look();
    gateway.counted(ACCEPTED, 1).await;
    assert_eq!(gateway.figure("consentry_policies_refused").await, 0);
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn api_keys_that_cannot_be_used_are_told_until_they_are_mended() {
    let key =
        ApiKey::generate("crm", vec!["score".into()], "staff", Timestamp::from_millis(4_102_444_800_000));
    let (id, hash) = (&key.entry.id, key.entry.hash);
    let line = format!("name: crm, hash: \"{hash}\", scopes: [score], namespace: staff, expires: 2100-01-01");
    let keys = |revoked: &str| format!("keys:\n  - {{ id: \"{id}\", {line}{revoked} }}\n");
    let gateway = Gateway::with(Options {
        more: "api_keys: api-keys.yaml\n".into(),
        files: vec![("api-keys.yaml", keys(""))],
        ..Options::default()
    })
    .await;
    let call = Call::json("/v1/loans/3/decide", "{}").bearer(&key.text);
    let health = async || {
        let (status, text) = gateway.admin.send("GET", "/health", Vec::new()).await;
        assert_eq!(status, 200);
        String::from_utf8(text.to_vec()).unwrap()
    };
    assert_eq!(health().await, "ok\n");
    // A revocation with a slip of the pen, a file that is no YAML, and none.
    for wrong in [Some(keys(", revokd: true")), Some("keys: [".to_owned()), None] {
        match wrong {
            Some(wrong) => write(gateway.folder.path(), "api-keys.yaml", &wrong),
            None => fs::remove_file(gateway.folder.path().join("api-keys.yaml")).unwrap(),
        }
        gateway.counted("consentry_api_keys_refused", 1).await;
        let health = health().await;
        assert!(health.starts_with("ok\nthe file of API keys is NOT in force"), "{health}");
        assert!(!health.contains("crm") && !health.contains(id), "{health}");
        gateway.refuses(call.clone(), ScopeMissing).await;
    }
    write(gateway.folder.path(), "api-keys.yaml", &keys(", revoked: true"));
    gateway.until(&call, 401, ScopeMissing).await;
    assert_eq!(health().await, "ok\n");
    assert_eq!(gateway.figure("consentry_api_keys_refused").await, 0);
    gateway.close().await;
}

const UNNAMED: &str = "consentry_activities_unnamed";

/// The policy goes, and what was kept by it has no term any more.
#[tokio::test]
async fn what_no_policy_names_any_more_is_told_until_it_is_gone() {
    let gateway =
        Gateway::with(Options { more: "reload: by_command\n".to_owned(), ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.healthy().await;
    let health = async || {
        let (status, text) = gateway.admin.send("GET", "/health", Vec::new()).await;
        assert_eq!(status, 200);
        String::from_utf8(text.to_vec()).unwrap()
    };
    assert_eq!((health().await.as_str(), gateway.figure(UNNAMED).await), ("ok\n", 0));
    gateway.edit_policy("churn.yaml", |text| text.replace("activity: churn\n", "activity: leaving\n"));
    gateway.rename_policy("churn.yaml", "leaving.yaml");
    for other in ["churn-study.yaml", "churn-answers.yaml"] {
        gateway.edit_policy(other, |text| text.replace("records_of: churn\n", "records_of: leaving\n"));
    }
    let reply = gateway.admin.done(Command::Reload {}).await;
    let more = "Somebody may see, keep or do more: churn, activity: what it kept is kept without an end";
    assert!(reply.says.contains(more), "{}", reply.says);
    gateway.counted(UNNAMED, 1).await;
    let says = health().await;
    assert!(says.starts_with("ok\nrecords are kept of `churn`, which no policy names"), "{says}");
    gateway.admin.done(Command::Erase { person: person(canary::HOLDER) }).await;
    gateway.admin.done(Command::Retention {}).await;
    assert_eq!((health().await.as_str(), gateway.figure(UNNAMED).await), ("ok\n", 0));
    gateway.close().await;
}

#[tokio::test]
async fn what_the_journal_does_not_take_changes_nothing() {
    let gateway = Gateway::with_holder().await;
    gateway.healthy().await;
    let before = gateway.score(clean_body());
    gateway.store().close().await;
    let secret: String = random::bytes::<24>().iter().map(|byte| format!("{byte:02x}")).collect();
    write(gateway.folder.path(), "issuer.secret", &secret);
    gateway.counted(REFUSED, 1).await;
    // The issuer's key is the one before: the token is accepted, and the exchange ends where it cannot be written down.
    gateway.refuses(before, DependencyUnavailable).await;
}

#[tokio::test]
async fn nothing_is_lost_while_policies_are_saved_under_load() {
    let gateway = Gateway::with_holder().await;
    let callers = Callers::begin(&gateway, 4).await;
    for round in 0..4 {
        let seen = callers.done();
        let (from, to) =
            if round % 2 == 0 { ("keep_last: 3", "keep_last: 2") } else { ("keep_last: 2", "keep_last: 3") };
        // As editors save: beside it, and then in its place.
        let (path, aside) = ("policies/churn.yaml", "policies/.churn.yaml.tmp");
        let text = fs::read_to_string(gateway.folder.path().join(path)).unwrap().replace(from, to);
        write(gateway.folder.path(), aside, &text);
        fs::rename(gateway.folder.path().join(aside), gateway.folder.path().join(path)).unwrap();
        gateway.counted(ACCEPTED, round + 1).await;
        callers.reach(seen + 8).await;
    }
    let done = callers.end().await;
    assert_eq!(gateway.upstream.take().len(), done);
    assert_eq!(gateway.figure(REFUSED).await, 0);
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn a_folder_that_is_swapped_whole_and_the_key_of_an_issuer_come_into_force() {
    let gateway = Gateway::with_holder().await;
    let at = |name: &str| gateway.folder.path().join(name);
    // As a mounted configuration is: files are links through a link to a folder.
    fs::rename(at("policies"), at("one")).unwrap();
    symlink("one", at("policies")).unwrap();
    fs::create_dir(at("two")).unwrap();
    for entry in fs::read_dir(at("one")).unwrap().map(|entry| entry.unwrap()) {
        let text = fs::read_to_string(entry.path()).unwrap().replace("1900..2030", "1950..2030");
        fs::write(at("two").join(entry.file_name()), text).unwrap();
    }
    symlink("two", at("next")).unwrap();
    fs::rename(at("next"), at("policies")).unwrap();
    let born_early = gateway.score(changed("1987", "1940"));
    gateway.soon_refuses(&born_early, FieldInvalid).await;
    drop(gateway.upstream.take());

    let before = gateway.score(clean_body());
    let secret: String = random::bytes::<24>().iter().map(|byte| format!("{byte:02x}")).collect();
    write(gateway.folder.path(), "issuer.secret", &secret);
    gateway.soon_refuses(&before, TokenInvalid).await;
    drop(gateway.upstream.take());
    let mut gateway = gateway;
    gateway.secret = secret;
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn half_a_file_is_not_read_while_somebody_writes_it() {
    use std::io::Write as _;
    let gateway = Gateway::with_holder().await;
    let path = gateway.folder.path().join("policies/churn.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("keep_last: 3", "keep_last: 2");
    let (first, rest) = text.split_at(text.find("    card:").unwrap());
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    // Longer than saving takes, and longer than one look at the files.
    tokio::time::sleep(Duration::from_secs(1)).await;
    gateway.healthy().await;
    assert_eq!((gateway.figure(ACCEPTED).await, gateway.figure(REFUSED).await), (0, 0));
    file.write_all(rest.as_bytes()).unwrap();
    drop(file);
    gateway.counted(ACCEPTED, 1).await;
    assert_eq!(gateway.figure(REFUSED).await, 0);
    gateway.healthy().await;
    gateway.close().await;
}

#[tokio::test]
async fn by_command_nothing_comes_into_force_that_nobody_commands() {
    let gateway = Gateway::with(Options { more: "reload: by_command\n".into(), ..Options::default() }).await;
    gateway.edit_policy("churn.yaml", |text| text.replace("1900..2030", "1950..2030"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(gateway.figure(ACCEPTED).await, 0);
    let reply = gateway.admin.done(Command::Reload {}).await;
    assert!(reply.says.contains("churn"), "{}", reply.says);
    assert_eq!(gateway.figure(ACCEPTED).await, 1);
    gateway.close().await;
}
