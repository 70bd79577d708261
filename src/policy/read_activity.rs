//! Reads an activity: `policies/NAME.yaml`.

use std::time::Duration;

use super::codes::Code;
use super::diagnostics::Spanned;
use super::model::{Activity, Children, DataSubject, HeadPart, RouteKind};
use super::proposed;
use super::read_field::{side, words};
use super::read_route::route;
use super::reader::{Map, Reader};
use super::shape;
use super::units;
use super::words::{
    Art9Condition, DecisionGround, DeniedRow, FurtherProcessing, JournalMode, LegalBasis, Mode,
};
use super::yaml::{Meaning, Node};
use crate::payload::{Direction, Path};

pub(super) fn activity(name: &str, digest: [u8; 32], node: &Node, reader: &mut Reader) -> Option<Activity> {
    let mut map = reader.map(node, &shape::ACTIVITY)?;
    map.not_here("schema", "Write it under `request` or `response`: each body has its own.", reader);
    if let Some(node) = map.must("activity", "Write the file's name without `.yaml`.")
        && let Some(text) = reader.text(node)
        && text.value != name
    {
        let help = format!(
            "Write `activity: {name}`, or rename the file: other files and the evidence use this name."
        );
        reader.report(
            Code::FileName,
            text.span,
            format!("The activity calls itself `{}`, and its file `{name}`.", text.value),
            help,
        );
    }
    // Whatever stands there, this file does not mean to be in force.
    let shadows = map
        .take("shadows")
        .map(|node| reader.name(node).unwrap_or_else(|| Spanned::new(String::new(), node.span)));
    let re_use = map.has("records_of");
    let title = text(map.must("title", "Write what the register calls it."), reader);
    let help = "Write `purpose: NAME` with a purpose of organisation.yaml.";
    let purpose = map.must_by(Code::NoPurpose, "purpose", help).and_then(|node| reader.text(node));
    let help = "Write `legal_basis:` and consent, contract, legal_obligation, vital_interests, public_task or legitimate_interests.";
    let basis = map.must_by(Code::NoLegalBasis, "legal_basis", help);
    let legal_basis = basis.and_then(|node| {
        Some(Spanned::new(reader.word(node, &words(LegalBasis::ALL, LegalBasis::word))?, node.span))
    });
    let assessment = text(map.take("assessment"), reader);
    let conditions = words(Art9Condition::ALL, Art9Condition::word);
    let art9_condition = map
        .take("art9_condition")
        .and_then(|node| Some(Spanned::new(reader.word(node, &conditions)?, node.span)));
    let art10_reference = text(map.take("art10_reference"), reader);
    let decision_said = map.has("automated_decision");
    let automated_decision = map.take("automated_decision").and_then(|node| decision(node, reader));
    // Where it cannot be read, that was reported, and nothing follows from it.
    let offered_to_children = map
        .take("offered_to_children")
        .map(|node| children(node, reader).unwrap_or_else(|| Spanned::new(Children::None, node.span)));
    let help = "Write whose data it is: `data_subject_categories: [customers]`.";
    let categories = map.must_by(Code::NoDataSubjectCategory, "data_subject_categories", help);
    let categories = categories.and_then(|node| reader.texts(node, "categories of data subjects"));
    let other_recipients = map.take("other_recipients").and_then(|node| reader.list(node, "recipients"));
    let other_recipients =
        other_recipients.unwrap_or_default().iter().filter_map(|node| reader.text(node)).collect();
    let domain =
        map.take("pseudonymization_domain").and_then(|node| reader.name(node)).map(|name| name.value);
    if re_use {
        map.not_here(
            "journal",
            "Leave it out: what is shown is in the audit before it is given out.",
            reader,
        );
    }
    let journal =
        map.take("journal").and_then(|node| reader.word(node, &words(JournalMode::ALL, JournalMode::word)));
    if re_use {
        map.not_here("on_denied_row", "Leave it out: what is kept is shown record by record.", reader);
    }
    let denied_rows = words(DeniedRow::ALL, DeniedRow::word);
    let on_denied_row = map.take("on_denied_row").and_then(|node| reader.word(node, &denied_rows));
    let mode = map.take("mode").and_then(|node| reader.word(node, &words(Mode::ALL, Mode::word)));
    let routes =
        map.must("routes", "List the calls that it serves: `routes: [ { match: POST /predict/, … } ]`.");
    let routes = routes.and_then(|node| reader.list(node, "routes")).unwrap_or_default();
    let routes: Vec<_> = routes.iter().filter_map(|node| route(node, reader)).collect();

    let mut activity = Activity {
        name: name.to_owned(),
        digest,
        shadows,
        title,
        purpose,
        legal_basis,
        assessment,
        art9_condition,
        art10_reference,
        automated_decision,
        decision_said,
        offered_to_children,
        data_subject_categories: categories.unwrap_or_default().into_iter().map(|text| text.value).collect(),
        data_subject: None,
        retention: None,
        upstream: None,
        other_recipients,
        pseudonymization_domain: domain,
        journal: journal.unwrap_or_default(),
        on_denied_row: on_denied_row.unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        records_of: None,
        further_processing: None,
        may_outlive_source: false,
        routes,
        request: None,
        response: None,
    };
    if re_use {
        of_records(&mut map, &mut activity, reader)
    } else {
        of_exchanges(&mut map, &mut activity, reader)
    }
    if let Some(list) = map.take(proposed::KEY) {
        proposed::report(node, list, reader);
    }
    map.finish(reader);
    Some(activity)
}

