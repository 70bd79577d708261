//! The walk beside its oracle, on generated and on broken documents.

use proptest::prelude::*;

use super::oracle::{Tree, meaning, treat};
use super::tests::run;
use super::{Unfound, find};
use crate::payload::acting::{Act, Acting, CAPS, Halt, Told};
use crate::payload::{Kind, Layout, Path, Step, Stop, Undeclared};

/// Bytes from which a document is made: a choice takes one, and zero when none is left, so that failures shrink.
struct Tape<'a> {
    bytes: std::slice::Iter<'a, u8>,
    canaries: u32,
}

impl Tape<'_> {
    fn pick(&mut self, of: usize) -> usize {
        usize::from(*self.bytes.next().unwrap_or(&0)) % of
    }

    fn canary(&mut self) -> String {
        self.canaries += 1;
        format!("canary{}z", self.canaries)
    }

    fn space(&mut self, out: &mut String) {
        out.push_str(["", "", "", " ", "\n\t", "\r ", "  "][self.pick(7)]);
    }

    fn scalar(&mut self, out: &mut String) {
        let canary = self.canary();
        let number = 1_000_000 + self.canaries;
        out.push_str(&match self.pick(12) {
            0 | 1 => format!("\"{canary}\""),
            2 => format!("\"é\\u00e9\\n😀\\ud83d\\ude00{canary}\\\\\\\"\""),
            3 => format!("\"\\/ \\u0022,}}]{canary}\""),
            4 => format!("{number}"),
            5 => format!("-{number}.50e-07"),
            6 => format!("{number}E400"),
            7 => "-0".into(),
            8 => "true".into(),
            9 => "false".into(),
            10 => "null".into(),
            _ => "\"\"".into(),
        });
    }

    fn anything(&mut self, depth: usize, out: &mut String) {
        match self.pick(if depth > 3 { 2 } else { 5 }) {
            3 => {
                let count = self.pick(4);
                self.list(out, '[', ']', count, |tape, _, out| tape.anything(depth + 1, out));
            }
            4 => {
                let count = self.pick(12);
                self.list(out, '{', '}', count, |tape, index, out| {
                    tape.key(["k", "email", "a", ""][tape.canaries as usize % 4], Some(index), out);
                    tape.anything(depth + 1, out);
                });
            }
            _ => self.scalar(out),
        }
    }

    fn key(&mut self, name: &str, suffix: Option<usize>, out: &mut String) {
        let name = format!("{name}{}", suffix.map_or(String::new(), |n| n.to_string()));
        out.push('"');
        for c in name.chars() {
            if self.pick(5) == 4 {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                out.push(c);
            }
        }
        out.push('"');
        self.space(out);
        out.push(':');
        self.space(out);
    }

    fn list(
        &mut self,
        out: &mut String,
        open: char,
        close: char,
        count: usize,
        mut item: impl FnMut(&mut Self, usize, &mut String),
    ) {
        out.push(open);
        self.space(out);
        for index in 0..count {
            if index > 0 {
                out.push(',');
                self.space(out);
            }
            item(self, index, out);
            self.space(out);
        }
        out.push(close);
    }

    /// A value for the place `here` of a layout, now and then of another shape, or `null`.
    fn document(&mut self, here: &[Step], paths: &[Path], out: &mut String) {
        let under: Vec<_> = paths.iter().filter(|path| path.steps().starts_with(here)).collect();
        if self.pick(40) == 39 {
            return self.anything(0, out);
        }
        let next = |path: &&Path| path.steps().get(here.len()).cloned();
        match under.first().map(next) {
            Some(None) => self.scalar(out),
            _ if self.pick(10) == 9 => out.push_str("null"),
            Some(Some(Step::Every)) => {
                let count = self.pick(4);
                let inner = [here, &[Step::Every]].concat();
                self.list(out, '[', ']', count, |tape, _, out| tape.document(&inner, paths, out));
            }
            _ => {
                let mut members: Vec<_> = under.iter().filter_map(next).collect();
                members.dedup();
                members.sort();
                members.dedup();
                members.retain(|_| self.pick(6) != 5);
                let extra = [0, 0, 0, 1, 2, 9][self.pick(6)];
                let mut items: Vec<_> = members.into_iter().map(Ok).chain((0..extra).map(Err)).collect();
                for last in (1..items.len()).rev() {
                    items.swap(last, self.pick(last + 1));
                }
                self.list(out, '{', '}', items.len(), |tape, index, out| match &items[index] {
                    Ok(Step::Member(name)) => {
                        tape.key(name, None, out);
                        tape.document(&[here, &[Step::Member(name.clone())]].concat(), paths, out);
                    }
                    _ => {
                        tape.key("undeclared", Some(index), out);
                        tape.anything(0, out);
                    }
                });
            }
        }
    }
}

