//! What readers do while a test watches, and the trial of a schema against its reader.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Is, Shape};
use crate::policy::yaml::{self, Content, Meaning, Node};
use crate::policy::{Code, Diagnostic};

thread_local! {
    static TAKEN: RefCell<BTreeSet<(&'static str, &'static str)>> = const { RefCell::new(BTreeSet::new()) };
    static ASKED: RefCell<BTreeSet<Vec<String>>> = const { RefCell::new(BTreeSet::new()) };
}

/// A reader takes a key of a shape.
pub(crate) fn taken(shape: &'static str, key: &'static str) {
    TAKEN.with_borrow_mut(|taken| taken.insert((shape, key)));
}

/// A reader asks for one of these words.
pub(crate) fn asked<'a>(words: impl Iterator<Item = &'a str>) {
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    words.sort_unstable();
    ASKED.with_borrow_mut(|asked| asked.insert(words));
}

/// A kind of file, its schema, and its reader.
pub(crate) struct Trial<'a> {
    pub(crate) shape: &'static Shape,
    pub(crate) schema: &'a str,
    /// What a reader finds in a text.
    pub(crate) read: &'a dyn Fn(&str) -> Vec<Diagnostic>,
}

/// What the reader refuses by looking further than a schema can: at patterns, at other keys' values, at names.
const FURTHER: &[Code] = &[
    Code::RulesContradict,
    Code::ActionUnfit,
    Code::FieldPath,
    Code::FileName,
    Code::NameTwice,
    Code::CaseTwice,
    Code::HeaderNotAllowed,
    Code::InsecureSetting,
    Code::KeyNotHere,
    Code::SameFile,
    Code::Proposed,
    Code::PassUnjustified,
];

impl Trial<'_> {
    /// Tries texts that are good, and each mutation of those in `tests/schema`: what the reader refuses by shape the schema must refuse, and
    /// nothing else. Then compares what was taken and asked with what is entered.
    ///
    /// Returns how many texts were refused by both, and accepted by both.
    pub(crate) fn run(&self, texts: &[(&str, &str)]) -> (usize, usize) {
        let validator = jsonschema::validator_for(&serde_json::from_str(self.schema).unwrap()).unwrap();
        let (mut refused, mut accepted) = (0, 0);
        let mut faults = Vec::new();
        TAKEN.take();
        ASKED.take();
        for (_, text) in texts {
            (self.read)(text);
        }
        // A word that a reader knows is tried, whether the schema has it or not.
        let mut lists = self.lists();
        lists.extend(ASKED.with_borrow(Clone::clone));
        for (name, text) in texts {
            let value = value(text);
            let errors: Vec<_> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{name} is refused by the schema: {errors:#?}");
            let found = (self.read)(text);
            assert!(!found.iter().any(is_error), "{name} is refused by the reader: {found:#?}");
            if !name.starts_with("tests/schema/") {
                continue;
            }
            for (what, mutant) in mutants(&value, &lists) {
                let found = (self.read)(&mutant.to_string());
                let read = found.iter().filter(|one| is_error(one));
                let by_shape = read.clone().any(|one| !FURTHER.contains(&one.code));
                let valid = validator.is_valid(&mutant);
                match (valid, by_shape, read.count() > 0) {
                    (true, true, _) => {
                        faults.push(format!("{name}: {what}: the reader alone refuses: {found:?}"))
                    }
                    (false, _, false) => faults.push(format!("{name}: {what}: the schema alone refuses")),
                    (false, ..) => refused += 1,
                    (true, ..) => accepted += 1,
                }
            }
        }
        assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
        self.compare_keys();
        self.compare_words();
        (refused, accepted)
    }

    fn compare_keys(&self) {
        let shapes = shapes(self.shape);
        let entered: BTreeSet<_> =
            shapes.iter().flat_map(|shape| shape.keys.iter().map(|key| (shape.id, key.name))).collect();
        let taken = TAKEN.take();
        let of_file =
            shapes.iter().filter(|shape| !shape.id.ends_with("-action") && shape.id != "national-id");
        let ids: BTreeSet<_> = of_file.map(|shape| shape.id).collect();
        let idle: Vec<_> =
            entered.iter().filter(|key| ids.contains(key.0) && !taken.contains(*key)).collect();
        assert!(idle.is_empty(), "entered, and never taken by a reader: {idle:?}");
        let unentered: Vec<_> = taken.iter().filter(|key| !entered.contains(*key)).collect();
        assert!(unentered.is_empty(), "taken by a reader, and not in the schema: {unentered:?}");
    }

    /// The closed lists of words that the shapes have, the bare words of actions among them.
    fn lists(&self) -> BTreeSet<Vec<String>> {
        let mut lists = BTreeSet::new();
        for shape in shapes(self.shape) {
            shape.keys.iter().for_each(|key| collect_words(key.is, &mut lists));
        }
        lists
    }

    fn compare_words(&self) {
        let lists = self.lists();
        // More may be known than is proposed: words that are refused as not implemented yet.
        let has = |asked: &Vec<String>| lists.iter().any(|list| list.iter().all(|word| asked.contains(word)));
        let unknown: Vec<_> = ASKED.take().into_iter().filter(|asked| !has(asked)).collect();
        assert!(unknown.is_empty(), "a reader asks for words that the schema lists otherwise: {unknown:?}");
    }
}

