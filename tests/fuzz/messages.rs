//! Messages of HTTP/1.1, put together from parts.

use proptest::collection::vec;
use proptest::prelude::*;

/// One of `lines`, up to three of `fields` and one of `bodies`, with lines' ends that are mostly right.
pub(crate) fn message(
    lines: &'static [&'static str],
    fields: &'static [&'static str],
    bodies: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let end = prop_oneof![9 => Just("\r\n"), 1 => Just("\n")];
    let fields = vec(prop::sample::select(fields), 0..4);
    let parts = (prop::sample::select(lines), fields, end, prop::sample::select(bodies));
    parts.prop_map(|(line, fields, end, body)| {
        let lines: Vec<_> = std::iter::once(line).chain(fields).collect();
        format!("{}{end}{end}{body}", lines.join(end))
    })
}
