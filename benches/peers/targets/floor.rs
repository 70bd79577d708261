//! The floor: TLS and sockets, nothing else. One thread, `epoll` and rustls; each caller has a connection to the model, which
//! the next one takes over, and what comes on one side goes out on the other. Nothing of HTTP is looked at. And the same with a
//! [journal]. Whatever proxies, or does the governed work and keeps what it must, has at least that to do.

mod journal;

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use super::{Peer, Site};
use crate::install::Tools;
use crate::process::Process;
use crate::workload::{Shape, Work, Workload};
use journal::Journal;

/// Bytes that are taken at a time.
const ROOM: usize = 64 * 1024;
const LISTENER: u64 = u64::MAX;
const JOURNAL: u64 = u64::MAX - 1;
const LOG: &str = "journal.log";
/// Instead of a number of rows.
const RECORD: &str = "record";

/// The floor as a target: this program once more, started with the word `floor`.
pub(crate) struct Floor {
    /// Whether answers wait for a journal.
    pub(crate) journal: bool,
}

impl Peer for Floor {
    fn name(&self) -> &'static str {
        if self.journal { "floor-journal" } else { "floor" }
    }

    fn work(&self, _: &Workload) -> Work {
        Work::Plain
    }

    fn version(&self, _: &Tools) -> anyhow::Result<String> {
        Ok("epoll and rustls with aws-lc".to_owned() + if self.journal { ", and a log" } else { "" })
    }

    fn start(&self, site: &Site<'_>) -> anyhow::Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor").arg(site.address.to_string()).arg(site.backend.to_string());
        command.arg(site.material.file("server.pem")).arg(site.material.file("server.key"));
        if self.journal {
            let rows = site.shape.rows().map_or_else(|| RECORD.to_owned(), |rows| rows.to_string());
            command.arg(site.folder.join(LOG)).arg(rows);
        }
        Process::start(self.name(), command, &site.log(), site.address, site.cores)
    }

    fn evidence(&self, site: &Site<'_>, workload: &Workload, passed: u64) -> anyhow::Result<()> {
        if self.journal { journal::evidence(&site.folder.join(LOG), workload.shape, passed) } else { Ok(()) }
    }
}

struct Pair {
    tls: ServerConnection,
    caller: TcpStream,
    model: TcpStream,
    /// Whether the caller has sent something since the model last did.
    asked: bool,
    /// Whether an answer waits until its exchange is in the journal.
    waits: bool,
}

