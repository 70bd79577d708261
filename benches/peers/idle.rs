//! What idle connections take of a target's memory.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::cores::{Cores, on};
use crate::http::{Reader, Side, request};
use crate::load::{Stream, connect};
use crate::material::Material;
use crate::process::Process;
use crate::workload::Shape;

/// Connections at first.
const FEW: usize = 64;
/// What a target may take to put away what it needed while it was busy.
const REST: Duration = Duration::from_millis(500);

/// Resident memory of a target, in KiB.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Connections at first, each of which had one answer.
    pub(crate) few: usize,
    /// What they take together.
    pub(crate) few_kib: u64,
    /// And then.
    pub(crate) many: usize,
    /// What these take.
    pub(crate) many_kib: u64,
}

impl Memory {
    /// What one connection more takes.
    pub(crate) fn each_kib(self) -> f64 {
        (self.many_kib as f64 - self.few_kib as f64) / (self.many - self.few) as f64
    }
}

/// Opens connections, has one answer over each and leaves them.
pub(crate) fn measure(
    address: SocketAddr,
    many: usize,
    material: &Material,
    process: &Process,
) -> anyhow::Result<Memory> {
    let request = request("/plain", None, &Shape::Record.body(0));
    on(Cores::Load, "idle", || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut streams = Vec::new();
            let mut sizes = Vec::new();
            for wanted in [FEW, many] {
                while streams.len() < wanted {
                    let mut stream = connect(address, &material.tls()).await?;
                    ask(&mut stream, &request).await?;
                    streams.push(stream);
                }
                tokio::time::sleep(REST).await;
                sizes.push(process.resident()?.now_kib);
            }
            // Memory of connections that are not there any more would be little.
            for stream in &mut streams {
                ask(stream, &request).await.context("an idle connection was not kept")?;
            }
            let [few_kib, many_kib] = sizes.as_slice() else { anyhow::bail!("two sizes") };
            Ok(Memory { few: FEW, few_kib: *few_kib, many, many_kib: *many_kib })
        })
    })
}

async fn ask(stream: &mut Stream, request: &[u8]) -> anyhow::Result<()> {
    let answer = Reader::new(Side::Answer).ask(stream, request).await?;
    ensure!(answer.status == 200 && answer.keeps, "answered {}, kept: {}", answer.status, answer.keeps);
    Ok(())
}
