//! What a case says is stored.

use super::*;

/// Of several activities, at one moment.
#[tokio::test]
async fn what_is_stored_is_what_the_cases_own_call_left() {
    let folder = folder();
    let cases = r#"
- case: after more records of another activity
  given:
    exchanges:
      - token: { sub: robot, client_id: robot, scopes: [predict, behalf] }
        send: { method: POST, path: /score/, json: { customer: ada } }
      - token: { sub: robot, client_id: robot, scopes: [predict, behalf] }
        send: { method: POST, path: /score/, json: { customer: bob } }
    token: { sub: ada, scopes: [predict] }
  send: { method: GET, path: /latest/a }
  upstream_answers: { status: 200, json: { score: 7 } }
  stored: { score: 7 }
"#;
    fs::write(folder.path().join("policies/latest.cases.yaml"), cases).unwrap();
    let (config, _, set) = read(folder.path());
    let case = &set.cases.iter().find(|file| file.activity == "latest").unwrap().cases[0];
    let mut setting = Setting::new(&config, case).await.unwrap();
    assert_eq!(setting.act(case).await.unwrap().stored, Some(serde_json::json!({ "score": 7 })));
    setting.close().await;
}
