//! Types of an expression, so that a condition that could never be decided does not load.

use std::fmt;
use std::ops::Range;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::{ParseErrors, Program};

use super::{ConditionError, Uses, Vocabulary};
use crate::payload::Kind;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Type {
    Truth,
    Whole,
    Number,
    Text,
    Null,
    List(Box<Type>),
    /// Known at run time only: a claim, or a part of one.
    Claim,
    Group(Group),
}

/// A name with members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Caller,
    Claims,
    Request,
    Path,
    Query,
    Header,
    Now,
}

const GROUPS: [(&str, Group); 6] = [
    ("caller", Group::Caller),
    ("request", Group::Request),
    ("path", Group::Path),
    ("query", Group::Query),
    ("header", Group::Header),
    ("now", Group::Now),
];
/// The functions that there are, for those who look for another.
const FUNCTIONS: &str = "Possible are `size`, `contains`, `startsWith`, `endsWith`, `int`, `double`, `string`, `has`, `exists`, `exists_one` and `all`.";

/// What an expression that cannot be read is wrong in.
pub(super) fn unreadable(text: &str, errors: &ParseErrors) -> ConditionError {
    let first = errors.errors.first();
    let (line, column) = first.map_or((0, 0), |error| error.pos);
    let lines = text.split_inclusive('\n').take(usize::try_from(line - 1).unwrap_or(0));
    let before: usize = lines.map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    let characters = usize::try_from(column - 1).unwrap_or(0);
    let at = before + rest.char_indices().nth(characters).map_or(rest.len(), |(at, _)| at);
    let length = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    let what = first.map_or("it is empty", |error| error.msg.lines().next().unwrap_or_default());
    let what = what.trim_end_matches('.');
    ConditionError {
        what: format!("the condition cannot be read: {what}"),
        mend: "Write one expression of CEL, texts in single quotes: `caller.claims.department == 'care'`."
            .into(),
        at: (length > 0).then_some(at..at + length),
    }
}

/// Types a whole condition, and says what it speaks of.
pub(super) fn check(text: &str, program: &Program, vocabulary: &Vocabulary) -> Result<Uses, ConditionError> {
    let mut checker =
        Checker { text, program, vocabulary, uses: Uses::default(), bound: Vec::new(), looped: false };
    let whole = program.expression();
    match checker.of(whole)? {
        Type::Truth => {
            checker.uses.claims.sort_unstable();
            checker.uses.claims.dedup();
            Ok(checker.uses)
        }
        other => Err(ConditionError {
            what: format!("a condition is true or false, and this is {other}"),
            mend: "Compare it with something: `… == 'care'`, `… == true`.".into(),
            at: None,
        }),
    }
}

struct Checker<'a> {
    text: &'a str,
    program: &'a Program,
    vocabulary: &'a Vocabulary,
    uses: Uses,
    /// Names of a loop, the innermost last.
    bound: Vec<(String, Type)>,
    looped: bool,
}

type Typed = Result<Type, ConditionError>;

