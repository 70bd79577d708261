//! What the tests of faults stand on.

mod caller;
mod deployment;
mod gateway;
mod journal;
mod load;
mod upstream;

pub(crate) use caller::{Answer, Caller};
pub(crate) use deployment::{Activity, Deployment};
pub(crate) use gateway::{Gateway, Said, program};
pub(crate) use journal::{Evidence, intended};
pub(crate) use load::Load;
pub(crate) use upstream::{Sighting, Upstream, deaf};

use std::time::{Duration, Instant};

/// As long as anything may take on a machine that is busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Asks again until it is so; what is waited for has no signal of its own.
pub(crate) async fn until<T>(what: &str, mut so: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = so().await {
            return found;
        }
        assert!(began.elapsed() < SOON, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
