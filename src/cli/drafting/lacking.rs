//! What an organisation.yaml that is there lacks for a new draft: nothing is written into it, so the lines are shown.

use std::path::Path;

use super::place::Place;
use crate::draft::{self, Said};
use crate::policy::Organisation;

/// What to add to the file, and what was said in vain because the file says it already. `declared` is `None` where the file
/// cannot be read.
pub(super) fn of_organisation(
    declared: Option<&Organisation>,
    file: &Path,
    said: &Said,
    place: &Place,
) -> Vec<String> {
    let file = file.display();
    let mut notes = Vec::new();
    let has = |names: &[&str], name: &str| names.contains(&name);
    let purposes = declared.iter().flat_map(|declared| &declared.purposes);
    let purposes: Vec<&str> = purposes.map(|purpose| purpose.name.value.as_str()).collect();
    let recipients = declared.iter().flat_map(|declared| &declared.recipients);
    let recipients: Vec<&str> = recipients.map(|recipient| recipient.id.value.as_str()).collect();
    let mut in_vain = Vec::new();
    match (&said.purpose, draft::purpose_line(said)) {
        (Some(purpose), Some(line)) if !has(&purposes, purpose) => {
            notes.push(format!("{file} has no purpose `{purpose}`: add under `purposes`\n  {line}"));
        }
        _ => in_vain.extend(said.says.as_ref().map(|_| "--says")),
    }
    let line = draft::recipient_line(said, &place.recipient, place.own);
    let of_recipient = [
        (&said.recipient, "--recipient"),
        (&said.recipient_role, "--recipient-role"),
        (&said.agreement, "--agreement"),
        (&said.recipient_country, "--recipient-country"),
        (&said.country, "--country"),
        (&said.transfer, "--transfer"),
    ];
    if place.unknown && !has(&recipients, &place.recipient) {
        let others = match recipients.as_slice() {
            [] => String::new(),
            others => format!(", or name one that is there at the upstream ({})", others.join(", ")),
        };
        notes.push(format!(
            "{file} has no recipient `{}`: add under `recipients`{others}\n  {line}",
            place.recipient
        ));
    } else {
        in_vain.extend(of_recipient.iter().filter(|(said, _)| said.is_some()).map(|(_, option)| *option));
    }
    let of_controller = [
        (&said.controller, "--controller"),
        (&said.address, "--address"),
        (&said.contact, "--contact"),
        (&said.dpo, "--dpo"),
    ];
    in_vain.extend(of_controller.iter().filter(|(said, _)| said.is_some()).map(|(_, option)| *option));
    if !in_vain.is_empty() {
        notes.push(format!(
            "{file} is there already and says this itself, so it was not written: {}. Change it there if it is otherwise",
            in_vain.join(", ")
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy;

    const ORGANISATION: &str = "controller: { name: X, address: Y, contact: x@example.org }\n\
        purposes:\n  lending: { says: \"to lend\", notice_version: 1 }\n\
        recipients:\n  own-it: { name: X, role: controller, agreement: internal, country: FR }\n";

    fn notes(said: &Said, recipient: &str, unknown: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("organisation.yaml"), ORGANISATION).unwrap();
        let organisation = policy::read(folder.path()).set.organisation.unwrap();
        let own = recipient == "own-it";
        let place = Place { upstream: "api-2".into(), recipient: recipient.into(), own, new: false, unknown };
        of_organisation(Some(&organisation), Path::new("organisation.yaml"), said, &place)
    }

    #[test]
    fn what_was_said_and_is_not_there_is_shown_as_lines_to_add() {
        let text = |text: &str| Some(text.to_owned());
        let care = Said { purpose: text("care"), says: text("to care for you"), ..Said::default() };
        let shown = notes(&care, "own-it", true);
        let [purpose] = shown.as_slice() else { panic!("{shown:?}") };
        assert!(purpose.contains("no purpose `care`") && purpose.contains("under `purposes`"), "{purpose}");
        assert!(purpose.ends_with("\n  care: { says: \"to care for you\", notice_version: 1 }"), "{purpose}");
        let host = Said {
            recipient: text("Host SA"),
            recipient_role: text("processor"),
            recipient_country: text("DE"),
            ..Said::default()
        };
        let shown = notes(&host, "api-host", true);
        let [recipient] = shown.as_slice() else { panic!("{shown:?}") };
        assert!(
            recipient
                .ends_with("\n  api-host: { name: Host SA, role: processor, agreement: …, country: DE }"),
            "{recipient}"
        );
        assert!(recipient.contains("(own-it)"), "{recipient}");
    }

    #[test]
    fn what_was_said_in_vain_is_named() {
        let text = |text: &str| Some(text.to_owned());
        let said = Said {
            purpose: text("lending"),
            says: text("to lend more"),
            country: text("DE"),
            controller: text("Z"),
            ..Said::default()
        };
        let shown = notes(&said, "own-it", true);
        let [vain] = shown.as_slice() else { panic!("{shown:?}") };
        assert!(vain.contains("--says, --country, --controller."), "{vain}");
        assert!(notes(&Said { purpose: text("lending"), ..Said::default() }, "own-it", false).is_empty());
    }
}
