use std::cell::RefCell;
use std::fs;
use std::path::Path;

use html5ever::TokenizerResult;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::request::{Request, Sent, Trace, Verdict, page as request_page};
use super::*;
use crate::plan::{Deployment, Loaded, load};
use crate::policy::PolicySet;
use crate::problem::Problem;

fn deployment() -> Deployment {
    let upstreams = [("favourites-model", "model-host"), ("scorer", "score-host"), ("wards", "clinic")];
    Deployment {
        file: None,
        upstreams: upstreams.iter().map(|(name, whose)| ((*name).into(), (*whose).into())).collect(),
        interchange_keys: vec!["model-host-2026".into(), "partner-2026".into()],
        analyzers: std::collections::BTreeMap::new(),
    }
}

fn compiled(folder: &Path) -> (Plan, PolicySet) {
    let Loaded { plan, set, .. } = load(folder, &deployment()).unwrap_or_else(|found| panic!("{found}"));
    (plan, set)
}

fn folder(name: &str) -> (Plan, PolicySet) {
    compiled(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// A hospital whose texts would be markup, were they not escaped.
const ORGANISATION: &str = r#"
controller: { name: "Klinik <script>alert(1)</script> & Söhne", address: "Wien", contact: dsb@klinik.example }
purposes:
  care: { says: "to care for you </p> better", notice_version: 3 }
recipients:
  clinic: { name: "Ward <b>Systems</b>", role: joint_controller, agreement: "JCA \"7\"", country: US, transfer_instrument: scc }
  lab:    { name: Labor GmbH, role: processor, agreement: DPA-1, country: AT }
categories:
  pd:Name: { upstream: { mask: { keep_last: 1 } }, stored: leave_out }
"#;

const CARE: &str = r#"
activity: care
title: "Finding <img src=x onerror=alert(1)> patients"
purpose: care
legal_basis: legitimate_interests
assessment: LIA-5
art9_condition: substantial_public_interest
automated_decision: { ground: law, contest: "the ward's desk" }
data_subject_categories: [patients, "their <i>kin</i>"]
data_subject: body.patient.id
retention: 12h after exchange
upstream: wards
other_recipients: [lab]
routes:
  - match: POST /wards/{ward}/assess
    payload: json
    path: { ward: { type: string, one_of: [north, south] } }
    query: { dry: { type: boolean, required: false } }
    headers: [accept-language]
    access: { any_scope: [nurse, doctor], on_behalf_of: ward-staff }
    rate_limit: { rate: 10/s, burst: 5, per: data_subject }
  - match: POST /wards/note
    personal_data: none
    body: pass
    justification: opaque
    limits: { body: 1KiB }
    access: { all_scopes: [nurse] }
request:
  unknown_fields: leave_out
  fields:
    patient.id:            { category: pd:Identifier, type: string, length: 1..20, upstream: { pseudonymize: { as: integer } }, stored: pseudonymize }
    patient.name:          { category: pd:Name, type: string, length: 1..80, sanitize: text }
    "['<b>odd</b>']":      { category: pd:Opinion, type: string, required: false, upstream: { redact: "<none>" } }
    "readings[*].pulse":   { category: pd:Health, type: integer, range: 20..250, upstream: unchanged, stored: encrypted }
    "readings[*].at":      { category: pd:Health, type: string, format: date-time, upstream: { generalize: { date_to: month } } }
    insurance:             { category: pd:Identifier, type: string, required: false, upstream: refuse_if_present, stored: leave_out }
response:
  unknown_fields: refuse
  fields:
    risk: { type: number, range: 0..1, caller: unchanged }
    why:  { type: string, required: false, caller: { when: "caller.kind == 'person'", otherwise: redact } }
"#;

fn clinic() -> (tempfile::TempDir, Plan, PolicySet) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("organisation.yaml"), ORGANISATION).unwrap();
    fs::write(folder.path().join("care.yaml"), CARE).unwrap();
    let (plan, set) = compiled(folder.path());
    (folder, plan, set)
}

fn all(plan: &Plan) -> Vec<Explained> {
    plan.routes.iter().map(|route| explain(plan, route)).collect()
}

