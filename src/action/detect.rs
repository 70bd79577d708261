//! Free text in which what the detectors find is replaced, and all else stays as it is.

use std::sync::Arc;

use super::{Analyses, Ask, Materials, Refused, ReplaceBy, SpecError};
use crate::detect::{self, DetectError, Detector, Found, What};
use crate::payload::{Kind, Treated, Value};

/// What stands for what was found, however long it was.
const HIDDEN: &str = "••••";

/// How often a text is looked at again from which something was left out.
const LOOKS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Detect {
    /// None where only an outside analyser looks.
    detector: Option<Arc<Detector>>,
    ask: Option<Arc<Ask>>,
    replace_by: ReplaceBy,
}

impl Detect {
    pub(super) fn new(spec: &super::DetectSpec) -> Result<Self, SpecError> {
        let detector = match Detector::compile(&spec.wanted) {
            Ok(detector) => Some(Arc::new(detector)),
            Err(DetectError::Nothing) if spec.ask.is_some() => None,
            Err(error) => return Err(SpecError::Detect(error)),
        };
        Ok(Self { detector, ask: spec.ask.clone(), replace_by: spec.replace_by })
    }

    pub(super) const fn ask(&self) -> Option<&Arc<Ask>> {
        self.ask.as_ref()
    }

    pub(super) const fn replace_by(&self) -> ReplaceBy {
        self.replace_by
    }

    pub(super) fn apply(
        &self,
        value: Value<'_>,
        materials: &Materials<'_>,
        out: &mut String,
    ) -> Result<Treated, Refused> {
        if value.kind != Kind::String {
            return Err(Refused::Unsuitable("must be a string"));
        }
        let mut found = Vec::new();
        if let Some(detector) = &self.detector {
            detector.find(value.text, &mut found);
        }
        if let Some(ask) = &self.ask
            && Analyses::needs(value.text)
        {
            // INVARIANT: a text that nobody was asked about is refused, never passed.
            let analyses = materials.analyses.and_then(|analyses| analyses.of(ask, value.text));
            found.extend(analyses.ok_or(Refused::MaterialMissing)?);
            detect::merge(&mut found);
        }
        if found.is_empty() {
            return Ok(Treated::Kept);
        }
        if self.replace_by == ReplaceBy::Refuse {
            return Err(Refused::Unsuitable("holds what the policy refuses in it"));
        }
        self.replace(value.text, &found, materials, out)?;
        if self.replace_by == ReplaceBy::LeaveOut {
            self.settle(&mut found, materials, out)?;
        }
        Ok(Treated::Replaced(Kind::String))
    }

    /// Leaves out what stood apart and is found by the detectors now that it stands together. A text in which that goes on is
    /// refused.
    fn settle(
        &self,
        found: &mut Vec<Found>,
        materials: &Materials<'_>,
        out: &mut String,
    ) -> Result<(), Refused> {
        let Some(detector) = &self.detector else { return Ok(()) };
        for left in (0..LOOKS).rev() {
            found.clear();
            detector.find(out, found);
            if found.is_empty() {
                return Ok(());
            }
            if left > 0 {
                let text = std::mem::take(out);
                self.replace(&text, found, materials, out)?;
            }
        }
        Err(Refused::Unsuitable("holds again and again what the policy leaves out of it"))
    }

    fn replace(
        &self,
        text: &str,
        found: &[Found],
        materials: &Materials<'_>,
        out: &mut String,
    ) -> Result<(), Refused> {
        // INVARIANT: places are in order and do not overlap; one that cannot be cut out refuses, and is never passed over.
        let cut = Refused::Unsuitable("cannot be taken apart");
        let mut at = 0;
        for one in found {
            out.push_str(text.get(at..one.start).ok_or(cut)?);
            let value = text.get(one.start..one.end).ok_or(cut)?;
            match self.replace_by {
                ReplaceBy::Mask => out.push_str(HIDDEN),
                ReplaceBy::Redact => {
                    out.push('[');
                    self.label(one.what, out);
                    out.push(']');
                }
                ReplaceBy::Pseudonymize => {
                    let pseudonyms = materials.pseudonyms.ok_or(Refused::MaterialMissing)?;
                    out.push_str(&pseudonyms.of(&detect::canonical(one.what, value)));
                }
                ReplaceBy::LeaveOut | ReplaceBy::Refuse => {}
            }
            at = one.end;
        }
        out.push_str(text.get(at..).ok_or(cut)?);
        Ok(())
    }

