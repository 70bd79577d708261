//! What is looked at before anything on disk is believed: that the files belong together, where the audit ends, and
//! what a crash between the two commits left undone.

use rusqlite::params;

use crate::audit::{Chain, Event, What};
use crate::clock::{Clock, Day};
use crate::crypto::random;
use crate::store::rows::{Destroyed, KeyId};
use crate::store::{Result, StoreError};

use super::acts;
use super::anchor;
use super::files::Files;
use super::prepared::Prepared;
use super::reader::{reference, signed, unsigned};
use super::records::fresh::Fresh;
use super::records::{Activities, Records};

/// Both files, to be examined.
pub(super) struct Both<'a, 'c> {
    pub(super) data: &'a Prepared<'c>,
    pub(super) keyring: &'a Prepared<'c>,
    pub(super) fresh: &'a Fresh,
    pub(super) files: &'a Files,
}

impl Both<'_, '_> {
    /// Sees that the files were made together; gives them one name where both are new. Returns it.
    pub(super) fn pair(&self, lost: bool) -> Result<[u8; 16]> {
        let name = |file: &Prepared<'_>| -> rusqlite::Result<Option<[u8; 16]>> {
            file.row("SELECT value FROM meta WHERE name = 'pair'", [], |row| row.get(0))
        };
        let call = |file: &Prepared<'_>, name: [u8; 16]| {
            file.execute("INSERT INTO meta (name, value) VALUES ('pair', ?1)", params![name])
        };
        let bare = tail(self.data)? == Chain::genesis();
        match (name(self.keyring)?, name(self.data)?) {
            (Some(keyring), Some(data)) if keyring == data => Ok(keyring),
            (None, None) if bare => {
                let new: [u8; 16] = random::bytes();
                // The keyring first: one without data is completed at the next start, data without a keyring is not.
                call(self.keyring, new)?;
                call(self.data, new)?;
                Ok(new)
            }
            (Some(keyring), None) if bare => match self.anchored()?.filter(|anchor| anchor.count > 0) {
                Some(_) if !lost => Err(StoreError::Bare(self.files.data.clone())),
                _ => {
                    call(self.data, keyring)?;
                    Ok(keyring)
                }
            },
            _ => Err(StoreError::Strangers),
        }
    }

    /// Where the audit ends, if its last entry is sound and nothing that is vouched for is missing. An older data file that was put
    /// back holds something; where none does, that is another matter, and another word of the operator's.
    pub(super) fn chain(&self, restored: bool, lost: bool) -> Result<Chain> {
        let chain = tail(self.data)?;
        let vouched = self.anchored()?.is_some_and(|anchor| anchor.count > 0);
        if chain == Chain::genesis() && vouched && !lost {
            return Err(StoreError::Bare(self.files.data.clone()));
        }
        let given_up = restored || lost && chain == Chain::genesis();
        let signed_at = self.last_checkpoint()?.filter(|said| said.count > 0);
        let anchored = anchor::both(self.keyring, &self.files.keyring)?
            .into_iter()
            .flatten()
            .filter(|said| said.count > 0 && !given_up);
        for said in signed_at.into_iter().chain(anchored) {
            if said.count > chain.count {
                return Err(StoreError::Cut { count: chain.count, anchored: said.count });
            }
            if hash(self.data, said.count)? != Some(said.head) {
                return Err(StoreError::Altered(said.count));
            }
        }
        Ok(chain)
    }

    /// Notes that another data file was put back, or that a new one is begun, if the keyring knows of entries that are not in it: those
    /// of an older one end before them, and one that another was begun in the place of holds others.
    pub(super) fn note_restore(&self, chain: &mut Chain, lost: bool, clock: &Clock) -> Result<()> {
        let mut gone: Option<Chain> = None;
        for said in anchor::both(self.keyring, &self.files.keyring)?.into_iter().flatten() {
            let held = said.count == 0 || hash(self.data, said.count)? == Some(said.head);
            if !held && gone.is_none_or(|gone| gone.count < said.count) {
                gone = Some(said);
            }
        }
        if let Some(anchor) = gone {
            let (entries, vouched) = (chain.count, anchor.count);
            let (command, why) = match lost {
                true => ("data-lost", "the data file was lost, and a new one is begun"),
                false if vouched > entries => ("restore", "an older data file was put back"),
                false => ("restore", "another data file was put back, which does not hold them"),
            };
            tracing::warn!(
                entries,
                vouched,
                "records, consents and audit entries are lost: {why}. That is accepted from here on: even where this start fails, the next \
                 one needs neither --restored nor --data-lost"
            );
            let what = What::Administered { command, role: "operator" };
            append(self.data, chain, &Event { at: clock.now(), what }.encoded())?;
        }
        Ok(())
    }

    /// Up to where the keyring vouches for the audit.
    fn anchored(&self) -> Result<Option<Chain>> {
        Ok(anchor::latest(self.keyring, &self.files.keyring)?)
    }

    /// Where the last checkpoint stands.
    pub(super) fn last_checkpoint(&self) -> Result<Option<Chain>> {
        let sql = "SELECT count, head FROM checkpoint ORDER BY count DESC LIMIT 1";
        Ok(self.data.row(sql, [], |row| Ok(Chain { count: unsigned(row, 0)?, head: row.get(1)? }))?)
    }

    /// Whether no key and no secret has ever been kept.
    pub(super) fn is_new(&self) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM secret) AND NOT EXISTS (SELECT 1 FROM key) \
                   AND NOT EXISTS (SELECT 1 FROM tombstone)";
        Ok(self.keyring.row(sql, [], |row| row.get(0))?.unwrap_or(false))
    }

    /// Replays what the data file has not heard of: a crash came between the two commits, or an older data file was put back.
    /// Each destroyed key gets its event, and so do the acts of the last group, which are all that a crash leaves out; of those
    /// before them, the events are lost with the data file that had them. Refuses a keyring that knows less than the data.
    pub(super) fn reconcile(&self, mut chain: Chain, clock: &Clock) -> Result<Chain> {
        let tombstones = tombstones(self.keyring)?;
        let counted = counted(self.data)?;
        let orphans = self.orphans()?;
        let (acts, heard) = (acts::heard(self.keyring)?, acts::heard(self.data)?);
        if tombstones < counted || acts < heard || orphans > 0 {
            return Err(StoreError::KeyringOlder { tombstones, counted, acts, heard, orphans });
        }
        if tombstones == counted && acts == heard {
            return Ok(chain);
        }
        let unheard = self.keyring.rows(
            "SELECT id, reference, activity, day, because FROM tombstone WHERE seq > ?1 ORDER BY seq",
            params![signed(counted)],
            |row| {
                let key = Destroyed {
                    id: row.get(0)?,
                    reference: reference(row, 1)?,
                    activity: row.get(2)?,
                    day: Day::from_number(row.get(3)?),
                };
                Ok((key, row.get::<_, String>(4)?))
            },
        )?;
        tracing::warn!(
            keys = unheard.len(),
            acts = acts - heard,
            "replaying destroyed keys and acts that the data file had not heard of"
        );
        self.data.execute("BEGIN IMMEDIATE", [])?;
        let mut records = Records::new(self.data, self.fresh, Activities::default());
        for (key, because) in &unheard {
            records.delete_of(&key.id)?;
            let what =
                What::KeyDestroyed { activity: &key.activity, because, day: key.day, person: key.reference };
            append(self.data, &mut chain, &Event { at: clock.now(), what }.encoded())?;
        }
        count(self.data, tombstones)?;
        if acts > heard {
            acts::tell(self.data, self.keyring, heard, &mut chain)?;
            acts::hear(self.data, acts)?;
        }
        records.flush()?;
        let (heard, _) = records.settle()?;
        self.data.execute("COMMIT", [])?;
        self.fresh.hear(&heard);
        Ok(chain)
    }

    /// How many keys seal records, and are neither in the keyring nor known as destroyed.
    fn orphans(&self) -> Result<u64> {
        let mut orphans = 0;
        let lately = self.fresh.keys();
        for key in &lately {
            orphans += u64::from(self.is_orphan(key)?);
        }
        let mut last: Vec<u8> = Vec::new();
        loop {
            let sql = "SELECT DISTINCT key FROM record_of_key WHERE key > ?1 ORDER BY key LIMIT 1000";
            let page: Vec<KeyId> = self.data.rows(sql, params![last], |row| row.get(0))?;
            for key in page.iter().filter(|key| !lately.contains(*key)) {
                orphans += u64::from(self.is_orphan(key)?);
            }
            match page.last() {
                Some(key) => last = key.to_vec(),
                None => return Ok(orphans),
            }
        }
    }

    fn is_orphan(&self, key: &KeyId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM key WHERE id = ?1) OR EXISTS (SELECT 1 FROM tombstone WHERE id = ?1)";
        Ok(self.keyring.row(sql, params![key], |row| row.get(0))? != Some(true))
    }
}

