//! The words of a policy that decide over a field, and where they stand.

use super::Rule;
use crate::action::Spec;
use crate::payload::Undeclared;
use crate::plan::Field;
use crate::policy::{self, Activity, Destinations, PolicySet, Span, Spanned};

/// The policy of one activity as written.
pub(super) struct Rules<'a> {
    set: &'a PolicySet,
    activity: Option<&'a Activity>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(set: &'a PolicySet, name: &str) -> Self {
        Self { set, activity: set.activities.iter().find(|activity| activity.name == name) }
    }

    /// What decides over what the upstream sees.
    pub(super) fn outward(&self, field: &Field) -> Rule {
        self.destination(field, "upstream", |destinations| &destinations.upstream)
    }

    /// What decides over what is kept.
    pub(super) fn stored(&self, field: &Field) -> Rule {
        self.destination(field, "stored", |destinations| &destinations.stored)
    }

    /// What decides over what an export shows.
    pub(super) fn export(&self, field: &Field) -> Rule {
        self.destination(field, "export", |destinations| &destinations.export)
    }

    /// A word among a field's rules.
    pub(super) fn word(&self, field: &Field, word: &str) -> Rule {
        let written = field.check.rules().written(word).unwrap_or_else(|| "not said".to_owned());
        self.rule(self.written(field).map(|written| written.name.span), format!("{word}: {written}"))
    }

    /// That a field must be there.
    pub(super) fn required(&self, field: &Field) -> Rule {
        self.rule(
            self.written(field).map(|written| written.name.span),
            "required, where nothing is said".to_owned(),
        )
    }

    /// What becomes of what is not declared.
    pub(super) fn unknown_fields(&self, fate: Undeclared) -> Rule {
        let words = match fate {
            Undeclared::Refuse => "unknown_fields: refuse",
            Undeclared::LeaveOut => "unknown_fields: leave_out",
        };
        let side = self.activity.and_then(|activity| activity.request.as_ref());
        self.rule(side.map(|side| side.span), words.to_owned())
    }

    fn written(&self, field: &Field) -> Option<&'a policy::Field> {
        let side = self.activity?.request.as_ref()?;
        side.fields.iter().find(|written| written.name.value == *field.name)
    }

    /// The field's own words, else its category's, else none.
    fn destination(
        &self,
        field: &Field,
        word: &str,
        of: impl Fn(&Destinations) -> &Option<Spanned<Spec>>,
    ) -> Rule {
        let Some(written) = self.written(field) else { return Rule::default() };
        let phrase = |spec: &Spec| match spec {
            Spec::Unchanged if word == "stored" => format!("{word}: encrypted"),
            Spec::Unchanged | Spec::LeaveOut | Spec::RefuseIfPresent => format!("{word}: {spec}"),
            spec if spec.word() == spec.to_string() => format!("{word}: {spec}"),
            spec => format!("{word}: {{ {spec} }}"),
        };
        if let Some(own) = of(&written.destinations) {
            return self.rule(Some(own.span), phrase(&own.value));
        }
        let defaults =
            self.set.organisation.as_ref().and_then(|organisation| policy::defaults(organisation, written));
        if let Some(default) = defaults.and_then(|defaults| of(defaults).as_ref()) {
            let category = field.category.as_deref().unwrap_or_default();
            return self.rule(Some(default.span), format!("{category}: {{ {} }}", phrase(&default.value)));
        }
        self.rule(Some(written.name.span), format!("no `{word}`: left out"))
    }

    fn rule(&self, span: Option<Span>, words: String) -> Rule {
        let place = span.and_then(|span| self.set.sources.place(span));
        Rule { place: place.map(|(file, line, _)| format!("{file}:{line}")).unwrap_or_default(), words }
    }
}