    /// The kind's word, the pattern's name, or the analyser's word in small letters.
    fn label(&self, what: What, out: &mut String) {
        match (what, &self.ask, &self.detector) {
            (What::Entity(place), Some(ask), _) => {
                let entity = ask.entities.get(usize::from(place)).map_or("entity", |entity| entity);
                out.extend(entity.chars().map(|c| c.to_ascii_lowercase()));
            }
            (what, _, Some(detector)) => out.push_str(detector.label(what)),
            _ => out.push_str("entity"),
        }
    }
}

impl ReplaceBy {
    /// Every one there is.
    pub const ALL: &'static [Self] =
        &[Self::Mask, Self::Redact, Self::Pseudonymize, Self::LeaveOut, Self::Refuse];

    /// The policy's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Redact => "redact",
            Self::Pseudonymize => "pseudonymize",
            Self::LeaveOut => "leave_out",
            Self::Refuse => "refuse",
        }
    }
}

impl super::DetectSpec {
    /// What the destination sees, in a few words.
    pub(super) fn describe(&self) -> String {
        let mut what = self.wanted.describe();
        if let Some(ask) = &self.ask {
            let between = if what.is_empty() { "" } else { " and " };
            what.push_str(&format!(
                "{between}what the analyser {} finds of {}",
                ask.analyzer,
                ask.entities.join(", ")
            ));
        }
        match self.replace_by {
            ReplaceBy::Mask => format!("the text, with {what} masked"),
            ReplaceBy::Redact => format!("the text, with labels in place of {what}"),
            ReplaceBy::Pseudonymize => format!("the text, with pseudonyms of this domain in place of {what}"),
            ReplaceBy::LeaveOut => format!("the text without {what}"),
            ReplaceBy::Refuse => format!("the text; with {what} in it the exchange is refused"),
        }
    }
}

impl std::fmt::Display for super::DetectSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let wanted = self.wanted.to_string();
        let between = if wanted.is_empty() { "" } else { ", " };
        write!(f, "{wanted}{between}")?;
        if let Some(Ask { analyzer, entities, score }) = self.ask.as_deref() {
            let score = f64::from(*score) / 100.0;
            write!(f, "analyzer: {analyzer}, entities: [{}], score: {score}, ", entities.join(", "))?;
        }
        write!(f, "replace_by: {}", self.replace_by.word())
    }
}

