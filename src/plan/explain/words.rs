//! A route in sentences: who may call, whose data, what for and on what basis, what the upstream sees and does not see, what
//! is kept and for how long, what the caller gets, what an export shows.

use std::time::Duration;

use crate::action::Spec;
use crate::clock::Timestamp;
use crate::payload::Undeclared;
use crate::plan::prose::{either, list, quoted, text};
use crate::plan::{
    Activity, Answer, DataSubject, DeniedRow, Field, FurtherProcessing, LegalBasis, Mode, Per, Plan,
    Recipient, Role, Route, RouteKind, Side,
};
use crate::policy::countries::{self, Adequacy};
use crate::policy::units::{say_duration, show_duration};

/// What and its value.
pub(super) fn facts(plan: &Plan, route: &Route) -> Vec<(&'static str, String)> {
    let activity = &route.activity;
    let mut facts = vec![
        ("activity", format!("{} ({})", activity.name, activity.title)),
        ("purpose", format!("{}, {}", activity.purpose.name, activity.legal_basis.word())),
        ("access", access(route)),
    ];
    if let Some(now) = &activity.shadows {
        facts.insert(1, ("shadow of", format!("{now}; not in force")));
    }
    if let RouteKind::Open { body } = route.kind {
        let body = body.map_or_else(
            || "no body".to_owned(),
            |cap| format!("a body of at most {cap} bytes passes unread"),
        );
        facts.push(("forwards", format!("without query and caller's headers, {body}")));
        return facts;
    }
    facts.push(("retention", format!("{} after exchange", show_duration(activity.retention))));
    if let RouteKind::Answer(_) = route.kind {
        let source = activity.records_of.and_then(|source| plan.activities.get(source));
        facts.push(("records of", source.map_or_else(String::new, |source| source.name.to_string())));
        return facts;
    }
    if let Some(payload) = &route.payload {
        let (request, response) = (payload.request.format().word(), payload.response.format().word());
        let answers = if request == response { String::new() } else { format!(", answers {response}") };
        let request = if route.bodyless { "none" } else { request };
        let answers = if route.bodyless { format!(", answers {response}") } else { answers };
        facts.push(("payload", format!("{request}{answers}")));
    }
    if let (Some(upstream), Some(recipient)) = (&activity.upstream, &activity.recipient) {
        facts.push(("upstream", format!("{upstream}, run by {} ({})", recipient.name, recipient.country)));
        facts.extend(transfer(recipient).map(|transfer| ("transfer", transfer)));
    }
    for (name, side) in [("call", &activity.request), ("answer", &activity.response)] {
        if let Some((file, _)) = side.schema.as_ref().filter(|_| name == "answer" || !route.bodyless) {
            facts.push((name, format!("must fit {file} as a whole")));
        }
    }
    facts
}

fn access(route: &Route) -> String {
    let access = &route.access;
    let mut parts = Vec::new();
    if !access.all_scopes.is_empty() {
        parts.push(format!("all of {}", access.all_scopes.join(", ")));
    }
    if !access.any_scope.is_empty() {
        parts.push(format!("one of {}", access.any_scope.join(", ")));
    }
    if let Some(when) = &route.when {
        parts.push(format!("only when {}", when.text()));
    }
    if access.reason_required {
        parts.push("a reason".into());
    }
    if let Some(scope) = &access.on_behalf_of {
        parts.push(format!("for others with {scope}"));
    }
    match (parts.is_empty(), route.kind) {
        (false, _) => parts.join("; "),
        (true, RouteKind::Open { .. }) => "anyone".into(),
        (true, _) => "every authenticated caller".into(),
    }
}

/// What sending to a recipient in a third country rests on.
fn transfer(recipient: &Recipient) -> Option<String> {
    let mut text = recipient.transfer_instrument?.word().to_owned();
    if let Some(purpose) = &recipient.transfer_consent {
        text.push_str(&format!(", with the person's consent to {}", purpose.name));
    }
    if let Some(last) =
        recipient.transfer_ends.map(|ends| Timestamp::from_millis(ends.millis().saturating_sub(1)))
    {
        let last = last.to_string();
        text.push_str(&format!(", until {}", last.split('T').next().unwrap_or_default()));
    }
    if recipient.pseudonymize_before_transfer {
        text.push_str(", pseudonyms only: a text with something in it that identifies is refused");
    }
    Some(text)
}

