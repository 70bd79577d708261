//! The tour: every promise of the demo, done over HTTPS and checked. A step that does not come out as it says makes the
//! tour fail.

use anyhow::{Context as _, bail, ensure};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::deployment::{Demo, PURPOSE, RESEARCH};
use super::model::Seen;
use crate::admin::{Command, PersonId, Reply};
use crate::cli::connect;
use crate::cli::output::line;
use crate::custody::{CustodyError, Reader};
use crate::store::SealedRecord;

/// A person of the tour. Their names are the canaries: none may reach the model.
fn ada() -> Value {
    json!({
        "first_name": "Ada", "last_name": "King", "email": "ada@example.org", "age": 36,
        "sex": "Female", "favorite_color": "Red", "favorite_food": "Pizza"
    })
}

fn bob() -> Value {
    json!({
        "first_name": "Bob", "last_name": "Ray", "email": "bob@example.org", "age": 52,
        "sex": "Male", "favorite_color": "Blue", "favorite_food": "Sushi"
    })
}

/// Does every step, and says at the end how many came out as they should.
pub(super) async fn run(demo: &Demo, seen: &Seen) -> anyhow::Result<()> {
    let tour = Tour { demo, seen, client: demo.client()? };
    let steps =
        tour.predictions().await? + tour.refusals().await? + tour.records().await? + tour.rights().await?;
    line(format_args!("\n{steps} steps, all as promised."));
    Ok(())
}

struct Tour<'a> {
    demo: &'a Demo,
    seen: &'a Seen,
    client: Client,
}

