//! What many measurements come to: a median, and how far they lie apart.

use anyhow::ensure;
use serde::{Deserialize, Serialize};

/// A median with the least and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    /// Half of the values are below.
    pub(crate) median: f64,
    /// The least.
    pub(crate) least: f64,
    /// The greatest.
    pub(crate) greatest: f64,
}

impl Spread {
    /// Of these values; none of no values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, greatest) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        let median = if values.len().is_multiple_of(2) {
            let lower = *values.get(middle - 1)?;
            f64::midpoint(lower, upper)
        } else {
            upper
        };
        Some(Self { median, least, greatest })
    }

    /// Of a single value.
    pub(crate) const fn one(value: f64) -> Self {
        Self { median: value, least: value, greatest: value }
    }

    /// How far the farthest value is from the median, in per cent of it.
    pub(crate) fn percent(self) -> f64 {
        if self.median == 0.0 {
            return 0.0;
        }
        (self.greatest - self.median).max(self.median - self.least) / self.median * 100.0
    }
}

/// That medians are medians.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    ensure!(Spread::of([]).is_none());
    let odd = Spread::of([3.0, 1.0, 10.0]);
    ensure!(odd == Some(Spread { median: 3.0, least: 1.0, greatest: 10.0 }), "{odd:?}");
    let even = Spread::of([4.0, 1.0, 2.0, 8.0]);
    ensure!(even == Some(Spread { median: 3.0, least: 1.0, greatest: 8.0 }), "{even:?}");
    let percent = Spread { median: 4.0, least: 3.0, greatest: 6.0 }.percent();
    ensure!((percent - 50.0).abs() < 1e-9, "{percent}");
    Ok(())
}