impl Checker<'_> {
    fn of(&mut self, expression: &IdedExpr) -> Typed {
        match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ok(Type::Truth),
                LiteralValue::Int(_) | LiteralValue::UInt(_) => Ok(Type::Whole),
                LiteralValue::Double(_) => Ok(Type::Number),
                LiteralValue::String(_) => Ok(Type::Text),
                LiteralValue::Null => Ok(Type::Null),
                LiteralValue::Bytes(_) => {
                    self.fault(expression, "nothing here is made of bytes", "Write a text: 'care'.")
                }
            },
            Expr::Ident(name) => self.name(expression, name),
            Expr::Select(select) => self.member(expression, select),
            Expr::Call(call) => self.call(expression, call),
            Expr::List(list) => {
                let mut element: Option<Type> = None;
                for one in &list.elements {
                    let of = self.of(one)?;
                    match &element {
                        None => element = Some(of),
                        Some(first) if comparable(first, &of) => {}
                        Some(first) => {
                            let what = format!("the list holds {first} and {of}");
                            return self.fault(one, what, "Write a list of one type.");
                        }
                    }
                }
                Ok(Type::List(Box::new(element.unwrap_or(Type::Claim))))
            }
            Expr::Comprehension(comprehension) => self.each(expression, comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                self.fault(expression, "a condition makes no maps", "Compare values by themselves.")
            }
        }
    }

    fn name(&mut self, expression: &IdedExpr, name: &str) -> Typed {
        if let Some((_, bound)) = self.bound.iter().rev().find(|(other, _)| other == name) {
            return Ok(bound.clone());
        }
        let Some((_, group)) = GROUPS.iter().find(|(known, _)| *known == name) else {
            let mend = "Possible are `caller`, `request`, `path`, `query`, `header` and `now`; texts stand in quotes.";
            return self.fault(expression, format!("there is no `{name}`"), mend);
        };
        let uses = &mut self.uses;
        match group {
            Group::Caller | Group::Claims => uses.caller = true,
            Group::Request => uses.request = true,
            Group::Path => uses.path = true,
            Group::Query => uses.query = true,
            Group::Header => uses.header = true,
            Group::Now => uses.now = true,
        }
        Ok(Type::Group(*group))
    }

    fn member(&mut self, expression: &IdedExpr, select: &SelectExpr) -> Typed {
        let of = match self.of(&select.operand)? {
            Type::Group(group) => self.member_of(expression, group, &select.field)?,
            Type::Claim => Type::Claim,
            other => {
                let what = format!("{other} has no `{}`", select.field);
                return self.fault(expression, what, "Only `caller`, `request` and their like have members.");
            }
        };
        Ok(if select.test { Type::Truth } else { of })
    }

    fn member_of(&mut self, expression: &IdedExpr, group: Group, name: &str) -> Typed {
        let fixed: &[(&str, Type)] = match group {
            Group::Claims => {
                self.uses.claims.push(name.into());
                return Ok(Type::Claim);
            }
            Group::Caller => {
                &[("claims", Type::Group(Group::Claims)), ("kind", Type::Text), ("namespace", Type::Text)]
            }
            Group::Request => &[("method", Type::Text), ("route", Type::Text)],
            Group::Now => &[("hour", Type::Whole), ("weekday", Type::Whole), ("date", Type::Text)],
            Group::Path | Group::Query | Group::Header => &[],
        };
        if group == Group::Caller && name == "scopes" {
            return Ok(Type::List(Box::new(Type::Text)));
        }
        if let Some((_, of)) = fixed.iter().find(|(known, _)| *known == name) {
            return Ok(of.clone());
        }
        let declared = match group {
            Group::Path => self.vocabulary.path.as_slice(),
            Group::Query => &self.vocabulary.query,
            Group::Header => &self.vocabulary.header,
            _ => &[],
        };
        if let Some((_, kind)) = declared.iter().find(|(known, _)| **known == *name) {
            return Ok(of_kind(*kind));
        }
        let scopes = (group == Group::Caller).then_some("scopes");
        let known: Vec<String> = fixed
            .iter()
            .map(|(name, _)| *name)
            .chain(scopes)
            .chain(declared.iter().map(|(name, _)| &**name))
            .map(|name| format!("`{name}`"))
            .collect();
        let mend = match (known.is_empty(), group) {
            (false, _) => format!("Possible are {}.", known.join(", ")),
            (true, _) => "Declare the parameter, for every route that the condition is about.".to_owned(),
        };
        self.fault(expression, format!("there is no `{name}` here"), mend)
    }

    fn call(&mut self, expression: &IdedExpr, call: &CallExpr) -> Typed {
        let arguments: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::INDEX, [of, place]) => self.at(expression, of, place),
            (operators::IN, [what, of]) => self.within(expression, what, of),
            // `exists_one` counts, under a name that nobody can write.
            (operators::ADD, [counter, _]) if matches!(&counter.expr, Expr::Ident(name) if name.starts_with('@')) => {
                Ok(Type::Whole)
            }
            (function, arguments) => {
                let types = arguments.iter().map(|one| self.of(one)).collect::<Result<Vec<_>, _>>()?;
                self.given(expression, function, &types)
            }
        }
    }

    /// What a function of values gives.
    fn given(&mut self, expression: &IdedExpr, function: &str, types: &[Type]) -> Typed {
        use Type::{Claim, Number, Text, Truth, Whole};
        let truth = |of: &Type| matches!(of, Truth | Claim);
        let number = |of: &Type| matches!(of, Whole | Number | Claim);
        let text = |of: &Type| matches!(of, Text | Claim);
        let result = match (function, types) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [one, other]) if truth(one) && truth(other) => {
                Truth
            }
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [one]) if truth(one) => Truth,
            (operators::EQUALS | operators::NOT_EQUALS, [one, other]) if comparable(one, other) => Truth,
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [one, other],
            ) if number(one) && number(other) || text(one) && text(other) => Truth,
            (operators::CONDITIONAL, [whether, one, other]) if truth(whether) && comparable(one, other) => {
                if *one == Claim {
                    other.clone()
                } else {
                    one.clone()
                }
            }
            (operators::NEGATE, [one]) if number(one) => one.clone(),
            ("size", [Text | Claim | Type::List(_)]) => Whole,
            ("contains" | "startsWith" | "endsWith", [one, other]) if text(one) && text(other) => Truth,
            ("int", [Whole | Number | Text | Claim]) => Whole,
            ("double", [Whole | Number | Text | Claim]) => Number,
            ("string", [Whole | Number | Text | Claim]) => Text,
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                _,
            ) => {
                let mend = "Compare values as they are: with each other, or with one that is written here.";
                return self.fault(expression, "a condition does not calculate", mend);
            }
            _ => {
                let shown: Vec<String> = types.iter().map(Type::to_string).collect();
                let operator = function.trim_matches('_');
                let known = is_known(function);
                let (what, mend) = match (known, types) {
                    (true, [one, other]) => (
                        format!("`{operator}` cannot be said of {one} and {other}"),
                        "Compare values of one type; `int(…)` and `string(…)` turn one into another.",
                    ),
                    (true, _) => (format!("`{operator}` cannot be said of {}", shown.join(", ")), FUNCTIONS),
                    (false, _) => (format!("there is no function `{operator}`"), FUNCTIONS),
                };
                return self.fault(expression, what, mend);
            }
        };
        Ok(result)
    }

    /// `a[b]`
    fn at(&mut self, expression: &IdedExpr, of: &IdedExpr, place: &IdedExpr) -> Typed {
        let group = self.of(of)?;
        match (group, literal(place)) {
            (Type::Group(group), Some(name)) => self.member_of(place, group, &name),
            (Type::Group(_), None) => self.fault(
                place,
                "a member is named by a text",
                "Write its name in quotes: `header['x-plan']`.",
            ),
            (Type::List(element), _) if self.of(place)? == Type::Whole => Ok(*element),
            (Type::Claim, _) => self.of(place).map(|_| Type::Claim),
            (other, _) => {
                self.fault(expression, format!("{other} has no parts"), "Only lists and claims have parts.")
            }
        }
    }

    /// `a in b`
    fn within(&mut self, expression: &IdedExpr, what: &IdedExpr, of: &IdedExpr) -> Typed {
        let one = self.of(what)?;
        match self.of(of)? {
            Type::Claim => Ok(Type::Truth),
            Type::List(element) if comparable(&one, &element) => Ok(Type::Truth),
            Type::Group(group) => match literal(what) {
                Some(name) => self.member_of(what, group, &name).map(|_| Type::Truth),
                None => self.fault(
                    what,
                    "a member is named by a text",
                    "Write its name in quotes: `'x-plan' in header`.",
                ),
            },
            other => {
                let what = format!("{one} is never in {other}");
                self.fault(expression, what, "Write a list behind `in`: `'detail' in caller.scopes`.")
            }
        }
    }

    /// `exists`, `exists_one` and `all`, as the parser spells them out.
    fn each(&mut self, expression: &IdedExpr, each: &ComprehensionExpr) -> Typed {
        if self.looped {
            let mend = "Look through one list at a time.";
            return self.fault(expression, "a loop stands within a loop", mend);
        }
        let element = match self.of(&each.iter_range)? {
            Type::List(element) => *element,
            Type::Claim => Type::Claim,
            other => {
                let what = format!("{other} is no list");
                return self.fault(
                    &each.iter_range,
                    what,
                    "Look through a list: `caller.scopes`, or a claim that is one.",
                );
            }
        };
        let so_far = self.of(&each.accu_init)?;
        if matches!(so_far, Type::List(_)) || each.iter_var2.is_some() {
            let mend = "Use `exists`, `exists_one` or `all`.";
            return self.fault(expression, "a condition makes no lists", mend);
        }
        self.looped = true;
        self.bound.push((each.iter_var.clone(), element));
        self.bound.push((each.accu_var.clone(), so_far));
        let steps =
            [&each.loop_cond, &each.loop_step].into_iter().try_for_each(|step| self.of(step).map(drop));
        self.bound.remove(self.bound.len().saturating_sub(2));
        let result = steps.and_then(|()| self.of(&each.result));
        self.bound.pop();
        self.looped = false;
        result
    }

    fn fault<T>(
        &self,
        expression: &IdedExpr,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) -> Result<T, ConditionError> {
        Err(ConditionError { what: what.into(), mend: mend.into(), at: self.place(expression) })
    }

    /// The bytes of an expression, from its first word to its last. The library knows one token of each.
    fn place(&self, expression: &IdedExpr) -> Option<Range<usize>> {
        let own = self.program.source_info().offset_for(expression.id).map(|(start, stop)| {
            let byte = |at: u32| usize::try_from(at).unwrap_or(usize::MAX).min(self.text.len());
            let end = byte(stop.saturating_add(1));
            byte(start)..(end..=self.text.len()).find(|at| self.text.is_char_boundary(*at)).unwrap_or(end)
        });
        let mut place = own;
        let mut join = |other: Option<Range<usize>>| {
            place = match (place.take(), other) {
                (Some(one), Some(other)) => Some(one.start.min(other.start)..one.end.max(other.end)),
                (one, other) => one.or(other),
            };
        };
        match &expression.expr {
            Expr::Select(select) => {
                join(self.place(&select.operand));
                // The name behind the dot.
                if let Some(place) = &mut place
                    && let Some(rest) = self.text.get(place.end..)
                    && rest.trim_start_matches(['.', ' ']).starts_with(&select.field)
                {
                    place.end += rest.len() - rest.trim_start_matches(['.', ' ']).len() + select.field.len();
                }
            }
            Expr::Call(call) => {
                call.target.as_deref().into_iter().chain(&call.args).for_each(|one| join(self.place(one)));
            }
            Expr::List(list) => list.elements.iter().for_each(|one| join(self.place(one))),
            _ => {}
        }
        place.filter(|place| !place.is_empty())
    }
}