/// For tests of the whole room: what a policy would write.
#[cfg(test)]
pub(super) fn spec(kinds: &[detect::Kind], replace_by: ReplaceBy) -> super::Spec {
    let wanted = detect::Wanted { kinds: kinds.to_vec(), ..detect::Wanted::default() };
    super::Spec::Detect(Box::new(super::DetectSpec { wanted, ask: None, replace_by }))
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Pseudonyms};
    use super::*;
    use crate::crypto::Mac;
    use crate::detect::Kind as Finds;

    const TEXT: &str = "Ada (ada@example.org, +33 6 12 34 56 78) wrote: mail Ada@Example.org back.";

    fn run(replace_by: ReplaceBy, text: &str) -> Result<(Treated, String), Refused> {
        let action =
            Action::compile(&spec(&[Finds::Email, Finds::Phone], replace_by), Some(Kind::String), |_| None);
        let action = action.unwrap();
        assert_eq!(action.needs_pseudonyms(), replace_by == ReplaceBy::Pseudonymize);
        let pseudonyms = Pseudonyms { version: 1, mac: Mac::new(&[7; 32]) };
        let materials = Materials { pseudonyms: Some(&pseudonyms), ..Materials::default() };
        let mut out = String::new();
        let treated = action.apply(Value { kind: Kind::String, text }, &materials, &mut out)?;
        Ok((treated, out))
    }

    #[test]
    fn what_is_found_is_replaced_and_all_else_stays() {
        for (replace_by, expected) in [
            (ReplaceBy::Mask, "Ada (••••, ••••) wrote: mail •••• back."),
            (ReplaceBy::Redact, "Ada ([email], [phone]) wrote: mail [email] back."),
            (ReplaceBy::LeaveOut, "Ada (, ) wrote: mail  back."),
        ] {
            assert_eq!(run(replace_by, TEXT), Ok((Treated::Replaced(Kind::String), expected.into())));
            assert_eq!(run(replace_by, "Ada wrote."), Ok((Treated::Kept, String::new())));
        }
        assert!(matches!(run(ReplaceBy::Refuse, TEXT), Err(Refused::Unsuitable(_))));
        assert_eq!(run(ReplaceBy::Refuse, "Ada wrote."), Ok((Treated::Kept, String::new())));
    }

    #[test]
    fn what_is_left_out_leaves_nothing_that_is_found() {
        let literal = "x@[192.0.2.1]";
        let nested = |depth: usize| {
            let (before, after): (String, String) = ("ada@".into(), "example.org".into());
            (0..depth).fold(format!("{before}{literal}{after}"), |text, _| {
                text.replace(literal, &literal.replace('x', "x@[192.0.2.1]x"))
            })
        };
        assert_eq!(
            run(ReplaceBy::LeaveOut, &format!("mail ada@{literal}example.org now")).unwrap().1,
            "mail  now"
        );
        for depth in 0..8 {
            if let Ok((_, text)) = run(ReplaceBy::LeaveOut, &nested(depth)) {
                assert_eq!(
                    run(ReplaceBy::LeaveOut, &text),
                    Ok((Treated::Kept, String::new())),
                    "{depth}: {text}"
                );
            }
        }
    }

    #[test]
    fn one_person_stays_one_person_in_a_text() {
        let (_, text) = run(ReplaceBy::Pseudonymize, TEXT).unwrap();
        let pseudonyms: Vec<_> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let pseudonyms: Vec<_> = pseudonyms.into_iter().filter(|word| word.starts_with("p1_")).collect();
        let [email, phone, again] = pseudonyms[..] else { panic!("{text}") };
        assert_eq!(email, again);
        assert_ne!(email, phone);
        // The same as of a field with nothing but the address.
        assert_eq!(email, "p1_5k63zp5p2zdrrglcrekggngh7q");
        let (_, other) = run(ReplaceBy::Pseudonymize, "0033 (0)6 12345678").unwrap();
        assert_eq!(other, phone);
    }

    #[test]
    fn what_an_analyser_found_is_replaced_too_and_a_text_that_it_did_not_see_is_refused() {
        let ask = Arc::new(Ask { analyzer: "local".into(), entities: vec!["PERSON".into()], score: 50 });
        let wanted = detect::Wanted { kinds: vec![Finds::Email], ..detect::Wanted::default() };
        for wanted in [wanted, detect::Wanted::default()] {
            let both = !wanted.kinds.is_empty();
            let replace_by = ReplaceBy::Redact;
            let spec = Box::new(super::super::DetectSpec { wanted, ask: Some(Arc::clone(&ask)), replace_by });
            let action =
                Action::compile(&super::super::Spec::Detect(spec), Some(Kind::String), |_| None).unwrap();
            assert_eq!(action.asks(), Some(&ask));
            let text = "Ada King, ada@example.org";
            let mut analyses = Analyses::default();
            analyses.put(&ask, text.to_owned(), vec![Found { start: 0, end: 8, what: What::Entity(0) }]);
            let materials = Materials { analyses: Some(&analyses), ..Materials::default() };
            let apply = |text, materials: &Materials<'_>| {
                let mut out = String::new();
                action
                    .apply(Value { kind: Kind::String, text }, materials, &mut out)
                    .map(|treated| (treated, out))
            };
            let expected = if both { "[person], [email]" } else { "[person], ada@example.org" };
            assert_eq!(apply(text, &materials), Ok((Treated::Replaced(Kind::String), expected.into())));
            assert_eq!(apply("Ada King", &materials), Err(Refused::MaterialMissing));
            assert_eq!(apply(text, &Materials::default()), Err(Refused::MaterialMissing));
            // Nothing to ask about.
            assert_eq!(apply(" – ", &Materials::default()), Ok((Treated::Kept, String::new())));
        }
    }

    #[test]
    fn without_its_secret_nothing_passes() {
        let spec = spec(&[Finds::Email], ReplaceBy::Pseudonymize);
        let action = Action::compile(&spec, Some(Kind::String), |_| None).unwrap();
        let mut out = String::new();
        let given = action.apply(Value { kind: Kind::String, text: TEXT }, &Materials::default(), &mut out);
        assert_eq!(given, Err(Refused::MaterialMissing));
    }
}
