//! The visitor that remembers. It does to every value what an exchange does, goes on where an exchange would refuse, and keeps
//! what each destination would get.

use std::sync::Arc;

use super::rules::Rules;
use super::{Fault, Rule, Traced};
use crate::action::{Action, Analyses, Materials, Pseudonyms, Refused};
use crate::check::Invalid;
use crate::crypto::{InterchangeKey, Mac};
use crate::payload::{FieldId, Format, Kind, Treated, Value, Visitor, Walker};
use crate::plan::{Activity, Field, Plan, Route};
use crate::problem::Problem;

pub(super) struct Recorder<'a> {
    fields: &'a [Field],
    rules: &'a Rules<'a>,
    own: Pseudonyms,
    /// One for each activity that exports; its own where none does.
    exports: Vec<Pseudonyms>,
    keys: Vec<InterchangeKey>,
    walker: &'a Walker,
    undeclared: usize,
    values: Vec<Traced>,
    missing: Vec<Traced>,
    faults: Vec<Fault>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(
        plan: &Plan,
        activity: &'a Activity,
        exporters: &[&Route],
        rules: &'a Rules<'a>,
        walker: &'a Walker,
    ) -> Self {
        let own = demo(&activity.pseudonymization_domain);
        let mut exports: Vec<_> =
            exporters.iter().map(|route| demo(&route.activity.pseudonymization_domain)).collect();
        if exports.is_empty() {
            exports.push(own.clone());
        }
        let key = |_| InterchangeKey::parse(&InterchangeKey::generate()).ok();
        let keys = plan.interchange_keys.iter().filter_map(key).collect();
        let fields = &activity.request.fields;
        Self {
            fields,
            rules,
            own,
            exports,
            keys,
            walker,
            undeclared: 0,
            values: Vec::new(),
            missing: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// What was found: values, what is missing behind them, how much is not declared, and faults.
    pub(super) fn into_parts(self) -> (Vec<Traced>, usize, Vec<Fault>) {
        let Self { mut values, missing, undeclared, faults, .. } = self;
        values.extend(missing);
        (values, undeclared, faults)
    }

    /// A call without a body lacks every field.
    pub(super) fn nothing_came(&mut self) {
        for index in 0..self.fields.len() {
            if let Ok(id) = u16::try_from(index) {
                let _goes_on = self.missing(FieldId(id));
            }
        }
    }

    fn field(&self, id: FieldId) -> Result<&'a Field, Fault> {
        // INVARIANT: the layout was compiled from these fields, so every number it hands out is one of theirs.
        self.fields.get(usize::from(id.0)).ok_or_else(|| Fault {
            problem: Problem::InternalError,
            at: String::new(),
            says: "The layout names a field that there is not.".to_owned(),
            rule: None,
        })
    }

    fn fault(&mut self, problem: Problem, at: &str, says: String, rule: Option<Rule>) {
        self.faults.push(Fault { problem, at: at.to_owned(), says, rule });
    }

    fn unfit(&mut self, refused: Refused, at: &str, rule: Rule) {
        self.fault(refused.problem(), at, format!("It {refused}."), Some(rule));
    }

    /// What an export shows of what is kept, in each activity that exports.
    fn exported(&self, field: &Field, kept: Option<&(Kind, String)>) -> Vec<(Option<String>, Rule)> {
        let rule = self.rules.export(field);
        self.exports
            .iter()
            .map(|pseudonyms| {
                let shown = field.export.as_ref().zip(kept).and_then(|(action, (kind, text))| {
                    let materials =
                        Materials { pseudonyms: Some(pseudonyms), keys: &self.keys, analyses: None };
                    applied(action, Value { kind: *kind, text }, &materials).ok().flatten()
                });
                (shown.map(|(kind, text)| json(kind, &text)), rule.clone())
            })
            .collect()
    }
}