fn text(node: Option<&Node>, reader: &mut Reader) -> Option<String> {
    node.and_then(|node| reader.text(node)).map(|text| text.value)
}

/// What only an activity that answers from another's records has.
fn of_records(map: &mut Map<'_>, activity: &mut Activity, reader: &mut Reader) {
    activity.records_of = map.take("records_of").and_then(|node| reader.text(node));
    let help = "Say what the re-use rests on: `further_processing: own_consent`, or `art_89:`, `law:` or `compatibility:` with a reference.";
    let node = map.must_by(Code::FurtherProcessing, "further_processing", help);
    activity.further_processing = node.and_then(|node| further_processing(node, help, reader));
    activity.may_outlive_source =
        map.take("may_outlive_source").and_then(|node| reader.boolean(node)).unwrap_or(false);
    let help =
        "Leave it out: with `records_of`, fields, stored forms, persons and retention are that activity's.";
    for key in ["data_subject", "retention", "upstream", "request", "response"] {
        map.not_here(key, help, reader);
    }
}

/// What only an activity with exchanges of its own has.
fn of_exchanges(map: &mut Map<'_>, activity: &mut Activity, reader: &mut Reader) {
    let governed = activity.routes.iter().any(|route| route.kind == RouteKind::Governed);
    let forwards = activity.routes.iter().any(|route| !matches!(route.kind, RouteKind::Answer(_)));
    for key in ["further_processing", "may_outlive_source"] {
        map.not_here(
            key,
            "It speaks of the records of another activity: name that with `records_of`.",
            reader,
        );
    }
    if governed {
        let help = "Say whose data a call holds: `data_subject: token.sub`, `body.FIELD`, `path.NAME`, `query.NAME`, `header.NAME`, or `rows.FIELD` in a batch.";
        let node = map.must("data_subject", help);
        activity.data_subject = node.and_then(|node| data_subject(node, help, reader));
        let help = "Say how long records are kept: `retention: 30d after exchange`.";
        let node = map.must_by(Code::NoRetention, "retention", help);
        activity.retention = node.and_then(|node| retention(node, reader));
        let help = "Say which fields may come, under `request: { fields: … }`.";
        let bodies = activity.routes.iter().any(|route| {
            route.kind == RouteKind::Governed
                && !route.bodyless
                && matches!(route.method.as_str(), "POST" | "PUT" | "PATCH")
        });
        let node = if bodies { map.must("request", help) } else { map.take("request") };
        activity.request = node.and_then(|node| side(node, Direction::Request, reader));
        let help = "Say which fields the caller gets, under `response: { fields: … }`.";
        let node = map.must("response", help);
        activity.response = node.and_then(|node| side(node, Direction::Response, reader));
    } else {
        activity.data_subject =
            map.take("data_subject").and_then(|node| data_subject(node, "Write `token.sub`.", reader));
        activity.retention = map.take("retention").and_then(|node| retention(node, reader));
        activity.request = map.take("request").and_then(|node| side(node, Direction::Request, reader));
        activity.response = map.take("response").and_then(|node| side(node, Direction::Response, reader));
    }
    let help = "Write `upstream: NAME` with an upstream of consentry.yaml.";
    let node = if forwards { map.must("upstream", help) } else { map.take("upstream") };
    activity.upstream = node.and_then(|node| reader.name(node));
}

fn retention(node: &Node, reader: &mut Reader) -> Option<Duration> {
    let text = reader.text(node)?;
    let words: Vec<&str> = text.value.split_ascii_whitespace().collect();
    if let [duration, "after", "exchange"] = words.as_slice()
        && let Some(duration) = units::duration(duration)
    {
        return Some(duration);
    }
    let help = format!("Write a duration, {}, and from when it runs: `30d after exchange`.", units::BOUNDS);
    reader.report(Code::WrongValue, text.span, format!("`{}` is not a retention.", text.value), help);
    None
}

