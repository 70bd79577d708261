//! The composition root: opens what a deployment names, compiles its policies, binds, serves, drains. Everything that
//! blocks at start blocks here, before the first connection is accepted.

mod alone;
mod aside;
mod background;
pub mod cases;
mod cautions;
mod control;
mod error;
mod exchanges;
mod live;
mod master_key;
mod needs;
mod on_save;
mod open;
mod ready;
mod renewal;
mod saved;
mod serve;

pub use alone::{AloneError, alone};
pub use cautions::warn_of_host;
pub use error::AppError;
pub use exchanges::Exchanges;
pub use live::check;
pub use master_key::master_check;
pub use needs::{Needs, needs};
pub use open::Core;
pub use serve::{Running, serve};
