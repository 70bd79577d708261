//! Parameters of path, query and headers: what each must be, and what becomes of those that the policy treats as fields. Where
//! there is one, the request's head is written anew from what each may show; what came is not looked at again.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::AsHeaderName;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::admit::Admitted;
use super::materials::Materials;
use super::minimise::{Keeping, unfit};
use crate::action::{Action, Analyses};
use crate::check::Invalid;
use crate::net::{CanonicalPath, query};
use crate::payload::{Treated, Value};
use crate::plan::{Field, HeadPart, Param};
use crate::problem::{Problem, Rejection};

/// What the upstream is asked for, and with which headers.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) target: PathAndQuery,
    pub(super) headers: HeaderMap,
}

/// A parameter's text, read as the type that is declared for it.
pub(super) fn check(param: &Param, text: &str) -> Result<(), Rejection> {
    match param.check.run_text(text) {
        Ok(checked) if !checked.is_changed() => Ok(()),
        // What a sanitiser would change cannot be changed in a target that was already matched.
        Ok(_) => Err(invalid(param).detail("It has markup or characters that may not stand there.")),
        Err(unfit) => Err(invalid(param).detail(sentence(&unfit))),
    }
}

/// The refusal of a call for one of its parameters.
pub(super) fn invalid(param: &Param) -> Rejection {
    Rejection::new(Problem::FieldInvalid).field(Arc::clone(&param.name))
}

/// What a value must be, as a sentence for the caller.
pub(super) fn sentence(invalid: &Invalid) -> String {
    format!("It {}.", invalid.detail)
}

/// A header that may come once, as text.
pub(super) fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Result<Option<&str>, Rejection> {
    let mut values = headers.get_all(name).iter();
    let malformed =
        || Rejection::new(Problem::RequestMalformed).detail("A header came twice, or is not text.");
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| malformed()),
        (Some(_), Some(_)) => Err(malformed()),
    }
}

/// A parameter that came, and its text.
pub(super) fn came<'a>(
    admitted: &'a Admitted,
    place: HeadPart,
    name: &str,
) -> Option<(&'a Param, Cow<'a, str>)> {
    let routed = &admitted.routed;
    let route = &routed.route;
    match place {
        HeadPart::Path => {
            let index = route.path.iter().position(|param| *param.name == *name)?;
            Some((route.path.get(index)?, routed.params.get(index)?.as_str().into()))
        }
        HeadPart::Query => {
            let param = route.query.iter().find(|param| *param.name == *name)?;
            let (_, value) = routed.query.iter().find(|(other, _)| other == name)?;
            Some((param, value.as_str().into()))
        }
        HeadPart::Header => {
            let param = route.headers.iter().find(|param| *param.name == *name)?;
            let value = text(&admitted.headers, name).ok()??;
            Some((param, value.into()))
        }
    }
}

/// The head as the upstream may see it, and what is kept of it; `None` where every parameter passes as it came. `on_paper`
/// nothing is sent, and the route is a shadow's, which no path leads to.
pub(super) fn treat(
    admitted: &Admitted,
    materials: &Materials,
    kept: &mut Keeping<'_>,
    on_paper: bool,
) -> Result<Option<Asked>, Rejection> {
    let Admitted { routed, headers, .. } = admitted;
    let route = &*routed.route;
    if route.treated().next().is_none() {
        return Ok(None);
    }
    let mut treat = Treat { materials, kept };
    let mut path = Vec::with_capacity(routed.params.len());
    for (param, came) in route.path.iter().zip(&routed.params) {
        // The plan leaves no segment out.
        path.push(treat.one(param, came)?.ok_or_else(|| invalid(param))?);
    }
    let mut pairs = String::new();
    for (name, came) in &routed.query {
        let param = route.query.iter().find(|param| *param.name == **name);
        let param = param.ok_or(Problem::InternalError)?;
        if let Some(value) = treat.one(param, came)? {
            query::write(&mut pairs, name, &value);
        }
    }
    let mut passed = headers.clone();
    for param in route.headers.iter().filter(|param| param.field.is_some()) {
        let Some(came) = text(headers, &*param.name)? else { continue };
        let value = treat.one(param, came)?;
        let name = HeaderName::try_from(&*param.name).map_err(|_| invalid(param))?;
        match value {
            None => drop(passed.remove(name)),
            Some(value) => {
                // A header's value is sealed, treated or unchanged, but ASCII: what came was.
                let value = HeaderValue::from_str(&value).map_err(|_| invalid(param))?;
                passed.insert(name, value);
            }
        }
    }
    let target = path_of(admitted, &path, on_paper)?.target((!pairs.is_empty()).then_some(&*pairs));
    let target = target.map_err(|_| Problem::InternalError)?;
    Ok(Some(Asked { target, headers: passed }))
}

