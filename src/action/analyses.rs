//! What outside analysers found in the texts of one exchange.

use std::collections::HashMap;
use std::sync::Arc;

use super::Ask;
use crate::detect::Found;

/// By what was asked for and the text itself: whoever meets a text that nobody asked about finds nothing here, and must refuse it.
#[derive(Default)]
pub struct Analyses {
    found: HashMap<Arc<Ask>, HashMap<String, Vec<Found>>>,
    on_paper: bool,
}

impl Analyses {
    /// For walks that nothing comes of: nobody is asked, and what becomes of a text is told as if nothing had been found in it.
    pub fn on_paper() -> Self {
        Self { on_paper: true, ..Self::default() }
    }

    /// Whether there is anything to ask about in a text.
    pub fn needs(text: &str) -> bool {
        text.contains(char::is_alphanumeric)
    }

    /// Keeps what was found in a text.
    pub fn put(&mut self, ask: &Arc<Ask>, text: String, found: Vec<Found>) {
        self.found.entry(Arc::clone(ask)).or_default().insert(text, found);
    }

    /// Takes over what others hold.
    pub fn merge(&mut self, other: Self) {
        for (ask, texts) in other.found {
            self.found.entry(ask).or_default().extend(texts);
        }
    }

    /// What was found in a text; `None` where nobody was asked.
    pub fn of(&self, ask: &Arc<Ask>, text: &str) -> Option<&[Found]> {
        let found = self.found.get(ask).and_then(|texts| texts.get(text)).map(Vec::as_slice);
        found.or(self.on_paper.then_some(&[]))
    }
}

/// Hides the texts: they are somebody's.
impl std::fmt::Debug for Analyses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Analyses({} questions, …)", self.found.len())
    }
}
