//! What MLflow's scoring server takes at `/invocations`, and what it answers.
//!
//! Source: <https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally>, "Inference server specification". CSV, which it
//! takes too, is a format of its own.

use super::format::Format;
use super::layout::{Clash, Undeclared};
use super::path::{Path, Step};
use super::shapes::{How, Shapes};
use super::walker::Direction;

const REQUEST: &[(&str, &[How])] = &[
    ("dataframe_split", &[How::Table]),
    ("dataframe_records", &[How::Records]),
    ("instances", &[How::Records, How::Values]),
    ("inputs", &[How::Columns, How::Records, How::Values]),
];

const RESPONSE: &[(&str, &[How])] = &[("predictions", &[How::Records, How::Values, How::Columns])];

/// Compiles declared fields; `params.NAME` is of the whole body.
pub(super) fn compile(
    direction: Direction,
    paths: &[Path],
    undeclared: Undeclared,
) -> Result<(Shapes, Box<[bool]>), Clash> {
    let param = |path: &Path| matches!(path.steps(), [Step::Member(first), _, ..] if &**first == "params" && direction == Direction::Request);
    let known = match direction {
        Direction::Request => REQUEST,
        Direction::Response => RESPONSE,
    };
    Shapes::compile(Format::Mlflow, known, param, paths, undeclared)
}