/// Every shape that a file can hold.
pub(crate) fn shapes(root: &'static Shape) -> Vec<&'static Shape> {
    fn add(shape: &'static Shape, to: &mut Vec<&'static Shape>) {
        if to.iter().all(|other| other.id != shape.id) {
            to.push(shape);
            shape.keys.iter().for_each(|key| of(key.is, to));
        }
    }
    fn of(is: Is, to: &mut Vec<&'static Shape>) {
        match is {
            Is::Keys(shape) | Is::Options(shape) | Is::Action(shape) => add(shape, to),
            Is::Named(inner, _) | Is::Entries(inner) => of(*inner, to),
            Is::List(list) => of(*list.of, to),
            Is::Either(several) => several.iter().for_each(|is| of(*is, to)),
            Is::Anything
            | Is::Single
            | Is::Text
            | Is::Name
            | Is::Boolean
            | Is::Integer(..)
            | Is::Number(..)
            | Is::Form(_)
            | Is::Words(_)
            | Is::Expected
            | Is::Nothing => {}
        }
    }
    let mut shapes = Vec::new();
    add(root, &mut shapes);
    shapes
}

fn collect_words(is: Is, lists: &mut BTreeSet<Vec<String>>) {
    match is {
        Is::Words(words) => {
            let mut words: Vec<String> = words().into_iter().map(str::to_owned).collect();
            words.sort_unstable();
            lists.insert(words);
        }
        Is::Action(shape) => {
            let bare = shape.keys.iter().filter(|key| !matches!(key.is, Is::Keys(_)));
            lists.insert(bare.map(|key| key.name.to_owned()).collect());
        }
        Is::Named(inner, _) | Is::Entries(inner) => collect_words(*inner, lists),
        Is::List(list) => collect_words(*list.of, lists),
        Is::Either(several) => several.iter().for_each(|is| collect_words(*is, lists)),
        _ => {}
    }
}

fn is_error(found: &Diagnostic) -> bool {
    found.code.severity() == crate::policy::Severity::Error
}

/// A text as an editor's YAML reader hands it to a schema.
pub(crate) fn value(text: &str) -> Value {
    let mut found = Vec::new();
    let node = yaml::parse(0, text, &mut found).unwrap();
    assert!(found.is_empty(), "{found:?}");
    of_node(&node)
}

fn of_node(node: &Node) -> Value {
    match &node.content {
        Content::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Value::Null,
            Meaning::Boolean(value) => value.into(),
            Meaning::Integer(value) => value.into(),
            Meaning::Number => serde_json::from_str(&scalar.text).unwrap_or_else(|_| json!(scalar.text)),
            Meaning::Text => json!(scalar.text),
        },
        Content::List(nodes) => nodes.iter().map(of_node).collect(),
        Content::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), of_node(&entry.value))).collect())
        }
    }
}

/// The value with one thing changed, and what that is. A word becomes each other one of its list.
fn mutants(value: &Value, lists: &BTreeSet<Vec<String>>) -> Vec<(String, Value)> {
    let mut mutants = Vec::new();
    for replaced in [
        json!("zzz"),
        json!("1 zzz/"),
        json!(-1),
        json!(true),
        json!([]),
        json!({}),
        json!(["zzz"]),
        json!({"zzz": 1}),
    ] {
        if replaced != *value {
            mutants.push((format!("is {replaced}"), replaced));
        }
    }
    match value {
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("zzz".into(), json!({ "type": "string" }));
            mutants.push(("has zzz".into(), Value::Object(more)));
            for (key, inner) in members {
                let mut fewer = members.clone();
                fewer.remove(key);
                mutants.push((format!("has no {key}"), Value::Object(fewer)));
                for (what, mutant) in self::mutants(inner, lists) {
                    let mut changed: Map<String, Value> = members.clone();
                    changed.insert(key.clone(), mutant);
                    mutants.push((format!("{key}: {what}"), Value::Object(changed)));
                }
            }
        }
        Value::Array(elements) => {
            for (index, inner) in elements.iter().enumerate() {
                for (what, mutant) in self::mutants(inner, lists) {
                    let mut changed = elements.clone();
                    changed[index] = mutant;
                    mutants.push((format!("{index}: {what}"), Value::Array(changed)));
                }
            }
        }
        Value::String(word) => {
            // Categories are hundreds: one wrong one is tried above.
            for other in lists.iter().filter(|list| list.len() < 100 && list.contains(word)).flatten() {
                if other != word {
                    mutants.push((format!("is {other}"), json!(other)));
                }
            }
        }
        _ => {}
    }
    mutants
}
