//! The text of a drafted activity: one line a field, with confidence and reason at its end, and the list of all that is
//! only proposed at the end of the file.

use std::fmt::Write as _;

use super::model::{Operation, Parameter, Scopes};
use super::select::Group;
use super::treat::{Proposal, Way, propose};
use super::words::PERSONS;
use super::{Said, cases, category, yaml};
use crate::action::{DateTo, Generalize, Spec};
use crate::check::{Length, RuleKind, Rules};
use crate::payload::{Layout, Path, Step, Undeclared};

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
    pub holes: Vec<&'static str>,
    /// What could not be drafted, and why.
    pub notes: Vec<String>,
}

/// All that is proposed for an activity.
pub(super) struct Whole<'a> {
    pub(super) name: &'a str,
    pub(super) routes: Vec<&'a Operation>,
    pub(super) request: Vec<Proposal>,
    pub(super) response: Vec<Proposal>,
    /// The request field that names the person.
    pub(super) person: Option<Path>,
    /// Whether each row of a body has a person of its own.
    pub(super) rows: bool,
}

impl Whole<'_> {
    /// The scope with which a program acts for another.
    pub(super) fn on_behalf_of(&self) -> String {
        format!("{}-for-others", self.name)
    }

    pub(super) fn scopes(&self, operation: &Operation) -> Scopes {
        match &operation.scopes {
            Scopes::Unknown => Scopes::All(vec![self.name.to_owned()]),
            scopes => scopes.clone(),
        }
    }
}

/// Drafts an activity. `source` says what it is drafted from, `upstream` is a name of consentry.yaml.
pub fn activity(group: &Group, source: &str, upstream: &str, said: &Said) -> Drafted {
    let mut notes: Vec<String> = Vec::new();
    let whole = whole(group, &mut notes);
    let mut writer = Writer { text: String::new(), marks: Vec::new(), holes: Vec::new() };
    head(&mut writer, &whole, source, upstream, said);
    for operation in &whole.routes {
        route(&mut writer, &whole, operation, &mut notes);
    }
    if whole.routes.iter().any(|operation| operation.payload.is_some()) {
        side(&mut writer, "request", "refuse", "upstream", &whole.request);
        side(&mut writer, "response", "leave_out", "caller", &whole.response);
    }
    writer.line("");
    writer.line(
        "# What nobody has accepted yet. While a line stands here, the gateway serves none of these files.",
    );
    writer.line("proposed:");
    let marks = std::mem::take(&mut writer.marks);
    for mark in &marks {
        writer.line(&format!("  - {}", yaml::scalar(mark)));
    }
    if !notes.is_empty() {
        writer.line("");
        writer.line("# Not drafted:");
        notes
            .iter()
            .for_each(|note| writer.line(&format!("# - {}", yaml::comment(note).trim_start_matches("# "))));
    }
    let cases = cases::cases(&whole, said);
    Drafted {
        name: group.name.clone(),
        policy: writer.text,
        cases,
        guesses: marks.len(),
        holes: writer.holes,
        notes,
    }
}

fn whole<'a>(group: &'a Group, notes: &mut Vec<String>) -> Whole<'a> {
    let routes: Vec<&Operation> = group.operations.iter().collect();
    for operation in &routes {
        notes.extend(operation.notes.iter().map(|note| format!("{}: {note}", operation.route())));
    }
    let governed = routes.iter().find(|operation| operation.payload.is_some());
    let mut request: Vec<Proposal> =
        governed.iter().flat_map(|first| &first.request).map(|field| propose(field, Way::Request)).collect();
    let mut response: Vec<Proposal> = governed
        .iter()
        .flat_map(|first| &first.response)
        .map(|field| propose(field, Way::Response))
        .collect();
    consistent(&mut request, notes);
    consistent(&mut response, notes);
    // A record holds each name once.
    for answer in &mut response {
        let kept =
            |asked: &&Proposal| asked.field.path == answer.field.path && asked.stored != Spec::LeaveOut;
        if answer.stored != Spec::LeaveOut && request.iter().any(|asked| kept(&asked)) {
            answer.stored = Spec::LeaveOut;
            answer.because.push_str("; kept from the request already");
        }
    }
    let person = person(&request);
    let rows = routes.iter().any(|operation| operation.has_rows());
    Whole { name: &group.name, routes, request, response, person, rows }
}