pub(super) fn sentences(plan: &Plan, route: &Route) -> Vec<String> {
    let activity = &route.activity;
    let mut said = Vec::new();
    if let Some(now) = &activity.shadows {
        said.push(format!(
            "This is not in force: it is held against the calls of {} to see what would change.",
            quoted(now)
        ));
    }
    if activity.mode == Mode::Closed {
        said.push(format!("{} is closed: every call is refused.", text(&activity.title)));
    }
    said.push(callers(route));
    said.extend(often(route));
    match route.kind {
        RouteKind::Open { body } => {
            let what = match body {
                None => "without query, body and the caller's headers".to_owned(),
                Some(cap) => {
                    format!(
                        "without query and the caller's headers; a body of up to {cap} bytes passes unread"
                    )
                }
            };
            said.push(format!(
                "The policy says that such a call and its answer hold no personal data: it is forwarded {what}, and nothing of it is kept or journalled."
            ));
        }
        RouteKind::Answer(answer) => {
            said.push(basis(activity));
            said.extend(records(plan, activity, answer));
        }
        RouteKind::Governed => {
            said.push(whose(activity, route));
            said.push(basis(activity));
            said.extend(decision(activity));
            said.extend(upstream(activity, route));
            said.push(kept(activity, route));
            said.extend(caller(&activity.response));
            said.extend(exports(plan, activity));
        }
    }
    said
}

fn callers(route: &Route) -> String {
    let access = &route.access;
    let mut needs = Vec::new();
    let scopes: Vec<_> = access.all_scopes.iter().map(|scope| quoted(scope)).collect();
    if !scopes.is_empty() {
        needs.push(format!("the scope{} {}", plural(scopes.len()), list(&scopes)));
    }
    let any: Vec<_> = access.any_scope.iter().map(|scope| quoted(scope)).collect();
    if !any.is_empty() {
        needs.push(format!("{}the scope {}", if any.len() > 1 { "either " } else { "" }, either(&any)));
    }
    if access.reason_required {
        needs.push("a reason, which is kept".to_owned());
    }
    let only = route.when.as_ref().map(|when| format!(", and only when {}", quoted(when.text())));
    let only = only.unwrap_or_default();
    let route_text = quoted(&route.text);
    match (needs.is_empty(), route.kind) {
        (false, _) => format!("{route_text} may be called by whoever has {}{only}.", list(&needs)),
        (true, RouteKind::Open { .. }) => format!("{route_text} may be called by anyone{only}."),
        (true, _) => format!("{route_text} may be called by everybody whose credential is accepted{only}."),
    }
}

fn often(route: &Route) -> Option<String> {
    let limit = route.rate_limit?;
    let per = match limit.per {
        Per::Caller => "one caller",
        Per::Address => "one address",
        Per::DataSubject => "the data of one person",
    };
    Some(format!(
        "For {per} it may be called {} times in {}, {} at once.",
        limit.calls,
        say_duration(limit.period),
        limit.burst
    ))
}

