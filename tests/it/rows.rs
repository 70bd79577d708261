//! Batches in which each row is another person's: each is asked for its own leave, and has its own record.

use consentry::admin::Command;
use consentry::problem::Problem::{
    ConsentMissing, ConsentWithdrawn, FieldInvalid, PayloadNotInspectable, PayloadTooLarge,
    ProcessingRestricted, SubjectMismatch, UpstreamAnswerRefused,
};
use serde_json::{Value, json};

use crate::support::admin::person;
use crate::support::upstream::Reply;
use crate::support::{Call, Gateway, Options};

const AGREED: [&str; 3] = ["holder-1", "holder-2", "holder-3"];

async fn gateway() -> Gateway {
    let files = vec![
        ("policies/batch.yaml", include_str!("batches/batch.yaml").to_owned()),
        ("policies/batch-json.yaml", include_str!("batches/batch-json.yaml").to_owned()),
    ];
    let gateway = Gateway::with(Options { files, ..Options::default() }).await;
    for holder in AGREED {
        gateway.admin.grant(holder, "churn-forecast").await;
    }
    gateway
}

fn call(gateway: &Gateway, path: &str, body: &Value) -> Call {
    let token = gateway.token("night-run", &["batch", "batch-holders"]);
    Call::json(format!("/v1/batch/{path}"), body.to_string()).bearer(&token)
}

fn split(rows: &[(&str, u32)]) -> Value {
    let data: Vec<_> = rows.iter().map(|(holder, visits)| json!([visits, holder, "x"])).collect();
    json!({ "dataframe_split": { "columns": ["visits", "holder", "note"], "data": data }, "params": { "mode": "night" } })
}

fn answers(gateway: &Gateway, scores: &[f64]) {
    gateway.upstream.answer(Reply::json(json!({ "predictions": scores }).to_string()));
}

/// What is kept of the batches, each with whose it is.
async fn kept(gateway: &Gateway, activity: &str) -> Vec<(String, Value)> {
    let rows = gateway.store().records(activity, None, 0, 100).await.unwrap();
    let mut kept = Vec::new();
    for row in &rows {
        kept.push((row.record.reference.to_string(), gateway.opened(row).await.unwrap()));
    }
    kept.sort_by_key(|(_, record)| record.to_string());
    kept
}

#[tokio::test]
async fn each_row_has_its_own_leave_and_its_own_record() {
    let gateway = gateway().await;
    answers(&gateway, &[0.1, 0.2, 0.3]);
    let rows = [("holder-1", 5), ("holder-2", 7), ("holder-1", 9)];
    let answer = gateway.send(call(&gateway, "strict", &split(&rows))).await.ok();
    assert_eq!(answer.json(), json!({ "predictions": [0.1, 0.2, 0.3] }));
    assert!(answer.headers.get("consentry-rows-denied").is_none());
    let seen = gateway.upstream.one().json();
    assert_eq!(seen["dataframe_split"], json!({ "columns": ["visits"], "data": [[5], [7], [9]] }));
    let kept = kept(&gateway, "batch").await;
    let shown: Vec<_> = kept.iter().map(|(_, record)| record.clone()).collect();
    let record = |visits: u32, score: f64| json!({ "visits": visits, "predictions": score });
    assert_eq!(shown, [record(5, 0.1), record(7, 0.2), record(9, 0.3)]);
    let whose: std::collections::HashSet<_> = kept.iter().map(|(whose, _)| whose).collect();
    assert_eq!(whose.len(), 2, "two persons, three records");
    // One of them is erased, and only theirs is gone.
    gateway.admin.done(Command::Erase { person: person("holder-1") }).await;
    assert_eq!(self::kept(&gateway, "batch").await.len(), 1);
    gateway.close().await;
}

#[tokio::test]
async fn a_row_that_is_denied_refuses_a_strict_batch() {
    let gateway = gateway().await;
    let rows = [("holder-1", 5), ("stranger", 6), ("holder-2", 7)];
    let answer = gateway.refuses(call(&gateway, "strict", &split(&rows)), ConsentMissing).await;
    assert!(answer.text().contains("these rows may not be processed: 1."), "{}", answer.text());
    gateway.admin.withdraw("holder-2", "churn-forecast").await;
    gateway.refuses(call(&gateway, "strict", &split(&[("holder-2", 7)])), ConsentWithdrawn).await;
    assert!(kept(&gateway, "batch").await.is_empty());
    answers(&gateway, &[0.5]);
    gateway.send(call(&gateway, "strict", &split(&[("holder-1", 5)]))).await.ok();
    gateway.close().await;
}

