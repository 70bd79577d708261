//! Policies as written: from the text of a folder to a [`PolicySet`], or to everything that is wrong with it at once.
//!
//! 1. `yaml` reads a text into a tree in which every node knows its place; `reader` takes values out of it and collects
//!    every mistake instead of stopping at the first.
//! 2. `read_organisation`, `read_activity`, `read_route`, `read_field`, `read_action` and [`cases`] make the `model` of it.
//! 3. `checks` and `check_routes` ask whether the files make sense together, `law` what the law asks of them.
//!
//! What can only be known with a deployment, the plan's compiler checks. Every diagnostic has its code in `codes`.

pub mod cases;
pub mod categories;
mod check_routes;
mod check_rows;
mod checks;
mod children;
mod codes;
mod conditions;
pub mod contact;
pub mod countries;
mod decisions;
mod diagnostics;
mod folder;
mod law;
mod listing;
mod model;
mod parameters;
mod populations;
pub mod proposed;
mod read_action;
mod read_activity;
mod read_detect;
mod read_field;
mod read_organisation;
mod read_route;
pub mod reader;
pub mod report;
mod schemas;
mod shadows;
pub mod shape;
mod spelling;
mod transfers;
pub mod units;
mod words;
pub mod yaml;

pub(crate) use check_routes::path_parameters;
pub(crate) use checks::{json_rows, unknown};
pub use codes::{Code, Severity};
pub(crate) use conditions::{of_fields, of_route};
pub use countries::{Adequacy, adequacy};
pub use diagnostics::{Diagnostic, Diagnostics, Place, Source, Sources, Span, Spanned};
pub use folder::{Draft, has_errors, read};
pub(crate) use folder::{read_file, utf8};
pub(crate) use law::{defaults, identifies};
pub use listing::looks_like_policy;
pub use model::{
    Access, Activity, DATA_SUBJECT_REQUEST, DataSubject, Destinations, Field, Gate, HeadPart, Limits,
    Organisation, Param, Payload, PolicySet, Purpose, RateLimit, Recipient, Route, RouteKind, Segment, Side,
    WholeBody,
};
pub(crate) use parameters::treated as treated_parameters;
pub(crate) use read_route::fault_of_route;
pub use reader::is_name;
pub(crate) use shadows::same as same_calls;
pub use transfers::{SOON, due};
pub use words::{
    Answer, Art9Condition, DecisionGround, DeniedRow, FurtherProcessing, JournalMode, LegalBasis, Mode, Per,
    Role, TransferInstrument,
};

#[cfg(test)]
mod tests;
