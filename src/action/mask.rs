//! All but the last characters hidden. How many are hidden does not show.

use super::spec::FEW;
use crate::payload::{Kind, Treated};

/// What stands for the hidden characters, however many they are.
const HIDDEN: &str = "••••";

#[derive(Clone, Debug)]
pub(super) struct Mask {
    keep_last: usize,
}

impl Mask {
    pub(super) fn new(keep_last: u32) -> Self {
        Self { keep_last: usize::try_from(keep_last).unwrap_or(usize::MAX) }
    }

    /// Whether more than a few characters of it show.
    pub(super) fn shows(&self) -> bool {
        u32::try_from(self.keep_last).map_or(true, |keep_last| keep_last > FEW)
    }

    pub(super) fn apply(&self, text: &str, out: &mut String) -> Treated {
        out.push_str(HIDDEN);
        // The character before the kept ones must exist: else all would show.
        if text.chars().nth_back(self.keep_last).is_some() {
            let kept = text.chars().rev().take(self.keep_last).map(char::len_utf8).sum::<usize>();
            out.push_str(text.get(text.len() - kept..).unwrap_or_default());
        }
        Treated::Replaced(Kind::String)
    }
}
