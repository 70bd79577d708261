use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use insta::assert_snapshot;

use super::support::Folder;
use crate::policy::{Code, Severity};

/// A file, a text in it, and what stands there instead.
type Change = (&'static str, &'static str, &'static str);

const ACTIVITY: &str = "favourites.yaml";
const ORGANISATION: &str = "organisation.yaml";

#[test]
fn five_mistakes_are_reported_at_once_with_their_lines() {
    let folder = Folder::shipped()
        .change(ACTIVITY, "purpose: product-recommendation ", "purpose: product-recomendation ")
        .change(ACTIVITY, "retention: 30d after exchange", "retension: 30d after exchange")
        .change(ACTIVITY, "category: pd:Age,", "category: pd:Agge,")
        .change(ACTIVITY, "one_of: [Male, Female]", "one_of: [Male, Female], lenght: 1..9")
        .change(ACTIVITY, "upstream: pseudonymize,", "upstream: tokenize,");
    let found = folder.found();
    assert_eq!(found.errors(), 5, "{found}");
    assert_snapshot!("five_mistakes", folder.nameless(&found.render(false)));
}

#[test]
fn the_law_speaks_with_its_articles() {
    let law: &[(&str, &[Change])] = &[
        (
            "no purpose and no legal basis",
            &[
                (ACTIVITY, "purpose: product-recommendation ", "# "),
                (ACTIVITY, "legal_basis: consent ", "# "),
            ],
        ),
        ("special category", &[(ACTIVITY, "category: pd:Gender,", "category: pd:SexualPreference,")]),
        (
            "criminal-offence data",
            &[(ACTIVITY, "category: pd:FavoriteFood,", "category: pd:CriminalConviction,")],
        ),
        (
            "third country",
            &[(ORGANISATION, ", transfer_instrument: scc", ""), (ORGANISATION, "country: DE", "country: IN")],
        ),
        (
            "a derogation without anybody's consent",
            &[(ORGANISATION, "country: DE", "country: IN, transfer_instrument: derogation")],
        ),
        (
            "one consent for a processing and a transfer",
            &[(
                ORGANISATION,
                "country: DE",
                "country: IN, transfer_instrument: derogation, transfer_consent: research",
            )],
        ),
        (
            "a transfer by consent to nothing",
            &[(
                ORGANISATION,
                "country: DE",
                "country: IN, transfer_instrument: derogation, transfer_consent: reserch",
            )],
        ),
        (
            "consent and a date where nothing is transferred on them",
            &[(
                ORGANISATION,
                "country: DE",
                "country: DE, transfer_valid_until: 2026-02-29, transfer_consent: research",
            )],
        ),
        ("unknown adequacy", &[(ORGANISATION, "country: DE", "country: CN, transfer_instrument: adequacy")]),
        (
            "recipient without role and agreement",
            &[(ORGANISATION, "role: processor, agreement: DPA-2026-01, ", "")],
        ),
        (
            "legitimate interests",
            &[(ACTIVITY, "legal_basis: consent ", "legal_basis: legitimate_interests ")],
        ),
        ("consent without a text", &[(ORGANISATION, "says: \"to suggest products you may like\", ", "")]),
        ("automated decision", &[(ACTIVITY, "other_recipients: []", "automated_decision: {}")]),
        ("no retention", &[(ACTIVITY, "retention: 30d after exchange ", "# ")]),
        (
            "identifier unchanged",
            &[
                (ACTIVITY, "upstream: pseudonymize, ", "upstream: unchanged, "),
                (ACTIVITY, "export: pseudonymize }", "export: unchanged }"),
            ],
        ),
        (
            "destinations not named",
            &[
                (
                    ORGANISATION,
                    "pd:Name:         { upstream: leave_out, stored: encrypted }",
                    "pd:Age: { stored: encrypted }",
                ),
                (
                    ACTIVITY,
                    "sanitize: text, upstream: leave_out,                      stored: encrypted",
                    "sanitize: text",
                ),
            ],
        ),
        (
            "identifiers to a recipient of pseudonyms",
            &[
                (ACTIVITY, "upstream: favourites-model", "upstream: us-model"),
                (ACTIVITY, "upstream: pseudonymize, ", "justification: agreed, upstream: unchanged, "),
            ],
        ),
        (
            "re-use by compatibility of what rests on consent",
            &[(
                "favourites-research.yaml",
                "further_processing: own_consent",
                "further_processing: { compatibility: CA-1 }",
            )],
        ),
        (
            "re-use by a consent that is not asked for",
            &[("favourites-research.yaml", "legal_basis: consent ", "legal_basis: public_task ")],
        ),
        (
            "no further processing",
            &[("favourites-access.yaml", "further_processing: { law: \"GDPR Art. 12 and 15\" }", "")],
        ),
        ("re-identification without a reason", &[("favourites-access.yaml", ", reason: required", "")]),
        ("no data subjects", &[(ACTIVITY, "data_subject_categories: [customers] ", "# ")]),
        (
            "contacts that lead nowhere",
            &[
                (ORGANISATION, "contact: privacy@example.org", "contact: privacy at clinic"),
                (ORGANISATION, "contact: dpo@example.org", "contact:"),
            ],
        ),
        ("no controller", &[(ORGANISATION, "controller: { name: Example SA, ", "controller: { ")]),
        (
            "body passes unread",
            &[(ACTIVITY, "personal_data: none ", "personal_data: none\n    body: pass\n    # ")],
        ),
        (
            "warnings",
            &[
                (ACTIVITY, "    access: { all_scopes: [predict] } ", "    # "),
                (ACTIVITY, "category: pd:FavoriteColor, ", ""),
            ],
        ),
    ];
    let mut text = String::new();
    for (name, changes) in law {
        let folder =
            changes.iter().fold(Folder::shipped(), |folder, (file, from, to)| folder.change(file, from, to));
        let lines = folder.lines();
        assert!(!lines.is_empty(), "{name}");
        text.push_str(&format!("# {name}\n{lines}\n"));
    }
    assert_snapshot!("law", text);
}

#[test]
fn shapes_and_names_are_told_with_what_to_write() {
    let shapes: &[(&str, &[Change])] = &[
        (
            "a path of the gateway's own",
            &[(ACTIVITY, "match: GET /health", "match: GET /.well-known/consentry/health")],
        ),
        (
            "one name kept from both sides",
            &[(
                ACTIVITY,
                "    prediction: { ",
                "    age: { type: integer, caller: unchanged, stored: encrypted }\n    prediction: { ",
            )],
        ),
        ("yaml", &[(ACTIVITY, "other_recipients: []", "other_recipients: [")]),
        ("key twice", &[(ACTIVITY, "other_recipients: []", "title: Another")]),
        ("boolean in capitals", &[("favourites-research.yaml", "required: false", "required: False")]),
        ("text without quotes", &[(ACTIVITY, "one_of: [Male, Female]", "one_of: [Male, true, 1]")]),
        ("number in quotes", &[(ORGANISATION, "notice_version: 1", "notice_version: \"1\"")]),
        (
            "list for a map",
            &[(ACTIVITY, "limits: { body: 64KiB, depth: 16, rows: 1000 }", "limits: [64KiB]")],
        ),
        (
            "units",
            &[
                (ACTIVITY, "retention: 30d after exchange", "retention: 30 days"),
                (ACTIVITY, "body: 64KiB", "body: 64kB"),
                (ACTIVITY, "rate: 60/min", "rate: 60/minute"),
            ],
        ),
        (
            "rules",
            &[
                (ACTIVITY, "range: 0..130", "range: 130..0"),
                (ACTIVITY, "format: email", "format: mail"),
                (ACTIVITY, "type: string,  one_of: [Male, Female]", "type: integer, length: 1..2"),
            ],
        ),
        ("pattern", &[(ACTIVITY, "format: email", "pattern: \"(a\"")]),
        (
            "actions",
            &[
                (ACTIVITY, "{ bands_of: 10 } }, stored: encrypted", "{ bands_of: 0 } }, stored: unchanged"),
                (ACTIVITY, "upstream: pseudonymize,", "upstream: { mask: { keep: 4 } },"),
                (ACTIVITY, "upstream: leave_out, ", "upstream: drop, "),
            ],
        ),
        (
            "unfit action",
            &[(ACTIVITY, "upstream: pseudonymize,", "upstream: { generalize: { bands_of: 10 } },")],
        ),
        (
            "a number that would become a text",
            &[(
                ACTIVITY,
                "type: integer, range: 0..130,                  upstream: { generalize: { bands_of: 10 } },",
                "type: integer, range: 0..130, upstream: pseudonymize,",
            )],
        ),
        (
            "a number that its category makes a text",
            &[
                (
                    ORGANISATION,
                    "pd:Name:         { upstream: leave_out, stored: encrypted }",
                    "pd:Age: { upstream: pseudonymize, stored: encrypted }\n  pd:Name: { upstream: leave_out, stored: encrypted }",
                ),
                (ACTIVITY, "                  upstream: { generalize: { bands_of: 10 } },", ""),
            ],
        ),
        (
            "an export of something else than is kept",
            &[(
                ACTIVITY,
                "stored: encrypted, export: { generalize: { bands_of: 10 } }",
                "stored: { generalize: { bands_of: 10, as: label } }, export: { generalize: { bands_of: 10 } }",
            )],
        ),
        (
            "interchange key",
            &[(ACTIVITY, "upstream: pseudonymize,", "upstream: { encrypt: { key: model-host-2062 } },")],
        ),
        ("field names", &[(ACTIVITY, "    age: ", "    \"age[0]\": ")]),
        ("fields within fields", &[(ACTIVITY, "    age: ", "    email.domain: ")]),
        ("field on the wrong side", &[(ACTIVITY, "caller: unchanged", "upstream: unchanged")]),
        (
            "nothing to export",
            &[(
                ACTIVITY,
                "upstream: pseudonymize,                   stored: encrypted",
                "upstream: pseudonymize, stored: leave_out",
            )],
        ),
        (
            "routes",
            &[
                (ACTIVITY, "match: GET /health", "match: GET /decrypt/{id}"),
                (ACTIVITY, "match: POST /predict/", "match: POST predict"),
            ],
        ),
        (
            "ambiguous routes",
            &[(ACTIVITY, "match: GET /health", "match: GET /{what}/1\n    path: { what: { type: string } }")],
        ),
        (
            "parameters",
            &[
                ("favourites-access.yaml", "path: { user_id:", "path: { record_id:"),
                ("favourites-research.yaml", "query: { page:", "query: { size:"),
            ],
        ),
        (
            "headers",
            &[(
                ACTIVITY,
                "    payload: json ",
                "    headers: [X-Model, authorization, x-model]\n    payload: json ",
            )],
        ),
        ("data subject", &[(ACTIVITY, "data_subject: token.sub", "data_subject: body.emial")]),
        (
            "unfit data subject",
            &[
                (ACTIVITY, "data_subject: token.sub", "data_subject: body.email"),
                (ACTIVITY, "format: email,", "format: email, required: false,"),
            ],
        ),
        (
            "records of nothing",
            &[("favourites-access.yaml", "records_of: favourites", "records_of: favorites")],
        ),
        (
            "what does not belong",
            &[
                (
                    "favourites-access.yaml",
                    "records_of: favourites",
                    "records_of: favourites\nretention: 1d after exchange",
                ),
                (ACTIVITY, "other_recipients: []", "may_outlive_source: true"),
            ],
        ),
        (
            "rows",
            &[
                (ACTIVITY, "data_subject: token.sub", "data_subject: rows.email"),
                (ACTIVITY, "    payload: json ", "    on_denied_row: leave_out_row\n    payload: json "),
            ],
        ),
        (
            "tensors",
            &[
                (ACTIVITY, "    payload: json ", "    payload: kserve-v2 "),
                (ACTIVITY, "    prediction: ", "    outputs.prediction: "),
                (ACTIVITY, "data_subject: token.sub", "data_subject: body.email"),
            ],
        ),
        (
            "a person in a parameter of tensors",
            &[
                (ACTIVITY, "    payload: json ", "    payload: kserve-v2 "),
                (ACTIVITY, "data_subject: token.sub", "data_subject: body.parameters.email"),
                (ACTIVITY, "    email: ", "    parameters.email: "),
            ],
        ),
        (
            "a row left out of one person's call",
            &[(ACTIVITY, "    payload: json ", "    on_denied_row: leave_out_row\n    payload: json ")],
        ),
        ("file name", &[(ACTIVITY, "activity: favourites ", "activity: favorites ")]),
        ("reasons", &[(ORGANISATION, "reasons: [", "# [")]),
        ("country", &[(ORGANISATION, "country: DE", "country: Germany")]),
    ];
    let mut text = String::new();
    for (name, changes) in shapes {
        let folder =
            changes.iter().fold(Folder::shipped(), |folder, (file, from, to)| folder.change(file, from, to));
        let lines = folder.lines();
        assert!(!lines.is_empty(), "{name}");
        text.push_str(&format!("# {name}\n{lines}\n"));
    }
    assert_snapshot!("shapes", text);
}

#[test]
fn no_word_without_code_is_accepted_in_silence() {
    let words: &[(&str, &str, &str)] = &[
        ("upstream: pseudonymize,", "upstream: { noise: { laplace: 1 } },", "`noise`"),
        ("upstream: pseudonymize,", "upstream: { generalize: { hierarchy: x } },", "`hierarchy`"),
        ("upstream: pseudonymize,", "upstream: tokenize,", "`tokenize`"),
        ("caller: unchanged", "caller: { decrypt: { all_scopes: [x] } }", "`decrypt`"),
        ("caller: unchanged", "caller: { detokenize: { all_scopes: [x] } }", "`detokenize`"),
        ("caller: unchanged", "caller: { re_identify: { all_scopes: [x] } }", "`re_identify`"),
        (
            "    payload: json ",
            "    query: { page: { type: integer, export: leave_out } }\n    payload: json ",
            "`export`",
        ),
    ];
    for (from, to, what) in words {
        let folder = Folder::shipped().change(ACTIVITY, from, to);
        let found = folder.found();
        let codes: Vec<_> = found.iter().filter(|one| one.code.severity() == Severity::Error).collect();
        assert!(
            matches!(codes.as_slice(), [one] if one.code == Code::NotImplementedYet && one.message.contains(what)),
            "{to}: {found}"
        );
    }
}

#[test]
fn a_folder_that_governs_nothing_is_refused() {
    assert_eq!(Folder::empty().codes(), [Code::FolderEmpty]);
    assert_eq!(Folder::empty().with(".hidden.yaml", "a: 1").codes(), [Code::FolderEmpty]);
    for name in ["extra.yml", "extra.YAML", "extra.Yml", "extra.yaml "] {
        assert_eq!(Folder::shipped().with(name, "a: 1").codes(), [Code::FileName], "{name:?}");
    }
    for (name, codes) in [
        (&b"extra-\xff.yaml"[..], &[Code::FileName][..]),
        (b"extra-\xff.YML", &[Code::FileName]),
        (b"extra-\xff.txt", &[]),
    ] {
        let folder = Folder::shipped();
        std::fs::write(folder.path().join(OsStr::from_bytes(name)), "a: 1").unwrap();
        assert_eq!(folder.codes(), codes, "{}", name.escape_ascii());
    }
    assert_eq!(Folder::shipped().with("extra.yaml", [0xff, 0xfe]).codes(), [Code::NotUtf8]);
    assert_eq!(Folder::shipped().with("extra.yaml", " ".repeat((1 << 20) + 1)).codes(), [Code::FileTooLarge]);
    assert_eq!(Folder::shipped().with("extra.yaml", "").codes(), [Code::NotYaml]);
    assert_eq!(Folder::shipped().with("extra.cases.yaml", "[]").codes(), [Code::UnknownName]);
}

#[test]
fn a_policy_below_the_folder_is_warned_of_unless_it_is_of_another_set() {
    for name in ["sub/x.yaml", "sub/deep/er/x.YML"] {
        assert_eq!(Folder::shipped().with(name, "a: 1").codes(), [Code::PolicyBelow], "{name}");
    }
    // A folder may be named as a policy is, and have one in it.
    assert!(Folder::shipped().with("sub/x.yaml/notes.txt", "a: 1").codes().is_empty());
    let found = Folder::shipped().with("sub/x.yaml/y.yaml", "a: 1").found();
    let told: Vec<_> = found.iter().map(|one| (one.code, one.message.contains("x.yaml/y.yaml"))).collect();
    assert_eq!(told, [(Code::PolicyBelow, true)], "{found}");
    let depth = |folders| format!("{}/x.yaml", vec!["sub"; folders].join("/"));
    assert_eq!(Folder::shipped().with(&depth(9), "a: 1").codes(), [Code::PolicyBelow]);
    assert!(Folder::shipped().with(&depth(10), "a: 1").codes().is_empty());
    for name in ["..data/x.yaml", ".git/x.yaml", "sub/.x.yaml", "sub/x.yaml~", "sub/x.yaml.bak", "sub/x.json"]
    {
        assert!(Folder::shipped().with(name, "a: 1").codes().is_empty(), "{name}");
    }
    let set = Folder::shipped().with("set/organisation.yaml", "a: 1").with("set/x.yaml", "a: 1");
    assert!(set.codes().is_empty());
}

#[test]
fn an_organisation_under_another_name_is_told_and_nothing_else() {
    for name in ["organization.yaml", "Organisation.yaml"] {
        let folder = Folder::shipped();
        std::fs::rename(folder.path().join("organisation.yaml"), folder.path().join(name)).unwrap();
        let found = folder.found();
        let help: Vec<_> = found.iter().map(|one| (one.code, one.help.as_str())).collect();
        assert_eq!(help, [(Code::FileName, "Did you mean `organisation.yaml`? Rename it.")], "{found}");
    }
}

#[test]
fn cases_are_read_with_all_their_mistakes() {
    let cases = r#"
- case: one
  given: { consent: [product-recomendation], token: { sub: u1, scope: [predict] } }
  send: { method: POST, path: /predict/, json: { age: .nan } }
  caller_gets: { status: 999, problem: consent-mising }
- case: one
  given: { clock: yesterday, restricted: yes }
  send: { method: POST, path: /predict/ }
- send: { method: GET }
  upstream_sees: { name: { matches: "(" } }
"#;
    let folder = Folder::shipped().with("favourites.cases.yaml", cases);
    assert_snapshot!("cases", folder.lines());
}

#[test]
fn a_mark_of_byte_order_moves_no_place() {
    let folder = Folder::shipped()
        .change(ACTIVITY, "# yaml-language-server", "\u{feff}# yaml-language-server")
        .change(ACTIVITY, "activity: favourites ", "activity: favorites ");
    assert!(folder.lines().starts_with("CP0010 favourites.yaml:2:11 [favorites]"), "{}", folder.lines());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever a policy is changed to, reading ends, and every place can be shown.
    #[test]
    fn no_change_brings_the_reader_down(at in 0_usize..6000, count in 0_usize..12, put in "[a-z:{}\\[\\], \\n#&*é-]{0,8}") {
        let shipped = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/policies/favourites.yaml")).unwrap();
        let characters: Vec<char> = shipped.chars().collect();
        let at = at.min(characters.len());
        let rest = characters.iter().skip(at + count);
        let text: String = characters.iter().take(at).copied().chain(put.chars()).chain(rest.copied()).collect();
        let found = Folder::shipped().with(ACTIVITY, text).found();
        proptest::prop_assert!(!found.render(false).is_empty());
    }
}

#[test]
fn words_that_could_do_nothing_are_errors() {
    let cases: &[(Code, &[Change])] = &[
        (Code::NotHere, &[(ACTIVITY, "all_scopes: [predict]", "all_scopes: [predict], on_behalf_of: other")]),
        (Code::NotHere, &[(ACTIVITY, "all_scopes: [predict]", "all_scopes: [predict], reason: required")]),
        (Code::NotHere, &[("favourites-research.yaml", "records_of:", "journal: overlapped\nrecords_of:")]),
        (Code::NotHere, &[(ACTIVITY, "match: POST /predict/", "match: HEAD /predict/")]),
        (Code::WrongValue, &[(ACTIVITY, "rate: 60/min", "rate: 4000000000/s")]),
        (Code::WrongValue, &[(ACTIVITY, "rate: 60/min, burst: 20", "rate: 1/d, burst: 1000000")]),
        (Code::DataSubjectField, &[(ACTIVITY, "data_subject: token.sub", "data_subject: body.first_name")]),
        (
            Code::HeaderNotAllowed,
            &[(ACTIVITY, "    payload: json ", "    headers: [x-user-id]\n    payload: json ")],
        ),
        (
            Code::HeaderNotAllowed,
            &[(ACTIVITY, "    payload: json ", "    headers: [Accept-Encoding]\n    payload: json ")],
        ),
    ];
    for (code, changes) in cases {
        let folder =
            changes.iter().fold(Folder::shipped(), |folder, (file, from, to)| folder.change(file, from, to));
        assert_eq!(folder.codes(), [*code], "{changes:?}: {}", folder.found());
    }
}
