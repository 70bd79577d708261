//! Activities whose persons may be different people under one number.

use super::support::Folder;
use crate::policy::Code;

/// An activity that finds its persons in a field of the body, or in a parameter of the path.
fn activity(name: &str, subject: &str, when: Option<&str>) -> String {
    let when = when.map(|when| format!(", when: \"{when}\"")).unwrap_or_default();
    let declared =
        "{ category: pd:Identifier, type: string, length: 1..20, upstream: leave_out, stored: encrypted }";
    let (route, path, fields) = match subject.split_once('.') {
        Some(("path", field)) => (
            format!("POST /{name}/{{{field}}}"),
            format!("    path: {{ {field}: {} }}\n", declared.replace("leave_out", "pseudonymize")),
            String::new(),
        ),
        Some(("token", _)) => (format!("POST /{name}"), String::new(), String::new()),
        Some((_, field)) => {
            (format!("POST /{name}"), String::new(), format!("    \"{field}\": {declared}\n"))
        }
        None => panic!("{subject}"),
    };
    let behalf = if subject.starts_with("token.") { "" } else { ", on_behalf_of: y" };
    format!(
        "activity: {name}\ntitle: T\npurpose: product-recommendation\nlegal_basis: contract\ndata_subject_categories: [people]\n\
         data_subject: {subject}\nretention: 30d after exchange\nupstream: favourites-model\nroutes:\n  - match: {route}\n    payload: json\n\
         {path}    access: {{ all_scopes: [x]{behalf}{when} }}\nrequest:\n  fields:\n    rating: {{ type: integer, category: pd:Income, \
         upstream: unchanged }}\n{fields}response:\n  fields:\n    score: {{ type: number, caller: unchanged }}\n"
    )
}

fn found(activities: &[(&str, Option<&str>)]) -> usize {
    let all = activities.iter().enumerate().fold(Folder::shipped(), |folder, (index, (subject, when))| {
        let name = format!("of-{index}");
        let text = activity(&name, subject, *when);
        folder.with(&format!("{name}.yaml"), text)
    });
    let codes = all.codes();
    assert!(codes.iter().all(|code| *code == Code::PersonsMixed), "{activities:?}: {}", all.lines());
    codes.len()
}

#[test]
fn fields_of_different_names_are_told_once_for_each_two_names() {
    for (activities, count) in [
        (&["body.applicant_id"][..], 0),
        (&["body.applicant_id", "body.patient_no"], 1),
        (&["body.applicant_id", "path.patient"], 1),
        (&["body.customer_id", "path.customer"], 0),
        (&["body.customer_id", "body.customer.id", "body.customerNo"], 0),
        // Whom a token names, its issuer names.
        (&["token.sub", "body.patient_no"], 0),
        (&["body.customer", "body.patient", "path.customer", "path.patient"], 1),
        (&["body.customer", "body.patient", "body.tenant"], 2),
    ] {
        let all: Vec<_> = activities.iter().map(|subject| (*subject, None)).collect();
        assert_eq!(found(&all), count, "{activities:?}");
    }
}

#[test]
fn whoever_says_of_both_which_namespace_they_serve_has_thought_of_it() {
    let tenants = Some("caller.namespace == 'tenants'");
    let patients = Some("caller.namespace == 'patients'");
    for (one, other, count) in [
        (tenants, patients, 0),
        (tenants, None, 1),
        (None, patients, 1),
        // Another condition says nothing of whom.
        (tenants, Some("caller.kind == 'program'"), 1),
    ] {
        assert_eq!(found(&[("body.applicant", one), ("body.patient", other)]), count, "{one:?} {other:?}");
    }
}