fn whose(activity: &Activity, route: &Route) -> String {
    let categories: Vec<_> = activity.data_subject_categories.iter().map(|category| text(category)).collect();
    let people = if categories.is_empty() { String::new() } else { format!(" of {}", list(&categories)) };
    let person = match &activity.data_subject {
        Some(DataSubject::Claim(claim)) => {
            format!("the person is the one whom the token's {} names", quoted(claim))
        }
        Some(DataSubject::Parameter(part, name)) => {
            let other = match &route.access.on_behalf_of {
                Some(scope) => {
                    format!("a caller needs the scope {} to name another than themself", quoted(scope))
                }
                None => "a caller may name nobody but themself".to_owned(),
            };
            format!("the person is the one whom the {}'s {} names, and {other}", part.word(), quoted(name))
        }
        Some(DataSubject::Body(path, _)) => {
            let other = match &route.access.on_behalf_of {
                Some(scope) => {
                    format!("a caller needs the scope {} to send another's than their own", quoted(scope))
                }
                None => "a caller may send nobody's but their own".to_owned(),
            };
            format!("the person is the one whom the body's {} names, and {other}", quoted(&path.to_string()))
        }
        Some(DataSubject::Rows(path, _)) => {
            let denied = match route.payload.as_ref().map(|payload| payload.on_denied_row) {
                Some(DeniedRow::LeaveOutRow) => "a row that may not be processed is left out",
                Some(DeniedRow::Refuse) | None => "a batch with a row that may not be processed is refused",
            };
            let scope = route.access.on_behalf_of.as_deref().map(quoted).unwrap_or_default();
            format!(
                "each row is of the person whom its {} names, a caller needs the scope {scope} to send another's than their own, and {denied}",
                quoted(&path.to_string())
            )
        }
        None => "nobody in particular is named".to_owned(),
    };
    format!("A call holds data{people}: {person}.")
}

/// What for, and what makes it lawful.
fn basis(activity: &Activity) -> String {
    let purpose = &activity.purpose;
    let says = purpose.says.as_deref().map(|says| format!(", {}", text(says))).unwrap_or_default();
    let ground = match activity.legal_basis {
        LegalBasis::Consent => format!(
            "the person's consent (GDPR Art. 6(1)(a)): without one to this purpose, given within {} and for version {} of the notice, nothing is processed",
            say_duration(activity.consent_expires),
            purpose.notice_version
        ),
        LegalBasis::Contract => "a contract with the person (GDPR Art. 6(1)(b))".to_owned(),
        LegalBasis::LegalObligation => "a legal obligation (GDPR Art. 6(1)(c))".to_owned(),
        LegalBasis::VitalInterests => "vital interests (GDPR Art. 6(1)(d))".to_owned(),
        LegalBasis::PublicTask => "a task in the public interest (GDPR Art. 6(1)(e))".to_owned(),
        LegalBasis::LegitimateInterests => {
            let test = activity.assessment.as_deref().map(text).unwrap_or_default();
            format!("legitimate interests (GDPR Art. 6(1)(f), balancing test {test})")
        }
    };
    let mut said =
        format!("The data is processed for {}{says}, on the basis of {ground}.", quoted(&purpose.name));
    if activity.legal_basis.may_be_objected_to() || purpose.direct_marketing {
        said.push_str(" Nothing of whoever objects is processed (Art. 21).");
    }
    if let Some(condition) = activity.art9_condition {
        said.push_str(&format!(
            " Special categories of data are among it, on the condition {} (Art. 9(2)).",
            quoted(condition.word())
        ));
    }
    said
}

fn decision(activity: &Activity) -> Option<String> {
    let (ground, contest) = activity.automated_decision.as_ref()?;
    Some(format!(
        "A decision is automated on the ground {} (Art. 22(2)); it is contested at {}.",
        quoted(ground.word()),
        text(contest)
    ))
}

fn upstream(activity: &Activity, route: &Route) -> Vec<String> {
    let side = &activity.request;
    let mut said = Vec::new();
    let name = activity.upstream.as_deref().map(quoted).unwrap_or_default();
    let who = activity.recipient.as_deref().map(recipient).unwrap_or_default();
    let fields = || {
        let treated = route.treated().map(|(_, _, field)| field);
        side.fields.iter().filter(|_| !route.bodyless).chain(treated)
    };
    let seen = seen(fields().map(|field| (field, &field.specs.outward)));
    let seen = if seen.is_empty() { "nothing of the body".to_owned() } else { seen };
    said.push(format!("The upstream {name}, {who}, sees {seen}."));
    let passing = route.parameters().filter(|(_, param)| param.field.is_none());
    let params: Vec<_> = passing.map(|(_, param)| quoted(&param.name)).collect();
    if !params.is_empty() {
        said.push(format!("Of path, query and headers it sees {} as it comes, and no other.", list(&params)));
    }
    let of = |is: fn(&Spec) -> bool| -> Vec<String> {
        let fields = fields().filter(|field| is(&field.specs.outward));
        fields.map(|field| quoted(&field.name)).collect()
    };
    let hidden = of(|spec| *spec == Spec::LeaveOut);
    if !hidden.is_empty() {
        said.push(format!("It does not see {}.", list(&hidden)));
    }
    let refused = of(|spec| *spec == Spec::RefuseIfPresent);
    if !refused.is_empty() {
        said.push(format!("A call with {} is refused.", either(&refused)));
    }
    said.push(match side.unknown_fields {
        _ if route.bodyless => "A call with a body is refused.".to_owned(),
        Undeclared::Refuse => "A call with any other field is refused.".to_owned(),
        Undeclared::LeaveOut => "Any other field is left out.".to_owned(),
    });
    if let Some((file, _)) = side.schema.as_ref().filter(|_| !route.bodyless) {
        said.push(format!("A call must fit the schema {} as a whole.", quoted(file)));
    }
    let others: Vec<_> = activity.other_recipients.iter().map(|other| recipient_of(other)).collect();
    if !others.is_empty() {
        said.push(format!("Other recipients are {}.", list(&others)));
    }
    said
}

