//! What reads strangers' bytes, with inputs that nobody would think of: every file of `fuzz/corpus` goes through the
//! harness of its target, the same one that `fuzz/run` gives to libFuzzer for as long as one likes, and so does a bounded
//! number of inputs that are made from it, the same in every run.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "whatever is not as it should be fails the test, in the harness too"
)]

mod answers;
mod harness;
mod messages;
mod mutate;
mod requests;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use harness::{TARGETS, Target};
use mutate::Mutator;

/// Inputs that are made from each seed: of a file of policies, which is compiled with the others each time, and of the rest.
const MADE_OF_FILES: usize = 40;
const MADE: usize = 1500;

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("a file");
        (path, bytes)
    };
    paths.into_iter().map(read).collect()
}

fn try_out(target: &Target, input: &[u8], from: &Path) {
    let run = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    if run.is_err() {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
        fs::write(&kept, input).expect("the input is kept");
        panic!("{}: an input made from {} fails: it is in {}", target.name, from.display(), kept.display());
    }
}

fn all(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let seeds = corpus(name);
    assert!(seeds.len() >= 3, "{name} has {} seeds", seeds.len());
    for (path, bytes) in &seeds {
        try_out(target, bytes, path);
    }
    let made = if target.slow { MADE_OF_FILES } else { MADE };
    let mut mutator = Mutator::new(1);
    for number in 0..made {
        for (place, (path, bytes)) in seeds.iter().enumerate() {
            let (_, other) = &seeds[(place + number) % seeds.len()];
            try_out(target, &mutator.change(bytes, other), path);
        }
    }
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                all(stringify!($name));
            }
        )*

        #[test]
        fn every_target_has_a_corpus_and_is_run_here_and_by_libfuzzer() {
            let mut here = vec![$(stringify!($name)),*];
            let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            here.sort_unstable();
            targets.sort_unstable();
            assert_eq!(here, targets);
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
            let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
            for name in targets {
                assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name} is not in fuzz/Cargo.toml");
                assert!(root.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name} is not in fuzz_targets");
            }
            assert_eq!(fs::read_dir(root.join("fuzz_targets")).expect("a folder").count(), here.len());
            assert_eq!(fs::read_dir(root.join("corpus")).expect("a folder").count(), here.len());
        }
    };
}

tests!(
    api_keys,
    caller_request,
    cases,
    config,
    organisation,
    path,
    payload_csv,
    payload_form,
    payload_json,
    payload_kserve_v2,
    payload_kserve_v2_binary,
    payload_mlflow,
    payload_multipart,
    payload_ndjson,
    payload_openai_chat,
    payload_text,
    payload_tf_serving,
    policy,
    query,
    upstream_answer,
);
