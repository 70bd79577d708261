//! From policies as written to a plan: names become indices and pointers, rules and actions what is run.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use super::compile_route::param;
use super::deployment::Deployment;
use super::gates::{Gates, claims};
use super::matcher::Matcher;
use super::{
    Activity, DataSubject, Field, Organisation, Plan, Purpose, Recipient, Route, Shadow, Side, Specs,
    transfer,
};
use crate::action::{Action, Spec};
use crate::check::{Check, RuleKind};
use crate::clock::Timestamp;
use crate::condition::Vocabulary;
use crate::payload::{Direction, Kind, Undeclared};
use crate::policy::reader::Reader;
use crate::policy::units::end_of;
use crate::policy::{self, Code, Diagnostic, Diagnostics, Draft, PolicySet, RouteKind, Spanned};

/// How long a consent lasts where the organisation does not say.
const CONSENT_EXPIRES: Duration = Duration::from_secs(365 * 86_400);

/// Policies that were read and compiled.
#[derive(Debug)]
pub struct Loaded {
    /// As they are run.
    pub plan: Plan,
    /// As they are written.
    pub set: PolicySet,
    /// What they were warned of.
    pub warnings: Diagnostics,
}

/// Reads a policies folder and compiles it: everything that is wrong with the files and with how they fit the deployment
/// is reported at once.
///
/// # Errors
/// All findings, if any of them is an error; else the warnings come beside the plan.
pub fn load(folder: &FilePath, deployment: &Deployment) -> Result<Loaded, Diagnostics> {
    loaded(policy::read(folder), deployment)
}

/// The same with a shadow in the place of what it shadows, as it would be in force: for its cases.
///
/// # Errors
/// As [`load`].
pub fn load_promoted(
    folder: &FilePath,
    deployment: &Deployment,
    shadow: &str,
) -> Result<Loaded, Diagnostics> {
    let mut draft = policy::read(folder);
    draft.set.promote(shadow);
    loaded(draft, deployment)
}

/// The same, and what the calendar says: what ended before `now` is an error here, as it is none for a gateway, which
/// refuses the calls in question and serves the others.
///
/// # Errors
/// As [`load`].
pub fn load_on(folder: &FilePath, deployment: &Deployment, now: Timestamp) -> Result<Loaded, Diagnostics> {
    let mut draft = policy::read(folder);
    draft.found.extend(policy::due(&draft.set, now));
    loaded(draft, deployment)
}

fn loaded(draft: Draft, deployment: &Deployment) -> Result<Loaded, Diagnostics> {
    let Draft { set, found } = draft;
    let mut reader = Reader::after(found);
    let plan = build(&set, deployment, &mut reader);
    let good = !policy::has_errors(&reader.found);
    if good && plan.is_none() {
        // Nothing was reported and yet a part is missing: refuse rather than serve without it.
        let message = "The policies could not be compiled, though no mistake was found in them.";
        let help = "Report this as a fault of the gateway, with the files.";
        reader.found.push(Diagnostic::nowhere(Code::NotCompiled, message, help));
    }
    let found = Diagnostics::new(Arc::clone(&set.sources), reader.found);
    match plan {
        Some(plan) if good => Ok(Loaded { plan, set, warnings: found }),
        _ => Err(found),
    }
}

