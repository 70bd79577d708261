//! Why a body is no command, in words. INVARIANT: neither a value nor a name that somebody sent is among them: what was
//! meant for an identifier may stand anywhere.

use serde_json::Value;
use serde_json::error::Category;

/// A member of a command: its name, what it must be, and whether it must be there.
type Member = (&'static str, Is, bool);

/// What a member must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Person,
    Text,
    Truth,
    Number(u64),
}

const PERSON: Member = ("person", Is::Person, true);
const PURPOSE: Member = ("purpose", Is::Text, true);
const METHOD: Member = ("method", Is::Text, true);
const LIFT: Member = ("lift", Is::Truth, false);

/// Every command, with its members.
const COMMANDS: &[(&str, &[Member])] = &[
    ("consent-grant", &[PERSON, PURPOSE, ("language", Is::Text, true), METHOD]),
    ("consent-refuse", &[PERSON, PURPOSE, ("language", Is::Text, true), METHOD]),
    ("consent-withdraw", &[PERSON, PURPOSE, METHOD]),
    ("consent-show", &[PERSON]),
    ("restrict", &[PERSON, LIFT]),
    ("object", &[PERSON, PURPOSE, LIFT]),
    ("erase", &[PERSON]),
    ("access", &[PERSON, ("reason", Is::Text, true)]),
    ("retention", &[]),
    ("audit-verify", &[("against", Is::Text, false)]),
    ("audit-checkpoint", &[]),
    ("audit-key", &[]),
    ("audit-show", &[("from", Is::Number(u64::MAX), true), ("count", Is::Number(4_294_967_295), true)]),
    ("drift", &[]),
    ("key-rotate", &[("check", Is::Text, false)]),
    ("reload", &[]),
];
/// The members of a person.
const OF_PERSON: &[Member] = &[("namespace", Is::Text, true), ("identifier", Is::Text, true)];

/// What is wrong with a body that does not read as a command.
pub(super) fn why(body: &[u8]) -> String {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) if error.classify() == Category::Eof => {
            return "The JSON of the command is cut short.".into();
        }
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            return format!("The command is not JSON, from line {line}, column {column} on.");
        }
    };
    let name = match value.get("command") {
        _ if !value.is_object() => {
            return format!("A command is a JSON object, and this is {}.", kind(&value));
        }
        None => return format!("The member `command` is missing; {}", there_are()),
        Some(Value::String(name)) => name,
        Some(other) => return format!("The member `command` must be a text, and is {}.", kind(other)),
    };
    let Some((name, members)) = COMMANDS.iter().find(|(known, _)| known == name) else {
        return format!("There is no such command; {}", there_are());
    };
    fault(name, "", &value, members)
        // What is well formed by this table and is refused all the same, a member that stands there twice.
        .unwrap_or_else(|| {
            format!("This is no `{name}`: see the administration's documentation for its members.")
        })
}

/// The first member that is not as it must be.
fn fault(command: &str, within: &str, object: &Value, members: &[Member]) -> Option<String> {
    for (name, is, needed) in members {
        let at = format!("{within}{name}");
        let wrong = match (object.get(name), is) {
            (None, _) if *needed => return Some(format!("`{command}` needs the member `{at}`.")),
            (None, _) => continue,
            // The text of a checkpoint may be left empty.
            (Some(Value::Null), Is::Text) if !needed => continue,
            (Some(person @ Value::Object(_)), Is::Person) => {
                match fault(command, &format!("{at}."), person, OF_PERSON) {
                    None => continue,
                    fault => return fault,
                }
            }
            (Some(Value::String(_)), Is::Text) | (Some(Value::Bool(_)), Is::Truth) => continue,
            (Some(Value::Number(number)), Is::Number(most))
                if number.as_u64().is_some_and(|is| is <= *most) =>
            {
                continue;
            }
            (Some(value), _) => value,
        };
        let must = match is {
            Is::Person => "an object with `namespace` and `identifier`".to_owned(),
            Is::Text => "a text".to_owned(),
            Is::Truth => "true or false".to_owned(),
            Is::Number(most) => format!("a whole number from 0 to {most}"),
        };
        let is = match kind(wrong) {
            "a number" if matches!(is, Is::Number(_)) => "another",
            kind => kind,
        };
        return Some(format!("The member `{at}` of `{command}` must be {must}, and is {is}."));
    }
    let known = |name: &str| {
        within.is_empty() && name == "command" || members.iter().any(|(member, ..)| *member == name)
    };
    let unknown = object.as_object()?.keys().any(|name| !known(name));
    let takes: Vec<String> = members.iter().map(|(name, ..)| format!("`{within}{name}`")).collect();
    let takes = if takes.is_empty() { "none".to_owned() } else { takes.join(", ") };
    unknown.then(|| {
        format!("A member of `{command}` is not one that it takes; beside `command` it takes {takes}.")
    })
}