impl Visitor for Recorder<'_> {
    type Error = Fault;

    fn value(
        &mut self,
        id: FieldId,
        at: &[u32],
        value: Value<'_>,
        out: &mut String,
    ) -> Result<Treated, Fault> {
        let field = self.field(id)?;
        let (row, within) = self.walker.row(id, at);
        let at = match row {
            Some(row) if self.walker.format() != Format::Json => {
                format!("row {row}: {}", field.path.at(within))
            }
            _ => field.path.at(at),
        };
        let mut traced = Traced {
            field: Arc::clone(&field.name),
            at: at.clone(),
            sent: Some(json(value.kind, value.text)),
            cleaned: None,
            becomes: Vec::new(),
        };
        let checked = match field.check.run(value) {
            Ok(checked) => checked,
            Err(Invalid { word, detail }) => {
                let rule = self.rules.word(field, word);
                self.fault(Problem::FieldInvalid, &at, format!("It {detail}."), Some(rule));
                self.values.push(traced);
                return Ok(Treated::LeftOut);
            }
        };
        if checked.is_changed() {
            let rule = self.rules.word(field, "sanitize");
            traced.cleaned = Some((json(checked.kind, &checked.text), rule));
        }
        let (keys, own) = (std::mem::take(&mut self.keys), self.own.clone());
        let analyses = Analyses::on_paper();
        let materials = Materials { pseudonyms: Some(&own), keys: &keys, analyses: Some(&analyses) };
        let outward = field.outward.apply(checked.value(), &materials, out);
        let treated = match outward {
            Ok(treated) => checked.settle(treated, out),
            Err(refused) => {
                self.unfit(refused, &at, self.rules.outward(field));
                Treated::LeftOut
            }
        };
        let sent = match treated {
            Treated::Kept => Some(json(value.kind, value.text)),
            Treated::Replaced(kind) => Some(json(kind, out)),
            Treated::LeftOut => None,
        };
        traced.becomes.push((sent, self.rules.outward(field)));
        let kept = match field.stored.as_ref().map(|action| applied(action, checked.value(), &materials)) {
            None => None,
            Some(Ok(kept)) => kept,
            Some(Err(refused)) => {
                self.unfit(refused, &at, self.rules.stored(field));
                None
            }
        };
        self.keys = keys;
        traced.becomes.push((kept.as_ref().map(|(kind, text)| json(*kind, text)), self.rules.stored(field)));
        traced.becomes.extend(self.exported(field, kept.as_ref()));
        self.values.push(traced);
        Ok(treated)
    }

    fn missing(&mut self, id: FieldId) -> Result<(), Fault> {
        let field = self.field(id)?;
        if field.required {
            let rule = self.rules.required(field);
            self.fault(Problem::FieldInvalid, &field.name, "The field is missing.".to_owned(), Some(rule));
        }
        // Of a field of many elements, once is enough.
        if !self.missing.iter().any(|traced| traced.field == field.name) {
            self.missing.push(Traced {
                field: Arc::clone(&field.name),
                at: field.name.to_string(),
                sent: None,
                cleaned: None,
                becomes: Vec::new(),
            });
        }
        Ok(())
    }

    /// Left out, so that the walk goes on: what becomes of it stands beside the values.
    fn undeclared(&mut self) -> Result<(), Fault> {
        self.undeclared += 1;
        Ok(())
    }

    fn may_lack(&self, id: FieldId) -> bool {
        self.field(id).is_ok_and(|field| !field.required)
    }

    fn leaves_out(&self, id: FieldId) -> bool {
        self.field(id).is_ok_and(|field| field.outward.leaves_out())
    }

    fn misshapen(&mut self, id: FieldId) -> Fault {
        match self.field(id) {
            Err(fault) => fault,
            Ok(field) => Fault {
                problem: Problem::FieldInvalid,
                at: field.name.to_string(),
                says: "The value, or what holds it, is of another shape than declared; the rest of the body was not looked at."
                    .to_owned(),
                rule: Some(self.rules.word(field, "type")),
            },
        }
    }
}

/// What an action makes of a value by itself; `None` where it leaves it out.
fn applied(
    action: &Action,
    value: Value<'_>,
    materials: &Materials<'_>,
) -> Result<Option<(Kind, String)>, Refused> {
    let mut out = String::new();
    Ok(match action.apply(value, materials, &mut out)? {
        Treated::Kept => Some((value.kind, value.text.to_owned())),
        Treated::Replaced(kind) => Some((kind, out)),
        Treated::LeftOut => None,
    })
}

/// The same for the same domain on every machine, so that it can be compared, and no deployment's.
fn demo(domain: &str) -> Pseudonyms {
    let secret = [b"consentry explain --request, not a secret: ", domain.as_bytes()].concat();
    Pseudonyms { version: 1, mac: Mac::new(&secret) }
}

/// A value as JSON spells it.
fn json(kind: Kind, text: &str) -> String {
    match kind {
        // A string is always JSON.
        Kind::String | Kind::File | Kind::Untyped => serde_json::to_string(text).unwrap_or_default(),
        Kind::Integer | Kind::Number | Kind::Boolean | Kind::Null => text.to_owned(),
    }
}
