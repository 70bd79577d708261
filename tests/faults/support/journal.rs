//! What the files say, read beside whoever holds them.

use std::collections::HashMap;
use std::sync::Arc;

use consentry::app::Core;
use consentry::audit::Reading;
use consentry::clock::Clock;
use consentry::custody::{Custody, Reader};
use consentry::keys::LocalKey;
use consentry::personal::Person;
use consentry::store::Store;
use serde_json::Value;

use super::{Activity, Deployment, until};

/// What was written down, and the means to open it.
pub(crate) struct Evidence {
    store: Store,
    custody: Custody,
    pub(crate) entries: Vec<Reading>,
    ended: HashMap<String, usize>,
}

impl Evidence {
    /// All of it.
    pub(crate) async fn read(deployment: &Deployment) -> Self {
        Self::after(deployment, 0).await
    }

    /// What came after so many entries.
    pub(crate) async fn after(deployment: &Deployment, seq: u64) -> Self {
        let config = deployment.config();
        let store = Store::inspect(&config.store).unwrap();
        let master = Arc::new(LocalKey::from_text(&config.keys.text().unwrap()).unwrap());
        let custody = Custody::open(store.clone(), master, Clock::system()).await.unwrap();
        let mut entries: Vec<Reading> = Vec::new();
        loop {
            let page = store.audit_entries(seq + entries.len() as u64 + 1, 1000).await.unwrap();
            entries.extend(page.iter().map(|entry| Reading::new(&entry.encoded).unwrap()));
            if page.is_empty() {
                break;
            }
        }
        let ended = entries.iter().enumerate().filter(|(_, entry)| entry.kind == "exchange-ended");
        let ended = ended.map(|(at, entry)| (entry.text("decision").unwrap().to_owned(), at)).collect();
        Self { store, custody, entries, ended }
    }

    /// The events of a kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Reading> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }

    /// The outcome of every intent, by decision. Each has one, and comes after its intent.
    pub(crate) fn outcomes(&self) -> HashMap<String, String> {
        let mut open: HashMap<String, Option<String>> = HashMap::new();
        for entry in &self.entries {
            let decision = || entry.text("decision").unwrap().to_owned();
            match entry.kind.as_str() {
                "exchange-intended" => assert!(open.insert(decision(), None).is_none(), "intended twice"),
                "exchange-ended" => {
                    let intent = open.get_mut(&decision()).expect("an outcome without its intent");
                    let word = entry.text("outcome").unwrap().to_owned();
                    assert!(intent.replace(word).is_none(), "ended twice: {entry:?}");
                }
                _ => {}
            }
        }
        open.into_iter()
            .map(|(decision, ended)| (decision, ended.expect("an intent without outcome")))
            .collect()
    }

    /// The decisions that were intended, by the reference of whom they are about.
    pub(crate) fn intended(&self) -> HashMap<String, Vec<String>> {
        let mut intended: HashMap<_, Vec<_>> = HashMap::new();
        for intent in self.of("exchange-intended") {
            for person in intent.persons() {
                let decision = intent.text("decision").unwrap().to_owned();
                intended.entry(person.to_string()).or_default().push(decision);
            }
        }
        intended
    }

    /// The reference of a person, who has one.
    pub(crate) async fn reference(&self, person: &str) -> String {
        let lookup = self.custody.lookup(&Person::new("customers", person));
        let stand = self.store.stand(lookup).await.unwrap();
        stand.reference.unwrap_or_else(|| panic!("{person} has no reference")).to_string()
    }

    /// How many records are kept of an activity.
    pub(crate) async fn records(&self, activity: Activity) -> u64 {
        self.store.records_count(activity.name()).await.unwrap()
    }

    /// What is kept of an answered decision.
    pub(crate) async fn record(&self, activity: Activity, decision: &str) -> Value {
        let ended = self.ended.get(decision).unwrap_or_else(|| panic!("{decision} has no outcome"));
        let ended = &self.entries[*ended];
        assert_eq!(ended.text("outcome"), Some("answered"), "{ended:?}");
        let [number] = ended.members["records"].as_array().unwrap().as_slice() else {
            panic!("no record: {ended:?}")
        };
        let row = self.store.record(activity.name(), number.as_u64().unwrap()).await.unwrap();
        let row = row.unwrap_or_else(|| panic!("record {number} is not there"));
        let opened = self.custody.open_record(&row.record, Reader::Source).await.unwrap();
        serde_json::from_slice(&opened.to_json()).unwrap()
    }
}

/// When so many intents are in the journal.
pub(crate) async fn intended(core: &Core, count: usize) {
    until("the intent is durable", async || {
        let entries = core.gateway.store().audit_entries(1, 1000).await.unwrap();
        let kinds = entries.iter().map(|entry| Reading::new(&entry.encoded).unwrap().kind);
        (kinds.filter(|kind| kind == "exchange-intended").count() >= count).then_some(())
    })
    .await;
}
