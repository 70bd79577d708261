//! Reads what Presidio's analyzer answers: `[{"entity_type": "PERSON", "start": 0, "end": 8, "score": 0.85, …}]`, places in code
//! points.

use serde::Deserialize;

use super::Entity;

/// More than anybody finds in a text of the greatest length.
const MOST: usize = 65_536;

#[derive(Deserialize)]
struct Told {
    entity_type: String,
    start: usize,
    end: usize,
    score: f64,
}

/// What was found, with places in bytes. Members that are not known are passed over; what was not asked for, or is not certain
/// enough, too.
///
/// # Errors
/// Where it is no answer, or tells of places that the text does not have: then it may be an answer to another text.
pub(super) fn read(
    answer: &[u8],
    text: &str,
    entities: &[String],
    score: u8,
) -> Result<Vec<Entity>, &'static str> {
    let results: Vec<Told> = serde_json::from_slice(answer).map_err(|_| "it is no list of results")?;
    if results.len() > MOST {
        return Err("it has too many results");
    }
    let ascii = text.is_ascii();
    // Where each character begins, and where the text ends.
    let begins: Vec<usize> =
        if ascii { Vec::new() } else { text.char_indices().map(|(at, _)| at).chain([text.len()]).collect() };
    let byte = |character: usize| {
        if ascii { (character <= text.len()).then_some(character) } else { begins.get(character).copied() }
    };
    let mut found = Vec::with_capacity(results.len());
    for result in results {
        let (start, end) = (byte(result.start), byte(result.end));
        let (Some(start), Some(end)) = (start, end) else { return Err("a result is not in the text") };
        if start >= end {
            return Err("a result ends before it begins");
        }
        if !(0.0..=1.0).contains(&result.score) {
            return Err("a score is not between 0 and 1");
        }
        let entity = entities.iter().position(|asked| *asked == result.entity_type);
        // The threshold is asked of the analyser; whoever ignores it is held to it here. Scores are floats of few digits.
        let certain = result.score + 1e-9 >= f64::from(score) / 100.0;
        if let Some(entity) = entity.filter(|_| certain) {
            found.push(Entity { start, end, entity });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities() -> Vec<String> {
        vec!["PERSON".into(), "LOCATION".into()]
    }

    #[test]
    fn places_are_code_points() {
        let text = "Zoë 😀 King in Łódź";
        let answer = r#"[
            {"entity_type":"PERSON","start":0,"end":10,"score":0.85,"analysis_explanation":null,"recognition_metadata":{"x":1}},
            {"entity_type":"LOCATION","start":14,"end":18,"score":1.0},
            {"entity_type":"LOCATION","start":14,"end":18,"score":0.2},
            {"entity_type":"DATE_TIME","start":0,"end":3,"score":0.9}
        ]"#;
        let found = read(answer.as_bytes(), text, &entities(), 60).unwrap();
        let texts: Vec<_> =
            found.iter().map(|one| (one.entity, text.get(one.start..one.end).unwrap())).collect();
        assert_eq!(texts, [(0, "Zoë 😀 King"), (1, "Łódź")]);
        assert_eq!(read(b"[]", text, &entities(), 60), Ok(vec![]));
    }

    #[test]
    fn nonsense_is_none() {
        for answer in [
            "",
            "{}",
            "null",
            r#"{"error":"x"}"#,
            "[1]",
            r#"[{"entity_type":"PERSON","start":0,"score":1.0}]"#,
            r#"[{"entity_type":"PERSON","start":-1,"end":2,"score":1.0}]"#,
            r#"[{"entity_type":"PERSON","start":0,"end":5,"score":1.0}]"#,
            r#"[{"entity_type":"PERSON","start":2,"end":2,"score":1.0}]"#,
            r#"[{"entity_type":"PERSON","start":2,"end":1,"score":1.0}]"#,
            r#"[{"entity_type":"PERSON","start":0,"end":1,"score":7}]"#,
            r#"[{"entity_type":"PERSON","start":0,"end":1,"score":0.9}"#,
        ] {
            for text in ["Zoë!", "Zoe!"] {
                assert!(read(answer.as_bytes(), text, &entities(), 0).is_err(), "{answer}");
            }
        }
    }
}
