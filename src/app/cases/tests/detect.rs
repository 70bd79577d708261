//! Free text in whole exchanges.

use std::fs;

use super::*;

/// Free text, on its way and kept.
const MESSAGES: &str = r#"
activity: messages
title: Sorting what customers write
purpose: product-recommendation
legal_basis: contract
data_subject_categories: [customers]
data_subject: token.sub
retention: 30d after exchange
upstream: favourites-model
routes:
  - match: POST /messages/
    payload: json
    access: { all_scopes: [predict] }
request:
  fields:
    name:
      category: pd:Opinion
      type: string
      required: false
      upstream: { detect: { analyzer: local, entities: [PERSON], replace_by: redact } }
      stored: { detect: { analyzer: local, entities: [PERSON, LOCATION], replace_by: leave_out } }
    subject: { category: pd:Opinion, type: string, required: false, upstream: { detect: { kinds: [email, card], replace_by: refuse } } }
    text:
      category: pd:Opinion
      type: string
      upstream: { detect: { kinds: [email, phone, iban], region: [DE], patterns: { customer_number: "K-[0-9]{6}" }, replace_by: redact } }
      stored: { detect: { kinds: [email], replace_by: pseudonymize } }
response:
  fields:
    reply: { type: string, caller: { detect: { kinds: [phone, iban], replace_by: mask } }, stored: leave_out }
"#;

const MESSAGES_CASES: &str = r#"
- case: the model reads what was written, and not who wrote it
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /messages/, json: { text: "K-123456: mail ada@example.org, call 030 901820 or pay DE89 3704 0044 0532 0130 00" } }
  upstream_answers: { json: { reply: "We call +49 30 901820" } }
  upstream_sees: { text: "[customer_number]: mail [email], call [phone] or pay [iban]" }
  caller_gets: { status: 200, json: { reply: "We call ••••" } }
  stored: { text: { matches: "^K-123456: mail p1_[a-z2-7]{26}, call 030 901820 or pay DE89 3704 0044 0532 0130 00$" } }
- case: a text without any of it stays as it is
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /messages/, json: { subject: thanks, text: "Order 12, thanks." } }
  upstream_answers: { json: { reply: fine } }
  upstream_sees: { subject: thanks, text: "Order 12, thanks." }
  caller_gets: { status: 200, json: { reply: fine } }
- case: what an analyser finds is given, and each destination has its own
  given:
    token: { sub: ada, scopes: [predict] }
    analyzer_finds: [ { entity: PERSON, text: Ada King }, { entity: LOCATION, text: Lyon }, { entity: DATE, text: of } ]
  send: { method: POST, path: /messages/, json: { name: "Ada King of Lyon", text: hello } }
  upstream_answers: { json: { reply: fine } }
  upstream_sees: { name: "[person] of Lyon", text: hello }
  caller_gets: { status: 200 }
  stored: { name: " of ", text: hello }
- case: where a text must hold none, the call is refused
  given: { token: { sub: ada, scopes: [predict] } }
  send: { method: POST, path: /messages/, json: { subject: "card 4111 1111 1111 1111", text: hello } }
  upstream_sees: nothing
  caller_gets: { status: 422, problem: field-invalid }
"#;

#[tokio::test]
async fn what_is_found_in_a_text_is_replaced_on_its_way_and_where_it_is_kept() {
    let folder = folder();
    for (name, text) in [("messages.yaml", MESSAGES), ("messages.cases.yaml", MESSAGES_CASES)] {
        fs::write(folder.path().join("policies").join(name), text).unwrap();
    }
    let (config, plan, set) = read(folder.path());
    let (verdicts, _) = run(&config, &plan, &set, |_| {}).await.unwrap();
    let ours: Vec<_> = verdicts.into_iter().filter(|verdict| verdict.activity == "messages").collect();
    assert_eq!(ours.len(), 4);
    for Verdict { case, faults, .. } in ours {
        assert!(faults.is_empty(), "{case}: {faults:?}");
    }
}
