//! Who is responsible, for what, and who receives.

use std::sync::Arc;

use super::words::{instead, names, optional, quoted, term, text};
use super::{Changes, Class, Whom, words};
use crate::clock::Timestamp;
use crate::plan::{Organisation, Purpose, Recipient, Role};
use crate::policy::countries::{self, Adequacy};

pub(super) fn compare(old: &Organisation, new: &Organisation, found: &mut Changes) {
    let Organisation {
        name,
        address,
        contact,
        dpo,
        supervisory_authority,
        purposes,
        recipients,
        consent_expires,
        reasons,
    } = new;
    let texts = [
        ("controller", Some(name.as_str()), Some(old.name.as_str())),
        ("the controller's address", Some(address), Some(&old.address)),
        ("the controller's contact", Some(contact), Some(&old.contact)),
        ("the data protection officer", dpo.as_deref(), old.dpo.as_deref()),
        ("supervisory authority", supervisory_authority.as_deref(), old.supervisory_authority.as_deref()),
    ];
    for (about, now, then) in texts {
        if now != then {
            let says = format!("is now {}", instead(optional(now), optional(then)));
            found.add(Class::Other, Whom::Register, about, says);
        }
    }
    if let Some(class) = Class::of(Some(consent_expires.cmp(&old.consent_expires))) {
        let says = format!("a consent lasts {}", instead(term(*consent_expires), term(old.consent_expires)));
        found.add(class, Whom::Persons, "consent", says);
    }
    let new_reasons: Vec<_> = reasons.iter().filter(|reason| !old.reasons.contains(reason)).collect();
    let gone: Vec<_> = old.reasons.iter().filter(|reason| !reasons.contains(reason)).collect();
    for (class, reasons, says) in [
        (Class::More, new_reasons, "callers may now give"),
        (Class::Less, gone, "callers can no longer give"),
    ] {
        if !reasons.is_empty() {
            found.add(class, Whom::Callers, "reasons", format!("{says} {}", names(reasons)));
        }
    }
    for (name, purpose) in purposes {
        match old.purposes.get(name) {
            None => found.add(Class::Other, Whom::Register, about("purpose", name), "is new"),
            Some(before) => self::purpose(before, purpose, found),
        }
    }
    for name in old.purposes.keys().filter(|name| !purposes.contains_key(*name)) {
        found.add(Class::Other, Whom::Register, about("purpose", name), "is no longer declared");
    }
    for (name, recipient) in recipients {
        match old.recipients.get(name) {
            None => {
                let says = format!("is new: {} in {}", text(&recipient.name), recipient.country);
                found.add(Class::Other, Whom::Register, about("recipient", name), says);
            }
            Some(before) => self::recipient(before, recipient, found),
        }
    }
    for name in old.recipients.keys().filter(|name| !recipients.contains_key(*name)) {
        found.add(Class::Other, Whom::Register, about("recipient", name), "is no longer declared");
    }
}

fn about(what: &str, name: &Arc<str>) -> String {
    format!("{what} {}", quoted(name))
}

fn purpose(old: &Purpose, new: &Purpose, found: &mut Changes) {
    let Purpose { name, says, notice_version, direct_marketing } = new;
    let about = about("purpose", name);
    if *says != old.says {
        let says =
            format!("people read {}", instead(optional(says.as_deref()), optional(old.says.as_deref())));
        found.add(Class::Other, Whom::Persons, &about, says);
    }
    match Class::of(Some(old.notice_version.cmp(notice_version))) {
        Some(Class::Less) => {
            let versions = instead(notice_version, old.notice_version);
            let says =
                format!("the notice's version is {versions}: whoever agreed to an older one is asked anew");
            found.add(Class::Less, Whom::Persons, &about, says);
        }
        Some(_) => {
            let versions = instead(notice_version, old.notice_version);
            let says = format!("the notice's version is {versions}: consents to older ones count again");
            found.add(Class::More, Whom::Persons, &about, says);
        }
        None => {}
    }
    if *direct_marketing != old.direct_marketing {
        let (class, says) = match direct_marketing {
            true => (Class::Other, "is direct marketing now: everybody may object"),
            false => (Class::More, "is no longer direct marketing: an objection may count no more"),
        };
        found.add(class, Whom::Persons, &about, says);
    }
}

