//! What a reload changed, in words.

use std::sync::Arc;

use crate::plan::{Activity, Plan};

/// One line for each activity that is not as it was.
pub(super) fn between(before: &Plan, after: &Plan) -> Vec<String> {
    let find =
        |plan: &'_ Plan, name: &str| plan.activities.iter().find(|other| &*other.name == name).cloned();
    let mut lines: Vec<String> = after
        .activities
        .iter()
        .filter_map(|now| match find(before, &now.name) {
            None => Some(format!("{} is new.", now.name)),
            Some(then) => changed(&then, now).then(|| format!("{} is changed.", now.name)),
        })
        .collect();
    let gone = before.activities.iter().filter(|then| find(after, &then.name).is_none());
    lines.extend(gone.map(|then| format!("{} is gone.", then.name)));
    if lines.is_empty() && before.digest != after.digest {
        lines.push("No activity is changed; what the files share is.".to_owned());
    }
    lines
}

fn changed(then: &Arc<Activity>, now: &Arc<Activity>) -> bool {
    then.digest != now.digest
}
