//! The REST interface of TensorFlow Serving: rows as `instances`, or columns as `inputs`; answers alike.
//!
//! Source: <https://www.tensorflow.org/tfx/serving/api_rest>, "Predict API".

use super::format::Format;
use super::layout::{Clash, Undeclared};
use super::path::{Path, Step};
use super::shapes::{How, Shapes};
use super::walker::Direction;

const REQUEST: &[(&str, &[How])] =
    &[("instances", &[How::Records, How::Values]), ("inputs", &[How::Columns, How::Values])];

const RESPONSE: &[(&str, &[How])] =
    &[("predictions", &[How::Records, How::Values]), ("outputs", &[How::Columns, How::Values])];

/// Compiles declared fields; `signature_name` is of the whole body.
pub(super) fn compile(
    direction: Direction,
    paths: &[Path],
    undeclared: Undeclared,
) -> Result<(Shapes, Box<[bool]>), Clash> {
    let whole = |path: &Path| matches!(path.steps(), [Step::Member(name)] if &**name == "signature_name" && direction == Direction::Request);
    let known = match direction {
        Direction::Request => REQUEST,
        Direction::Response => RESPONSE,
    };
    Shapes::compile(Format::TfServing, known, whole, paths, undeclared)
}