/// The path with what the upstream may see of each parameter. It must be one that every program reads alike, and one of
/// this very route: what takes a value's place, a prefix for example, must not lead where another policy speaks, or none.
fn path_of(admitted: &Admitted, values: &[Cow<'_, str>], on_paper: bool) -> Result<CanonicalPath, Rejection> {
    let routed = &admitted.routed;
    let route = &*routed.route;
    let text = route.path_with(|index| values.get(index).map_or("", |value| value));
    let at_fault = || {
        // Of several nobody can tell which it is: they stand in one path.
        let mut treated = route.path.iter().filter(|param| param.field.is_some());
        let alone = treated.next().filter(|_| treated.next().is_none());
        let rejection = Rejection::new(Problem::FieldInvalid)
            .detail("What the upstream may see of the path's parameters cannot stand in the path.");
        Rejection { field: alone.map(|param| Arc::clone(&param.name)), ..rejection }
    };
    let path = CanonicalPath::new(&text).map_err(|_| at_fault())?;
    if on_paper {
        return Ok(path);
    }
    match routed.live.plan.route(&route.method, path.as_str()) {
        Ok(found) if found.route.index == route.index => Ok(path),
        _ => Err(at_fault()),
    }
}

struct Treat<'a, 'k> {
    materials: &'a Materials,
    kept: &'a mut Keeping<'k>,
}

impl Treat<'_, '_> {
    /// What the upstream sees in a parameter's place, if anything. Its rules have let it through already.
    fn one<'v>(&mut self, param: &Param, came: &'v str) -> Result<Option<Cow<'v, str>>, Rejection> {
        let Some(field) = &param.field else { return Ok(Some(came.into())) };
        let value = Value { kind: param.kind, text: came };
        if let Keeping::Questions(questions) = &mut *self.kept {
            if Analyses::needs(came) {
                let actions = [Some(&field.outward), field.stored.as_ref()];
                let asks = actions.into_iter().flatten().filter_map(Action::asks);
                questions.extend(asks.map(|ask| (Arc::clone(ask), came.to_owned())));
            }
            return Ok(Some(came.into()));
        }
        let refused = |refused| Rejection { field: Some(Arc::clone(&param.name)), ..unfit(field, refused) };
        let mut out = String::new();
        let treated = field.outward.apply(value, &self.materials.actions(), &mut out).map_err(refused)?;
        self.keep(field, value)
            .map_err(|rejection| Rejection { field: Some(Arc::clone(&param.name)), ..rejection })?;
        Ok(match treated {
            Treated::Kept => Some(came.into()),
            Treated::Replaced(_) => Some(out.into()),
            Treated::LeftOut => None,
        })
    }

    fn keep(&mut self, field: &Field, value: Value<'_>) -> Result<(), Rejection> {
        let Some(stored) = &field.stored else { return Ok(()) };
        let mut out = String::new();
        let treated = stored.apply(value, &self.materials.actions(), &mut out);
        let value = match treated.map_err(|refused| unfit(field, refused))? {
            Treated::Kept => value,
            Treated::Replaced(kind) => Value { kind, text: &out },
            Treated::LeftOut => return Ok(()),
        };
        match self.kept {
            Keeping::In(drafts) => {
                drafts.keep(&field.name, &[], (None, &[]), value).map_err(Rejection::unavailable)
            }
            Keeping::Rehearsal | Keeping::Questions(_) => Ok(()),
        }
    }
}