fn a_path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        5 => prop::sample::select(&[".a", ".b", ".email", ".é", "['x y']", "['0']"][..]),
        1 => Just("[*]")
    ];
    prop::collection::vec(step, 1..4).prop_map(|steps| {
        let text = steps.concat();
        let text = text.trim_start_matches("[*]").trim_start_matches('.');
        Path::parse(if text.is_empty() { "a" } else { text }).unwrap()
    })
}

/// Paths that go together.
fn some_paths() -> impl Strategy<Value = Vec<Path>> {
    prop::collection::vec(a_path(), 0..14).prop_map(|all| {
        let mut paths: Vec<Path> = Vec::new();
        for path in all {
            paths.push(path);
            if Layout::compile(&paths, Undeclared::Refuse).is_err() {
                paths.pop();
            }
        }
        paths
    })
}

fn an_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Keep),
        2 => Just(Act::Leave),
        1 => "(?s).{0,8}".prop_map(|text| Act::Replace(Kind::String, text)),
        1 => (-99..99_i32).prop_map(|n| Act::Replace(Kind::Integer, n.to_string())),
        1 => Just(Act::Replace(Kind::Null, "null".into())),
    ]
}

fn sorted(mut told: Vec<Told>) -> Vec<Told> {
    let rank = |told: &Told| if let Told::Missing(field) = told { u32::from(*field) + 1 } else { 0 };
    told.sort_by_key(rank);
    told
}