impl Tour<'_> {
    async fn predictions(&self) -> anyhow::Result<u32> {
        self.heading(1, "A prediction, with consent");
        let token = self.demo.token("ada", &["predict"], None)?;
        let answer = self.predict(Some(&token), &ada()).await?;
        let upstream = self.upstream_saw()?;
        let record = self.kept(0).await?;
        self.table(Some(&ada()), Some(&upstream), Some(&record), &answer);
        expect(&answer, StatusCode::OK, None)?;
        ensure!(
            upstream.get("first_name").is_none() && upstream.get("last_name").is_none(),
            "a name was sent"
        );
        let email = upstream.get("email").and_then(Value::as_str).unwrap_or_default();
        ensure!(email.starts_with("p1_"), "the upstream saw the e-mail address");
        ensure!(upstream.get("age") == Some(&json!(30)), "the upstream saw the exact age");
        ensure!(record.get("email") == Some(&json!("ada@example.org")), "the record is not what was sent");
        ensure!(answer.body.get("prediction").is_some(), "there is no prediction");

        self.heading(2, "A second person");
        let token = self.demo.token("bob", &["predict"], None)?;
        let answer = self.predict(Some(&token), &bob()).await?;
        self.table(Some(&bob()), Some(&self.upstream_saw()?), Some(&self.kept(1).await?), &answer);
        expect(&answer, StatusCode::OK, None)?;
        Ok(2)
    }

    async fn refusals(&self) -> anyhow::Result<u32> {
        self.heading(3, "Without consent");
        let token = self.demo.token("carol", &["predict"], None)?;
        self.refused(Some(&token), &ada(), StatusCode::FORBIDDEN, "consent-missing").await?;

        self.heading(4, "With consent withdrawn");
        self.officer(Command::ConsentWithdraw {
            person: person("bob"),
            purpose: PURPOSE.to_owned(),
            method: "api".to_owned(),
        })
        .await?;
        let token = self.demo.token("bob", &["predict"], None)?;
        self.refused(Some(&token), &bob(), StatusCode::FORBIDDEN, "consent-withdrawn").await?;

        self.heading(5, "With a field that is not as declared");
        let token = self.demo.token("ada", &["predict"], None)?;
        let mut bad = ada();
        set(&mut bad, "age", json!("thirty-six"));
        self.refused(Some(&token), &bad, StatusCode::UNPROCESSABLE_ENTITY, "field-invalid").await?;

        self.heading(6, "Without a token");
        self.refused(None, &ada(), StatusCode::UNAUTHORIZED, "authentication-required").await?;
        Ok(4)
    }

    async fn records(&self) -> anyhow::Result<u32> {
        self.heading(7, "The pseudonymised export, for research");
        let token = self.demo.token("analyst", &["research"], None)?;
        let answer = self.client.send(Method::GET, "/pseudonymize/", Some(&token), None).await?;
        self.table(None, None, None, &answer);
        expect(&answer, StatusCode::OK, None)?;
        let text = answer.body.to_string();
        ensure!(!text.contains("Ada") && !text.contains("ada@example.org"), "the export names somebody");
        let records = answer.body.get("records").and_then(Value::as_array).context("there are no records")?;
        ensure!(records.len() == 1, "the export does not hold exactly the person who agreed to research");

        self.heading(8, "A re-identification, with its reason");
        let nameless = self.demo.token("support", &["re-identify"], None)?;
        let answer = self.client.send(Method::GET, "/decrypt/0", Some(&nameless), None).await?;
        expect(&answer, StatusCode::FORBIDDEN, Some("reason-required"))?;
        line("  without a reason: 403 reason-required");
        let token = self.demo.token("support", &["re-identify"], Some("support-case"))?;
        let answer = self.client.send(Method::GET, "/decrypt/0", Some(&token), None).await?;
        self.table(None, None, None, &answer);
        expect(&answer, StatusCode::OK, None)?;
        ensure!(answer.body.get("email") == Some(&json!("ada@example.org")), "the record is not Ada's");
        Ok(2)
    }

    async fn rights(&self) -> anyhow::Result<u32> {
        self.heading(9, "A ciphertext moved to another person does not open");
        self.officer(grant("dora", PURPOSE)).await?;
        let token = self.demo.token("dora", &["predict"], None)?;
        expect(&self.predict(Some(&token), &bob()).await?, StatusCode::OK, None)?;
        let (adas, doras) = (self.sealed(0).await?, self.sealed(2).await?);
        let moved = SealedRecord { fields: adas.fields.clone(), ..doras };
        match self.demo.custody().open_record(&moved, Reader::Source).await {
            Err(CustodyError::Damaged(_)) => line("  Ada's ciphertexts under Dora's name: they do not open"),
            _ => bail!("Ada's ciphertexts opened under Dora's name"),
        }

        self.heading(10, "An erasure: the record is gone, and what was left of it cannot be opened");
        let reply = self.officer(Command::Erase { person: person("ada") }).await?;
        line(format_args!("  {}", reply.says.replace('\n', "\n  ")));
        let token = self.demo.token("support", &["re-identify"], Some("support-case"))?;
        let answer = self.client.send(Method::GET, "/decrypt/0", Some(&token), None).await?;
        self.table(None, None, None, &answer);
        expect(&answer, StatusCode::NOT_FOUND, Some("record-unknown"))?;
        // The copy stands for a backup of the data that was taken before the erasure.
        match self.demo.custody().open_record(&adas, Reader::Outliving).await {
            Err(CustodyError::Destroyed) => {
                line("  a copy of the ciphertexts, kept from before: the key is destroyed")
            }
            _ => bail!("the copy of an erased record still opens"),
        }

        self.heading(11, "The audit, verified");
        let reply = self.officer(Command::AuditVerify { against: None }).await?;
        line(format_args!("  {}", reply.says.replace('\n', "\n  ")));
        Ok(3)
    }

    async fn predict(&self, token: Option<&str>, body: &Value) -> anyhow::Result<Answer> {
        self.seen.clear();
        self.client.send(Method::POST, "/predict/", token, Some(body)).await
    }

    async fn refused(
        &self,
        token: Option<&str>,
        body: &Value,
        status: StatusCode,
        problem: &str,
    ) -> anyhow::Result<()> {
        let answer = self.predict(token, body).await?;
        self.table(Some(body), None, None, &answer);
        expect(&answer, status, Some(problem))?;
        ensure!(self.seen.newest().is_none(), "the upstream saw a request that was refused");
        Ok(())
    }

    async fn officer(&self, command: Command) -> anyhow::Result<Reply> {
        let reply = connect::send(self.demo.socket(), &command).await?;
        ensure!(reply.done, "the gateway did not do it: {}", reply.says);
        Ok(reply)
    }

    fn upstream_saw(&self) -> anyhow::Result<Value> {
        let body = self.seen.newest().context("the upstream saw nothing")?;
        serde_json::from_slice(&body).context("what the upstream saw is not JSON")
    }

    async fn sealed(&self, number: u64) -> anyhow::Result<SealedRecord> {
        let row = self.demo.store().record("favourites", number).await?;
        Ok(row.with_context(|| format!("there is no record {number}"))?.record)
    }

    async fn kept(&self, number: u64) -> anyhow::Result<Value> {
        let sealed = self.sealed(number).await?;
        let opened = self.demo.custody().open_record(&sealed, Reader::Source).await?;
        Ok(serde_json::from_slice(&opened.to_json())?)
    }

    fn heading(&self, number: u32, text: &str) {
        line(format_args!("\n{number}. {text}"));
    }

    /// Client sends, upstream saw, stored, caller got: one row a field.
    fn table(&self, sends: Option<&Value>, saw: Option<&Value>, stored: Option<&Value>, got: &Answer) {
        if let Some(Value::Object(fields)) = sends {
            line(format_args!("  {:<16} {:<22} {:<24} {}", "", "client sends", "upstream saw", "stored"));
            for (name, value) in fields {
                let saw = cell(saw, name, if self.seen.newest().is_some() { "–" } else { "nothing" });
                let stored = cell(stored, name, "–");
                line(format_args!("  {name:<16} {:<22} {saw:<24} {stored}", short(value)));
            }
        }
        let body = serde_json::to_string(&got.body).unwrap_or_default();
        let problem = got.problem().map(|problem| format!(" {problem}")).unwrap_or_default();
        line(format_args!("  caller got: {}{problem}", got.status.as_u16()));
        if got.problem().is_none() {
            line(format_args!("  {body}"));
        }
        if let Some(id) = got.headers.get("consentry-decision-id").and_then(|id| id.to_str().ok()) {
            line(format_args!("  decision {id}"));
        }
    }
}