/// The plan, where nothing that it needs is missing; a missing part has been reported by whoever should have read it.
fn build(set: &PolicySet, deployment: &Deployment, reader: &mut Reader) -> Option<Plan> {
    let written = set.organisation.as_ref()?;
    let organisation = Arc::new(organisation(written));
    let compiler = Compiler { set, written, organisation: &organisation, deployment };
    let mut activities: Vec<Option<Arc<Activity>>> = vec![None; set.activities.len()];
    // Sources before the activities that use their records.
    for of_records in [false, true] {
        for (index, activity) in set.activities.iter().enumerate() {
            if activity.records_of.is_some() == of_records {
                let compiled = compiler.activity(index, activity, &activities, reader).map(Arc::new);
                if let Some(place) = activities.get_mut(index) {
                    *place = compiled;
                }
            }
        }
    }
    let mut routes: Vec<Option<Arc<Route>>> = Vec::new();
    for (activity, compiled) in set.activities.iter().zip(&activities) {
        for route in &activity.routes {
            let index = routes.len();
            routes.push(
                compiled
                    .as_ref()
                    .and_then(|compiled| compiler.route(index, activity, route, compiled, reader))
                    .map(Arc::new),
            );
        }
    }
    let activities = activities.into_iter().collect::<Option<Vec<_>>>()?;
    let routes = routes.into_iter().collect::<Option<Vec<_>>>()?;
    let mut shadows = Vec::new();
    let mut beside = vec![Vec::new(); routes.len()];
    for written in &set.shadows {
        let name = written.shadows.as_ref()?;
        let index = set.activities.iter().position(|other| other.name == name.value)?;
        let (of, now) = (Arc::clone(activities.get(index)?), set.activities.get(index)?);
        let activity = Arc::new(compiler.activity(index, written, &[], reader)?);
        for route in &written.routes {
            let place = now.routes.iter().position(|other| policy::same_calls(other, route))?;
            let index = routes.iter().position(|other| other.activity.index == index)? + place;
            let compiled = Arc::new(compiler.route(index, written, route, &activity, reader)?);
            beside.get_mut(index)?.push((shadows.len(), compiled));
        }
        shadows.push(Shadow { activity, of });
    }
    let matcher = Matcher::new(&routes);
    let interchange_keys = deployment.interchange_keys.iter().map(|name| name.as_str().into()).collect();
    let all: Vec<_> =
        activities.iter().chain(shadows.iter().map(|shadow: &Shadow| &shadow.activity)).cloned().collect();
    let on_paper = beside.iter().flatten().map(|(_, route): &(usize, Arc<Route>)| route);
    let claims = claims(&all, &routes.iter().chain(on_paper).cloned().collect::<Vec<_>>());
    Some(Plan {
        digest: set.digest,
        activities,
        routes,
        shadows,
        beside,
        organisation,
        interchange_keys,
        claims,
        matcher,
    })
}

fn organisation(written: &policy::Organisation) -> Organisation {
    let purposes: BTreeMap<Arc<str>, Arc<Purpose>> = written
        .purposes
        .iter()
        .map(|purpose| {
            let name: Arc<str> = purpose.name.value.as_str().into();
            let compiled = Purpose {
                name: Arc::clone(&name),
                says: purpose.says.clone(),
                notice_version: purpose.notice_version,
                direct_marketing: purpose.direct_marketing,
            };
            (name, Arc::new(compiled))
        })
        .collect();
    let recipients = written.recipients.iter().filter_map(|recipient| {
        let id: Arc<str> = recipient.id.value.as_str().into();
        let compiled = Recipient {
            id: Arc::clone(&id),
            name: recipient.name.clone()?,
            role: recipient.role?,
            agreement: recipient.agreement.clone()?,
            country: recipient.country.as_ref()?.value.clone(),
            transfer_instrument: recipient.transfer_instrument,
            pseudonymize_before_transfer: recipient.pseudonymize_before_transfer,
            transfer_ends: recipient.transfer_valid_until.as_ref().map(|until| end_of(until.value)),
            transfer_consent: match &recipient.transfer_consent {
                None => None,
                Some(purpose) => Some(purposes.get(purpose.value.as_str()).cloned()?),
            },
        };
        Some((id, Arc::new(compiled)))
    });
    let recipients = recipients.collect();
    Organisation {
        name: written.name.clone().unwrap_or_default(),
        address: written.address.clone().unwrap_or_default(),
        contact: written.contact.clone().unwrap_or_default(),
        dpo: written.dpo.clone(),
        supervisory_authority: written.supervisory_authority.clone(),
        purposes,
        recipients,
        consent_expires: written.consent_expires.unwrap_or(CONSENT_EXPIRES),
        reasons: written.reasons.iter().map(|reason| reason.value.as_str().into()).collect(),
    }
}

pub(super) struct Compiler<'a> {
    set: &'a PolicySet,
    written: &'a policy::Organisation,
    organisation: &'a Organisation,
    deployment: &'a Deployment,
}

