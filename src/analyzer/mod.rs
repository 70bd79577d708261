//! An outside analyser that finds in texts what has no form of its own, names and places for example: any server that
//! speaks the HTTP interface of Microsoft Presidio's analyzer (`POST /analyze`).
//!
//! It sees texts in clear, so it belongs beside the gateway. It may fail, be slow or answer nonsense: each of these is an error, and
//! whoever asked must let nothing pass. One attempt is made for each text, over a connection of its own; no more than a few texts are asked about
//! at a time; and after failures in a row it is left alone for a moment, so that a server in trouble is not asked the harder for it.

mod answer;

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use rustls::ClientConfig;
use serde_json::json;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::net::dial::{Target, TargetError};
use crate::net::fetch::{self, FetchError};

/// The longest text that is asked about, in bytes.
pub const LONGEST: usize = 128 * 1024;
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// How many times as many texts as are asked about at a time may wait for their turn.
const WAITING: usize = 16;
/// After so many failures in a row it is left alone.
const FAILURES: u32 = 3;
/// For so long.
const REST: Duration = Duration::from_secs(1);

/// How an analyser is asked.
#[derive(Clone)]
pub struct AnalyzerConfig {
    /// Where texts are posted: `http://127.0.0.1:5002/analyze`.
    pub url: Uri,
    /// For `https`.
    pub tls: Option<Arc<ClientConfig>>,
    /// How long the texts of one exchange may take together.
    pub timeout: Duration,
    /// The texts' language, as the analyser names it.
    pub language: String,
    /// How many texts are asked about at a time.
    pub at_once: usize,
}

/// An analyser, shared by all threads.
pub struct Analyzer {
    how: How,
    timeout: Duration,
}

enum How {
    Http(Box<Http>),
    /// For cases: what is found is given, and nobody is asked.
    Given(Vec<(String, String)>),
}

struct Http {
    url: Uri,
    target: Target,
    language: String,
    slots: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
    failures: AtomicU32,
    failed: Mutex<Option<Instant>>,
}

/// What was found in a text: a place in bytes, and which of the entities that were asked for it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// Its place among the entities that were asked for.
    pub entity: usize,
}

/// Why a text could not be analysed. Says nothing of the text, nor of what the server sent.
#[derive(Debug, Error)]
pub enum AnalyzerError {
    /// No connection, no answer, or another status than 200.
    #[error("the analyser could not be asked")]
    Fetch(#[from] FetchError),
    /// It answered what is no answer to the question.
    #[error("the analyser's answer cannot be used: {0}")]
    Garbled(&'static str),
    /// It took too long, the wait for a turn included.
    #[error("the analyser did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// Too many wait for it already.
    #[error("too many texts wait for the analyser")]
    Busy,
    /// It failed several times in a row, and is left alone for a moment.
    #[error("the analyser failed several times in a row and is left alone for a moment")]
    Resting,
    /// A text that is too long to be asked about.
    #[error("a text is longer than {LONGEST} bytes")]
    TooLong,
}

impl Analyzer {
    /// # Errors
    /// Where the address is none.
    pub fn new(config: AnalyzerConfig) -> Result<Self, TargetError> {
        let AnalyzerConfig { url, tls, timeout, language, at_once } = config;
        let target = Target::new(&url, tls)?;
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS);
        let http = Http {
            url,
            target,
            language,
            slots: Semaphore::new(at_once),
            waiting: AtomicUsize::new(0),
            most_waiting: at_once.saturating_mul(WAITING),
            failures: AtomicU32::new(0),
            failed: Mutex::new(None),
        };
        Ok(Self { how: How::Http(Box::new(http)), timeout })
    }

    /// One that finds these texts, each as an entity, wherever they stand, and asks nobody.
    pub const fn given(finds: Vec<(String, String)>) -> Self {
        Self { how: How::Given(finds), timeout: Duration::MAX }
    }

    /// How long the texts of one exchange may take together.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What stands in a text of these entities, found with at least that certainty (in hundredths).
    ///
    /// # Errors
    /// Where it is not known what stands in it.
    pub async fn analyze(
        &self,
        text: &str,
        entities: &[String],
        score: u8,
    ) -> Result<Vec<Entity>, AnalyzerError> {
        if text.len() > LONGEST {
            return Err(AnalyzerError::TooLong);
        }
        let http = match &self.how {
            How::Http(http) => http,
            How::Given(finds) => return Ok(given(finds, text, entities)),
        };
        if http.rests() {
            return Err(AnalyzerError::Resting);
        }
        let turn = Turn::take(http)?;
        let asked = async {
            // A closed semaphore does not occur: nobody closes it.
            let _slot = http.slots.acquire().await.map_err(|_| AnalyzerError::Busy)?;
            http.ask(text, entities, score, self.timeout).await
        };
        let answered =
            timeout(self.timeout, asked).await.unwrap_or(Err(AnalyzerError::TimedOut(self.timeout)));
        drop(turn);
        http.note(answered.is_ok());
        answered
    }
}

/// Hides how it is asked; its address may hold a name.
impl std::fmt::Debug for Analyzer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Analyzer")
    }
}

/// Counts who waits, until it is dropped.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(http: &'a Http) -> Result<Self, AnalyzerError> {
        let turn = Self(&http.waiting);
        let before = http.waiting.fetch_add(1, Ordering::Relaxed);
        // A turn that is not given is dropped here, and counted down again.
        if before < http.most_waiting { Ok(turn) } else { Err(AnalyzerError::Busy) }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Http {
    async fn ask(
        &self,
        text: &str,
        entities: &[String],
        score: u8,
        within: Duration,
    ) -> Result<Vec<Entity>, AnalyzerError> {
        let question = json!({
            "text": text,
            "language": self.language,
            "entities": entities,
            "score_threshold": f64::from(score) / 100.0,
        });
        let question = Bytes::from(question.to_string());
        let answer = fetch::post(&self.target, &self.url, question, LARGEST_ANSWER, within).await?;
        answer::read(&answer, text, entities, score).map_err(AnalyzerError::Garbled)
    }

    fn rests(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) < FAILURES {
            return false;
        }
        let failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        failed.is_some_and(|failed| failed.elapsed() < REST)
    }

    fn note(&self, good: bool) {
        if good {
            // Most find it so: nothing is written then.
            if self.failures.load(Ordering::Relaxed) != 0 {
                self.failures.store(0, Ordering::Relaxed);
            }
            return;
        }
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Instant::now());
    }
}

fn given(finds: &[(String, String)], text: &str, entities: &[String]) -> Vec<Entity> {
    let mut found = Vec::new();
    for (entity, value) in finds {
        let Some(entity) = entities.iter().position(|asked| asked == entity) else { continue };
        let places = text.match_indices(value.as_str()).filter(|(_, value)| !value.is_empty());
        found.extend(places.map(|(start, value)| Entity { start, end: start + value.len(), entity }));
    }
    found
}

#[cfg(test)]
mod tests;
