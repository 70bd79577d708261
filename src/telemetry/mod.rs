//! What the gateway says about itself: structured logs and Prometheus metrics. Neither holds personal data: labels are
//! names from policies and from closed lists, log fields are names, counts and references.

mod causes;
mod log;
mod metrics;
mod upstream;

pub use causes::Causes;
pub use log::{Log, LogFormat, start as start_log};
pub use metrics::{Metrics, Outcome, Shadowed};
pub use upstream::{Asked, UpstreamFigures, UpstreamResult};
