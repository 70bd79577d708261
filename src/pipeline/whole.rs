//! Whole bodies: what the policy's JSON Schema asks of one beside the rules of its fields. Only an activity that names a
//! schema pays for a parsed tree, and only once the walk has held caps, depth and unique keys.

use serde::Deserialize as _;
use serde_json::Value;

use crate::check::Misfit;
use crate::plan::Side;
use crate::problem::{Problem, Rejection};

/// Whether a body that the walk let through fits its side's schema, if there is one.
pub(super) fn check(side: &Side, body: &[u8]) -> Result<(), Rejection> {
    let Some((_, schema)) = &side.schema else { return Ok(()) };
    let invalid = || Rejection::new(Problem::FieldInvalid);
    let mut body = serde_json::Deserializer::from_slice(body);
    // The walk held the policy's own, which is 128 at most.
    body.disable_recursion_limit();
    let body = Value::deserialize(&mut body)
        .map_err(|_| invalid().detail("The body holds a number of no usable size."))?;
    schema.check(&body).map_err(|Misfit { at, keyword }| {
        let (pointer, field) = side.place(&at);
        let place = if pointer.is_empty() { "The body".to_owned() } else { format!("What is at {pointer}") };
        let rejection = invalid().detail(format!("{place} does not fit the policy's schema (`{keyword}`)."));
        Rejection { field, ..rejection }
    })
}
