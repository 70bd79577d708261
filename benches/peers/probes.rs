//! What a target is asked before it is measured, and what must come of it.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::http::request;
use crate::material::{Material, SILENT};
use crate::targets::Peer;
use crate::workload::{Shape, Work, Workload, fields, object};

/// A request, and what must come of it.
pub(crate) struct Probe {
    pub(crate) says: String,
    pub(crate) request: Vec<u8>,
    pub(crate) due: Due,
}

pub(crate) enum Due {
    /// 200 with the whole body of the workload's answer; the model got this.
    Passes(Expected),
    /// One of these, and the model got nothing.
    Refused(&'static [u16]),
}

pub(crate) enum Expected {
    Bytes(Vec<u8>),
    Json(Value),
}

const UNKNOWN: &[u16] = &[401, 403];
const SILENCE: &[u16] = &[403];
pub(crate) const INVALID: &[u16] = &[400, 415, 422];

/// All probes of a target, by what it does in a workload.
///
/// # Errors
/// Where a token or a body cannot be made.
pub(crate) fn probes(
    workload: &Workload,
    peer: &dyn Peer,
    material: &Material,
) -> anyhow::Result<Vec<Probe>> {
    let (shape, path, algorithm) = (workload.shape, workload.path(), workload.algorithm());
    let work = peer.work(workload);
    let token = |number, serial| material.lasting(algorithm, number, serial);
    let mut probes = Vec::new();
    let mut probe = |says: &str, token: Option<&str>, body: &[u8], due| {
        probes.push(Probe { says: says.to_owned(), request: request(path, token, body), due });
    };
    let due = |number| {
        Due::Passes(match work {
            Work::Plain | Work::Guarded => Expected::Bytes(shape.body(number)),
            Work::Governed => Expected::Json(shape.treated(number)),
        })
    };
    let first = token(1, 1)?;
    probe("a request passes", Some(&first), &shape.body(1), due(1));
    if work == Work::Plain {
        return Ok(probes);
    }
    probe("the same once more", Some(&first), &shape.body(1), due(1));
    probe("another caller's request passes", Some(&token(2, 2)?), &shape.body(500), due(500));
    // Whoever is refused for who they are may find the connection closed before a large body is sent.
    let small = small(shape).body(1);
    probe("a request without a token", None, &small, Due::Refused(UNKNOWN));
    let forged = forged(&first, &token(2, 3)?)?;
    probe("a token with another one's signature", Some(&forged), &small, Due::Refused(UNKNOWN));
    // Some give a minute of grace for clocks that differ.
    let expired = material.token(algorithm, 1, 4, -120)?;
    probe("a token that has expired", Some(&expired), &small, Due::Refused(UNKNOWN));
    let unsigned = unsigned(&first)?;
    probe("a token that nobody signed", Some(&unsigned), &small, Due::Refused(UNKNOWN));
    for (says, claim, value) in [
        ("a token for somebody else", "aud", "others"),
        ("a token of somebody else", "iss", "https://others.bench.invalid"),
        ("a token for something else", "scope", "read"),
    ] {
        if claim != "scope" || peer.looks_at_scopes() {
            let token = material.altered(algorithm, 1, 7, (claim, value))?;
            probe(says, Some(&token), &small, Due::Refused(UNKNOWN));
        }
    }
    if work == Work::Guarded {
        return Ok(probes);
    }
    let silent = token(SILENT, 5)?;
    probe("a caller who has not agreed", Some(&silent), &small, Due::Refused(SILENCE));
    // Whoever looks at some rows only is found out by the last.
    let last = shape.rows().map_or(0, |rows| rows.saturating_sub(1));
    for (says, name, value, treated) in [
        ("an age that nobody has", "age", "131", None),
        ("an age that is not whole", "age", "36.5", None),
        ("a sex that is not declared", "sex", r#""Other""#, None),
        ("a colour that is not declared", "favorite_color", r#""Pink""#, None),
        ("an address that is none", "email", r#""nobody""#, None),
        ("an empty name", "first_name", r#""""#, None),
        ("markup", "favorite_food", r#""Pizza<script>alert(1)</script>""#, Some("Pizza")),
    ] {
        for row in BTreeSet::from([0, last]) {
            let due = treated.map_or(Due::Refused(INVALID), |treated| {
                let mut sees = shape.treated(1);
                replace(&mut sees, row, name, treated);
                Due::Passes(Expected::Json(sees))
            });
            let says = if row == 0 { says.to_owned() } else { format!("{says}, in the last row") };
            probe(&says, Some(&first), &changed(shape, row, name, value)?, due);
        }
    }
    let more = text(shape)?.replacen("\"sex\"", "\"salary\"", 1);
    probe("a field that nobody declared", Some(&first), more.as_bytes(), Due::Refused(INVALID));
    probe("a body that is no JSON", Some(&first), b"{\"first_name\"", Due::Refused(INVALID));
    if shape == Shape::Record {
        let fewer: Vec<_> = fields(1).into_iter().filter(|(name, _)| *name != "favorite_color").collect();
        probe("a field too few", Some(&first), object(&fewer).as_bytes(), Due::Refused(INVALID));
    }
    Ok(probes)
}

/// A shape of the same kind with as little in it as can be.
pub(crate) fn small(shape: Shape) -> Shape {
    match shape {
        Shape::Record => Shape::Record,
        Shape::Split(_) => Shape::Split(1),
    }
}

/// The first token with the signature of the second.
fn forged(first: &str, second: &str) -> anyhow::Result<String> {
    let (signed, _) = first.rsplit_once('.').context("a token")?;
    let (_, signature) = second.rsplit_once('.').context("a token")?;
    Ok(format!("{signed}.{signature}"))
}

/// The claims of a token, under a header that says that nobody signed them.
fn unsigned(token: &str) -> anyhow::Result<String> {
    let claims = token.split('.').nth(1).context("a token")?;
    Ok(format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#)))
}

fn text(shape: Shape) -> anyhow::Result<String> {
    Ok(String::from_utf8(shape.body(1))?)
}

/// The first caller's body with another value in one field; in a batch of this row.
fn changed(shape: Shape, row: usize, name: &str, value: &str) -> anyhow::Result<Vec<u8>> {
    let mut changed = fields(1 + row);
    let field = changed.iter_mut().find(|field| field.0 == name).context("a field")?;
    field.1 = value.to_owned();
    Ok(match shape {
        Shape::Split(_) => {
            let [before, after] = [fields(1 + row), changed].map(|row| row.map(|(_, value)| value).join(","));
            text(shape)?.replacen(&before, &after, 1).into_bytes()
        }
        Shape::Record => object(&changed).into_bytes(),
    })
}

/// Puts another value into what the model sees, of `favorite_food`, which is the last column of a batch; there in this row.
fn replace(sees: &mut Value, row: usize, name: &str, value: &str) {
    let place = match sees.pointer_mut(&format!("/dataframe_split/data/{row}/4")) {
        Some(place) => Some(place),
        None => sees.get_mut(name),
    };
    if let Some(place) = place {
        *place = value.into();
    }
}

/// That bodies are changed where they should be, and tokens are forged.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    for (row, data) in [(0, ["131", "36"]), (1, ["36", "131"])] {
        let body: Value = serde_json::from_slice(&changed(Shape::Split(2), row, "age", "131")?)?;
        let ages = [0, 1].map(|row| body.pointer(&format!("/dataframe_split/data/{row}/3")));
        ensure!(ages.map(|age| age.map(Value::to_string)) == data.map(|age| Some(age.to_owned())));
        let mut sees = Shape::Split(2).treated(1);
        replace(&mut sees, row, "favorite_food", "Salad");
        let food = sees.pointer(&format!("/dataframe_split/data/{row}/4"));
        ensure!(food == Some(&Value::from("Salad")) && sees.to_string().matches("Salad").count() == 1);
    }
    ensure!(forged("a.b.c", "d.e.f")? == "a.b.f");
    ensure!(unsigned("a.b.c")? == "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.b.");
    Ok(())
}