#[tokio::test]
async fn a_lenient_batch_goes_on_without_the_row_and_has_null_at_its_place() {
    let gateway = gateway().await;
    gateway.admin.done(Command::Restrict { person: person("holder-3"), lift: false }).await;
    answers(&gateway, &[0.1, 0.2]);
    let rows =
        [("stranger", 1), ("holder-1", 5), ("holder-3", 6), ("other", 6), ("holder-2", 7), ("holder-3", 8)];
    let answer = gateway.send(call(&gateway, "lenient", &split(&rows))).await.ok();
    assert_eq!(answer.json(), json!({ "predictions": [null, 0.1, null, null, 0.2, null] }));
    let told = answer.headers.get("consentry-rows-denied").unwrap();
    assert_eq!(told, "rows=\"0, 2-3, 5\", reason=processing-not-permitted");
    let seen = gateway.upstream.one().text().to_owned();
    assert!(seen.contains("[[5],[7]]") && !seen.contains("holder") && !seen.contains("stranger"), "{seen}");
    let shown: Vec<_> =
        kept(&gateway, "batch").await.into_iter().map(|(_, record)| record["predictions"].clone()).collect();
    assert_eq!(shown, [json!(0.1), json!(0.2)]);
    // Where nobody permits it, nothing is sent.
    gateway.refuses(call(&gateway, "lenient", &split(&[("stranger", 1)])), ConsentMissing).await;
    gateway.refuses(call(&gateway, "lenient", &split(&[("holder-3", 1)])), ProcessingRestricted).await;
    gateway.close().await;
}