fn is_subsequence(short: &str, long: &str) -> bool {
    let mut long = long.bytes();
    short.bytes().all(|byte| long.any(|other| other == byte))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_walk_does_what_the_oracle_does(
        paths in some_paths(),
        acts in prop::collection::vec(prop::collection::vec(an_act(), 1..3), 14),
        undeclared in prop::sample::select(&[Undeclared::LeaveOut, Undeclared::LeaveOut, Undeclared::Refuse][..]),
        tape in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut tape = Tape { bytes: tape.iter(), canaries: 0 };
        let mut body = String::new();
        tape.space(&mut body);
        tape.document(&[], &paths, &mut body);
        tape.space(&mut body);

        let tree = Tree::read(body.as_bytes()).unwrap();
        let mut obvious = Acting::new(acts.clone(), undeclared);
        let expected = treat(&tree, &[], &[], &paths, &mut obvious).map(Option::unwrap);
        let (result, acting) = run(body.as_bytes(), &paths, Acting::new(acts.clone(), undeclared), &CAPS);
        match (expected, result) {
            (Ok(expected), Ok(out)) => {
                // Scalars are compared as they are spelled, members and elements in order.
                prop_assert_eq!(&Tree::read(out.as_bytes()).unwrap(), &expected, "{} -> {}", body, out);
                prop_assert_eq!(sorted(acting.told), sorted(obvious.told));
                let expected = format!("{expected:?}");
                for canary in 1..=tape.canaries {
                    for mark in [format!("canary{canary}z"), (1_000_000 + canary).to_string()] {
                        prop_assert_eq!(out.contains(&mark), expected.contains(&mark), "{} -> {}", body, out);
                    }
                }
                let replaced = acts.iter().flatten().any(|act| matches!(act, Act::Replace(..)));
                prop_assert!(replaced || is_subsequence(&out, &body), "{body} -> {out}");
            }
            (Err(expected), Err(Stop::Visitor(halt))) => match (expected, halt) {
                // Which of the fields under a place stands for it is the layout's choice.
                (Halt::Misshapen(_), Halt::Misshapen(_)) => {}
                (expected, halt) => prop_assert_eq!(expected, halt),
            },
            // Only an empty layout has nobody to tell of a misshapen root.
            (Err(Halt::Misshapen(_)), Err(Stop::Malformed(_))) if paths.is_empty() => {}
            (expected, result) => prop_assert!(false, "{body}: {expected:?} but {result:?}"),
        }
    }

    #[test]
    fn all_kept_is_all_the_same(paths in some_paths(), tape in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut body = String::new();
        Tape { bytes: tape.iter(), canaries: 0 }.document(&[], &paths, &mut body);
        let acts = vec![Act::Keep; paths.len()];
        let result = run(body.as_bytes(), &paths, Acting::of(&acts, Undeclared::Refuse), &CAPS).0;
        if let Ok(out) = result {
            prop_assert_eq!(out, body);
        }
    }

    #[test]
    fn what_the_strict_oracle_refuses_the_walk_refuses_and_nothing_else(
        paths in some_paths(),
        tape in prop::collection::vec(any::<u8>(), 0..200),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..6, any::<u8>()), 0..4),
    ) {
        let mut body = String::new();
        Tape { bytes: tape.iter(), canaries: 0 }.document(&[], &paths, &mut body);
        let mut body = body.into_bytes();
        for (from, to, how, byte) in mutations {
            let at = from.index(body.len() + 1);
            match how {
                0 if at < body.len() => body[at] = byte,
                1 => body.insert(at, byte),
                2 if at < body.len() => drop(body.remove(at)),
                3 => body.insert(at, b"{}[]\",:\\0e-.u \t"[usize::from(byte) % 15]),
                4 => body.truncate(at),
                _ => {
                    let other = to.index(body.len() + 1);
                    let piece = body[at.min(other)..at.max(other)].to_vec();
                    body.splice(at..at, piece);
                }
            }
        }
        let tree = Tree::read(&body);
        let strict = tree.as_ref().is_ok_and(|tree| matches!(tree, Tree::Object(_)));

        // Every key skipped.
        let skipped = run(&body, &[], Acting::of(&[], Undeclared::LeaveOut), &CAPS).0;
        prop_assert_eq!(skipped.is_ok(), strict, "{:?}: {:?}", String::from_utf8_lossy(&body), skipped);

        // Some keys declared: a visitor may stop it before the fault.
        let acts = vec![Act::Keep; paths.len()];
        match run(&body, &paths, Acting::of(&acts, Undeclared::LeaveOut), &CAPS).0 {
            Ok(_) => prop_assert!(tree.is_ok()),
            Err(Stop::Malformed(_)) => prop_assert!(!strict),
            Err(Stop::Visitor(Halt::Misshapen(_))) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }

        // The search for one value.
        for path in paths.iter().filter(|path| !path.is_many()) {
            let names: Vec<_> = path.steps().iter().filter_map(|step| match step {
                Step::Member(name) => Some(&**name),
                Step::Every => None,
            }).collect();
            match find(&body, path, &CAPS) {
                Ok(found) => {
                    prop_assert!(strict);
                    let expected = match tree.as_ref().unwrap().at(&names) {
                        Some(Tree::Scalar(raw)) => Some(meaning(raw)),
                        _ => None,
                    };
                    prop_assert_eq!(found.map(|found| (found.kind, found.text.into_owned())), expected);
                }
                Err(Stop::Malformed(_)) => prop_assert!(!strict),
                Err(Stop::Visitor(Unfound::Misshapen)) => {}
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }
}
