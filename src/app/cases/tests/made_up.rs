//! Answers that cases do not name.

use std::fs;

use super::*;

/// How bodies are written, the request's fields and the response's, what is sent, and what the caller gets.
const ANSWERS: &[(&str, &str, &str, &str)] = &[
    (
        "json",
        r#"
    inner.one: { type: integer, range: 1000..2000, caller: unchanged, stored: leave_out }
    "parts[*].code": { type: string, pattern: "[A-Z]{2}-[0-9]{3}", caller: unchanged, stored: leave_out }
    "parts[*].note": { type: string, required: false, caller: unchanged, stored: leave_out }
    kind: { type: string, one_of: [rise, fall], required: false, caller: unchanged, stored: leave_out }
"#,
        "json: { age: 36 }",
        r#"json: { inner: { one: 1000 }, parts: [ { code: { matches: "^[A-Z]{2}-[0-9]{3}$" } } ], kind: rise }"#,
    ),
    (
        "openai-chat",
        r#"
    "choices[*].message.role": { type: string, one_of: [assistant], caller: unchanged, stored: leave_out }
    "choices[*].message.content": { type: string, caller: unchanged, stored: leave_out }
    "choices[*].message.tool_calls[*].id": { type: string, required: false, caller: unchanged, stored: leave_out }
"#,
        "json: { age: 36 }",
        "json: { choices: [ { message: { role: assistant, content: text } } ] }",
    ),
    (
        "ndjson",
        "\n    \"scores[*].value\": { type: number, caller: unchanged, stored: leave_out }\n",
        r#"text: "{\"age\":36}\n{\"age\":41}\n""#,
        r#"text: "{\"scores\":[{\"value\":1}]}\n{\"scores\":[{\"value\":1}]}\n""#,
    ),
    (
        "mlflow",
        "\n    predictions: { type: number, caller: unchanged, stored: leave_out }\n",
        "json: { instances: [ { age: 36 }, { age: 41 } ] }",
        "json: { predictions: [1, 1] }",
    ),
    (
        "tf-serving",
        "\n    risk: { type: number, caller: unchanged, stored: leave_out }\n",
        "json: { instances: [ { age: 36 }, { age: 41 } ] }",
        "json: { predictions: [ { risk: 1 }, { risk: 1 } ] }",
    ),
    (
        "kserve-v2",
        "\n    risk: { type: integer, caller: unchanged, stored: leave_out }\n",
        "json: { inputs: [ { name: age, shape: [2], datatype: INT64, data: [36, 41] } ] }",
        "json: { outputs: [ { name: risk, shape: [2], datatype: INT64, data: [1, 1] } ] }",
    ),
];

/// A policy with these words for the answer, and one case.
fn policy(folder: &Path, payload: &str, response: &str, case: &str) {
    let text = format!(
        "activity: made-up\ntitle: An answer\npurpose: product-recommendation\nlegal_basis: contract\n\
         data_subject_categories: [customers]\ndata_subject: token.sub\nretention: 1d after exchange\n\
         upstream: favourites-model\nroutes:\n  - match: POST /made-up\n    payload: {payload}\n    \
         access: {{ all_scopes: [predict] }}\nrequest:\n  fields:\n    \
         age: {{ category: pd:Age, type: integer, upstream: unchanged, stored: leave_out }}\n\
         response:\n  fields:{response}"
    );
    let case = format!(
        "- case: a case\n  given: {{ token: {{ sub: ada, scopes: [predict] }} }}\n  {}\n",
        case.replace('\n', "\n  ")
    );
    fs::write(folder.join("policies/made-up.yaml"), text).unwrap();
    fs::write(folder.join("policies/made-up.cases.yaml"), case).unwrap();
}

async fn played(folder: &Path) -> Verdict {
    let (config, plan, mut set) = read(folder);
    set.cases.retain(|file| file.activity == "made-up");
    let (mut verdicts, _) = run(&config, &plan, &set, |_| {}).await.unwrap();
    verdicts.pop().unwrap()
}

#[tokio::test]
async fn an_answer_that_is_made_up_fits_fields_wherever_they_are() {
    let folder = folder();
    for (payload, response, sends, gets) in ANSWERS {
        let case = format!(
            "send: {{ method: POST, path: /made-up, {sends} }}\ncaller_gets: {{ status: 200, {gets} }}"
        );
        policy(folder.path(), payload, response, &case);
        let verdict = played(folder.path()).await;
        assert!(verdict.faults.is_empty(), "{payload}: {verdict:?}");
    }
}

#[tokio::test]
async fn who_needs_an_answer_of_their_own_is_told() {
    let folder = folder();
    // Nothing that comes to mind fits.
    let response =
        "\n    code: { type: string, pattern: \"a\\\\bb\", caller: unchanged, stored: leave_out }\n";
    let sends = "send: { method: POST, path: /made-up, json: { age: 36 } }\ncaller_gets: { status: 200 }";
    policy(folder.path(), "json", response, sends);
    let verdict = played(folder.path()).await;
    let note = verdict.faults[0].note.as_deref().unwrap();
    assert!(note.contains("upstream-answer-refused `code`") && note.contains("upstream_answers"), "{note}");
    // Its own is its own fault.
    policy(folder.path(), "json", response, &format!("{sends}\nupstream_answers: {{ json: {{}} }}"));
    let verdict = played(folder.path()).await;
    let note = verdict.faults[0].note.as_deref().unwrap();
    assert!(!note.contains("upstream_answers"), "{note}");
}