#[tokio::test]
async fn a_batch_in_json_has_the_rows_of_its_array() {
    let gateway = gateway().await;
    gateway.upstream.answer(Reply::json(r#"{"risks": [{"value": 0.25}]}"#));
    let body =
        json!({ "holders": [{ "name": "stranger", "visits": 1 }, { "name": "holder-1", "visits": 2 }] });
    let answer = gateway.send(call(&gateway, "json", &body)).await.ok();
    assert_eq!(answer.json(), json!({ "risks": [null, { "value": 0.25 }] }));
    let seen = gateway.upstream.one().json();
    assert_eq!(seen["holders"].as_array().unwrap().len(), 1);
    assert!(seen["holders"][0]["name"].as_str().unwrap().starts_with("p1_"));
    let kept = kept(&gateway, "batch-json").await;
    assert_eq!(kept[0].1, json!({ "holders": [{ "visits": 2 }], "risks": [{ "value": 0.25 }] }));
    gateway.close().await;
}

#[tokio::test]
async fn nobody_acts_for_the_persons_of_a_batch_without_the_right() {
    let gateway = gateway().await;
    let body = split(&[("holder-1", 5), ("holder-2", 7)]);
    let own = gateway.token("holder-1", &["batch"]);
    let theirs = Call::json("/v1/batch/lenient", body.to_string()).bearer(&own);
    gateway.refuses(theirs, SubjectMismatch).await;
    answers(&gateway, &[0.5]);
    let mine = Call::json("/v1/batch/lenient", split(&[("holder-1", 5)]).to_string()).bearer(&own);
    gateway.send(mine).await.ok();
    gateway.close().await;
}

#[tokio::test]
async fn what_is_no_batch_is_refused_and_mints_nothing() {
    let gateway = gateway().await;
    for (body, problem) in [
        (json!({ "dataframe_split": { "columns": ["visits"], "data": [[5]] } }), FieldInvalid),
        (json!({ "dataframe_split": { "columns": ["visits", "holder"], "data": [] } }), FieldInvalid),
        (json!({ "dataframe_split": { "columns": ["visits", "holder"], "data": [[5, ""]] } }), FieldInvalid),
        (json!({ "dataframe_split": { "columns": ["visits", "holder"], "data": [[5, 1.5]] } }), FieldInvalid),
        (
            json!({ "dataframe_split": { "columns": ["visits", "holder"], "data": [["5", "holder-1"]] } }),
            FieldInvalid,
        ),
        (
            json!({ "dataframe_split": { "columns": ["visits", "holder"], "data": [[5]] } }),
            PayloadNotInspectable,
        ),
        (json!({ "holder": "holder-1" }), PayloadNotInspectable),
        (split(&vec![("holder-1", 1); 601]), PayloadTooLarge),
    ] {
        gateway.refuses(call(&gateway, "strict", &body), problem).await;
    }
    assert!(kept(&gateway, "batch").await.is_empty());
    assert!(gateway.admin.show("holder-1").await.contains("churn-forecast"));
    gateway.close().await;
}

#[tokio::test]
async fn a_row_that_is_refused_is_named() {
    let gateway = gateway().await;
    let (good, bad) =
        (json!({ "holder": "holder-1", "visits": 5 }), json!({ "holder": "holder-2", "visits": 1001 }));
    let lacks = json!({ "holder": "holder-2" });
    let nobody = json!({ "holder": "", "visits": 5 });
    let columns =
        json!({ "inputs": { "visits": [5, 6, 1001], "holder": ["holder-1", "holder-1", "holder-2"] } });
    for (body, field, row) in [
        (split(&[("holder-1", 5), ("holder-2", 1001)]), "visits", 1),
        (json!({ "dataframe_records": [good, good, bad] }), "visits", 2),
        (json!({ "instances": [bad, good] }), "visits", 0),
        (json!({ "dataframe_records": [good, lacks] }), "visits", 1),
        (columns, "visits", 2),
        (json!({ "dataframe_records": [good, nobody] }), "holder", 1),
        (json!({ "dataframe_records": [good, { "visits": 5 }] }), "holder", 1),
    ] {
        let answer = gateway.refuses(call(&gateway, "strict", &body), FieldInvalid).await;
        answer.at(field).says(&format!("Row {row}, counted from 0: "));
    }
    let json =
        json!({ "holders": [{ "name": "holder-1", "visits": 2 }, { "name": "holder-2", "visits": [] }] });
    let answer = gateway.refuses(call(&gateway, "json", &json), FieldInvalid).await;
    answer.at("holders[*].visits").says("Row 1, counted from 0: ");
    // What is of the whole body is of no row.
    let mut body = split(&[("holder-1", 5)]);
    body["params"]["mode"] = json!(7);
    let answer = gateway.refuses(call(&gateway, "strict", &body), FieldInvalid).await.at("params.mode");
    assert_eq!(answer.json()["detail"], "It must be a string.");
    gateway.close().await;
}

#[tokio::test]
async fn columns_of_unlike_lengths_are_the_callers_fault_whoever_is_known() {
    let gateway = gateway().await;
    let columns =
        |holders: &[&str], visits: &[u32]| json!({ "inputs": { "holder": holders, "visits": visits } });
    // Before and after the key of the day is in memory.
    for scores in [&[0.1][..], &[0.2]] {
        for visits in [&[5, 9][..], &[5, 9, 9], &[]] {
            let call = call(&gateway, "strict", &columns(&["holder-1"], visits));
            gateway.refuses(call, FieldInvalid).await;
        }
        answers(&gateway, scores);
        gateway.send(call(&gateway, "strict", &columns(&["holder-1"], &[5]))).await.ok();
        drop(gateway.upstream.take());
    }
    assert_eq!(kept(&gateway, "batch").await.len(), 2);
    gateway.close().await;
}

#[tokio::test]
async fn an_answer_with_another_number_of_rows_reaches_nobody() {
    let gateway = gateway().await;
    for scores in [&[][..], &[0.1], &[0.1, 0.2, 0.3]] {
        answers(&gateway, scores);
        let rows = [("holder-1", 5), ("stranger", 6), ("holder-2", 7)];
        gateway.send(call(&gateway, "lenient", &split(&rows))).await.problem(UpstreamAnswerRefused);
    }
    assert!(kept(&gateway, "batch").await.is_empty());
    gateway.close().await;
}

#[tokio::test]
async fn a_large_batch_of_new_persons_is_one_exchange() {
    let gateway = gateway().await;
    let holders: Vec<String> = (0..500).map(|number| format!("new-{number}")).collect();
    for holder in &holders {
        gateway.admin.grant(holder, "churn-forecast").await;
    }
    let rows: Vec<_> = holders.iter().map(|holder| (holder.as_str(), 1)).collect();
    answers(&gateway, &vec![0.5; 500]);
    gateway.send(call(&gateway, "strict", &split(&rows))).await.ok();
    assert_eq!(gateway.store().records_count("batch").await.unwrap(), 500);
    gateway.close().await;
}
