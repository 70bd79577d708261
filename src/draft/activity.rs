//! The text of a drafted activity: each guess with confidence and reason, and the list of all that is only proposed at the
//! end of the file.

use std::fmt::Write as _;

use super::model::{Body, Place, Scopes};
use super::select::Group;
use super::spell::{action, rule_words};
use super::treat::Proposal;
use super::whole::{Call, HeadProposal, Subject, Whole, whole};
use super::words::PERSONS;
use super::writer::{Writer, flow};
use super::{Said, cases, category, yaml};
use crate::action::Spec;
use crate::check::{Length, RuleKind};
use crate::payload::{Format, Step};

/// A drafted activity.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// Its name.
    pub name: String,
    /// `NAME.yaml`.
    pub policy: String,
    /// `NAME.cases.yaml`; `None` where no call could be made up.
    pub cases: Option<String>,
    /// How much is only proposed.
    pub guesses: usize,
    /// Keys that are left for a person to fill in.
    pub holes: Vec<String>,
    /// What could not be drafted, and why.
    pub notes: Vec<String>,
}

/// The first lines of a draft that nobody has accepted; `accept` takes them out with the last mark.
pub(super) const NOT_IN_FORCE: [&str; 2] = [
    "# Nothing here is in force yet. Fill in what is empty, correct what is wrong, and accept",
    "# the rest: consentry accept ",
];

/// Drafts an activity. `source` says what it is drafted from, `upstream` is a name of consentry.yaml.
pub fn activity(group: &Group, source: &str, upstream: &str, said: &Said) -> Drafted {
    let mut notes: Vec<String> = Vec::new();
    let whole = whole(group, &mut notes);
    let mut writer = Writer::default();
    head(&mut writer, &whole, source, upstream, said);
    for call in &whole.calls {
        route(&mut writer, &whole, call, &mut notes);
    }
    if whole.is_governed() {
        side(&mut writer, "request", "refuse", "upstream", &whole.request);
        side(&mut writer, "response", "leave_out", "caller", &whole.response);
    }
    writer.proposals();
    if !notes.is_empty() {
        writer.line("");
        writer.line("# Not drafted:");
        notes.iter().for_each(|note| writer.comment_item(note));
    }
    let cases = cases::cases(&whole, said);
    let Writer { text, marks, holes } = writer;
    Drafted { name: group.name.clone(), policy: text, cases, guesses: marks.len(), holes, notes }
}

fn head(writer: &mut Writer, whole: &Whole<'_>, source: &str, upstream: &str, said: &Said) {
    let name = whole.name;
    let [first, second] = NOT_IN_FORCE;
    writer.line(&yaml::modeline("schema/activity.schema.json"));
    writer.comment(0, &format!("Drafted from {source}."));
    writer.line(first);
    writer.line(&format!("{second}policies/{name}.yaml"));
    writer.line(&format!("activity: {}", yaml::scalar(name)));
    let title = category::tokens(name).join(" ");
    writer.proposed(
        &format!("title: {}", yaml::quoted(&title)),
        "title",
        3,
        "the name of the activity: write what the register calls it",
    );
    let mut key = |key: &str, said: &Option<String>, what: &str| {
        writer.said("", key, key, said.as_deref(), what);
    };
    key("purpose", &said.purpose, "a purpose of organisation.yaml");
    key("legal_basis", &said.legal_basis, "consent, contract, public_task, … (Art. 6(1) has six)");
    if said.legal_basis.as_deref() == Some("legitimate_interests") {
        key("assessment", &said.assessment, "the reference of the balancing test");
    }
    if whole.all().any(|proposal| proposal.facts.special) {
        key(
            "art9_condition",
            &said.art9_condition,
            "what lifts the prohibition of Art. 9(2): explicit_consent, …",
        );
    }
    if whole.all().any(|proposal| proposal.facts.criminal) {
        key("art10_reference", &said.art10_reference, "the law that permits criminal-offence data (Art. 10)");
    }
    let (whose, tenths, because) = whose(whole);
    writer.proposed(
        &format!("data_subject_categories: [{whose}]"),
        "data_subject_categories",
        tenths,
        because,
    );
    if whole.is_governed() {
        let (subject, tenths, because) = match &whole.subject {
            Subject::Rows(path) => (format!("rows.{path}"), 7, "it names the person of every row"),
            Subject::Body(path) => (format!("body.{path}"), 7, "it names the person in every body"),
            Subject::Parameter(place, name) => {
                (format!("{}.{name}", place.word()), 7, "it names the person in every call")
            }
            Subject::Caller => {
                ("token.sub".into(), 5, "nothing names one person in every call: then it is who calls")
            }
        };
        writer.proposed(
            &format!("data_subject: {}", yaml::scalar(&subject)),
            "data_subject",
            tenths,
            because,
        );
        let what = "how long records are kept, `30d after exchange` for example";
        writer.said("", "retention", "retention", said.retention.as_deref(), what);
    }
    writer.line(&format!("upstream: {}", yaml::scalar(upstream)));
    writer.line("");
    writer.line("routes:");
}

