//! What `pseudonymize_before_transfer` means for a field: a declared identifier does not go as it is, and a text that
//! people wrote is looked through before it goes.

use super::Recipient;
use crate::action::Spec;
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
    let Some(spec) = outward.filter(|spec| identifying && spec.value == Spec::Unchanged) else { return };
    let own = field.destinations.upstream.is_some();
    let message = format!(
        "`{}` identifies a person and goes unchanged to `{}`, who may have pseudonyms only.",
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
