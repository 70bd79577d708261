//! Reads `organisation.yaml`.

use super::codes::Code;
use super::contact;
use super::diagnostics::Spanned;
use super::model::{Organisation, Purpose, Recipient};
use super::proposed;
use super::read_action::{Of, destinations};
use super::read_field::words;
use super::reader::{Map, Reader};
use super::shape;
use super::units;
use super::words::{Role, TransferInstrument};
use super::yaml::{Entry, Node};

pub(super) fn organisation(node: &Node, reader: &mut Reader) -> Option<Organisation> {
    let mut map = reader.map(node, &shape::ORGANISATION)?;
    let mut organisation = Organisation::default();
    controller(&mut map, &mut organisation, reader);
    if let Some(node) = map.take("dpo")
        && let Some(mut map) = reader.map(node, &shape::DPO)
    {
        organisation.dpo = contact(&mut map, Code::Missing, reader);
        map.finish(reader);
    }
    organisation.supervisory_authority =
        map.take("supervisory_authority").and_then(|node| reader.text(node)).map(|text| text.value);
    let purposes = map.must(
        "purposes",
        "Name what data is processed for: `purposes: { NAME: { says: …, notice_version: 1 } }`.",
    );
    let purposes = purposes.and_then(|node| reader.names(node, "purposes")).unwrap_or_default();
    organisation.purposes = purposes.iter().filter_map(|entry| purpose(entry, reader)).collect();
    if let Some(node) = map.take("consent")
        && let Some(mut map) = reader.map(node, &shape::CONSENT)
    {
        organisation.consent_expires = map.take("expires").and_then(|node| reader.duration(node));
        map.finish(reader);
    }
    organisation.identifying = map
        .take("identifying_categories")
        .and_then(|node| reader.texts(node, "identifying categories"))
        .unwrap_or_default();
    let recipients =
        map.take("recipients").and_then(|node| reader.names(node, "recipients")).unwrap_or_default();
    organisation.recipients = recipients.iter().filter_map(|entry| recipient(entry, reader)).collect();
    let categories =
        map.take("categories").and_then(|node| reader.names(node, "categories")).unwrap_or_default();
    for entry in categories {
        if let Some(mut map) = reader.map(&entry.value, &shape::CATEGORY) {
            let destinations = destinations(&mut map, Of::Category, reader);
            map.finish(reader);
            organisation.categories.push((Spanned::new(entry.key.clone(), entry.at), destinations));
        }
    }
    let reasons = map.take("reasons").and_then(|node| reader.list(node, "reasons")).unwrap_or_default();
    organisation.reasons = reasons.iter().filter_map(|node| reader.name(node)).collect();
    if let Some(list) = map.take(proposed::KEY) {
        proposed::report(node, list, reader);
    }
    map.finish(reader);
    Some(organisation)
}

fn controller(map: &mut Map<'_>, organisation: &mut Organisation, reader: &mut Reader) {
    let help =
        "Write `controller: { name: …, address: …, contact: … }`: the notice and the register name it.";
    let node = map.must_by(Code::NoController, "controller", help);
    let Some(mut map) = node.and_then(|node| reader.map(node, &shape::CONTROLLER)) else { return };
    organisation.name =
        text(&mut map, "name", Code::NoController, "Write the name of who decides why and how.", reader);
    organisation.address = text(&mut map, "address", Code::NoController, "Write the postal address.", reader);
    organisation.contact = contact(&mut map, Code::NoController, reader);
    map.finish(reader);
}

fn text(map: &mut Map<'_>, key: &'static str, code: Code, help: &str, reader: &mut Reader) -> Option<String> {
    map.must_by(code, key, help).and_then(|node| reader.text(node)).map(|text| text.value)
}

fn contact(map: &mut Map<'_>, code: Code, reader: &mut Reader) -> Option<String> {
    let node = map.must_by(code, "contact", contact::HELP)?;
    let written = |text: &str| contact::link(text).map(|_| text.to_owned());
    reader.parsed(node, written, contact::WHAT, contact::HELP)
}

fn purpose(entry: &Entry, reader: &mut Reader) -> Option<Purpose> {
    reader.check_name(&entry.key, entry.at);
    let mut map = reader.map(&entry.value, &shape::PURPOSE)?;
    map.span = entry.at;
    let says = map.take("says").and_then(|node| reader.text(node)).map(|text| text.value);
    let version = map
        .must("notice_version", "Write `notice_version: 1`; raise it when a change asks for consent anew.");
    let notice_version = version.and_then(|node| reader.integer(node, 1, 1_000_000)).unwrap_or(1);
    let direct_marketing =
        map.take("direct_marketing").and_then(|node| reader.boolean(node)).unwrap_or(false);
    map.finish(reader);
    let name = Spanned::new(entry.key.clone(), entry.at);
    Some(Purpose { name, says, notice_version, direct_marketing })
}

fn recipient(entry: &Entry, reader: &mut Reader) -> Option<Recipient> {
    reader.check_name(&entry.key, entry.at);
    let mut map = reader.map(&entry.value, &shape::RECIPIENT)?;
    map.span = entry.at;
    let name = text(&mut map, "name", Code::Missing, "Write its name as the register shows it.", reader);
    let role = map.must_by(
        Code::RecipientUnbound,
        "role",
        "Say `role: processor`, `joint_controller` or `controller`.",
    );
    let role = role.and_then(|node| reader.word(node, &words(Role::ALL, Role::word)));
    let agreement = text(
        &mut map,
        "agreement",
        Code::RecipientUnbound,
        "Write the reference of the agreement with it.",
        reader,
    );
    let country = map.must("country", "Write the two letters of its country: `country: DE`.");
    let country = country.and_then(|node| reader.text(node));
    let instruments = words(TransferInstrument::ALL, TransferInstrument::word);
    let transfer_instrument =
        map.take("transfer_instrument").and_then(|node| reader.word(node, &instruments));
    let pseudonymize_before_transfer =
        map.take("pseudonymize_before_transfer").and_then(|node| reader.boolean(node)).unwrap_or(false);
    let until = map.take("transfer_valid_until").and_then(|node| {
        let help = "Write the last day on which it holds: `transfer_valid_until: 2027-06-30`.";
        Some(Spanned::new(reader.parsed(node, units::date, "a day", help)?, node.span))
    });
    let transfer_consent = map.take("transfer_consent").and_then(|node| reader.text(node));
    map.finish(reader);
    let id = Spanned::new(entry.key.clone(), entry.at);
    Some(Recipient {
        id,
        name,
        role,
        agreement,
        country,
        transfer_instrument,
        pseudonymize_before_transfer,
        transfer_valid_until: until,
        transfer_consent,
    })
}