/// Adds an encoded event to the audit.
pub(super) fn append(data: &Prepared<'_>, chain: &mut Chain, encoded: &[u8]) -> rusqlite::Result<()> {
    let link = chain.append(encoded);
    let sql = "INSERT INTO entry (seq, body, hash) VALUES (?1, ?2, ?3)";
    data.execute(sql, params![signed(link.seq), encoded, link.hash]).map(drop)
}

/// How many keys have been destroyed, as the keyring knows it.
pub(super) fn tombstones(keyring: &Prepared<'_>) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM tombstone";
    Ok(keyring.row(sql, [], |row| unsigned(row, 0))?.unwrap_or(0))
}

/// How many keys have been destroyed, as the data file has heard.
fn counted(data: &Prepared<'_>) -> rusqlite::Result<u64> {
    noted(data, "destroyed")
}

/// Notes that the data file has heard of this many.
pub(super) fn count(data: &Prepared<'_>, tombstones: u64) -> rusqlite::Result<()> {
    note(data, "destroyed", tombstones)
}

/// A number that a file keeps under a name; 0 before the first.
pub(super) fn noted(file: &Prepared<'_>, name: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    Ok(file.row(sql, params![name], |row| unsigned(row, 0))?.unwrap_or(0))
}

pub(super) fn note(file: &Prepared<'_>, name: &str, number: u64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    file.execute(sql, params![name, signed(number)]).map(drop)
}

fn hash(data: &Prepared<'_>, seq: u64) -> rusqlite::Result<Option<[u8; 32]>> {
    data.row("SELECT hash FROM entry WHERE seq = ?1", params![signed(seq)], |row| row.get(0))
}

/// Where the audit ends; its last entry is computed anew.
fn tail(data: &Prepared<'_>) -> Result<Chain> {
    let sql = "SELECT seq, body, hash FROM entry ORDER BY seq DESC LIMIT 1";
    let last = data
        .row(sql, [], |row| Ok((unsigned(row, 0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, [u8; 32]>(2)?)))?;
    let Some((seq, body, kept)) = last else {
        return Ok(Chain::genesis());
    };
    let before = seq.checked_sub(1).ok_or(StoreError::Altered(seq))?;
    let head = match before {
        0 => Chain::genesis().head,
        _ => hash(data, before)?.ok_or(StoreError::Altered(seq))?,
    };
    let mut chain = Chain { count: before, head };
    match chain.append(&body).hash == kept {
        true => Ok(chain),
        false => Err(StoreError::Altered(seq)),
    }
}