/// Whose data it is, by what fields and their parents are called.
fn whose(whole: &Whole<'_>) -> (String, u8, &'static str) {
    const MANY: [(&str, &str); 12] = [
        ("customer", "customers"),
        ("kunde", "customers"),
        ("client", "customers"),
        ("patient", "patients"),
        ("employee", "employees"),
        ("mitarbeiter", "employees"),
        ("student", "students"),
        ("applicant", "applicants"),
        ("member", "members"),
        ("passenger", "passengers"),
        ("driver", "drivers"),
        ("user", "users"),
    ];
    let names = whole.all().flat_map(|proposal| proposal.field.path.steps().iter());
    let words: Vec<String> = names
        .filter_map(|step| match step {
            Step::Member(name) => Some(category::tokens(name)),
            Step::Every => None,
        })
        .flatten()
        .filter(|word| PERSONS.contains(&word.as_str()))
        .collect();
    let found = MANY.iter().find(|(word, _)| words.iter().any(|other| other == word));
    match found {
        Some((_, many)) => ((*many).to_owned(), 7, "fields speak of them"),
        None => ("users".into(), 3, "nothing says whose data it is: name them"),
    }
}

fn route(writer: &mut Writer, whole: &Whole<'_>, call: &Call<'_>, notes: &mut Vec<String>) {
    let operation = call.operation;
    let text = operation.route();
    let place = format!("routes.{text}");
    let line = format!("  - match: {}", yaml::scalar(&text));
    let Some(payload) = operation.payload else {
        writer.proposed(&line, &place, operation.tenths, &operation.because);
        writer.line("    personal_data: none");
        return;
    };
    if call.blocked.is_empty() {
        writer.proposed(&line, &place, operation.tenths, &operation.because);
    } else {
        let names: Vec<String> = call
            .blocked
            .iter()
            .take(5)
            .map(|blocked| format!("`{}` ({})", blocked.path, blocked.why))
            .collect();
        let why = format!(
            "NOT SERVABLE: the API requires {}. A call with it is refused here, and one without it by the API. {}, or leave the route out.",
            names.join(", "),
            if call.blocked.iter().all(|blocked| blocked.by_hand) {
                "Declare it under `request.fields` with the one `type` that your callers send"
            } else {
                "Change the API"
            }
        );
        notes.push(format!("{text} is {}", why.replacen("NOT SERVABLE", "not servable", 1)));
        // It stays when the proposal is accepted.
        writer.comment(2, &why);
        writer.proposed(&line, &place, 1, "not servable, see above");
    }
    writer.line(&format!("    payload: {}", payload.word()));
    access(writer, whole, call, &place);
    if payload == Body::Of(Format::Multipart) {
        let because = "the bound is ours: a file has more bytes than the 64KiB that a body has otherwise";
        writer.proposed("    limits: { body: 6MiB }", &format!("{place}.limits"), 5, because);
    }
    for at in [Place::Path, Place::Query, Place::Header] {
        let mut heads = call.parameters.iter().filter(|head| head.place == at).peekable();
        if heads.peek().is_some() {
            writer.line(&format!("    {}:", at.key()));
        }
        for head in heads {
            let (line, tenths, because) = parameter(head);
            let place = format!("{place}.{}.{}", at.key(), head.name);
            writer.proposed(&line, &place, tenths, &because);
        }
    }
}