fn recipient(old: &Recipient, new: &Recipient, found: &mut Changes) {
    let Recipient {
        id,
        name,
        role,
        agreement,
        country,
        transfer_instrument,
        pseudonymize_before_transfer,
        transfer_ends,
        transfer_consent,
    } = new;
    let about = about("recipient", id);
    if *name != old.name {
        let says = format!("is called {}", instead(text(name), text(&old.name)));
        found.add(Class::Other, Whom::Register, &about, says);
    }
    if let Some(class) = Class::of(Some(freedom(*role).cmp(&freedom(old.role)))) {
        found.add(class, Whom::Register, &about, format!("is a {}", instead(role.word(), old.role.word())));
    }
    if *agreement != old.agreement {
        let says = format!("the agreement is {}", instead(text(agreement), text(&old.agreement)));
        found.add(Class::Other, Whom::Register, &about, says);
    }
    if *country != old.country {
        let class = match distance(country).cmp(&distance(&old.country)) {
            std::cmp::Ordering::Less => Class::Less,
            std::cmp::Ordering::Equal if distance(country) == 0 => Class::Other,
            _ => Class::More,
        };
        let says = format!("what it receives goes to {}{}", instead(country, &old.country), beyond(country));
        found.add(class, Whom::Upstream, &about, says);
    }
    if *transfer_instrument != old.transfer_instrument {
        let word = |instrument: Option<crate::plan::TransferInstrument>| {
            instrument.map_or("nothing", |instrument| instrument.word())
        };
        let says = format!(
            "a transfer rests on {}",
            instead(word(*transfer_instrument), word(old.transfer_instrument))
        );
        found.add(Class::Other, Whom::Register, &about, says);
    }
    // What does not end is later than any end.
    let end = |ends: Option<Timestamp>| ends.map_or(i64::MAX, Timestamp::millis);
    if let Some(class) = Class::of(Some(end(*transfer_ends).cmp(&end(old.transfer_ends)))) {
        let day = |ends: Option<Timestamp>| {
            ends.map_or_else(|| "without end".to_owned(), |ends| format!("until {}", words::last_day(ends)))
        };
        let says =
            format!("a transfer is permitted {}", instead(day(*transfer_ends), day(old.transfer_ends)));
        found.add(class, Whom::Upstream, &about, says);
    }
    let consent = |consent: &Option<Arc<Purpose>>| consent.as_ref().map(|purpose| Arc::clone(&purpose.name));
    match (consent(&old.transfer_consent), consent(transfer_consent)) {
        (before, now) if before == now => {}
        (Some(before), None) => {
            let says = format!("a transfer no longer asks for the person's consent to {}", quoted(&before));
            found.add(Class::More, Whom::Persons, &about, says);
        }
        (None, Some(now)) => {
            let says = format!("a transfer asks for the person's consent to {}", quoted(&now));
            found.add(Class::Less, Whom::Persons, &about, says);
        }
        (Some(before), Some(now)) => {
            let says = format!(
                "a transfer asks for the person's consent to {}",
                instead(quoted(&now), quoted(&before))
            );
            found.add(Class::More, Whom::Persons, &about, says);
        }
        (None, None) => {}
    }
    if *pseudonymize_before_transfer != old.pseudonymize_before_transfer {
        let says = match pseudonymize_before_transfer {
            true => "may no longer get what identifies a person unless it is protected",
            false => "may now get what identifies a person as it is",
        };
        found.add(Class::more_if(!pseudonymize_before_transfer), Whom::Upstream, &about, says);
    }
}

/// How much a recipient decides for itself.
const fn freedom(role: Role) -> u8 {
    match role {
        Role::Processor => 0,
        Role::JointController => 1,
        Role::Controller => 2,
    }
}

/// How far from the law of the Union a country is.
fn distance(country: &str) -> u8 {
    match countries::adequacy(country) {
        Some(Adequacy::Eea) => 0,
        Some(Adequacy::Adequate) => 1,
        Some(Adequacy::PartlyAdequate(_)) => 2,
        Some(Adequacy::Third) | None => 3,
    }
}

pub(super) fn beyond(country: &str) -> &'static str {
    match distance(country) {
        0 => "",
        1 => ", outside the EEA, with an adequacy decision",
        2 => ", outside the EEA, with an adequacy decision for some",
        _ => ", outside the EEA, without an adequacy decision",
    }
}
