use std::fs;
use std::path::Path;

use super::*;
use crate::plan::{Deployment, load};

/// Policies that nobody ships: what is replaced in them is what changes.
const ORGANISATION: &str = r#"
controller: { name: Tramway de l'Est, address: "2 quai, Metz", contact: privacy@tramway.example }
purposes:
  delays:  { says: "to tell you when you will be late", notice_version: 2 }
  study:   { says: "to study delays", notice_version: 1, direct_marketing: true }
consent: { expires: 90d }
recipients:
  host:  { name: Host AG, role: processor, agreement: DPA-1, country: CH }
  cloud: { name: Cloud Inc., role: processor, agreement: DPA-2, country: US, transfer_instrument: scc, pseudonymize_before_transfer: true }
reasons: [complaint]
"#;

const DELAYS: &str = r#"
activity: delays
title: Foreseeing delays
purpose: delays
legal_basis: consent
data_subject_categories: [passengers]
data_subject: token.sub
retention: 30d after exchange
upstream: model
journal: before_forward
routes:
  - match: POST /delays/{line}
    payload: json
    path: { line: { type: integer, range: 1..20 } }
    query: { detail: { type: boolean, required: false } }
    access: { all_scopes: [ride], any_scope: [app, kiosk] }
    rate_limit: { rate: 60/min, burst: 20, per: caller }
    limits: { body: 16KiB }
  - match: GET /live
    personal_data: none
request:
  unknown_fields: refuse
  fields:
    card:         { category: pd:Identifier, type: string, length: 4..16, upstream: pseudonymize, stored: encrypted }
    born:         { category: pd:BirthDate, type: string, format: date, upstream: { generalize: { date_to: year } }, stored: leave_out, export: leave_out }
    "trips[*].km": { category: pd:TravelHistory, type: number, range: 0..500, upstream: { generalize: { bands_of: 10 } }, stored: encrypted, export: unchanged }
    note:         { category: pd:Opinion, type: string, sanitize: text, refuse: [html], required: false, upstream: refuse_if_present, stored: leave_out }
response:
  unknown_fields: leave_out
  fields:
    minutes: { type: integer, caller: unchanged, stored: encrypted }
"#;

const STUDY: &str = r#"
activity: delay-study
title: Studying delays
purpose: study
legal_basis: consent
records_of: delays
further_processing: own_consent
data_subject_categories: [passengers]
routes:
  - match: GET /study
    answer: pseudonymized_records
    query: { page: { type: integer, range: 1.., required: false } }
    access: { all_scopes: [study] }
"#;

fn deployment() -> Deployment {
    let upstreams = [("model", "host"), ("far-model", "cloud"), ("scorer", "score-host")];
    Deployment {
        file: None,
        upstreams: upstreams.iter().map(|(name, whose)| ((*name).into(), (*whose).into())).collect(),
        interchange_keys: vec!["partner-2026".into()],
        analyzers: [("local".to_owned(), "lab".to_owned())].into(),
    }
}

fn plan(files: &[(&str, String)]) -> Plan {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let name = if name.ends_with(".json") { (*name).to_owned() } else { format!("{name}.yaml") };
        fs::write(folder.path().join(name), text).unwrap();
    }
    load(folder.path(), &deployment()).unwrap_or_else(|found| panic!("{found}")).plan
}

/// The tramway's policies, every `(before, after)` replaced once.
fn tramway(edits: &[(&str, &str)]) -> Plan {
    let mut files = [("organisation", ORGANISATION), ("delays", DELAYS), ("delay-study", STUDY)]
        .map(|(name, text)| (name, text.to_owned()));
    for (before, after) in edits {
        let (_, text) = files.iter_mut().find(|(_, text)| text.contains(before)).unwrap();
        *text = text.replacen(before, after, 1);
    }
    plan(&files)
}

fn of_tests() -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/policies");
    load(&folder, &deployment()).unwrap_or_else(|found| panic!("{found}")).plan
}

