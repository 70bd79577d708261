//! The pages that people read: the privacy notice (GDPR Art. 13), generated from the policies in force, and one page for
//! each problem. They are written once per load; the pipeline serves them as they are.

use std::fmt::Write as _;

use askama::Template;

use crate::pipeline::{Page, Pages};
use crate::plan::{Activity, FurtherProcessing, LegalBasis, Organisation, Plan, Recipient, Role};
use crate::policy::contact;
use crate::policy::units::say_duration;
use crate::problem::Problem;

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = include_str!("style.css");

/// The pages could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the privacy notice cannot be written")]
pub struct NoticeError(#[from] askama::Error);

/// Every page of the gateway for these policies.
///
/// # Errors
/// Where a page cannot be written.
pub fn pages(plan: &Plan) -> Result<Pages, NoticeError> {
    let mut pages = Pages::default();
    pages.put("notice", html(notice(plan)?));
    pages.put("style.css", Page { content_type: "text/css; charset=utf-8", body: STYLE.into() });
    pages.put("problems", html(Index { problems: Problem::ALL }.render()?));
    for problem in Problem::ALL {
        pages.put(&format!("problems/{problem}"), html(ProblemPage { problem: *problem }.render()?));
    }
    Ok(pages)
}

fn html(body: String) -> Page {
    Page { content_type: HTML, body: body.into() }
}

fn notice(plan: &Plan) -> Result<String, askama::Error> {
    let activities = plan.activities.iter().map(|activity| Row::new(activity, plan)).collect();
    NoticePage { organisation: &plan.organisation, activities }.render()
}

#[derive(Template)]
#[template(path = "notice/notice.html")]
struct NoticePage<'a> {
    organisation: &'a Organisation,
    activities: Vec<Row<'a>>,
}

impl NoticePage<'_> {
    /// Where a contact leads.
    fn link(&self, contact: &str) -> String {
        contact::link(contact).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "notice/problem.html")]
struct ProblemPage {
    problem: Problem,
}

#[derive(Template)]
#[template(path = "notice/problems.html")]
struct Index {
    problems: &'static [Problem],
}

/// One activity, as the notice tells it.
struct Row<'a> {
    title: &'a str,
    says: &'a str,
    notice_version: u32,
    basis: &'static str,
    categories: Vec<&'a str>,
    recipients: Vec<String>,
    retention: String,
    source: Option<String>,
    automated_decision: Option<String>,
    by_consent: bool,
    objection: bool,
}

impl<'a> Row<'a> {
    fn new(activity: &'a Activity, plan: &'a Plan) -> Self {
        // What path, query and headers hold is data as much as what bodies hold.
        let routes = plan.routes.iter().filter(|route| route.activity.index == activity.index);
        let treated = routes.flat_map(|route| route.treated()).map(|(_, _, field)| field);
        let fields = activity.request.fields.iter().chain(&activity.response.fields).chain(treated);
        let mut categories: Vec<&str> = fields.filter_map(|field| field.category.as_deref()).collect();
        categories.sort_unstable();
        categories.dedup();
        let recipients = activity.recipient.iter().chain(&activity.other_recipients);
        let source = activity.records_of.and_then(|index| plan.activities.get(index));
        Self {
            title: &activity.title,
            says: activity.purpose.says.as_deref().unwrap_or(&activity.purpose.name),
            notice_version: activity.purpose.notice_version,
            basis: basis(activity.legal_basis),
            categories,
            recipients: recipients.map(|recipient| describe(recipient)).collect(),
            retention: say_duration(activity.retention),
            source: source.map(|source| further(&source.title, activity.further_processing.as_ref())),
            automated_decision: activity
                .automated_decision
                .as_ref()
                .map(|(ground, contest)| format!("Ground: {}. To contest it: {contest}.", ground.word())),
            by_consent: activity.legal_basis == LegalBasis::Consent,
            objection: activity.legal_basis.may_be_objected_to() || activity.purpose.direct_marketing,
        }
    }
}

const fn basis(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Consent => "your consent (GDPR Art. 6(1)(a))",
        LegalBasis::Contract => "a contract with you (GDPR Art. 6(1)(b))",
        LegalBasis::LegalObligation => "a legal obligation (GDPR Art. 6(1)(c))",
        LegalBasis::VitalInterests => "vital interests (GDPR Art. 6(1)(d))",
        LegalBasis::PublicTask => "a task in the public interest (GDPR Art. 6(1)(e))",
        LegalBasis::LegitimateInterests => "legitimate interests (GDPR Art. 6(1)(f))",
    }
}

fn describe(recipient: &Recipient) -> String {
    let role = match recipient.role {
        Role::Processor => "processor",
        Role::JointController => "joint controller",
        Role::Controller => "controller",
    };
    let mut text = format!("{} ({role}, {})", recipient.name, recipient.country);
    if let Some(instrument) = &recipient.transfer_instrument {
        // Writing to a String does not fail.
        let _ = write!(text, ", transferred under {}", instrument.word());
    }
    text
}

fn further(source: &str, ground: Option<&FurtherProcessing>) -> String {
    match ground {
        Some(FurtherProcessing::OwnConsent) => {
            format!("what was kept for “{source}”, with your separate consent")
        }
        Some(
            FurtherProcessing::Art89(reference)
            | FurtherProcessing::Law(reference)
            | FurtherProcessing::Compatibility(reference),
        ) => format!("what was kept for “{source}” ({reference})"),
        None => format!("what was kept for “{source}”"),
    }
}
