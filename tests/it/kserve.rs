//! The Open Inference Protocol through the front door: what the upstream saw of each tensor, in JSON and in binary, and
//! what came back.

use consentry::identity::DevelopmentToken;
use consentry::problem::Problem::{
    ConsentMissing, FieldInvalid, FieldNotPermitted, PayloadNotInspectable, PayloadTooLarge,
    UpstreamAnswerRefused,
};
use http::Method;
use serde_json::{Value, json};

use crate::support::{Call, Gateway, Options, Reply, canary};

const INFER: &str = "/v2/models/propensity/infer";
const LENGTH: &str = "inference-header-content-length";

async fn gateway() -> Gateway {
    let policy = include_str!("kserve/propensity.yaml").to_owned();
    let files = vec![("policies/propensity.yaml", policy)];
    let gateway = Gateway::with(Options { files, ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway
}

fn tensor(name: &str, shape: Value, datatype: &str, data: Value) -> Value {
    json!({ "name": name, "shape": shape, "datatype": datatype, "data": data })
}

/// Two rows, each field once.
fn clean() -> Value {
    json!({
        "id": canary::NAME,
        "inputs": [
            tensor("email", json!([2, 1]), "BYTES", json!([[canary::EMAIL], ["anselm@orchid.example"]])),
            tensor("age", json!([2]), "INT64", json!([36, 41])),
            tensor("spent", json!([2, 2]), "FP32", json!([12.5, 0, 99.25, 100000])),
        ],
        "outputs": [{ "name": "propensity" }],
    })
}

fn call(gateway: &Gateway, body: &Value) -> Call {
    Call::json(INFER, body.to_string()).bearer(&gateway.token(canary::HOLDER, &["score"]))
}

fn answer() -> Value {
    json!({
        "model_name": "propensity", "model_version": "3", "id": canary::OTHER, "parameters": {},
        "outputs": [tensor("propensity", json!([2, 1]), "FP64", json!([0.25, 1]))],
    })
}

/// A clean call goes through and back.
async fn healthy(gateway: &Gateway) {
    gateway.upstream.answer(Reply::json(answer().to_string()));
    drop(gateway.upstream.take());
    gateway.send(call(gateway, &clean())).await.ok();
    assert_eq!(gateway.upstream.one().json()["inputs"][1]["data"], json!([30, 40]));
}

#[tokio::test]
async fn the_upstream_sees_tensors_as_the_policy_says() {
    let gateway = gateway().await;
    gateway.upstream.answer(Reply::json(answer().to_string()));
    let mut body = clean();
    let inputs = body["inputs"].as_array_mut().unwrap();
    inputs.insert(0, tensor("phone", json!([2]), "BYTES", json!([canary::PHONE, "0655"])));
    inputs.push(tensor("account", json!([2]), "INT64", json!([4711, 4712])));
    body["parameters"] = json!({ "campaign": "spring" });
    let came = gateway.send(call(&gateway, &body)).await.ok();
    let seen = gateway.upstream.one();
    assert_eq!(seen.headers["content-type"], "application/json");
    assert!(!seen.headers.contains_key(LENGTH));
    canary::none_in("what the upstream saw", &seen.body);
    let seen = seen.json();
    let names: Vec<_> = seen["inputs"].as_array().unwrap().iter().map(|input| &input["name"]).collect();
    assert_eq!(names, ["email", "age", "spent", "account"], "the column of telephones is gone");
    assert!(seen.get("id").is_none());
    assert_eq!(seen["parameters"], json!({ "campaign": "spring" }));
    assert_eq!(seen["outputs"], json!([{ "name": "propensity" }]));
    let pseudonym = |value: &Value| value.as_str().unwrap().starts_with("p1_");
    assert_eq!(seen["inputs"][0]["shape"], json!([2, 1]));
    assert!(pseudonym(&seen["inputs"][0]["data"][0][0]) && pseudonym(&seen["inputs"][0]["data"][1][0]));
    assert_eq!(seen["inputs"][1], tensor("age", json!([2]), "INT64", json!([30, 40])));
    assert_eq!(seen["inputs"][2], tensor("spent", json!([2, 2]), "FP32", json!([12.5, 0, 99.25, 100000])));
    assert_eq!(seen["inputs"][3]["datatype"], "BYTES", "numbers that have become texts");
    assert!(pseudonym(&seen["inputs"][3]["data"][0]));
    assert_eq!(
        came.json(),
        json!({
            "model_name": "propensity", "model_version": "3",
            "outputs": [tensor("propensity", json!([2, 1]), "FP64", json!([0.25, 1]))],
        })
    );
    let kept = gateway.kept("propensity").await.unwrap();
    assert!(kept.to_string().contains(canary::EMAIL) && kept.to_string().contains("0.25"), "{kept}");
    gateway.close().await;
}

#[tokio::test]
async fn what_is_no_such_body_reaches_nobody() {
    let gateway = gateway().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = clean();
        change(&mut body);
        body
    };
    for body in [
        json!([]),
        json!({ "inputs": {} }),
        with(&|body| body["inputs"][1]["shape"] = json!([3])),
        with(&|body| body["inputs"][1]["shape"] = json!([2, 2])),
        with(&|body| body["inputs"][1]["datatype"] = json!("INT")),
        with(&|body| body["inputs"][1]["data"] = json!(["36", "41"])),
        with(&|body| body["inputs"][1]["data"] = json!([36.5, 41])),
        with(&|body| body["inputs"][1] = body["inputs"][2].clone()),
        with(&|body| drop(body["inputs"][1].as_object_mut().unwrap().remove("data"))),
        with(&|body| body["inputs"][1]["parameters"] = json!({ "binary_data_size": 16 })),
    ] {
        gateway.refuses(call(&gateway, &body), PayloadNotInspectable).await;
    }
    for (body, field) in [
        (with(&|body| body["inputs"][1]["data"] = json!([36, 131])), "age"),
        (with(&|body| body["inputs"][1]["data"] = json!([36, null])), "age"),
        (with(&|body| body["inputs"][0]["data"] = json!([canary::EMAIL, canary::NAME])), "email"),
        (with(&|body| drop(body["inputs"].as_array_mut().unwrap().remove(1))), "age"),
        (with(&|body| body["inputs"][2]["data"] = json!([1, 2, 3, 100001])), "spent[*]"),
        (with(&|body| body["parameters"] = json!({ "campaign": canary::NAME })), "parameters.campaign"),
    ] {
        gateway.refuses(call(&gateway, &body), FieldInvalid).await.at(field);
    }
    for body in [
        json!({ "instances": [[36, 41]] }),
        with(&|body| body["note"] = json!(canary::NAME)),
        with(&|body| body["outputs"][0]["name"] = json!(canary::EMAIL)),
        with(&|body| body["parameters"] = json!({ "content_type": canary::EMAIL })),
        with(&|body| body["inputs"][0]["parameters"] = json!({ "content_type": "base64" })),
        with(&|body| body["inputs"][1]["name"] = json!(canary::NAME)),
    ] {
        gateway.refuses(call(&gateway, &body), FieldNotPermitted).await;
    }
    let rows = with(&|body| {
        body["inputs"][1] = tensor("age", json!([9]), "INT8", json!([1, 2, 3, 4, 5, 6, 7, 8, 9]))
    });
    gateway.refuses(call(&gateway, &rows), PayloadTooLarge).await;
    let plain =
        call(&gateway, &clean()).without("content-type").header("content-type", "application/octet-stream");
    gateway.refuses(plain, PayloadNotInspectable).await;
    healthy(&gateway).await;
    gateway.close().await;
}

/// A body of tensors in binary, as Triton's clients send it.
fn binary(inputs: &[(&str, Value, &str, Vec<u8>)]) -> (Vec<u8>, usize) {
    let tensors: Vec<_> = inputs
        .iter()
        .map(|(name, shape, datatype, data)| {
            json!({ "name": name, "shape": shape, "datatype": datatype, "parameters": { "binary_data_size": data.len() } })
        })
        .collect();
    let json = json!({ "inputs": tensors, "parameters": { "binary_data_output": true } }).to_string();
    let mut body = json.clone().into_bytes();
    inputs.iter().for_each(|(.., data)| body.extend_from_slice(data));
    (body, json.len())
}

fn bytes(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()).collect()
}