fn lines(old: &Plan, new: &Plan) -> String {
    changes(old, new)
        .iter()
        .map(|change| format!("{:5} {:9} {change}", change.class.word(), change.whom.word()))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn what_does_the_same_has_not_changed() {
    assert_eq!(changes(&tramway(&[]), &tramway(&[])), []);
    assert_eq!(changes(&of_tests(), &of_tests()), []);
    let moved = tramway(&[("title: Foreseeing delays\n", "# a remark\ntitle: Foreseeing delays\n")]);
    assert_eq!(changes(&tramway(&[]), &moved), []);
}

const FIELDS: &[(&str, &str)] = &[
    (
        "upstream: pseudonymize, stored: encrypted",
        "upstream: unchanged, justification: asked for, stored: leave_out",
    ),
    (
        "{ generalize: { date_to: year } }, stored: leave_out, export: leave_out",
        "{ generalize: { date_to: month } }, stored: encrypted, export: { generalize: { date_to: year } }",
    ),
    (
        "upstream: { generalize: { bands_of: 10 } }, stored: encrypted, export: unchanged",
        "upstream: { generalize: { bands_of: 20 } }, stored: encrypted, export: leave_out",
    ),
    (
        "sanitize: text, refuse: [html], required: false, upstream: refuse_if_present",
        "length: 1..200, sanitize: html, upstream: leave_out",
    ),
    ("length: 4..16", "length: 2..16"),
    ("range: 0..500", "range: 0..100"),
    (
        "unknown_fields: leave_out\n  fields:\n",
        "unknown_fields: refuse\n  fields:\n    seat: { type: string, required: false, caller: unchanged }\n",
    ),
];

#[test]
fn fields_are_compared_by_destination() {
    let (old, new) = (tramway(&[]), tramway(FIELDS));
    insta::assert_snapshot!("fields", lines(&old, &new));
    insta::assert_snapshot!("fields_back", lines(&new, &old));
}

const ROUTES: &[(&str, &str)] = &[
    ("range: 1..20", "range: 1..40"),
    (
        "query: { detail: { type: boolean, required: false } }",
        "query: { lang: { type: string, one_of: [fr, de] } }\n    headers: [accept-language]",
    ),
    ("all_scopes: [ride], any_scope: [app, kiosk]", "any_scope: [app, web]"),
    ("rate: 60/min, burst: 20", "rate: 1200/h, burst: 40"),
    ("body: 16KiB", "body: 8KiB, depth: 32"),
    ("GET /live\n    personal_data: none", "GET /health\n    personal_data: none"),
    ("access: { all_scopes: [study] }", "access: { all_scopes: [study, sworn], reason: required }"),
];

#[test]
fn routes_say_who_may_call_and_how_often() {
    let (old, new) = (tramway(&[]), tramway(ROUTES));
    insta::assert_snapshot!("routes", lines(&old, &new));
    insta::assert_snapshot!("routes_back", lines(&new, &old));
}

#[test]
fn a_route_that_is_inspected_from_now_on_keeps_what_its_activity_keeps() {
    let with = |stored: &str, raw: &str| {
        tramway(&[
            (
                "upstream: pseudonymize, stored: encrypted",
                &format!("upstream: pseudonymize, stored: {stored}"),
            ),
            (
                "export: unchanged",
                &format!("export: {}", if stored == "encrypted" { "unchanged" } else { "leave_out" }),
            ),
            (
                "{ generalize: { bands_of: 10 } }, stored: encrypted",
                &format!("{{ generalize: {{ bands_of: 10 }} }}, stored: {stored}"),
            ),
            ("caller: unchanged, stored: encrypted", &format!("caller: unchanged, stored: {stored}")),
            ("routes:\n", &format!("routes:\n  - match: POST /raw\n{raw}")),
        ])
    };
    let open =
        "    personal_data: none\n    body: pass\n    justification: a test\n    limits: { body: 16KiB }\n";
    let inspected = "    payload: json\n    limits: { body: 16KiB }\n";
    let compared = |stored| lines(&with(stored, open), &with(stored, inspected));
    insta::assert_snapshot!("inspected", [compared("encrypted"), compared("leave_out")].join("\n\n"));
}

const ACTIVITY: &[(&str, &str)] = &[
    ("title: Foreseeing delays", "title: Foreseeing and selling"),
    (
        "purpose: delays\nlegal_basis: consent\ndata_subject_categories: [passengers]\ndata_subject: token.sub",
        "purpose: study\nlegal_basis: legitimate_interests\nassessment: LIA-9\ndata_subject_categories: [passengers, staff]\ndata_subject: body.card\nautomated_decision: { ground: contract, contest: \"the counter\" }\nother_recipients: [cloud]\npseudonymization_domain: delay-study",
    ),
    ("any_scope: [app, kiosk]", "any_scope: [app, kiosk], on_behalf_of: guide"),
    ("retention: 30d", "retention: 90d"),
    ("upstream: model", "upstream: far-model"),
    ("journal: before_forward", "journal: overlapped\nmode: closed"),
    ("further_processing: own_consent", "further_processing: { art_89: R-1 }\nmay_outlive_source: true"),
];

#[test]
fn an_activity_says_what_for_on_what_basis_and_who_receives() {
    let (old, new) = (tramway(&[]), tramway(ACTIVITY));
    insta::assert_snapshot!("activity", lines(&old, &new));
    insta::assert_snapshot!("activity_back", lines(&new, &old));
}

/// The secret of a domain stays, whoever uses it: who takes it over gets the pseudonyms that others hold.
#[test]
fn a_domain_that_another_activity_had_leads_to_its_pseudonyms() {
    let with = |delays: &str, study: &str| {
        tramway(&[
            (
                "journal: before_forward",
                &format!("journal: before_forward\npseudonymization_domain: {delays}"),
            ),
            ("further_processing:", &format!("pseudonymization_domain: {study}\nfurther_processing:")),
        ])
    };
    let old = with("one", "two");
    let new = [with("two", "one"), with("two", "three"), with("two", "two"), with("four", "two")];
    let alone = plan(&[
        ("organisation", ORGANISATION.to_owned()),
        ("delays", format!("{DELAYS}pseudonymization_domain: two\n")),
    ]);
    let found: Vec<_> = new.iter().chain([&alone]).map(|new| lines(&old, new)).collect();
    insta::assert_snapshot!("domains", found.join("\n\n"));
}

#[test]
fn an_objection_counts_no_longer_where_a_consent_does() {
    let on = |basis: &str, marketing: &str| {
        tramway(&[
            ("legal_basis: consent", &format!("legal_basis: {basis}")),
            ("notice_version: 2 }", &format!("notice_version: 2{marketing} }}")),
        ])
    };
    let compared = |marketing| {
        let balanced = on("legitimate_interests\nassessment: LIA-9", marketing);
        lines(&balanced, &on("consent", marketing))
    };
    insta::assert_snapshot!("objections", [compared(""), compared(", direct_marketing: true")].join("\n\n"));
}

const WHO: &[(&str, &str)] = &[
    ("Tramway de l'Est", "Tramway <b>"),
    (
        "contact: privacy@tramway.example }",
        "contact: privacy@tramway.example }\ndpo: { contact: dpo@tramway.example }",
    ),
    ("to tell you when you will be late\", notice_version: 2", "to sell\", notice_version: 3"),
    (
        "notice_version: 1, direct_marketing: true }",
        "notice_version: 1 }\n  more: { says: \"more\" , notice_version: 1 }",
    ),
    ("expires: 90d", "expires: 365d"),
    (
        "name: Host AG, role: processor, agreement: DPA-1, country: CH",
        "name: Host SA, role: joint_controller, agreement: DPA-3, country: FR",
    ),
    (
        "country: US, transfer_instrument: scc, pseudonymize_before_transfer: true",
        "country: IN, transfer_instrument: bcr, transfer_valid_until: 2027-06-30",
    ),
    ("reasons: [complaint]", "reasons: [legal-claim]"),
];

#[test]
fn an_organisation_says_who_is_responsible_and_where_recipients_are() {
    let (old, new) = (tramway(&[]), tramway(WHO));
    insta::assert_snapshot!("organisation", lines(&old, &new));
    insta::assert_snapshot!("organisation_back", lines(&new, &old));
}

/// Under which purpose a person agrees to a transfer, and until when it may be made.
#[test]
fn transfers_say_until_when_and_with_whose_consent() {
    let derogation = |purpose: &str, until: &str| {
        let instrument = format!("derogation, transfer_consent: {purpose}, transfer_valid_until: {until}");
        tramway(&[
            ("transfer_instrument: scc", &format!("transfer_instrument: {instrument}")),
            (
                "purposes:\n",
                "purposes:\n  far: { says: \"to send it far\", notice_version: 1 }\n  wide: { says: \"to send it wide\", notice_version: 1 }\n",
            ),
        ])
    };
    let (old, new) = (derogation("far", "2027-06-30"), derogation("wide", "2028-02-29"));
    insta::assert_snapshot!(
        "transfers",
        [lines(&old, &new), lines(&new, &old), lines(&old, &tramway(&[]))].join("\n\n")
    );
}

#[test]
fn a_schema_is_compared_by_what_it_asks() {
    let with = |schema: Option<&str>| {
        let named = format!("{DELAYS}  schema: answer.json\n");
        let mut files = vec![("organisation", ORGANISATION.to_owned()), ("delays", DELAYS.to_owned())];
        if let Some(schema) = schema {
            files = vec![
                ("organisation", ORGANISATION.to_owned()),
                ("delays", named),
                ("answer.json", schema.to_owned()),
            ];
        }
        plan(&files)
    };
    let (none, one) = (with(None), with(Some(r#"{ "type": "object", "minProperties": 1 }"#)));
    let (same, two) =
        (with(Some("{\"minProperties\":1,\"type\":\"object\"}\n")), with(Some(r#"{ "minProperties": 2 }"#)));
    assert_eq!(changes(&one, &same), []);
    insta::assert_snapshot!(
        "schemas",
        [lines(&none, &one), lines(&one, &none), lines(&one, &two)].join("\n")
    );
}

#[test]
fn parameters_that_are_treated_are_compared_as_fields() {
    const LINE: &str = "line: { type: integer, range: 1..20 }";
    const DETAIL: &str = "detail: { type: boolean, required: false }";
    let with = |line: &str, detail: &str| {
        tramway(&[
            (LINE, &format!("line: {{ type: integer, range: 1..20{line} }}")),
            (DETAIL, &format!("detail: {{ type: boolean, required: false{detail} }}")),
        ])
    };
    let none = tramway(&[]);
    let one = with(
        ", category: pd:TravelHistory, upstream: { generalize: { bands_of: 10 } }, stored: encrypted",
        ", upstream: leave_out",
    );
    let two = tramway(&[(
        DETAIL,
        "detail: { type: boolean, required: false }, card: { type: string, required: false, upstream: pseudonymize, stored: encrypted }",
    )]);
    insta::assert_snapshot!(
        "parameters",
        [lines(&none, &one), lines(&one, &none), lines(&none, &two), lines(&two, &none)].join("\n\n")
    );
}

/// What is left out unseen was refused, where its declaration said so.
#[test]
fn what_is_no_longer_declared_is_no_longer_refused() {
    const NOTE: &str = "    note:         { category: pd:Opinion, type: string, sanitize: text, refuse: [html], required: false, upstream: refuse_if_present, stored: leave_out }\n";
    const DETAIL: &str = "query: { detail: { type: boolean, required: false } }";
    let loose = ("unknown_fields: refuse", "unknown_fields: leave_out");
    let with = |headers: &str| format!("{DETAIL}\n    headers: {headers}");
    let declared = with(
        "{ accept-language: { type: string, required: false }, x-seat: { type: integer, range: 1..90, required: false }, x-card: { category: pd:Identifier, type: string, required: false, upstream: refuse_if_present, stored: leave_out } }",
    );
    let (old, new) = (tramway(&[loose, (DETAIL, &declared)]), tramway(&[loose, (NOTE, "")]));
    insta::assert_snapshot!("no_longer_declared", lines(&old, &new));
    insta::assert_snapshot!("no_longer_declared_refused", lines(&tramway(&[]), &tramway(&[(NOTE, "")])));
}

#[test]
fn conditions_say_who_may_call_and_who_sees_what() {
    const MINUTES: &str = "minutes: { type: integer, caller: unchanged,";
    let with = |when: &str, caller: &str| {
        tramway(&[
            ("all_scopes: [ride],", &format!("all_scopes: [ride], {when}")),
            (MINUTES, &format!("minutes: {{ type: integer, caller: {caller},")),
        ])
    };
    let none = tramway(&[]);
    let one = with(
        "when: \"caller.kind == 'person'\",",
        "{ all_scopes: [exact], otherwise: { generalize: { bands_of: 5 } } }",
    );
    let two = with("when: \"now.hour < 20\",", "{ when: \"now.hour < 20\" }");
    insta::assert_snapshot!(
        "conditions",
        [lines(&none, &one), lines(&one, &none), lines(&one, &two), lines(&two, &one)].join("\n\n")
    );
}

#[test]
fn what_comes_and_goes_is_told_whole() {
    let old = tramway(&[]);
    let new = plan(&[("organisation", ORGANISATION.to_owned()), ("delays", DELAYS.to_owned())]);
    insta::assert_snapshot!("gone", lines(&old, &new));
    insta::assert_snapshot!("come", lines(&of_tests(), &old));
}

/// Nothing says any more when what an activity kept must go.
#[test]
fn what_an_activity_kept_has_no_end_once_no_policy_names_it() {
    let renamed = |more: &str| {
        let delays = DELAYS.replacen("activity: delays\n", "activity: lateness\n", 1);
        plan(&[("organisation", ORGANISATION.to_owned()), ("lateness", format!("{delays}{more}"))])
    };
    let alone =
        |delays: &str| plan(&[("organisation", ORGANISATION.to_owned()), ("delays", delays.to_owned())]);
    let nothing_kept = alone(
        &DELAYS
            .replace("stored: encrypted", "stored: leave_out")
            .replace("export: unchanged", "export: leave_out"),
    );
    let of_delays = |old: &Plan, new: &Plan| {
        let found = lines(old, new);
        found.lines().filter(|line| line.contains(" delays, activity: ")).collect::<Vec<_>>().join("\n")
    };
    let old = alone(DELAYS);
    let found = [
        of_delays(&old, &of_tests()),
        of_delays(&old, &renamed("")),
        of_delays(&old, &renamed("pseudonymization_domain: delays\n")),
        of_delays(&nothing_kept, &of_tests()),
    ];
    insta::assert_snapshot!("without_an_end", found.join("\n\n"));
}

#[test]
fn reports_are_for_people_programs_and_comments() {
    let (old, new) = (tramway(&[]), tramway(&[FIELDS[0], FIELDS[2], WHO[0], WHO[3]]));
    let found = changes(&old, &new);
    insta::assert_snapshot!("human", human(&found));
    insta::assert_snapshot!("markdown", markdown(&found));
    insta::assert_snapshot!("json", json(&found));
    assert_eq!(human(&[]), "Nothing changes for anybody.\n");
    assert!(markdown(&[]).ends_with("Nothing changes for anybody.\n"));
}

/// Whatever is tightened one way is loosened the other way, and nothing that changes is passed over in one direction.
#[test]
fn a_change_back_is_of_the_other_class() {
    let all = FIELDS.iter().chain(ROUTES).chain(WHO);
    for edit in all {
        let (old, new) = (tramway(&[]), tramway(&[*edit]));
        let (there, back) = (changes(&old, &new), changes(&new, &old));
        let has = |found: &[Change], class: Class| found.iter().any(|change| change.class == class);
        assert!(!there.is_empty() && !back.is_empty(), "{edit:?}");
        assert!(!has(&there, Class::Less) || has(&back, Class::More), "{edit:?}: {back:?}");
        assert!(!has(&back, Class::Less) || has(&there, Class::More), "{edit:?}: {there:?}");
    }
}