fn is_known(function: &str) -> bool {
    const NAMED: [&str; 7] = ["size", "contains", "startsWith", "endsWith", "int", "double", "string"];
    !function.starts_with(|c: char| c.is_ascii_alphabetic()) || NAMED.contains(&function)
}

fn literal(expression: &IdedExpr) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    }
}

fn of_kind(kind: Kind) -> Type {
    match kind {
        Kind::Integer => Type::Whole,
        Kind::Number => Type::Number,
        Kind::Boolean => Type::Truth,
        Kind::String | Kind::Null | Kind::File | Kind::Untyped => Type::Text,
    }
}

/// Whether two values can ever be the same.
fn comparable(one: &Type, other: &Type) -> bool {
    match (one, other) {
        (Type::Group(_), _) | (_, Type::Group(_)) => false,
        (Type::Claim, _) | (_, Type::Claim) => true,
        (Type::Whole | Type::Number, Type::Whole | Type::Number) => true,
        (Type::List(one), Type::List(other)) => comparable(one, other),
        (one, other) => one == other,
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truth => "true or false",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Null => "null",
            Self::List(_) => "a list",
            Self::Claim => "a claim",
            Self::Group(Group::Caller) => "`caller`",
            Self::Group(Group::Claims) => "`caller.claims`",
            Self::Group(Group::Request) => "`request`",
            Self::Group(Group::Path) => "`path`",
            Self::Group(Group::Query) => "`query`",
            Self::Group(Group::Header) => "`header`",
            Self::Group(Group::Now) => "`now`",
        })
    }
}
