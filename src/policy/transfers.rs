//! What a transfer to a third country rests on (GDPR Art. 44 to 49): until when, and whose consent.

use std::time::Duration;

use super::checks;
use super::codes::Code;
use super::diagnostics::Diagnostic;
use super::model::{Organisation, PolicySet, Recipient};
use super::reader::Reader;
use super::units::end_of;
use super::words::TransferInstrument;
use crate::clock::Timestamp;

/// How long before its end an instrument is warned of.
pub const SOON: Duration = Duration::from_secs(30 * 86_400);

pub(super) fn run(set: &PolicySet, reader: &mut Reader) {
    let Some(organisation) = &set.organisation else { return };
    for recipient in &organisation.recipients {
        if recipient.transfer_instrument.is_none()
            && let Some(until) = &recipient.transfer_valid_until
        {
            let help = "Name the instrument with `transfer_instrument:`, or leave the date out.";
            reader.report(Code::NotHere, until.span, "Nothing is named that could hold until then.", help);
        }
        consent(set, organisation, recipient, reader);
    }
}

/// The derogation of Art. 49(1)(a) is the person's explicit consent to this transfer, and no other instrument is.
fn consent(set: &PolicySet, organisation: &Organisation, recipient: &Recipient, reader: &mut Reader) {
    let derogates = recipient.transfer_instrument == Some(TransferInstrument::Derogation);
    let Some(purpose) = &recipient.transfer_consent else {
        if derogates {
            let help = "Add `transfer_consent: PURPOSE` with a purpose that says what people agree to: which country, which risks.";
            let message = format!(
                "A transfer to `{}` rests on a derogation, and nothing says whose consent to it is asked for.",
                recipient.id.value
            );
            reader.report(Code::TransferConsent, recipient.id.span, message, help);
        }
        return;
    };
    if !derogates {
        let help = "Say `transfer_instrument: derogation`, or leave `transfer_consent` out.";
        let message = "Consent carries a transfer only where it rests on the derogation.";
        reader.report(Code::NotHere, purpose.span, message, help);
        return;
    }
    let known = || organisation.purposes.iter().map(|purpose| purpose.name.value.as_str());
    let Some(declared) = organisation.purposes.iter().find(|other| other.name.value == purpose.value) else {
        checks::unknown(purpose, "purpose", "", known(), reader);
        return;
    };
    if declared.says.is_none() {
        let help = "Add `says:` with the country and the risks that people agree to.";
        let message =
            format!("People are asked to agree to `{}`, and nothing says what they read.", purpose.value);
        reader.report(Code::NoNoticeText, declared.name.span, message, help);
    }
    let same = |name: &str| name == purpose.value;
    if set.all().filter_map(|activity| activity.purpose.as_ref()).any(|other| same(&other.value)) {
        let help = "Declare a purpose of its own: agreeing to a processing is not agreeing to a transfer.";
        let message = format!(
            "`{}` is the purpose of an activity: one consent would stand for two things.",
            purpose.value
        );
        reader.report(Code::TransferConsent, purpose.span, message, help);
    }
}

/// What the calendar says of the recipients' instruments: those that have ended, and those that end within [`SOON`]. A
/// gateway serves all the same, and refuses every call that would send something there.
pub fn due(set: &PolicySet, now: Timestamp) -> Vec<Diagnostic> {
    let recipients = set.organisation.iter().flat_map(|organisation| &organisation.recipients);
    let ends = recipients.filter_map(|recipient| {
        let until = recipient.transfer_valid_until.as_ref()?;
        let (end, id) = (end_of(until.value), &recipient.id.value);
        let help =
            "Renew it and write the new date, or close the activities that send there: `mode: closed`.";
        if now >= end {
            let message = format!("What the transfer to `{id}` rests on held until {}.", until.value);
            return Some(Diagnostic::new(Code::TransferExpired, until.span, message, help));
        }
        let message = format!("What the transfer to `{id}` rests on holds until {}.", until.value);
        (now.plus(SOON) >= end).then(|| Diagnostic::new(Code::TransferExpires, until.span, message, help))
    });
    ends.collect()
}
