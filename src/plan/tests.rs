use std::path::Path;

use super::*;

fn deployment() -> Deployment {
    Deployment {
        file: None,
        upstreams: [("favourites-model".into(), "model-host".into())].into(),
        interchange_keys: vec!["model-host-2026".into()],
        analyzers: [("local".to_owned(), "model-host".to_owned())].into(),
    }
}

fn shipped() -> Plan {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    match load(&folder, &deployment()) {
        Ok(Loaded { plan, warnings, .. }) => {
            assert!(warnings.is_empty(), "{}", warnings.render(false));
            plan
        }
        Err(found) => panic!("{}", found.render(false)),
    }
}

#[test]
fn the_shipped_policies_compile_without_a_warning() {
    let plan = shipped();
    let names: Vec<_> = plan.activities.iter().map(|activity| &*activity.name).collect();
    assert_eq!(names, ["favourites-access", "favourites-research", "favourites"]);
    let favourites = &plan.activities[2];
    assert_eq!(favourites.legal_basis, LegalBasis::Consent);
    assert_eq!(favourites.retention.as_secs(), 30 * 86_400);
    assert_eq!(favourites.request.fields.len(), 7);
    assert_eq!(favourites.recipient.as_ref().unwrap().country, "DE");
    assert_eq!(favourites.data_subject, Some(DataSubject::Claim("sub".into())));
    let research = &plan.activities[1];
    assert_eq!(research.records_of, Some(2));
    assert_eq!(research.retention, favourites.retention);
    assert!(Arc::ptr_eq(&research.request, &favourites.request));
    assert_eq!(&*research.pseudonymization_domain, "favourites-research");
}

#[test]
fn calls_find_their_routes_to_the_letter() {
    let plan = shipped();
    let found = plan.route(&http::Method::POST, "/predict/").unwrap();
    assert_eq!((&*found.route.text, found.route.kind), ("POST /predict/", RouteKind::Governed));
    assert_eq!(&*found.route.activity.name, "favourites");
    let record = plan.route(&http::Method::GET, "/decrypt/17").unwrap();
    assert_eq!(record.params, ["17"]);
    assert!(record.route.access.reason_required);
    assert_eq!(record.route.kind, RouteKind::Answer(Answer::ReIdentifiedRecord));
    assert_eq!(plan.route(&http::Method::POST, "/predict").unwrap_err(), NoRoute::Unknown);
    assert_eq!(plan.route(&http::Method::POST, "/decrypt/").unwrap_err(), NoRoute::Unknown);
    let allow = NoRoute::Method { allow: "POST".into() };
    assert_eq!(plan.route(&http::Method::GET, "/predict/").unwrap_err(), allow);
    assert_eq!(plan.route(&http::Method::GET, "/health").unwrap().route.kind, RouteKind::Open { body: None });
}

#[test]
fn a_deployment_that_lacks_a_name_is_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let found = load(&folder, &Deployment::default()).unwrap_err();
    assert_eq!(found.errors(), 1, "{found}");
    let only = found.iter().next().unwrap();
    assert_eq!(found.sources().text(only.span.unwrap()), "favourites-model");
}

#[test]
fn the_digest_is_of_what_is_enforced() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    for entry in std::fs::read_dir(shipped).unwrap() {
        let entry = entry.unwrap();
        // Examples beside them are sets of their own.
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let digest = || load(folder.path(), &deployment()).unwrap().plan.digest;
    let before = digest();
    std::fs::remove_file(folder.path().join("favourites.cases.yaml")).unwrap();
    assert_eq!(digest(), before, "cases enforce nothing");
    let path = folder.path().join("favourites.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}# a remark\n")).unwrap();
    assert_ne!(digest(), before);
}

#[test]
fn the_shipped_cases_call_every_route_and_send_every_field() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let Loaded { plan, set, .. } = load(&folder, &deployment()).unwrap();
    let cases: Vec<_> = set.cases.iter().flat_map(|file| &file.cases).collect();
    for route in &plan.routes {
        let called = cases.iter().any(|case| {
            let path = case.send.path.value.split('?').next().unwrap();
            plan.route(&case.send.method, path).is_ok_and(|found| Arc::ptr_eq(found.route, route))
        });
        assert!(called, "no case calls {}", route.text);
    }
    let sent = format!("{:?}", cases.iter().map(|case| &case.send.body).collect::<Vec<_>>());
    for field in plan.activities.iter().flat_map(|activity| &activity.request.fields) {
        assert!(sent.contains(&format!("{:?}", field.name)), "no case sends {}", field.name);
    }
}