/// Takes out what cannot stand beside the rest.
fn consistent(proposals: &mut Vec<Proposal>, notes: &mut Vec<String>) {
    let mut paths: Vec<Path> = Vec::new();
    proposals.retain(|proposal| {
        paths.push(proposal.field.path.clone());
        let good = Layout::compile(&paths, Undeclared::Refuse).is_ok();
        if !good {
            paths.pop();
            notes.push(format!("`{}` contradicts another field", proposal.field.path));
        }
        good
    });
}

/// The field that names the person best: once in every body, as text or whole number.
fn person(request: &[Proposal]) -> Option<Path> {
    let rank = |proposal: &&Proposal| {
        let rules = &proposal.rules;
        let fits = !proposal.field.path.is_many()
            && proposal.field.required
            && !rules.nullable
            && rules.one_of.is_empty()
            && matches!(rules.kind, Some(RuleKind::String | RuleKind::Integer));
        match proposal.category.as_deref() {
            _ if !fits => None,
            Some("pd:Identifier") => Some(4),
            Some("pd:OfficialID") => Some(3),
            Some("pd:EmailAddress") => Some(2),
            Some("pd:Username") => Some(1),
            _ => None,
        }
    };
    let ranked = request.iter().filter_map(|proposal| Some((rank(&proposal)?, proposal)));
    // Of equals the first.
    ranked.rev().max_by_key(|(rank, _)| *rank).map(|(_, proposal)| proposal.field.path.clone())
}

pub(super) struct Writer {
    text: String,
    marks: Vec<String>,
    holes: Vec<&'static str>,
}

impl Writer {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line and why it is proposed.
    fn proposed(&mut self, line: &str, place: &str, tenths: u8, because: &str) {
        let tenths = tenths.clamp(1, 9);
        let comment = yaml::comment(&format!("proposed 0.{tenths}: {because}"));
        self.line(&format!("{line:<44} {comment}"));
        self.marks.push(place.to_owned());
    }

    /// A key whose value a person said, or left to be filled in.
    fn said(&mut self, key: &'static str, said: Option<&str>, what: &str) {
        match said {
            Some(value) => self.line(&format!("{key}: {}", yaml::scalar(value))),
            None => {
                self.line(&format!(
                    "{:<44} {}",
                    format!("{key}:"),
                    yaml::comment(&format!("to fill in: {what}"))
                ));
                self.holes.push(key);
            }
        }
    }
}

