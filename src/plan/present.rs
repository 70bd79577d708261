//! Which declared fields a body has, whatever its format.

use crate::payload::{Caps, Envelope, FieldId, Treated, Value, Visitor, Walker};

/// For a case's body: it is the policy's author who wrote it.
const CAPS: Caps = Caps { bytes: 64 << 20, depth: 128, members: 1_000_000, rows: 1_000_000 };

/// Which of the fields that `walker` was compiled for a body has; none where it is not of the format.
pub(super) fn fields(walker: &Walker, body: &[u8], content_type: Option<&str>, count: usize) -> Vec<bool> {
    let format = walker.format();
    let mut present = Present(vec![false; count]);
    let content_type = content_type.unwrap_or(format.media_type());
    let walked = Envelope::open(format, Some(content_type), None)
        .map(|envelope| walker.walk(body, &envelope, &CAPS, &mut present, &mut Vec::new()));
    match walked {
        Some(Ok(_)) => present.0,
        Some(Err(_)) | None => vec![false; count],
    }
}

struct Present(Vec<bool>);

impl Visitor for Present {
    type Error = ();

    fn value(&mut self, field: FieldId, _: &[u32], _: Value<'_>, _: &mut String) -> Result<Treated, ()> {
        if let Some(present) = self.0.get_mut(field.index()) {
            *present = true;
        }
        Ok(Treated::Kept)
    }

    fn missing(&mut self, _: FieldId) -> Result<(), ()> {
        Ok(())
    }

    fn undeclared(&mut self) -> Result<(), ()> {
        Ok(())
    }

    fn misshapen(&mut self, _: FieldId) {}
}