fn data_subject(node: &Node, help: &str, reader: &mut Reader) -> Option<Spanned<DataSubject>> {
    let text = reader.text(node)?;
    let subject = match text.value.split_once('.') {
        Some(("token", claim)) if !claim.is_empty() => DataSubject::Claim(claim.to_owned()),
        Some((place @ ("body" | "rows"), field)) => match Path::parse(field) {
            Ok(path) if place == "rows" => DataSubject::Rows(path),
            Ok(path) => DataSubject::Body(path),
            Err(error) => {
                reader.report(
                    Code::FieldPath,
                    text.span,
                    format!("`{field}` cannot be read as a field name: {error}."),
                    help,
                );
                return None;
            }
        },
        Some((place @ ("path" | "query" | "header"), name)) if !name.is_empty() => match place {
            "path" => DataSubject::Parameter(HeadPart::Path, name.to_owned()),
            "query" => DataSubject::Parameter(HeadPart::Query, name.to_owned()),
            _ => DataSubject::Parameter(HeadPart::Header, name.to_ascii_lowercase()),
        },
        _ => {
            reader.report(
                Code::WrongValue,
                text.span,
                format!("`{}` does not say where the person is named.", text.value),
                help,
            );
            return None;
        }
    };
    Some(Spanned::new(subject, text.span))
}

fn further_processing(node: &Node, help: &str, reader: &mut Reader) -> Option<Spanned<FurtherProcessing>> {
    let span = node.span;
    if let super::yaml::Content::Scalar(scalar) = &node.content
        && scalar.meaning == Meaning::Text
    {
        reader.word(node, &[("own_consent", ())]).or_else(|| {
            reader.found.pop();
            reader.report(
                Code::FurtherProcessing,
                span,
                format!("A re-use cannot rest on `{}`.", scalar.text),
                help,
            );
            None
        })?;
        return Some(Spanned::new(FurtherProcessing::OwnConsent, span));
    }
    let mut map = reader.map(node, &shape::FURTHER)?;
    let mut grounds: Vec<FurtherProcessing> = Vec::new();
    let mut named = 0_usize;
    type Maker = fn(String) -> FurtherProcessing;
    let makers: [(&'static str, Maker); 3] = [
        ("art_89", FurtherProcessing::Art89),
        ("law", FurtherProcessing::Law),
        ("compatibility", FurtherProcessing::Compatibility),
    ];
    for (key, make) in makers {
        if let Some(node) = map.take(key) {
            named += 1;
            grounds.extend(reader.text(node).map(|text| make(text.value)));
        }
    }
    if named != 1 {
        reader.report(
            Code::FurtherProcessing,
            map.span,
            "A re-use rests on one ground, and here it is none or several.",
            help,
        );
    }
    map.finish(reader);
    if named == 1 { grounds.pop().map(|ground| Spanned::new(ground, span)) } else { None }
}

/// GDPR Art. 8: `none`, or to whom the service is offered.
fn children(node: &Node, reader: &mut Reader) -> Option<Spanned<Children>> {
    if let super::yaml::Content::Scalar(_) = &node.content {
        return reader.word(node, &[("none", ())]).map(|()| Spanned::new(Children::None, node.span));
    }
    let mut map = reader.map(node, &shape::CHILDREN)?;
    let help = "Write the two letters of the state whose law sets the age: `member_state: FR`.";
    let member_state = map.must("member_state", help).and_then(|node| reader.text(node));
    let help = "Write from which age on the service is offered: `minimum_age: 13`.";
    let minimum_age = map.must("minimum_age", help).and_then(|node| reader.integer(node, 1, 18));
    let parental_authorisation = text(map.take("parental_authorisation"), reader);
    map.finish(reader);
    let children =
        Children::From { member_state: member_state?, minimum_age: minimum_age?, parental_authorisation };
    Some(Spanned::new(children, node.span))
}

fn decision(node: &Node, reader: &mut Reader) -> Option<(Spanned<DecisionGround>, String)> {
    if let super::yaml::Content::Scalar(scalar) = &node.content
        && scalar.text == "none"
    {
        return None;
    }
    let mut map = reader.map(node, &shape::DECISION)?;
    let help = "Write `ground:` and contract, law or explicit_consent.";
    let ground = map.must_by(Code::AutomatedDecision, "ground", help);
    let grounds = words(DecisionGround::ALL, DecisionGround::word);
    let ground = ground.and_then(|node| Some(Spanned::new(reader.word(node, &grounds)?, node.span)));
    let help = "Write `contest:` and where a person asks for a human to decide: an address or a URL.";
    let contest = map.must_by(Code::AutomatedDecision, "contest", help);
    let contest = text(contest, reader);
    map.finish(reader);
    Some((ground?, contest?))
}
