//! The shipped cases: what they cover, and how one of them would fail.

use std::path::Path;

use super::*;
use crate::config;
use crate::plan::{self, Loaded};
use crate::policy::cases::Expected;

/// The example deployment, with the cases of the shipped policies that are called so.
fn shipped(names: &[&str]) -> (Config, Plan, PolicySet) {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("consentry.example.yaml");
    let (config, _) = config::load(&file).unwrap();
    let Loaded { plan, mut set, .. } = plan::load(&config.policies, &config.deployment()).unwrap();
    for file in &mut set.cases {
        file.cases.retain(|case| names.contains(&case.name.value.as_str()));
    }
    assert_eq!(set.cases.iter().map(|file| file.cases.len()).sum::<usize>(), names.len());
    (config, plan, set)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passing_cases_look_at_is_covered() {
    let names =
        ["the model never sees who asks", "no consent, no prediction", "the page shows no one's name"];
    let (config, plan, set) = shipped(&names);
    let (verdicts, coverage) = run(&config, &plan, &set, |_| {}).await.unwrap();
    assert!(verdicts.iter().all(|verdict| verdict.faults.is_empty()), "{verdicts:?}");
    let lines: Vec<String> = coverage
        .items()
        .iter()
        .map(|item| {
            let mark = if item.covered { "x" } else { " " };
            format!("[{mark}] {} | {} | {}", item.covers.word(), item.activity, item.what)
        })
        .collect();
    insta::assert_snapshot!("covered", lines.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_case_says_what_differs_and_covers_nothing() {
    let (config, plan, mut set) = shipped(&["the model never sees who asks"]);
    for case in set.cases.iter_mut().flat_map(|file| &mut file.cases) {
        let Some(UpstreamSees::Body(Expected::Members(members))) = &mut case.upstream_sees else {
            panic!("the case does not look at what the upstream saw");
        };
        members.retain(|(name, _)| name != "email");
        members.push(("first_name".into(), Expected::Exactly("Ada".into())));
    }
    let (verdicts, coverage) = run(&config, &plan, &set, |_| {}).await.unwrap();
    let [fault] = verdicts[0].faults.as_slice() else { panic!("{verdicts:?}") };
    assert_eq!(fault.what, "what the upstream saw");
    let differ: Vec<_> =
        fault.places.iter().filter(|place| !place.agrees).map(|place| place.at.as_str()).collect();
    assert_eq!(differ, ["first_name", "email"]);
    assert!(coverage.items().iter().all(|item| !item.covered));
}
