//! What a target that is programmed left behind: a line for each exchange, with sealed names that open.

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::material::{HASTY, PSEUDONYM_KEY, RECORD_KEY, caller};
use crate::probes::small;
use crate::workload::Shape;

/// A line of a target's audit.
#[derive(Deserialize)]
struct Line {
    who: String,
    sealed: Vec<String>,
}

/// The names that all bodies have, and that are kept.
pub(crate) const NAMES: [&str; 2] = ["Augusta Ada Byron", "King of Ockham Park"];

/// The beginning of a Fernet token: its version, and the first bits of a time that is not far in the future.
const FERNET: &str = "gAAAA";

/// How the names are sealed: as AES-256-GCM under the record key, nonce first, or as Fernet tokens under the same key. Those
/// of a batch as one list for each of its two columns.
///
/// # Errors
/// Where there are fewer lines than requests that passed, or one that does not hold what it should.
pub(crate) fn sealed(audit: &str, shape: Shape, passed: u64) -> anyhow::Result<()> {
    let lines: Vec<&str> = audit.lines().filter(|line| line.starts_with('{')).collect();
    ensure!(
        lines.len() as u64 >= passed,
        "{passed} requests passed, and the audit has {} lines",
        lines.len()
    );
    let hasty = who(&caller(HASTY))?;
    for line in some(lines.len()).filter_map(|at| lines.get(at)) {
        let line: Line = serde_json::from_str(line)?;
        ensure!(!line.who.contains("person"), "the audit names a person");
        let [first, last] = line.sealed.as_slice() else { bail!("{} fields are sealed", line.sealed.len()) };
        // Whoever asked too often sent little each time.
        let shape = if line.who == hasty { small(shape) } else { shape };
        names([open(first)?, open(last)?], shape)?;
    }
    Ok(())
}

/// Some twenty places among so many, evenly, with the first and the last.
pub(crate) fn some(count: usize) -> impl Iterator<Item = usize> {
    let last = count.saturating_sub(1);
    let steps = last.clamp(1, 20);
    (0..=steps).map(move |step| last * step / steps)
}

/// That these are the two names of a person, or of each row.
///
/// # Errors
/// What they are instead.
pub(crate) fn names(texts: [String; 2], shape: Shape) -> anyhow::Result<()> {
    for (text, name) in texts.into_iter().zip(NAMES) {
        let names = match shape.rows() {
            None => vec![text],
            Some(rows) => {
                let names: Vec<String> = serde_json::from_str(&text)?;
                ensure!(names.len() == rows, "{} names of {rows} are sealed", names.len());
                names
            }
        };
        ensure!(names.iter().all(|sealed| sealed == name), "other names are sealed");
    }
    Ok(())
}

fn open(sealed: &str) -> anyhow::Result<String> {
    if sealed.starts_with(FERNET) {
        let fernet = fernet::Fernet::new(&URL_SAFE.encode(self::key()?)).context("a key")?;
        return Ok(String::from_utf8(fernet.decrypt(sealed).ok().context("a sealed name does not open")?)?);
    }
    unsealed(STANDARD.decode(sealed)?)
}

/// What is sealed as AES-256-GCM, its nonce before it.
///
/// # Errors
/// Where it does not open.
pub(crate) fn unsealed(mut sealed: Vec<u8>) -> anyhow::Result<String> {
    let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN).context("a nonce")?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok().context("a nonce")?;
    let plain =
        aead()?.open_in_place(nonce, Aad::empty(), text).ok().context("a sealed name does not open")?;
    Ok(String::from_utf8(plain.to_vec())?)
}

/// What seals.
pub(crate) fn aead() -> anyhow::Result<LessSafeKey> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key()?).ok().context("a key")?))
}

/// What a target that is programmed calls somebody.
fn who(person: &str) -> anyhow::Result<String> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &unhex(PSEUDONYM_KEY)?);
    Ok(URL_SAFE_NO_PAD.encode(hmac::sign(&key, person.as_bytes())))
}

/// The key of what is sealed.
pub(crate) fn key() -> anyhow::Result<Vec<u8>> {
    unhex(RECORD_KEY)
}

fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?)).collect()
}

/// That sealed names open, by themselves and in lists, and that changed, missing and other ones are found.
pub(crate) fn proves_itself() -> anyhow::Result<()> {
    let key = aead()?;
    let seal = |name: &str| -> anyhow::Result<Vec<u8>> {
        let mut text = name.as_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key([7; 12]);
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut text).ok().context("sealed")?;
        Ok([&[7; 12], text.as_slice()].concat())
    };
    let [one, other] = NAMES;
    let (first, last) = (seal(one)?, seal(other)?);
    let line = |first: &[u8], last: &[u8]| {
        serde_json::json!({"who": "x", "sealed": [STANDARD.encode(first), STANDARD.encode(last)]}).to_string()
    };
    ensure!(some(1).all(|at| at == 0) && some(3).eq(0..3) && some(21).eq(0..21));
    ensure!(some(1_000).count() == 21 && some(1_000).last() == Some(999));
    sealed(&line(&first, &last), Shape::Record, 1)?;
    ensure!(sealed(&line(&first, &last), Shape::Record, 2).is_err());
    ensure!(sealed(&line(&first, &first), Shape::Record, 1).is_err());
    let many = |wrong| {
        let lines = (0..101).map(|at| if at == wrong { line(&first, &first) } else { line(&first, &last) });
        lines.collect::<Vec<_>>().join("\n")
    };
    sealed(&many(101), Shape::Record, 101)?;
    ensure!(sealed(&many(50), Shape::Record, 101).is_err());
    let mut changed = last;
    if let Some(byte) = changed.last_mut() {
        *byte ^= 1;
    }
    ensure!(sealed(&line(&first, &changed), Shape::Record, 1).is_err());
    let columns = |rows| -> anyhow::Result<String> {
        let column = |name: &str| seal(&serde_json::json!(vec![name; rows]).to_string());
        Ok(line(&column(one)?, &column(other)?))
    };
    sealed(&columns(3)?, Shape::Split(3), 1)?;
    ensure!(sealed(&columns(2)?, Shape::Split(3), 1).is_err());
    let hasty = |text: &str| anyhow::Ok(text.replace(r#""x""#, &format!("\"{}\"", who(&caller(HASTY))?)));
    sealed(&hasty(&columns(1)?)?, Shape::Split(3), 1)?;
    ensure!(sealed(&hasty(&columns(3)?)?, Shape::Split(3), 1).is_err());
    ensure!(sealed(&line(&first, &seal(other)?), Shape::Split(1), 1).is_err());
    ensure!(sealed(&line(&seal(other)?, &first), Shape::Record, 1).is_err());
    Ok(())
}