impl Compiler<'_> {
    fn activity(
        &self,
        index: usize,
        written: &policy::Activity,
        done: &[Option<Arc<Activity>>],
        reader: &mut Reader,
    ) -> Option<Activity> {
        let recipient = written.upstream.as_ref().and_then(|name| self.recipient(name, reader));
        let (asked, answered, none) =
            (written.request.as_ref(), written.response.as_ref(), Vocabulary::default());
        let request = self.side(asked, Direction::Request, recipient.as_deref(), &none, reader);
        let response = self.side(answered, Direction::Response, None, &policy::of_fields(written), reader);
        let source = match &written.records_of {
            None => None,
            Some(name) => Some(self.set.activities.iter().position(|other| other.name == name.value)?),
        };
        let kept = match source {
            None => None,
            Some(source) => Some(done.get(source)?.as_ref()?),
        };
        let (request, response) = match kept {
            None => (Arc::new(request?), Arc::new(response?)),
            Some(kept) => (Arc::clone(&kept.request), Arc::clone(&kept.response)),
        };
        let data_subject = match &written.data_subject {
            None => None,
            Some(Spanned { value: policy::DataSubject::Claim(claim), .. }) => {
                Some(DataSubject::Claim(claim.as_str().into()))
            }
            Some(Spanned { value: policy::DataSubject::Parameter(place, name), .. }) => {
                Some(DataSubject::Parameter(*place, name.as_str().into()))
            }
            Some(Spanned { value: policy::DataSubject::Body(path), .. }) => {
                let field = request.fields.iter().position(|field| field.path == *path)?;
                Some(DataSubject::Body(path.clone(), field))
            }
            Some(Spanned { value: policy::DataSubject::Rows(path), .. }) => {
                let field = request.fields.iter().position(|field| field.path == *path)?;
                Some(DataSubject::Rows(path.clone(), field))
            }
        };
        let purpose = self.organisation.purposes.get(written.purpose.as_ref()?.value.as_str())?;
        let others = written.other_recipients.iter();
        let others = others.map(|name| self.organisation.recipients.get(name.value.as_str()).cloned());
        let mut other_recipients = others.collect::<Option<Vec<_>>>()?;
        let analysed_by = transfer::analysed_by(written, [&request, &response], |asks| {
            self.organisation.recipients.get(self.deployment.analyzers.get(asks)?.as_str()).cloned()
        });
        transfer::also(&mut other_recipients, analysed_by.iter().cloned());
        let governed = written.routes.iter().any(|route| route.kind == RouteKind::Governed);
        let forwards = written.routes.iter().any(|route| !matches!(route.kind, RouteKind::Answer(_)));
        // INVARIANT: what is forwarded has a recipient, and what is governed a person and a term.
        if forwards && recipient.is_none()
            || governed && (data_subject.is_none() || written.retention.is_none())
        {
            return None;
        }
        Some(Activity {
            index,
            name: written.name.as_str().into(),
            title: written.title.clone()?,
            digest: written.digest,
            purpose: Arc::clone(purpose),
            legal_basis: written.legal_basis.as_ref()?.value,
            assessment: written.assessment.clone(),
            art9_condition: written.art9_condition.as_ref().map(|condition| condition.value),
            data_subject_categories: written.data_subject_categories.clone(),
            data_subject,
            retention: kept.map(|kept| kept.retention).or(written.retention).unwrap_or_default(),
            upstream: written.upstream.as_ref().map(|name| name.value.as_str().into()),
            recipient,
            other_recipients,
            analysed_by,
            shadows: written.shadows.as_ref().map(|name| name.value.as_str().into()),
            pseudonymization_domain: self.set.domain(written).into(),
            journal: written.journal,
            mode: written.mode,
            records_of: source,
            further_processing: written.further_processing.as_ref().map(|ground| ground.value.clone()),
            may_outlive_source: written.may_outlive_source,
            consent_expires: self.organisation.consent_expires,
            automated_decision: written
                .automated_decision
                .as_ref()
                .map(|(ground, contest)| (ground.value, contest.clone())),
            request,
            response,
        })
    }

    /// Who runs an upstream.
    fn recipient(&self, name: &Spanned<String>, reader: &mut Reader) -> Option<Arc<Recipient>> {
        let upstreams = &self.deployment.upstreams;
        let Some(recipient) = upstreams.get(&name.value) else {
            policy::unknown(
                name,
                "upstream",
                &self.deployment.within(),
                upstreams.keys().map(String::as_str),
                reader,
            );
            return None;
        };
        let declared = self.written.recipients.iter().any(|other| other.id.value == *recipient);
        if !declared {
            let message = format!(
                "{} says that `{recipient}` runs the upstream `{}`, and organisation.yaml has no such recipient.",
                self.deployment.called(),
                name.value
            );
            reader.report(
                Code::UnknownName,
                name.span,
                message,
                "Declare it under `recipients`, with role, agreement and country.",
            );
        }
        self.organisation.recipients.get(recipient.as_str()).cloned()
    }

    /// `None` where a part is missing. Every field is looked at, so that each mistake is reported.
    fn side<'w>(
        &self,
        written: Option<&'w policy::Side>,
        direction: Direction,
        recipient: Option<&Recipient>,
        vocabulary: &'w Vocabulary,
        reader: &mut Reader,
    ) -> Option<Side> {
        let Some(written) = written else {
            return Some(Side {
                unknown_fields: Undeclared::Refuse,
                fields: Vec::new(),
                headers: Vec::new(),
                gates: Vec::new(),
                schema: None,
            });
        };
        let mut gates = Gates::new(vocabulary);
        let fields: Vec<_> = written
            .fields
            .iter()
            .map(|field| self.field(field, direction, recipient, &mut gates, reader))
            .collect();
        let fields = fields.into_iter().collect::<Option<Vec<_>>>()?;
        let headers = written.headers.iter().filter(|_| direction == Direction::Response);
        let headers = headers.map(|header| param(header, None)).collect::<Option<_>>()?;
        let schema = match &written.schema {
            None => None,
            Some(whole) => Some((whole.file.value.as_str().into(), Arc::clone(whole.compiled.as_ref()?))),
        };
        Some(Side { unknown_fields: written.unknown_fields, fields, headers, gates: gates.compiled, schema })
    }

    pub(super) fn field<'w>(
        &self,
        written: &'w policy::Field,
        direction: Direction,
        recipient: Option<&Recipient>,
        gates: &mut Gates<'w>,
        reader: &mut Reader,
    ) -> Option<Field> {
        let default = policy::defaults(self.written, written);
        let own = &written.destinations;
        let (outward, stored, export) = (
            own.outward(direction).or(default.and_then(|default| default.outward(direction))),
            own.stored.as_ref().or(default.and_then(|default| default.stored.as_ref())),
            own.export.as_ref().or(default.and_then(|default| default.export.as_ref())),
        );
        let identifying = written
            .category
            .as_ref()
            .is_some_and(|category| policy::identifies(self.written, &category.value));
        let pseudonyms_only = recipient
            .filter(|recipient| direction == Direction::Request && recipient.pseudonymize_before_transfer);
        if let Some(recipient) = pseudonyms_only {
            transfer::check(written, identifying, outward, recipient, reader);
        }
        let kind = written.rules.kind.map(RuleKind::kind);
        let word = |spec: Option<&Spanned<Spec>>| spec.map_or(Spec::LeaveOut, |spec| spec.value.clone());
        let specs = (word(outward), word(stored), word(export));
        let outward = match outward {
            None => self.action(&Spec::LeaveOut, kind, written, reader),
            Some(spec) => self.action(&spec.value, kind, written, reader),
        };
        let outward = match outward {
            Some(action) if pseudonyms_only.is_some() && transfer::is_free_text(written) => {
                action.pseudonyms_only().ok()
            }
            outward => outward,
        };
        let mut kept = |spec: Option<&Spanned<Spec>>| match spec.map(|spec| &spec.value) {
            None | Some(Spec::LeaveOut) => Some(None),
            Some(spec) => self.action(spec, kind, written, reader).map(Some),
        };
        let (stored, export) = (kept(stored), kept(export));
        let (mut gate, mut otherwise) = (None, None);
        if let Some(written_gate) = &own.gate {
            let spec = word(written_gate.value.otherwise.as_ref());
            gate = Some((gates.index(&written_gate.value)?, self.action(&spec, kind, written, reader)?));
            otherwise = Some(spec);
        }
        Some(Field {
            name: written.name.value.as_str().into(),
            path: written.path.clone()?,
            category: written.category.as_ref().map(|category| category.value.as_str().into()),
            identifying,
            required: written.required,
            check: Check::compile(&written.rules).ok()?,
            outward: outward?,
            gate,
            stored: stored?,
            export: export?,
            rule: super::explain::rule(&written.rules, written.required).into(),
            specs: Specs { outward: specs.0, stored: specs.1, export: specs.2, otherwise },
        })
    }

    fn action(
        &self,
        spec: &Spec,
        kind: Option<Kind>,
        field: &policy::Field,
        reader: &mut Reader,
    ) -> Option<Action> {
        let keys = &self.deployment.interchange_keys;
        let written = || field.destinations.all().find(|own| own.value == *spec);
        let span = || written().map_or(field.name.span, |own| own.span);
        if let Spec::Encrypt { key } = spec
            && !keys.contains(key)
        {
            let name = Spanned::new(key.clone(), span());
            policy::unknown(
                &name,
                "interchange key",
                &self.deployment.within(),
                keys.iter().map(String::as_str),
                reader,
            );
            return None;
        }
        if let Some(ask) = transfer::ask(spec) {
            let name = Spanned::new(ask.analyzer.clone(), span());
            let known = &self.deployment.analyzers;
            let Some(recipient) = known.get(&ask.analyzer) else {
                let known = known.keys().map(String::as_str);
                policy::unknown(&name, "analyser", &self.deployment.within(), known, reader);
                return None;
            };
            let declared = self.organisation.recipients.get(recipient.as_str());
            transfer::check_analyzer(
                &name,
                recipient,
                declared.map(|recipient| &**recipient),
                self.deployment,
                reader,
            );
        }
        Action::compile(spec, kind, |name| keys.iter().position(|key| key == name)).ok()
    }
}