fn there_are() -> String {
    let names: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
    format!("there are: {}.", names.join(", "))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::admin::Command;

    /// A command with all that it may have.
    fn whole(name: &str, members: &[Member]) -> Value {
        let value = |is: &Is| match is {
            Is::Person => json!({ "namespace": "customers", "identifier": "ada" }),
            Is::Text => json!("x"),
            Is::Truth => json!(true),
            Is::Number(most) => json!(most),
        };
        let members = members.iter().map(|(name, is, _)| ((*name).to_owned(), value(is)));
        Value::Object(members.chain([("command".to_owned(), json!(name))]).collect::<Map<_, _>>())
    }

    fn read(value: &Value) -> Option<Command> {
        serde_json::from_slice(&serde_json::to_vec(value).unwrap()).ok()
    }

    /// The table and the reader of commands, held against each other.
    #[test]
    fn the_table_is_that_of_the_commands() {
        for (name, members) in COMMANDS {
            let good = whole(name, members);
            assert_eq!(read(&good).unwrap().name(), *name);
            for (member, is, needed) in *members {
                let mut without = good.clone();
                without.as_object_mut().unwrap().remove(*member);
                assert_eq!(read(&without).is_none(), *needed, "{name} {member}");
                for wrong in [json!([]), json!(-1), json!(1.5), json!("1"), json!(false)] {
                    let mut other = good.clone();
                    other[*member] = wrong;
                    let told = fault(name, "", &other, members);
                    assert_eq!(read(&other).is_none(), told.is_some(), "{name} {member} {is:?} {told:?}");
                }
            }
            let mut more = good;
            more["more"] = json!(1);
            assert!(read(&more).is_none() && fault(name, "", &more, members).is_some(), "{name}");
        }
        // A command that is not in the table is told of by its reader.
        let error = serde_json::from_str::<Command>(r#"{"command":"x"}"#).unwrap_err().to_string();
        assert_eq!(error.matches('`').count(), 2 + 2 * COMMANDS.len(), "{error}");
    }

    #[test]
    fn what_is_wrong_is_said_and_nothing_that_was_sent() {
        let cut = r#"{"command":"erase","person":{"namespace":"customers","identifier":"ada"#;
        for (body, says) in [
            ("", "cut short"),
            (cut, "cut short"),
            (r#"{"command":"erase"; "ada"}"#, "not JSON, from line 1, column 19"),
            (r#"["ada"]"#, "this is a list"),
            (r#"{"ada":1}"#, "`command` is missing; there are: consent-grant,"),
            (r#"{"command":{"ada":1}}"#, "`command` must be a text, and is an object"),
            (r#"{"command":"ada"}"#, "no such command; there are: consent-grant,"),
            (r#"{"command":"erase","ada":1}"#, "`erase` needs the member `person`"),
            (r#"{"command":"erase","person":"ada"}"#, "`person` of `erase` must be an object with"),
            (
                r#"{"command":"erase","person":{"identifier":"ada"}}"#,
                "`erase` needs the member `person.namespace`",
            ),
            (
                r#"{"command":"erase","person":{"namespace":"c","identifier":["ada"]}}"#,
                "`person.identifier` of `erase` must be a text, and is a list",
            ),
            (
                r#"{"command":"audit-show","from":-1,"count":1}"#,
                "from 0 to 18446744073709551615, and is another",
            ),
            (
                r#"{"command":"reload","ada":true}"#,
                "`reload` is not one that it takes; beside `command` it takes none",
            ),
            (r#"{"command":"reload","command":"reload"}"#, "This is no `reload`"),
        ] {
            let told = why(body.as_bytes());
            assert!(told.contains(says) && !told.contains("ada"), "{body}: {told}");
        }
    }
}
