//! The text of a drafted organisation.yaml: almost all of it is for people to fill in.

use super::writer::Writer;
use super::{Said, yaml};
use crate::policy::{Adequacy, DATA_SUBJECT_REQUEST, adequacy};

/// The comment that `accept` takes out with the last mark.
pub(super) const TO_FILL_IN: &str =
    "# Fill in what is empty; what is marked as proposed is served only when somebody has accepted it.";

/// Drafts organisation.yaml. `own` says whether the API runs where the gateway does, so that its recipient is taken to be
/// the controller; `recipient` is its name. Gives the text and what is to be filled in.
pub fn organisation(said: &Said, recipient: &str, own: bool) -> (String, Vec<String>) {
    let mut writer = Writer::default();
    writer.line(&yaml::modeline("schema/organisation.schema.json"));
    writer.line("# Who is responsible, for what, and who receives (GDPR Art. 13, 28, 30).");
    writer.line(TO_FILL_IN);
    writer.line("controller:");
    for (key, value, what) in [
        ("name", &said.controller, "who decides why and how"),
        ("address", &said.address, "the postal address"),
        ("contact", &said.contact, "an e-mail address"),
    ] {
        writer.said("  ", key, &format!("controller.{key}"), value.as_deref(), what);
    }
    match &said.dpo {
        Some(dpo) => writer.line(&format!("dpo: {{ contact: {} }}", yaml::quoted(dpo))),
        None => writer.line(
            "# dpo: { contact: dpo@example.org }        # where there is a data protection officer (Art. 37)",
        ),
    }
    match &said.purpose {
        Some(purpose) => {
            writer.line(&format!("purposes:\n  {}:", yaml::scalar(purpose)));
            let place = format!("purposes.{purpose}.says");
            writer.said("    ", "says", &place, said.says.as_deref(), "what a person reads: \"to …\"");
            writer.line("    notice_version: 1");
        }
        None => {
            let what = "what data is processed for, as the lines below show";
            writer.said("", "purposes", "purposes", None, what);
            writer.line("#  a-purpose: { says: \"to …\", notice_version: 1 }");
        }
    }
    writer.line("# Why somebody may ask for what is kept of a person: the code of `consentry access`, and what tokens may give.");
    writer.line(&format!("reasons: [{DATA_SUBJECT_REQUEST}]"));
    recipients(&mut writer, said, recipient, own);
    let Writer { text, holes, .. } = writer;
    (text, holes)
}

/// The line of a purpose, for an organisation.yaml that is there and does not have it; `None` where nobody said one.
pub fn purpose_line(said: &Said) -> Option<String> {
    let says = said.says.as_deref().unwrap_or("to …");
    let name = yaml::scalar(said.purpose.as_deref()?);
    Some(format!("{name}: {{ says: {}, notice_version: 1 }}", yaml::quoted(says)))
}

/// The line of whoever runs the API, as [`purpose_line`]. `…` stands for what nobody said.
pub fn recipient_line(said: &Said, recipient: &str, own: bool) -> String {
    let of_own = |value: &Option<String>| value.clone().filter(|_| own);
    let unsaid = said.recipient_role.is_none() && said.agreement.is_none();
    let taken = |word: &str| (own && unsaid).then(|| word.to_owned());
    let words = [
        ("name", said.recipient.clone().or(of_own(&said.controller))),
        ("role", said.recipient_role.clone().or(taken("controller"))),
        ("agreement", said.agreement.clone().or(taken("internal"))),
        ("country", said.recipient_country.clone().or(of_own(&said.country))),
    ];
    let transfer = said.transfer.clone().map(|transfer| ("transfer_instrument", Some(transfer)));
    let words = words.into_iter().chain(transfer).map(|(key, value)| {
        format!("{key}: {}", value.map_or_else(|| "…".to_owned(), |value| yaml::scalar(&value)))
    });
    format!("{}: {{ {} }}", yaml::scalar(recipient), words.collect::<Vec<_>>().join(", "))
}

fn recipients(writer: &mut Writer, said: &Said, recipient: &str, own: bool) {
    let place = format!("recipients.{recipient}");
    writer.line(&format!("recipients:\n  {}:", yaml::scalar(recipient)));
    let own_name = said.controller.as_ref().filter(|_| own);
    let name = said.recipient.as_ref().or(own_name).map(String::as_str);
    writer.said("    ", "name", &format!("{place}.name"), name, "who runs the API");
    let (role, agreement) = (said.recipient_role.as_deref(), said.agreement.as_deref());
    if own && role.is_none() && agreement.is_none() {
        let because = "the API runs on this host: the controller's own";
        writer.proposed("    role: controller", &format!("{place}.role"), 6, because);
        writer.proposed("    agreement: internal", &format!("{place}.agreement"), 6, because);
    } else {
        let what = "processor, joint_controller or controller (Art. 28)";
        writer.said("    ", "role", &format!("{place}.role"), role, what);
        let what = "the reference of the agreement with it";
        writer.said("    ", "agreement", &format!("{place}.agreement"), agreement, what);
    }
    let own_country = said.country.as_ref().filter(|_| own);
    let country = said.recipient_country.as_ref().or(own_country).map(String::as_str);
    let what = "two letters: FR, DE (Art. 44 to 49)";
    writer.said("    ", "country", &format!("{place}.country"), country, what);
    let near = country.and_then(adequacy);
    let near = country.is_none() || matches!(near, Some(Adequacy::Eea | Adequacy::Adequate));
    if !near || said.transfer.is_some() {
        let what = "what the transfer rests on: scc, bcr, … (Art. 45 to 49)";
        let place = format!("{place}.transfer_instrument");
        writer.said("    ", "transfer_instrument", &place, said.transfer.as_deref(), what);
    }
    if !writer.marks.is_empty() {
        writer.proposals();
    }
}
