//! Which calls become which activity: calls that take and give the same fields are one, for an activity's fields are all
//! its routes'.

use super::category;
use super::model::{Api, Body, Field, Operation, Place};
use crate::check::Rules;

/// Calls that one activity file governs.
#[derive(Clone, Debug)]
pub struct Group {
    /// A name for the activity.
    pub name: String,
    /// Its calls; those without personal data come last.
    pub operations: Vec<Operation>,
}

/// Parts the calls of an API into activities. Calls without personal data go to the first of them that has bodies. `name` is what the
/// activity is to be called, or what each of several begins with; `taken` are names that are in use.
pub fn groups(api: &Api, name: Option<&str>, taken: &[String]) -> Vec<Group> {
    let mut groups: Vec<Vec<Operation>> = Vec::new();
    let (governed, open): (Vec<_>, Vec<_>) =
        api.operations.iter().cloned().partition(|operation| operation.payload.is_some());
    for operation in governed {
        let same = |group: &&mut Vec<Operation>| {
            group.first().is_some_and(|first| {
                first.payload == operation.payload
                    && alike(&first.request, &operation.request)
                    && alike(&first.response, &operation.response)
                    && named_alike(first, &operation)
                    && first.blocked.is_empty() == operation.blocked.is_empty()
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(operation),
            None => groups.push(vec![operation]),
        }
    }
    // Calls without a body are beside the point where there are others.
    let with_a_body = |group: &Vec<Operation>| {
        group.first().is_some_and(|first| matches!(first.payload, Some(Body::Of(_))))
    };
    let chosen = groups.iter().position(with_a_body).unwrap_or_default();
    match groups.get_mut(chosen) {
        Some(group) => group.extend(open),
        None if !open.is_empty() => groups.push(open),
        None => {}
    }
    let mut names: Vec<String> = taken.to_vec();
    names.push("organisation".into());
    let alone = groups.len() == 1;
    groups
        .into_iter()
        .map(|operations| {
            let path = operations.first().map_or("", |first| first.path.as_str());
            let wanted = match name.or(api.name.as_deref()) {
                Some(name) if alone => vec![name.to_owned()],
                Some(name) => of_path(path).into_iter().map(|own| cut(&format!("{name}-{own}"))).collect(),
                None => of_path(path),
            };
            let name = free(wanted, &names);
            names.push(name.clone());
            Group { name, operations }
        })
        .collect()
}

/// Whether their parameters are the same, as far as they may be about a person: one of them may say whose data it is. Calls without
/// a body have nothing else in which they differ.
fn named_alike(one: &Operation, other: &Operation) -> bool {
    let all = one.payload == Some(Body::None);
    let of = |operation: &Operation| -> Vec<(Place, String, Rules)> {
        let parameters = operation.parameters.iter().filter(|parameter| all || parameter.is_treated());
        parameters
            .map(|parameter| (parameter.place, parameter.name.clone(), parameter.field.rules.clone()))
            .collect()
    };
    of(one) == of(other)
}

fn alike(one: &[Field], other: &[Field]) -> bool {
    let same = |(one, other): (&Field, &Field)| {
        one.path == other.path && one.rules == other.rules && one.required == other.required
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// Names for what stands at a path: its last word, then all of them.
fn of_path(path: &str) -> Vec<String> {
    let literal = |segment: &&str| !segment.is_empty() && !segment.starts_with('{');
    let words: Vec<String> = path
        .split('/')
        .filter(literal)
        .map(|segment| cut(&category::tokens(segment).join("-")))
        .filter(|word| !word.is_empty())
        .collect();
    let mut names: Vec<String> = words.last().cloned().into_iter().collect();
    names.push(cut(&words.join("-")));
    names.retain(|name| !name.is_empty());
    if names.is_empty() {
        names.push("api".into());
    }
    names
}

/// What of a text can be a name.
fn cut(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = text.chars().filter(fits).take(50).collect();
    name.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

fn free(wanted: Vec<String>, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name) && !name.ends_with(".cases");
    let base = wanted.first().cloned().unwrap_or_else(|| "api".into());
    let numbered = (2..).map(|number: u32| format!("{base}-{number}"));
    wanted.into_iter().chain(numbered).find(is_free).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_paths_and_are_free() {
        assert_eq!(of_path("/v1/models/{model}/predict"), ["predict", "v1-models-predict"]);
        assert_eq!(of_path("/{x}/"), ["api"]);
        assert_eq!(of_path("/Größe/äöü%20"), ["aou-20", "grosse-aou-20"]);
        let taken = ["a".to_owned(), "b-a".to_owned(), "a-2".to_owned()];
        assert_eq!(free(vec!["a".into(), "b-a".into()], &taken), "a-3");
    }
}