fn head(writer: &mut Writer, whole: &Whole<'_>, source: &str, upstream: &str, said: &Said) {
    let name = whole.name;
    writer.line(&yaml::comment(&format!("Drafted from {source}.")));
    writer.line(
        "# Nothing here is in force yet. Fill in what is empty, correct what is wrong, and accept the rest:",
    );
    writer.line(&format!("#   consentry accept policies/{name}.yaml"));
    writer.line(&format!("activity: {}", yaml::scalar(name)));
    let title = category::tokens(name).join(" ");
    writer.proposed(
        &format!("title: {}", yaml::quoted(&title)),
        "title",
        3,
        "the name of the activity: write what the register calls it",
    );
    writer.said("purpose", said.purpose.as_deref(), "a purpose of organisation.yaml");
    writer.said(
        "legal_basis",
        said.legal_basis.as_deref(),
        "consent, contract, legal_obligation, vital_interests, public_task or legitimate_interests",
    );
    if said.legal_basis.as_deref() == Some("legitimate_interests") {
        writer.said("assessment", None, "the reference of the balancing test");
    }
    let all = || whole.request.iter().chain(&whole.response);
    if all().any(|proposal| proposal.facts.special) {
        writer.said(
            "art9_condition",
            None,
            "what lifts the prohibition of Art. 9(2), explicit_consent for example",
        );
    }
    if all().any(|proposal| proposal.facts.criminal) {
        writer.said("art10_reference", None, "the law that permits criminal-offence data (Art. 10)");
    }
    let (whose, tenths, because) = whose(whole);
    writer.proposed(
        &format!("data_subject_categories: [{whose}]"),
        "data_subject_categories",
        tenths,
        because,
    );
    if whole.routes.iter().any(|operation| operation.payload.is_some()) {
        let (subject, tenths, because) = match &whole.person {
            Some(path) if whole.rows => (format!("rows.{path}"), 7, "it names the person of every row"),
            Some(path) => (format!("body.{path}"), 7, "it names the person in every body"),
            None => ("token.sub".into(), 5, "no field names one person in every body: then it is who calls"),
        };
        writer.proposed(
            &format!("data_subject: {}", yaml::scalar(&subject)),
            "data_subject",
            tenths,
            because,
        );
        writer.said(
            "retention",
            said.retention.as_deref(),
            "how long records are kept, `30d after exchange` for example",
        );
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
    let names = whole.request.iter().flat_map(|proposal| proposal.field.path.steps().iter());
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

fn route(writer: &mut Writer, whole: &Whole<'_>, operation: &Operation, notes: &mut Vec<String>) {
    let text = operation.route();
    let place = format!("routes.{text}");
    writer.proposed(
        &format!("  - match: {}", yaml::scalar(&text)),
        &place,
        operation.tenths,
        &operation.because,
    );
    let Some(payload) = operation.payload else {
        writer.line("    personal_data: none");
        return;
    };
    writer.line(&format!("    payload: {payload}"));
    access(writer, whole, operation, &place);
    let in_path: Vec<&str> = operation
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .collect();
    let mut path: Vec<Parameter> = Vec::new();
    for name in in_path {
        let known = operation.path_parameters.iter().find(|parameter| parameter.name == name).cloned();
        path.push(known.unwrap_or_else(|| Parameter {
            name: name.to_owned(),
            rules: Rules { kind: Some(RuleKind::String), ..Rules::default() },
            required: true,
            describes: String::new(),
            example: None,
        }));
    }
    for (key, parameters, default) in
        [("path", &path, true), ("query", &operation.query, true), ("headers", &operation.headers, false)]
    {
        if parameters.is_empty() {
            continue;
        }
        writer.line(&format!("    {key}:"));
        for parameter in parameters {
            let (line, because) = self::parameter(parameter, default && key != "path", key, notes);
            let place = format!("{place}.{key}.{}", parameter.name);
            writer.proposed(&format!("      {line}"), &place, 6, &because);
        }
    }
}

fn access(writer: &mut Writer, whole: &Whole<'_>, operation: &Operation, place: &str) {
    let scopes = match whole.scopes(operation) {
        Scopes::Any(scopes) => format!("any_scope: {}", yaml::list(scopes.iter().map(String::as_str))),
        Scopes::All(scopes) => format!("all_scopes: {}", yaml::list(scopes.iter().map(String::as_str))),
        Scopes::Unknown => String::new(),
    };
    let mut line = format!("    access: {{ {scopes}");
    if whole.person.is_some() {
        let _ = write!(line, ", on_behalf_of: {}", yaml::scalar(&whole.on_behalf_of()));
    }
    line.push_str(" }");
    let (tenths, because) = match operation.scopes {
        Scopes::Unknown => (4, "the API names no scope: one of this activity's own"),
        _ => (9, "the API asks for it"),
    };
    writer.proposed(&line, &format!("{place}.access"), tenths, because);
}

fn parameter(parameter: &Parameter, optional: bool, key: &str, notes: &mut Vec<String>) -> (String, String) {
    let mut rules = parameter.rules.clone();
    let open = rules.length.is_none()
        && rules.one_of.is_empty()
        && rules.pattern.is_none()
        && rules.format.is_none();
    if rules.kind == Some(RuleKind::String) && open {
        rules.length = Some(Length { min: 0, max: Some(200) });
    }
    let mut words = rule_words(&rules);
    if optional && !parameter.required {
        words.push("required: false".into());
    }
    if key == "headers" && parameter.required {
        words.push("required: true".into());
    }
    let path = Path::of(vec![Step::Member(parameter.name.as_str().into())]);
    let found = path.and_then(|path| category::category(&path, rules.format, &parameter.describes));
    let because = match found {
        Some(found) => {
            notes.push(format!(
                "{key} `{}` looks personal ({}) and reaches the upstream as it came",
                parameter.name, found.category
            ));
            format!("it reaches the upstream as it came, and looks personal ({})", found.category)
        }
        None => "it reaches the upstream as it came".into(),
    };
    (format!("{}: {{ {} }}", yaml::scalar(&parameter.name), words.join(", ")), because)
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
        let words = words(proposal, outward);
        let line = format!("    {:<width$} {{ {} }}", format!("{key}:"), words.join(", "));
        let place = format!("{side}.fields.{}", proposal.field.path);
        writer.proposed(&line, &place, proposal.tenths, &proposal.because);
    }
}

fn words(proposal: &Proposal, outward: &str) -> Vec<String> {
    let mut words: Vec<String> =
        proposal.category.iter().map(|category| format!("category: {category}")).collect();
    words.extend(rule_words(&proposal.rules));
    if !proposal.field.required {
        words.push("required: false".into());
    }
    words.push(format!("{outward}: {}", action(&proposal.outward)));
    match &proposal.stored {
        Spec::Unchanged => words.push("stored: encrypted".into()),
        spec => words.push(format!("stored: {}", action(spec))),
    }
    words
}

fn rule_words(rules: &Rules) -> Vec<String> {
    let Rules { kind, length, range, one_of, pattern, format, nullable, sanitize: _, refuse: _, media } =
        rules;
    let mut words: Vec<String> = kind.iter().map(|kind| format!("type: {}", kind.word())).collect();
    if let Some(length) = length {
        let most = length.max.map(|most| most.to_string()).unwrap_or_default();
        words.push(format!("length: {}..{most}", length.min));
    }
    if let Some(range) = range {
        let end = |end: &Option<String>| end.clone().unwrap_or_default();
        words.push(format!("range: {}..{}", end(&range.min), end(&range.max)));
    }
    if !one_of.is_empty() {
        let text = *kind == Some(RuleKind::String);
        let values: Vec<String> =
            one_of.iter().map(|value| if text { yaml::scalar(value) } else { value.clone() }).collect();
        words.push(format!("one_of: [{}]", values.join(", ")));
    }
    words.extend(pattern.iter().map(|pattern| format!("pattern: {}", yaml::quoted(pattern))));
    words.extend(format.iter().map(|format| format!("format: {}", format.word())));
    if *nullable {
        words.push("nullable: true".into());
    }
    if !media.is_empty() {
        words.push(format!("media: [{}]", media.join(", ")));
    }
    words
}

/// As a policy writes it.
fn action(spec: &Spec) -> String {
    match spec {
        Spec::Redact(text) => format!("{{ redact: {} }}", yaml::quoted(text)),
        Spec::Mask { keep_last } => format!("{{ mask: {{ keep_last: {keep_last} }} }}"),
        Spec::Pseudonymize { as_integer: true } => "{ pseudonymize: { as: integer } }".into(),
        Spec::Encrypt { key } => format!("{{ encrypt: {{ key: {} }} }}", yaml::scalar(key)),
        Spec::Generalize(Generalize::BandsOf { width, label }) => {
            let label = if *label { ", as: label" } else { "" };
            format!("{{ generalize: {{ bands_of: {width}{label} }} }}")
        }
        Spec::Generalize(Generalize::DateTo(DateTo::Year)) => "{ generalize: { date_to: year } }".into(),
        Spec::Generalize(Generalize::DateTo(DateTo::Month)) => "{ generalize: { date_to: month } }".into(),
        Spec::Generalize(Generalize::Prefix(count)) => format!("{{ generalize: {{ prefix: {count} }} }}"),
        Spec::Detect(detect) => format!("{{ detect: {{ {detect} }} }}"),
        Spec::Unchanged
        | Spec::LeaveOut
        | Spec::RefuseIfPresent
        | Spec::Pseudonymize { as_integer: false } => spec.word().into(),
    }
}