/// Who it is, in law and in the world.
fn recipient(recipient: &Recipient) -> String {
    format!("run by {}", recipient_of(recipient))
}

fn recipient_of(recipient: &Recipient) -> String {
    let role = match recipient.role {
        Role::Processor => "processor",
        Role::JointController => "joint controller",
        Role::Controller => "controller",
    };
    let place = match countries::adequacy(&recipient.country) {
        Some(Adequacy::Eea) => String::new(),
        _ => match transfer(recipient) {
            Some(ground) => format!(", outside the EEA on the ground of {ground}"),
            None => ", outside the EEA".to_owned(),
        },
    };
    format!("{} ({role} under {}, {}{place})", recipient.name, text(&recipient.agreement), recipient.country)
}

/// What a destination sees of some fields, those alike together.
fn seen<'f>(fields: impl Iterator<Item = (&'f Field, &'f Spec)>) -> String {
    let mut groups: Vec<(&Spec, Vec<String>)> = Vec::new();
    for (field, spec) in fields {
        if matches!(spec, Spec::LeaveOut | Spec::RefuseIfPresent) {
            continue;
        }
        match groups.iter_mut().find(|(other, _)| *other == spec) {
            Some((_, names)) => names.push(quoted(&field.name)),
            None => groups.push((spec, vec![quoted(&field.name)])),
        }
    }
    let parts: Vec<_> = groups
        .iter()
        .map(|(spec, names)| match spec {
            Spec::Unchanged => {
                format!("{} as {}", list(names), if names.len() > 1 { "they are" } else { "it is" })
            }
            spec => format!("of {} {}", list(names), spec.describe()),
        })
        .collect();
    parts.join("; ")
}

fn kept(activity: &Activity, route: &Route) -> String {
    let fields = activity.request.fields.iter().filter(|_| !route.bodyless);
    let fields = fields.chain(route.treated().map(|(_, _, field)| field)).chain(&activity.response.fields);
    let kept = seen(fields.map(|field| (field, &field.specs.stored)));
    if kept.is_empty() {
        return "Nothing of call and answer is kept but the evidence that they took place, which holds no value of a field."
            .to_owned();
    }
    format!(
        "For {} after the call there is kept, encrypted under a key of the person's own: {kept}. After that, and wherever the person's data is erased, it can be read no more.",
        say_duration(activity.retention)
    )
}

