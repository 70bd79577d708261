//! What must hold of any input, target by target. The ordinary test and the targets of libFuzzer share this module, so
//! nothing here knows of either: a harness takes bytes and panics where something is not as it should be.

mod acts;
pub(crate) mod answers;
mod files;
mod payload;
mod places;
pub(crate) mod requests;
mod wire;

use consentry::payload::Format;

/// Something that reads what strangers write.
pub(crate) struct Target {
    /// Its name: that of its corpus, and of its file in `fuzz/fuzz_targets`.
    pub(crate) name: &'static str,
    /// Panics where an input is not read as it must be.
    pub(crate) run: fn(&[u8]),
    /// Whether it takes long, for it writes and reads files.
    #[allow(dead_code, reason = "libFuzzer does not ask")]
    pub(crate) slow: bool,
}

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, slow: false }
}

const fn slow(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run, slow: true }
}

/// Every one there is.
pub(crate) const TARGETS: &[Target] = &[
    slow("api_keys", files::api_keys),
    target("caller_request", requests::requests),
    slow("cases", |input| files::policies("favourites.cases.yaml", input)),
    slow("config", files::config),
    slow("organisation", |input| files::policies("organisation.yaml", input)),
    target("path", places::path),
    target("payload_csv", |input| payload::run(Format::Csv, input)),
    target("payload_form", |input| payload::run(Format::Form, input)),
    target("payload_json", |input| payload::run(Format::Json, input)),
    target("payload_kserve_v2", |input| payload::run(Format::KserveV2, input)),
    target("payload_kserve_v2_binary", payload::binary),
    target("payload_mlflow", |input| payload::run(Format::Mlflow, input)),
    target("payload_multipart", |input| payload::run(Format::Multipart, input)),
    target("payload_ndjson", |input| payload::run(Format::Ndjson, input)),
    target("payload_openai_chat", |input| payload::run(Format::OpenaiChat, input)),
    target("payload_text", |input| payload::run(Format::Text, input)),
    target("payload_tf_serving", |input| payload::run(Format::TfServing, input)),
    slow("policy", |input| files::policies("favourites.yaml", input)),
    target("query", places::query),
    target("upstream_answer", answers::answer),
];

/// Runs the harness of one target.
#[allow(dead_code, reason = "the targets of libFuzzer call it")]
pub(crate) fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("the name of a target");
    (target.run)(input);
}