fn text(plan: &Plan) -> String {
    all(plan).iter().map(Explained::text).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_kind_of_route_is_told_in_words_and_tables() {
    insta::assert_snapshot!("shipped", text(&folder("policies").0));
    insta::assert_snapshot!("bank", text(&folder("tests/it/policies").0));
    insta::assert_snapshot!("clinic", text(&clinic().1));
}

#[test]
fn a_route_is_meant_by_the_whole_a_part_or_its_activity() {
    let (plan, _) = folder("tests/it/policies");
    let named =
        |named: &str| -> Vec<&str> { wanted(&plan, Some(named)).iter().map(|route| &*route.text).collect() };
    assert_eq!(wanted(&plan, None).len(), plan.routes.len());
    assert_eq!(named("POST /v1/offers"), ["POST /v1/offers"]);
    assert_eq!(named("offers/by").len(), 3);
    assert_eq!(named("churn"), ["POST /v1/churn/score", "GET /v1/live"]);
    assert_eq!(named("nothing"), [""; 0]);
}

/// What a browser would have to mend: tags that do not match, errors of the grammar, ids twice; and what a page that is pasted
/// must not have: scripts, handlers, anything that is fetched.
#[derive(Default)]
struct Checker {
    open: RefCell<Vec<String>>,
    faults: RefCell<Vec<String>>,
    tags: RefCell<Vec<String>>,
}

impl TokenSink for Checker {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        const VOID: &[&str] = &["meta", "br", "link", "img", "input", "hr"];
        const ALLOWED: &[&str] = &["lang", "charset", "name", "content", "scope", "class"];
        let fault = |what: String| self.faults.borrow_mut().push(format!("{line}: {what}"));
        match token {
            Token::ParseError(error) => fault(error.into_owned()),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let name = tag.name.to_string();
                for attribute in &tag.attrs {
                    if !ALLOWED.contains(&&*attribute.name.local) {
                        fault(format!("<{name} {}>", attribute.name.local));
                    }
                }
                self.tags.borrow_mut().push(name.clone());
                if !VOID.contains(&&*name) {
                    self.open.borrow_mut().push(name);
                }
            }
            Token::TagToken(tag) => {
                let opened = self.open.borrow_mut().pop();
                if opened.as_deref() != Some(&*tag.name) {
                    fault(format!("</{}> closes {opened:?}", tag.name));
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// The names of the elements of a page that is well formed.
fn well_formed(page: &str) -> Vec<String> {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let options = TokenizerOpts { exact_errors: true, ..TokenizerOpts::default() };
    let tokenizer = Tokenizer::new(Checker::default(), options);
    assert!(matches!(tokenizer.feed(&input), TokenizerResult::Done));
    tokenizer.end();
    let Checker { open, faults, tags } = tokenizer.sink;
    assert_eq!(faults.take(), [""; 0]);
    assert_eq!(open.take(), [""; 0]);
    tags.take()
}

#[test]
#[should_panic(expected = "closes")]
fn the_check_of_pages_can_fail() {
    well_formed("<!doctype html><html><body><p>a</body></html>");
}

#[test]
fn a_page_is_well_formed_and_nothing_in_it_runs_or_is_fetched() {
    for plan in [folder("policies").0, folder("tests/it/policies").0, clinic().1] {
        let html = page(&plan.organisation.name, &all(&plan)).unwrap();
        let tags = well_formed(&html);
        assert!(!tags.iter().any(|tag| ["script", "img", "b", "i", "link"].contains(&&**tag)), "{tags:?}");
        let (tables, captions) =
            ["table", "caption"].map(|name| tags.iter().filter(|tag| *tag == name).count()).into();
        assert!(tables > 0 && tables == captions);
        assert!(!html.contains("url(") && !html.contains("@import"));
    }
    let (_folder, plan, _) = clinic();
    insta::assert_snapshot!("clinic_page", page(&plan.organisation.name, &all(&plan)).unwrap());
}

fn traced(plan: &Plan, set: &PolicySet, route: &str, body: &str) -> Trace {
    let route = plan.routes.iter().find(|other| *other.text == *route).unwrap();
    Trace::of(plan, set, route, Sent { body: body.as_bytes(), ..Sent::default() }).unwrap()
}

fn request(trace: Trace, refused: Option<(Problem, &str, &str)>) -> Request {
    let verdict = Verdict {
        status: refused.map_or(200, |(problem, ..)| problem.status().as_u16()),
        problem: refused.map(|(problem, ..)| problem),
        field: refused.map(|(_, field, _)| field.to_owned()).filter(|field| !field.is_empty()),
        detail: refused.map(|(.., detail)| detail.to_owned()),
        forwarded: refused.is_none(),
    };
    let params = vec![["ward", "path", "<north>", "<north>"].map(str::to_owned)];
    let assumed = vec!["Keys are made up <here>.".to_owned()];
    Request { call: "POST /wards/<north>/assess".to_owned(), assumed, verdict, params, trace: Some(trace) }
}

const PATIENT: &str = r#"{"patient": {"id": "4711", "name": "Ada <b>King</b>", "born": "1990"},
  "<b>odd</b>": "<script>", "readings": [{"pulse": 61, "at": "2026-03-04T05:06:07Z", "<i>": 1}, {"pulse": 72, "at": "2026-03-05T05:06:07Z"}],
  "tags": ["a"]}"#;

/// Where the files lie differs from machine to machine.
fn placed(text: String, folder: &tempfile::TempDir) -> String {
    let place = folder.path().display().to_string();
    let lines: Vec<_> =
        text.lines().map(|line| line.replace(&place, "policies").trim_end().to_owned()).collect();
    lines.join("\n")
}

#[test]
fn a_request_is_told_field_by_field_with_the_rule_that_did_it() {
    let (folder, plan, set) = clinic();
    let passes = request(traced(&plan, &set, "POST /wards/{ward}/assess", PATIENT), None);
    insta::assert_snapshot!("request", placed(passes.text(), &folder));
    let html = request_page(&passes).unwrap();
    let tags = well_formed(&html);
    assert!(!tags.iter().any(|tag| ["script", "b", "i"].contains(&&**tag)), "{tags:?}");
    insta::assert_snapshot!("request_page", placed(html, &folder));
}

#[test]
fn everything_that_a_request_is_refused_for_is_told() {
    let (folder, plan, set) = clinic();
    let body =
        r#"{"patient": {"id": "4711"}, "readings": [{"pulse": 400, "at": "now"}, {}], "insurance": "X"}"#;
    let trace = traced(&plan, &set, "POST /wards/{ward}/assess", body);
    assert_eq!(trace.faults.len(), 6);
    assert_eq!(trace.upstream, None);
    let refusal = (Problem::FieldInvalid, "patient.name", "The field is missing.");
    let refused = request(trace, Some(refusal));
    insta::assert_snapshot!("refused", placed(refused.text(), &folder));
    well_formed(&request_page(&refused).unwrap());
    for (body, problem) in [
        ("{", Problem::RequestMalformed),
        (r#"{"patient": []}"#, Problem::FieldInvalid),
        ("", Problem::FieldInvalid),
        (&*format!("{{\"a\": {}{}}}", "[".repeat(40), "]".repeat(40)), Problem::PayloadTooLarge),
    ] {
        let trace = traced(&plan, &set, "POST /wards/{ward}/assess", body);
        assert!(trace.faults.iter().any(|fault| fault.problem == problem), "{body}: {:?}", trace.faults);
        assert_eq!(trace.upstream, None);
    }
}

/// What one activity exports of another's records is shown for each, under its own pseudonyms.
#[test]
fn exports_are_shown_for_each_activity_that_exports() {
    let (plan, set) = folder("tests/it/policies");
    let body = r#"{"contact": {"name": "Ada", "email": "ada@example.org"}, "birth_year": 1987, "visits": [{"shop": "a", "spent": 1.5}]}"#;
    let trace = traced(&plan, &set, "POST /v1/churn/score", body);
    assert_eq!(
        (trace.exports.as_slice(), trace.faults.as_slice()),
        (&["churn-study".to_owned()][..], &[][..])
    );
    let email = trace.values.iter().find(|traced| traced.at == "contact.email").unwrap();
    let [(Some(upstream), _), (Some(stored), _), (Some(export), _)] = email.becomes.as_slice() else {
        panic!()
    };
    assert_eq!(stored, "\"ada@example.org\"");
    assert!(upstream.starts_with("\"p1_") && export.starts_with("\"p1_") && upstream != export);
    let year = trace.values.iter().find(|traced| traced.at == "birth_year").unwrap();
    let shown: Vec<_> = year.becomes.iter().map(|(value, _)| value.as_deref()).collect();
    assert_eq!(shown, [Some("1985"), Some("1987"), Some("1980")]);
}