fn caller(side: &Side) -> Vec<String> {
    let everybody = side.fields.iter().filter(|field| field.gate.is_none());
    let all = seen(everybody.map(|field| (field, &field.specs.outward)));
    let gated: Vec<_> = side
        .fields
        .iter()
        .filter_map(|field| {
            let (gate, _) = field.gate.as_ref()?;
            let gate = side.gates.get(*gate)?.describe();
            let own = seen(std::iter::once((field, &field.specs.outward)));
            let others = field.specs.otherwise.as_ref().map_or_else(|| "nothing".to_owned(), Spec::describe);
            Some(format!("A caller for whom {} holds gets {own}; others get of it {others}.", quoted(&gate)))
        })
        .collect();
    let mut said = Vec::new();
    if !all.is_empty() || gated.is_empty() {
        let all = if all.is_empty() { "nothing of the upstream's answer" } else { &all };
        said.push(format!("The caller gets {all}."));
    }
    said.extend(gated);
    let headers: Vec<_> = side.headers.iter().map(|header| quoted(&header.name)).collect();
    if !headers.is_empty() {
        said.push(format!("Of the answer's headers the caller gets {}.", list(&headers)));
    }
    said.push(match side.unknown_fields {
        Undeclared::Refuse => "An answer with any other field is not passed on.".to_owned(),
        Undeclared::LeaveOut => "Anything else in the answer is left out.".to_owned(),
    });
    if let Some((file, _)) = &side.schema {
        said.push(format!("An answer must fit the schema {} as a whole.", quoted(file)));
    }
    said
}

/// Who answers from these records, and what is shown of them.
fn exports(plan: &Plan, activity: &Activity) -> Vec<String> {
    let fields = || activity.request.fields.iter().chain(&activity.response.fields);
    let mut said = Vec::new();
    for route in &plan.routes {
        let RouteKind::Answer(answer) = route.kind else { continue };
        if route.activity.records_of != Some(activity.index) {
            continue;
        }
        let (route_text, purpose) = (quoted(&route.text), quoted(&route.activity.purpose.name));
        said.push(match answer {
            Answer::PseudonymizedRecords => {
                let shown = seen(fields().map(|field| (field, &field.specs.export)));
                let shown = if shown.is_empty() { "nothing of the fields".to_owned() } else { shown };
                format!(
                    "An export, {route_text} for {purpose}, shows beside a pseudonym of the person {shown}."
                )
            }
            Answer::ReIdentifiedRecord => {
                format!("A single record is opened as it was kept by {route_text}, for {purpose}.")
            }
        });
    }
    if said.is_empty() {
        said.push("No route shows what is kept to anybody.".to_owned());
    }
    said
}

fn records(plan: &Plan, activity: &Activity, answer: Answer) -> Vec<String> {
    let Some(source) = activity.records_of.and_then(|source| plan.activities.get(source)) else {
        return Vec::new();
    };
    let fields = || source.request.fields.iter().chain(&source.response.fields);
    let ground = match &activity.further_processing {
        Some(FurtherProcessing::OwnConsent) => "the person's separate consent".to_owned(),
        Some(FurtherProcessing::Art89(reference)) => {
            format!("research or statistics under Art. 89(1), {}", text(reference))
        }
        Some(FurtherProcessing::Law(reference)) => format!("law, {}", text(reference)),
        Some(FurtherProcessing::Compatibility(reference)) => {
            format!("an assessment of compatibility, {}", text(reference))
        }
        None => "nothing that is named".to_owned(),
    };
    let term: Duration = activity.retention;
    let mut said = vec![format!(
        "The gateway answers from what was kept for {}, for {} after each exchange; the re-use rests on {ground} (Art. 6(4)).",
        text(&source.title),
        say_duration(term)
    )];
    said.push(match answer {
        Answer::PseudonymizedRecords => {
            let shown = seen(fields().map(|field| (field, &field.specs.export)));
            let shown = if shown.is_empty() { "nothing of the fields".to_owned() } else { shown };
            format!(
                "The caller gets pages of records in random order, which show beside a pseudonym of the person {shown}. Pseudonyms are of the domain {} and cannot be joined with those of another.",
                quoted(&activity.pseudonymization_domain)
            )
        }
        Answer::ReIdentifiedRecord => {
            let shown = seen(fields().map(|field| (field, &field.specs.stored)));
            format!("The caller gets one record as it was kept: {shown}. Each such act is in the audit, with its reason.")
        }
    });
    said.push(match activity.may_outlive_source {
        true => "Records may be read after the consent that they were kept on is withdrawn, as long as this activity's own ground stands.".to_owned(),
        false => "Whoever has not agreed where consent is the basis, objects, or is restricted, is left out.".to_owned(),
    });
    said
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
