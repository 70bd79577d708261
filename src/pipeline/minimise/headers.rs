//! What of an answer's head goes to the caller.

use http::{HeaderMap, HeaderName};

use crate::pipeline::parameters::{check, invalid, text};
use crate::plan::Param;
use crate::problem::Rejection;

/// The declared headers of an answer, as they came, each as the policy says that it must be.
pub(super) fn headers(declared: &[Param], came: &HeaderMap) -> Result<HeaderMap, Rejection> {
    let mut passed = HeaderMap::new();
    for param in declared {
        match text(came, &*param.name)? {
            Some(value) => {
                check(param, value)?;
                let name = HeaderName::try_from(&*param.name);
                if let (Ok(name), Some(value)) = (name, came.get(&*param.name)) {
                    passed.insert(name, value.clone());
                }
            }
            None if param.required => return Err(invalid(param).detail("The header is missing.")),
            None => {}
        }
    }
    Ok(passed)
}