/// Serves until it is ended: where, before which model, with which certificate and key, and if there is a journal, where it
/// is and for how many rows, or `record`.
pub(crate) fn serve(words: &[&str]) -> anyhow::Result<()> {
    let [address, model, certificate, key, journal @ ..] = words else {
        bail!("floor ADDRESS MODEL CERTIFICATE KEY [JOURNAL ROWS|record]")
    };
    let mut journal = match journal {
        [path, RECORD] => Some(Journal::new(Path::new(path), Shape::Record)?),
        [path, rows] => Some(Journal::new(Path::new(path), Shape::Split(rows.parse()?))?),
        _ => None,
    };
    let model: SocketAddr = model.parse()?;
    let mut config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(certificate)?],
            PrivateKeyDer::from_pem_file(key)?,
        )?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // As the gateway: one ticket, that holds the session itself.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    let config = Arc::new(config);
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    if let Some(journal) = &journal {
        epoll::add(&poll, journal.synced(), EventData::new_u64(JOURNAL), EventFlags::IN)?;
    }
    let (mut pairs, mut next) = (HashMap::<u64, Pair>::new(), 0_u64);
    // Connections to the model that nobody has.
    let mut free = Vec::new();
    let mut events = Vec::with_capacity(256);
    let mut room = vec![0; ROOM];
    loop {
        events.clear();
        match epoll::wait(&poll, spare_capacity(&mut events), None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let data = event.data.u64();
            if data == LISTENER {
                while let Ok((caller, _)) = listener.accept() {
                    // One that has left again is not there to be told.
                    if let Ok(pair) = Pair::new(caller, free.pop(), model, &config) {
                        epoll::add(&poll, &pair.caller, EventData::new_u64(next << 1), EventFlags::IN)?;
                        epoll::add(&poll, &pair.model, EventData::new_u64(next << 1 | 1), EventFlags::IN)?;
                        pairs.insert(next, pair);
                        next += 1;
                    }
                }
                continue;
            }
            if let (JOURNAL, Some(journal)) = (data, &journal) {
                for id in journal.safe()? {
                    if let Some(pair) = pairs.get_mut(&id) {
                        pair.waits = false;
                        // A caller who has left is noticed by reading.
                        let _ = pair.flush();
                    }
                }
                continue;
            }
            let id = data >> 1;
            let Some(pair) = pairs.get_mut(&id) else { continue };
            let goes_on = if data & 1 == 0 {
                pair.take_from_caller(&mut room)
            } else {
                pair.take_from_model(&mut room, || match &mut journal {
                    Some(journal) => journal.keep(id).map(|()| true),
                    None => Ok(false),
                })
            };
            if !matches!(goes_on, Ok(true))
                && let Some(mut pair) = pairs.remove(&id)
            {
                // Whoever closes says so (RFC 8446 section 6.1), also to a caller who may have gone.
                pair.tls.send_close_notify();
                let _ = pair.flush();
                let _ = pair.caller.shutdown(Shutdown::Both);
                // Who takes their leave leaves a connection on which nothing is under way: an answer comes in one piece here.
                if matches!(goes_on, Ok(false)) && data & 1 == 0 && !pair.asked {
                    epoll::delete(&poll, &pair.model)?;
                    free.push(pair.model);
                }
            }
        }
    }
}

impl Pair {
    fn new(
        caller: TcpStream,
        free: Option<TcpStream>,
        model: SocketAddr,
        config: &Arc<ServerConfig>,
    ) -> anyhow::Result<Self> {
        caller.set_nonblocking(true)?;
        caller.set_nodelay(true)?;
        let model = match free {
            Some(free) => free,
            None => {
                let model = TcpStream::connect(model)?;
                model.set_nonblocking(true)?;
                model.set_nodelay(true)?;
                model
            }
        };
        let tls = ServerConnection::new(Arc::clone(config))?;
        Ok(Self { tls, caller, model, asked: false, waits: false })
    }

    /// What the caller sent goes to the model. False when the caller has closed.
    fn take_from_caller(&mut self, room: &mut [u8]) -> anyhow::Result<bool> {
        match self.tls.read_tls(&mut self.caller) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        let state = self.tls.process_new_packets()?;
        let mut left = state.plaintext_bytes_to_read();
        while left > 0 {
            let read = self.tls.reader().read(room)?;
            let mut text = room.get(..read).context("what was read")?;
            while !text.is_empty() {
                let taken = patiently(|| self.model.write(text))?;
                text = text.get(taken..).unwrap_or_default();
            }
            left = left.saturating_sub(read);
            self.asked = true;
        }
        self.flush()?;
        Ok(!state.peer_has_closed())
    }

    /// What the model answered goes to the caller, once what `keep` may have to keep of the exchange is kept. False when the
    /// model has closed.
    fn take_from_model(
        &mut self,
        room: &mut [u8],
        keep: impl FnOnce() -> anyhow::Result<bool>,
    ) -> anyhow::Result<bool> {
        match self.model.read(room) {
            Ok(0) => return Ok(false),
            Ok(read) => self.tls.writer().write_all(room.get(..read).context("what was read")?)?,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error.into()),
        }
        if std::mem::take(&mut self.asked) {
            self.waits = keep()?;
        }
        self.flush()?;
        Ok(true)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        while self.tls.wants_write() && !self.waits {
            patiently(|| self.tls.write_tls(&mut self.caller))?;
        }
        Ok(())
    }
}

/// Again until the socket takes something: on loopback that is soon.
fn patiently(mut write: impl FnMut() -> std::io::Result<usize>) -> std::io::Result<usize> {
    loop {
        match write() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            other => return other,
        }
    }
}