fn binary_call(gateway: &Gateway, body: Vec<u8>, length: &str) -> Call {
    Call::new(Method::POST, INFER)
        .header("content-type", "application/octet-stream")
        .header(LENGTH, length)
        .body(body)
        .bearer(&gateway.token(canary::HOLDER, &["score"]))
}

#[tokio::test]
async fn binary_tensors_are_read_and_written_as_they_are() {
    let gateway = gateway().await;
    let scores = [0.25_f32.to_le_bytes(), 1_f32.to_le_bytes()].concat();
    let reply = |scores: &[u8]| {
        let outputs = json!([{ "name": "propensity", "shape": [2], "datatype": "FP32", "parameters": { "binary_data_size": scores.len() } }]);
        let json = json!({ "model_name": "propensity", "outputs": outputs }).to_string();
        let length = json.len().to_string();
        let body = [json.as_bytes(), scores].concat();
        Reply::of(200, "application/octet-stream", body).header(LENGTH, length)
    };
    let spent: Vec<u8> =
        [12.5_f32, 0.0, f32::NAN, 7.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let inputs = |spent: &[u8], emails: &[&str]| {
        binary(&[
            ("email", json!([2]), "BYTES", bytes(emails)),
            (
                "age",
                json!([2, 1]),
                "INT16",
                [36_i16, 41].iter().flat_map(|value| value.to_le_bytes()).collect(),
            ),
            ("spent", json!([2, 2]), "FP32", spent.to_vec()),
        ])
    };
    let emails = [canary::EMAIL, "anselm@orchid.example"];
    let (body, length) = inputs(&spent, &emails);
    gateway.upstream.answer(reply(&scores));
    let came = gateway.send(binary_call(&gateway, body.clone(), &length.to_string())).await.ok();

    let seen = gateway.upstream.one();
    canary::none_in("what the upstream saw", &seen.body);
    assert_eq!(seen.headers["content-type"], "application/octet-stream");
    let (head, tail) = seen.body.split_at(seen.headers[LENGTH].to_str().unwrap().parse().unwrap());
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!(head["parameters"], json!({ "binary_data_output": true }));
    let sizes: Vec<_> = head["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| &input["parameters"]["binary_data_size"])
        .collect();
    let pseudonym = "p1_".len() + 26;
    assert_eq!(sizes, [&json!(2 * (4 + pseudonym)), &json!(4), &json!(16)]);
    let (emails_seen, rest) = tail.split_at(2 * (4 + pseudonym));
    assert!(emails_seen[4..].starts_with(b"p1_"));
    assert_eq!(rest, [&30_i16.to_le_bytes()[..], &40_i16.to_le_bytes(), &spent].concat());

    let (head, tail) = came.body.split_at(came.header(LENGTH).unwrap().parse().unwrap());
    assert_eq!(serde_json::from_slice::<Value>(head).unwrap()["outputs"][0]["name"], "propensity");
    assert_eq!(tail, scores);

    let refused = [
        (body.clone(), length + 1),
        (body.clone(), length - 1),
        (body.clone(), body.len() + 1),
        (body[..body.len() - 1].to_vec(), length),
        ([body.as_slice(), b"."].concat(), length),
    ];
    for (body, length) in refused {
        gateway.refuses(binary_call(&gateway, body, &length.to_string()), PayloadNotInspectable).await;
    }
    for length in ["", "-1", "0x10", "1e3", "99999999999999999999999"] {
        gateway.refuses(binary_call(&gateway, body.clone(), length), PayloadNotInspectable).await;
    }
    let infinite: Vec<u8> =
        [f32::INFINITY, 0.0, 0.0, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let (body, length) = inputs(&infinite, &emails);
    gateway.refuses(binary_call(&gateway, body, &length.to_string()), PayloadNotInspectable).await;
    let large: Vec<u8> = [1e6_f32, 0.0, 0.0, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let (body, length) = inputs(&large, &emails);
    gateway.refuses(binary_call(&gateway, body, &length.to_string()), FieldInvalid).await.at("spent[*]");
    let (body, length) = inputs(&spent, &[canary::NAME, "anselm@orchid.example"]);
    gateway.refuses(binary_call(&gateway, body, &length.to_string()), FieldInvalid).await.at("email");

    // An answer's score that is no number is none between 0 and 1.
    let (body, length) = inputs(&spent, &emails);
    gateway.upstream.answer(reply(&[f32::NAN.to_le_bytes(), 1_f32.to_le_bytes()].concat()));
    let answer = gateway.send(binary_call(&gateway, body, &length.to_string())).await;
    answer.problem(UpstreamAnswerRefused);
    drop(gateway.upstream.take());
    healthy(&gateway).await;
    gateway.close().await;
}

#[tokio::test]
async fn of_an_answer_nothing_passes_that_is_not_declared() {
    let gateway = gateway().await;
    for (change, passes) in [
        (json!({ "note": canary::NAME }), false),
        (json!({ "parameters": { "headers": { "x": canary::NAME } } }), false),
        (json!({ "model_name": canary::NAME }), false),
        (json!({ "outputs": [tensor("propensity", json!([1]), "FP64", json!([1.5]))] }), false),
        (json!({ "outputs": [tensor("other", json!([1]), "BYTES", json!([canary::NAME]))] }), false),
        (json!({ "outputs": [] }), false),
        (json!({ "error": canary::NAME }), false),
        (json!({ "id": null, "parameters": null }), true),
    ] {
        let mut answer = answer();
        for (key, value) in change.as_object().unwrap() {
            answer[key] = value.clone();
        }
        gateway.upstream.answer(Reply::json(answer.to_string()));
        let came = gateway.send(call(&gateway, &clean())).await;
        if passes {
            drop(came.ok())
        } else {
            drop(came.problem(UpstreamAnswerRefused))
        }
        drop(gateway.upstream.take());
    }
    healthy(&gateway).await;
    gateway.close().await;
}

/// A gateway before the ward's model, and a program's token that may send anybody's rows.
async fn ward() -> (Gateway, String) {
    let policy = include_str!("kserve/ward.yaml").to_owned();
    let files = vec![("policies/ward.yaml", policy)];
    let gateway = Gateway::with(Options { files, ..Options::default() }).await;
    gateway.admin.grant(canary::HOLDER, "churn-forecast").await;
    gateway.admin.grant(canary::HOLDER, "offers").await;
    gateway.admin.grant(canary::OTHER, "offers").await;
    let token = gateway.token_of(DevelopmentToken {
        sub: canary::BROKER.to_owned(),
        client_id: Some(canary::BROKER.to_owned()),
        scopes: vec!["score".to_owned(), "score-others".to_owned()],
        ..DevelopmentToken::default()
    });
    (gateway, token)
}

/// Rows of these persons, each with an image of two numbers: 10 and 11, 20 and 21, and so on.
fn rows(patients: &[&str]) -> Value {
    let images: Vec<_> = (1..=patients.len()).map(|row| json!([row * 10, row * 10 + 1])).collect();
    json!({ "inputs": [
        tensor("image", json!([patients.len(), 2]), "UINT8", json!(images)),
        tensor("patient", json!([patients.len(), 1]), "BYTES", json!(patients)),
        tensor("note", json!([1]), "BYTES", json!([canary::NAME])),
    ] })
}

#[tokio::test]
async fn rows_of_who_does_not_permit_it_go_from_every_tensor_and_come_back_empty() {
    let (gateway, token) = ward().await;
    let infer = |body: &Value| Call::json("/v2/models/ward/infer", body.to_string()).bearer(&token);
    let outputs = json!([
        tensor("bed", json!([2, 2]), "INT64", json!([[1, 2], [3, 4]])),
        tensor("score", json!([2]), "FP32", json!([0.25, 0.75])),
    ]);
    gateway.upstream.answer(Reply::json(json!({ "outputs": outputs }).to_string()));
    let body = rows(&["a stranger", canary::HOLDER, "a stranger", canary::OTHER]);
    let came = gateway.send(infer(&body)).await.ok();
    let seen = gateway.upstream.one();
    canary::none_in("what the upstream saw", &seen.body);
    let seen = seen.json();
    assert_eq!(seen["inputs"][0], tensor("image", json!([2, 2]), "UINT8", json!([[20, 21], [40, 41]])));
    assert_eq!(seen["inputs"][1]["shape"], json!([2, 1]));
    assert_eq!(seen["inputs"][1]["data"].as_array().unwrap().len(), 2);
    assert_eq!(seen["inputs"].as_array().unwrap().len(), 2);
    let empty = json!([null, null]);
    assert_eq!(
        came.json()["outputs"],
        json!([
            tensor("bed", json!([4, 2]), "INT64", json!([empty, [1, 2], empty, [3, 4]])),
            tensor("score", json!([4]), "FP32", json!([null, 0.25, null, 0.75])),
        ])
    );
    assert!(came.header("consentry-rows-denied").unwrap().starts_with("rows=\"0, 2\""));

    // In binary a float that is no number stands for an empty row; a whole number has no such value, and comes as JSON.
    let scores = [0.25_f32.to_le_bytes(), 0.75_f32.to_le_bytes()].concat();
    let beds: Vec<u8> = [1_i16, 2, 3, 4].iter().flat_map(|bed| bed.to_le_bytes()).collect();
    let head = json!({ "outputs": [
        { "name": "score", "shape": [2], "datatype": "FP32", "parameters": { "binary_data_size": 8 } },
        { "name": "bed", "shape": [2, 2], "datatype": "INT16", "parameters": { "binary_data_size": 8 } },
    ] });
    let head = head.to_string();
    let answer = [head.as_bytes(), &scores, &beds].concat();
    let reply = Reply::of(200, "application/octet-stream", answer).header(LENGTH, head.len().to_string());
    gateway.upstream.answer(reply);
    let body = rows(&[canary::HOLDER, canary::OTHER, "a stranger"]);
    let came = gateway.send(infer(&body)).await.ok();
    drop(gateway.upstream.take());
    let (head, tail) = came.body.split_at(came.header(LENGTH).unwrap().parse().unwrap());
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!(head["outputs"][0]["shape"], json!([3]));
    assert_eq!(head["outputs"][0]["parameters"], json!({ "binary_data_size": 12 }));
    assert_eq!(head["outputs"][1], tensor("bed", json!([3, 2]), "INT16", json!([1, 2, 3, 4, null, null])));
    assert_eq!(&tail[..8], scores);
    assert!(f32::from_le_bytes(tail[8..].try_into().unwrap()).is_nan());

    gateway.close().await;
}

#[tokio::test]
async fn rows_that_are_not_everybodys_alike_are_refused() {
    let (gateway, token) = ward().await;
    let infer = |body: &Value| Call::json("/v2/models/ward/infer", body.to_string()).bearer(&token);
    let outputs = json!([tensor("score", json!([1]), "FP32", json!([0.25]))]);
    gateway.upstream.answer(Reply::json(json!({ "outputs": outputs }).to_string()));
    let mut uneven = rows(&[canary::HOLDER, canary::OTHER]);
    uneven["inputs"][0] = tensor("image", json!([3, 1]), "UINT8", json!([1, 2, 3]));
    gateway.refuses(infer(&uneven), PayloadNotInspectable).await;
    let mut nobody = rows(&[canary::HOLDER]);
    nobody["inputs"][1]["data"] = json!([null]);
    gateway.refuses(infer(&nobody), FieldInvalid).await.at("patient");
    gateway.refuses(infer(&rows(&[])), FieldInvalid).await.at("patient");
    gateway.refuses(infer(&rows(&["a stranger"])), ConsentMissing).await;
    // One row less than was sent.
    let body = rows(&[canary::HOLDER, canary::OTHER]);
    gateway.send(infer(&body)).await.problem(UpstreamAnswerRefused);
    drop(gateway.upstream.take());
    gateway.send(infer(&rows(&[canary::HOLDER]))).await.ok();
    assert_eq!(gateway.upstream.one().json()["inputs"][0]["data"], json!([[10, 11]]));
    gateway.close().await;
}
