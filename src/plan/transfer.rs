//! Who receives, and in which form: what `pseudonymize_before_transfer` means for a field (a declared identifier does not go as it is, and a
//! text that people wrote is looked through before it goes), and who runs the analysers that texts are sent to.

use std::sync::Arc;

use super::{Deployment, Recipient, Side};
use crate::action::{Ask, Spec};
use crate::check::RuleKind;
use crate::policy::reader::Reader;
use crate::policy::{self, Code, Spanned};

/// Reports an identifier that would go unchanged.
pub(super) fn check(
    field: &policy::Field,
    identifying: bool,
    outward: Option<&Spanned<Spec>>,
    recipient: &Recipient,
    reader: &mut Reader,
) {
    let Some(spec) = outward.filter(|_| identifying) else { return };
    let Some(how) = spec.value.shows() else { return };
    let own = field.destinations.upstream.is_some();
    let message = format!(
        "`{}` identifies a person and goes to `{}` {how}, where only pseudonyms may go.",
        field.name.value, recipient.id
    );
    reader.report(
        Code::TransferIdentifies,
        if own { spec.span } else { field.name.span },
        message,
        "Say `pseudonymize`, `generalize` or `leave_out`.",
    );
}

/// Whether its values are texts that may say anything.
pub(super) fn is_free_text(field: &policy::Field) -> bool {
    matches!(field.rules.kind, None | Some(RuleKind::String)) && field.rules.one_of.is_empty()
}

/// Who runs the analysers that an activity's texts go to, each once.
pub(super) fn analysed_by(
    written: &policy::Activity,
    sides: [&Side; 2],
    run_by: impl Fn(&str) -> Option<Arc<Recipient>>,
) -> Vec<Arc<Recipient>> {
    let of_fields = sides.into_iter().flat_map(|side| &side.fields).flat_map(|field| field.asks());
    let of_params = policy::treated_parameters(written).flat_map(|(_, field)| {
        let own = &field.destinations;
        [&own.upstream, &own.stored].into_iter().flatten().filter_map(|spec| ask(&spec.value))
    });
    let mut all = Vec::new();
    also(&mut all, of_fields.chain(of_params).filter_map(|ask| run_by(&ask.analyzer)));
    all
}

/// Adds those who are not there yet.
pub(super) fn also(all: &mut Vec<Arc<Recipient>>, more: impl Iterator<Item = Arc<Recipient>>) {
    for recipient in more {
        if all.iter().all(|other| other.id != recipient.id) {
            all.push(recipient);
        }
    }
}

/// What an outside analyser is asked for.
pub(super) fn ask(spec: &Spec) -> Option<&Arc<Ask>> {
    match spec {
        Spec::Detect(detect) => detect.ask.as_ref(),
        _ => None,
    }
}

/// Reports an analyser that nobody declared runs, and one that could be asked about nobody: who it depends on is known after
/// the texts have gone.
pub(super) fn check_analyzer(
    name: &Spanned<String>,
    recipient: &str,
    declared: Option<&Recipient>,
    deployment: &Deployment,
    reader: &mut Reader,
) {
    let (message, help) = match declared {
        None => (
            format!(
                "{} says that `{recipient}` runs the analyser `{}`, and organisation.yaml has no such recipient.",
                deployment.called(),
                name.value
            ),
            "Declare it under `recipients`, with role, agreement and country.",
        ),
        Some(declared) if declared.transfer_consent.is_some() => (
            format!(
                "`{recipient}` runs the analyser `{}`, and each person's consent is needed to send it anything.",
                name.value
            ),
            "Ask an analyser whose transfer rests on something else, or one within the EEA.",
        ),
        Some(_) => return,
    };
    reader.report(Code::UnknownName, name.span, message, help);
}
