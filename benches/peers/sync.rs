//! What it takes this machine to make something durable: the least that an answer with a durable journal waits for.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

const SYNCS: usize = 40;
const PAGE: [u8; 4096] = [7; 4096];

/// The times of some `fdatasync`, each after a page was appended, in microseconds.
pub(crate) fn times_us(folder: &Path) -> anyhow::Result<Vec<f64>> {
    let path = folder.join("sync");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..SYNCS {
        file.write_all(&PAGE)?;
        let begun = Instant::now();
        file.sync_data()?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    std::fs::remove_file(path)?;
    Ok(times)
}
