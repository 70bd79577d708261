//! The text of a drafted organisation.yaml: almost all of it is for people to fill in.

use super::{Said, yaml};

/// Drafts organisation.yaml. `own` says whether the API runs where the gateway does, so that its recipient is taken to be
/// the controller; `recipient` is its name. Gives the text and what is to be filled in.
pub fn organisation(said: &Said, recipient: &str, own: bool) -> (String, Vec<&'static str>) {
    let mut text = String::from(
        "# Who is responsible, for what, and who receives (GDPR Art. 13, 28, 30).\n# Fill in what is empty; what is marked as proposed is served only when somebody has accepted it.\n",
    );
    let mut holes = Vec::new();
    let mut key = |indent: &str, key: &'static str, hole: &'static str, said: Option<&str>, what: &str| {
        let line = match said {
            Some(value) => format!("{indent}{key}: {}", yaml::quoted(value)),
            None => {
                holes.push(hole);
                format!("{:<44} {}", format!("{indent}{key}:"), yaml::comment(&format!("to fill in: {what}")))
            }
        };
        line + "\n"
    };
    text.push_str("controller:\n");
    text.push_str(&key(
        "  ",
        "name",
        "controller.name",
        said.controller.as_deref(),
        "who decides why and how",
    ));
    text.push_str(&key("  ", "address", "controller.address", said.address.as_deref(), "the postal address"));
    text.push_str(&key("  ", "contact", "controller.contact", said.contact.as_deref(), "an e-mail address"));
    match &said.dpo {
        Some(dpo) => text.push_str(&format!("dpo: {{ contact: {} }}\n", yaml::quoted(dpo))),
        None => text.push_str("# dpo: { contact: dpo@example.org }        # where there is a data protection officer (Art. 37)\n"),
    }
    match &said.purpose {
        Some(purpose) => {
            text.push_str(&format!("purposes:\n  {}:\n", yaml::scalar(purpose)));
            text.push_str(&key(
                "    ",
                "says",
                "purposes.says",
                said.says.as_deref(),
                "what a person reads: \"to …\"",
            ));
            text.push_str("    notice_version: 1\n");
        }
        None => {
            text.push_str(&key(
                "",
                "purposes",
                "purposes",
                None,
                "what data is processed for, as the lines below show",
            ));
            text.push_str("#  a-purpose: { says: \"to …\", notice_version: 1 }\n");
        }
    }
    text.push_str(&format!("recipients:\n  {}:\n", yaml::scalar(recipient)));
    let place = format!("recipients.{recipient}");
    let name = said.controller.as_deref().filter(|_| own);
    text.push_str(&key("    ", "name", "recipients.name", name, "who runs the API"));
    if own {
        let because = yaml::comment("proposed 0.6: the API runs on this host: the controller's own");
        text.push_str(&format!("    role: controller                         {because}\n"));
        text.push_str("    agreement: internal\n");
    } else {
        text.push_str(&key(
            "    ",
            "role",
            "recipients.role",
            None,
            "processor, joint_controller or controller (Art. 28)",
        ));
        text.push_str(&key(
            "    ",
            "agreement",
            "recipients.agreement",
            None,
            "the reference of the agreement with it",
        ));
    }
    let country = said.country.as_deref().filter(|_| own);
    text.push_str(&key(
        "    ",
        "country",
        "recipients.country",
        country,
        "two letters: FR, DE (Art. 44 to 49)",
    ));
    if own {
        text.push_str("\n# What nobody has accepted yet.\nproposed:\n");
        text.push_str(&format!("  - {}\n", yaml::scalar(&format!("{place}.role"))));
        text.push_str(&format!("  - {}\n", yaml::scalar(&format!("{place}.agreement"))));
    }
    (text, holes)
}