fn access(writer: &mut Writer, whole: &Whole<'_>, call: &Call<'_>, place: &str) {
    let scopes = match whole.scopes(call.operation) {
        Scopes::Any(scopes) => format!("any_scope: {}", yaml::list(scopes.iter().map(String::as_str))),
        Scopes::All(scopes) => format!("all_scopes: {}", yaml::list(scopes.iter().map(String::as_str))),
        Scopes::Unknown => String::new(),
    };
    let mut line = format!("    access: {{ {scopes}");
    if whole.subject != Subject::Caller {
        let _ = write!(line, ", on_behalf_of: {}", yaml::scalar(&whole.on_behalf_of()));
    }
    line.push_str(" }");
    let (tenths, because) = match call.operation.scopes {
        Scopes::Unknown => (4, "the API names no scope: one of this activity's own"),
        _ => (9, "the API asks for it"),
    };
    writer.proposed(&line, &format!("{place}.access"), tenths, because);
}

fn parameter(head: &HeadProposal) -> (String, u8, String) {
    let HeadProposal { place, name, treated, proposal } = head;
    let key = format!("{}:", yaml::scalar(name));
    let required = match (place, proposal.field.required) {
        (Place::Query, false) => Some("required: false".to_owned()),
        (Place::Header, true) => Some("required: true".to_owned()),
        _ => None,
    };
    if *treated {
        let words = words(proposal, "upstream", required);
        return (flow(6, &key, &words), proposal.tenths, proposal.because.clone());
    }
    let mut rules = proposal.field.rules.clone();
    let open = rules.length.is_none()
        && rules.one_of.is_empty()
        && rules.pattern.is_none()
        && rules.format.is_none();
    let mut because =
        String::from("it reaches the upstream as it came: nothing says that it is about a person");
    if rules.kind == Some(RuleKind::String) && open {
        rules.length = Some(Length { min: 0, max: Some(200) });
        because.push_str("; the length is ours: the API names none");
    }
    let mut words = rule_words(&rules);
    words.extend(required);
    (flow(6, &key, &words), proposal.tenths.min(6), because)
}

fn side(writer: &mut Writer, side: &str, unknown: &str, outward: &str, proposals: &[Proposal]) {
    writer.line("");
    writer.line(&format!("{side}:"));
    writer.line(&format!("  unknown_fields: {unknown}"));
    if proposals.is_empty() {
        writer.line("  fields: {}");
        return;
    }
    writer.line("  fields:");
    let keys: Vec<String> =
        proposals.iter().map(|proposal| yaml::scalar(&proposal.field.path.to_string())).collect();
    let width = keys.iter().map(|key| key.chars().count() + 1).max().unwrap_or_default().min(32);
    for (proposal, key) in proposals.iter().zip(keys) {
        let required = (!proposal.field.required).then(|| "required: false".to_owned());
        let words = words(proposal, outward, required);
        let line = flow(4, &format!("{:<width$}", format!("{key}:")), &words);
        let place = format!("{side}.fields.{}", proposal.field.path);
        writer.proposed(&line, &place, proposal.tenths, &proposal.because);
    }
}

fn words(proposal: &Proposal, outward: &str, required: Option<String>) -> Vec<String> {
    let mut words: Vec<String> =
        proposal.category.iter().map(|category| format!("category: {category}")).collect();
    words.extend(rule_words(&proposal.rules));
    words.extend(required);
    words.push(format!("{outward}: {}", action(&proposal.outward)));
    match &proposal.stored {
        Spec::Unchanged => words.push("stored: encrypted".into()),
        spec => words.push(format!("stored: {}", action(spec))),
    }
    words
}
