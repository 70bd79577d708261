//! Analysis: what outside analysers find in the texts of a body, asked before the walk that needs it, which waits for nothing.
//!
//! A text about which nothing is known is a text that the walk refuses, so whatever is forgotten here lets nothing pass.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::time::timeout;

use super::Gateway;
use super::admit::Received;
use super::authorize::Permit;
use super::forward::Answer;
use super::materials::Materials;
use super::minimise;
use crate::action::{Analyses, Ask};
use crate::analyzer::AnalyzerError;
use crate::detect::{Found, What};
use crate::plan::Field;
use crate::problem::{Problem, Rejection};

/// How many texts of one body are asked about, each text once.
const TEXTS: usize = 256;
/// How many bytes they may have together.
const BYTES: usize = 512 * 1024;

/// A text, and what is to be found in it.
pub(super) type Question = (Arc<Ask>, String);

/// Asks about the texts of a request.
pub(super) async fn of_request(
    gateway: &Gateway,
    permit: &Permit,
    materials: &mut Materials,
    body: &Received,
) -> Result<(), Rejection> {
    let treated = permit.admitted.routed.route.treated().map(|(_, _, field)| field);
    if asks(permit.activity().request.fields.iter().chain(treated)) {
        permitted(gateway, permit)?;
        let questions = minimise::questions(permit, materials, body)?;
        // Boxed: an exchange that asks nobody has no room set aside for it.
        let found = Box::pin(ask(gateway, questions)).await.map_err(Failed::of_request)?;
        materials.analyses.merge(found);
    }
    Ok(())
}

/// Asks about the texts of an answer.
pub(super) async fn of_answer(
    gateway: &Gateway,
    permit: &Permit,
    materials: &mut Materials,
    answer: &Answer,
) -> Result<(), Rejection> {
    if asks(permit.activity().response.fields.iter()) {
        permitted(gateway, permit)?;
        let questions = minimise::questions_of_answer(permit, materials, answer)?;
        let found = Box::pin(ask(gateway, questions)).await.map_err(Failed::of_answer)?;
        materials.analyses.merge(found);
    }
    Ok(())
}

/// Texts go to an analyser as long as the instrument holds that carries them there.
fn permitted(gateway: &Gateway, permit: &Permit) -> Result<(), Rejection> {
    let now = gateway.clock().now();
    let ended = |ends| now >= ends;
    let mut all = permit.activity().analysed_by.iter();
    match all.any(|recipient| recipient.transfer_ends.is_some_and(ended)) {
        true => Err(Problem::TransferNotPermitted.into()),
        false => Ok(()),
    }
}

/// Whether the policy asks anybody about the texts of one of these.
fn asks<'a>(mut fields: impl Iterator<Item = &'a Field>) -> bool {
    fields.any(|field| field.asks().next().is_some())
}

/// Why it is not known what stands in a body's texts.
enum Failed {
    Analyzer(AnalyzerError),
    /// More texts than are asked about.
    TooMuch,
    /// The plan names an analyser that the deployment does not have.
    Unknown,
}

impl Failed {
    fn of_request(self) -> Rejection {
        match self {
            Self::TooMuch | Self::Analyzer(AnalyzerError::TooLong) => {
                Rejection::new(Problem::PayloadTooLarge).detail("The body has more text than is analysed.")
            }
            other => other.of_us(),
        }
    }

    fn of_answer(self) -> Rejection {
        match self {
            Self::TooMuch | Self::Analyzer(AnalyzerError::TooLong) => {
                Rejection::new(Problem::UpstreamAnswerRefused)
                    .because("the answer has more text than is analysed")
            }
            other => other.of_us(),
        }
    }

    fn of_us(self) -> Rejection {
        match self {
            Self::Analyzer(error) => Rejection::unavailable(error).retry_after(1),
            Self::TooMuch | Self::Unknown => Problem::InternalError.into(),
        }
    }
}

async fn ask(gateway: &Gateway, questions: Vec<Question>) -> Result<Analyses, Failed> {
    let different: HashSet<Question> = questions.into_iter().collect();
    let bytes: usize = different.iter().map(|(_, text)| text.len()).sum();
    if different.len() > TEXTS || bytes > BYTES {
        return Err(Failed::TooMuch);
    }
    let one = |(ask, text): Question| async move {
        let analyzer = gateway.analyzer(&ask.analyzer).ok_or(Failed::Unknown)?;
        let asked = analyzer.analyze(&text, &ask.entities, ask.score);
        let found = asked.await.map_err(Failed::Analyzer)?.into_iter().map(|one| Found {
            start: one.start,
            end: one.end,
            what: What::Entity(u16::try_from(one.entity).unwrap_or(u16::MAX)),
        });
        Ok((ask, text, found.collect::<Vec<_>>()))
    };
    // The texts of one exchange share the time of the most patient analyser among them.
    let patience = different
        .iter()
        .filter_map(|(ask, _)| gateway.analyzer(&ask.analyzer))
        .map(|one| one.timeout())
        .max();
    let patience = patience.unwrap_or_default();
    let all = timeout(patience, try_join_all(different.into_iter().map(one)));
    let all = all.await.unwrap_or(Err(Failed::Analyzer(AnalyzerError::TimedOut(patience))))?;
    let mut analyses = Analyses::default();
    for (ask, text, found) in all {
        analyses.put(&ask, text, found);
    }
    Ok(analyses)
}