fn cell(object: Option<&Value>, name: &str, otherwise: &str) -> String {
    object.and_then(|object| object.get(name)).map_or_else(|| otherwise.to_owned(), short)
}

/// A value in as much room as a column has.
fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= 20 { text } else { text.chars().take(19).chain(['…']).collect() }
}

fn expect(answer: &Answer, status: StatusCode, problem: Option<&str>) -> anyhow::Result<()> {
    let got = (answer.status, answer.problem());
    ensure!(got == (status, problem), "expected {status} {problem:?}, got {} {:?}", got.0, got.1);
    Ok(())
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

/// A person of the demo.
pub(super) fn person(identifier: &str) -> PersonId {
    PersonId { namespace: "customers".to_owned(), identifier: identifier.to_owned().into() }
}

/// A consent of a person of the demo.
pub(super) fn grant(identifier: &str, purpose: &str) -> Command {
    Command::ConsentGrant {
        person: person(identifier),
        purpose: purpose.to_owned(),
        language: "en".to_owned(),
        method: "api".to_owned(),
    }
}

/// What the demo's people have agreed to before it starts: Ada to both purposes, Bob to the first alone, Carol to none.
pub(super) fn first_consents() -> [Command; 3] {
    [grant("ada", PURPOSE), grant("ada", RESEARCH), grant("bob", PURPOSE)]
}
