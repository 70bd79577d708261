//! An answer on its way to a caller of HTTP/1.1.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::{Buf, Bytes};
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;

use super::line::Line;
use crate::clock::Clock;
use crate::net::framing::length;
use crate::net::{BodyError, Content};
use crate::proxy::meter::Meter;

/// What is set aside for writing answers, once for a thread. Between answers it holds nothing of any.
pub(in crate::proxy) struct Desk {
    head: Cell<Vec<u8>>,
    clock: Clock,
    /// The date, and the second that it says.
    date: RefCell<(i64, String)>,
}

/// What of a request bears upon its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// HEAD: the head of the answer to GET, and no content.
    headless: bool,
    /// HTTP/1.0 knows no chunks, and keeps a connection only where that is said.
    pub(super) is_old: bool,
    /// Whether the connection goes on behind the answer, as far as the caller is concerned.
    pub(super) keeps: bool,
}

/// How a caller sees where an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// There is no content, whatever length is told of it.
    None(Option<u64>),
    Length(u64),
    Chunked,
    /// At the end of the connection.
    Close,
}

impl Asked {
    pub(super) fn of<B>(request: &Request<B>, keeps: bool) -> Self {
        let is_old = request.version() == Version::HTTP_10;
        Self { headless: *request.method() == Method::HEAD, is_old, keeps }
    }

    /// What was asked cannot be told.
    pub(super) const fn nothing() -> Self {
        Self { headless: false, is_old: false, keeps: false }
    }
}

/// Writes an answer; true where the connection goes on behind it.
///
/// # Errors
/// If the caller does not take it, or it breaks off: the connection is to be ended, since the caller awaits more.
pub(super) async fn write(
    line: &RefCell<Line>,
    desk: &Desk,
    meter: &Meter,
    asked: Asked,
    answer: Response<Content>,
) -> Result<bool, BodyError> {
    let (parts, mut content) = answer.into_parts();
    let extent = Extent::of(&parts, &content, asked);
    let mut head = desk.head.take();
    head.clear();
    head.extend_from_slice(line.borrow_mut().interrupted());
    let keeps = desk.write(&mut head, &parts, extent, asked);
    drop(parts);

    let mut left = extent.length();
    let mut unsent = &*head;
    while left != Some(0) {
        let data = match soon(&mut content).await {
            Poll::Ready(data) => data?,
            Poll::Pending => {
                // Who waits for a slow answer sees how it begins.
                send(line, &mut unsent).await?;
                next(line, &mut content).await?
            }
        };
        meter.progressed();
        meter.bound(content.until());
        let is_last = data.is_none();
        let data = data.unwrap_or_default();
        if let Some(left) = &mut left {
            // Less than was announced is not whole, and more would be read as another answer.
            let rest = left.checked_sub(data.len() as u64).filter(|_| !is_last);
            *left = rest.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
            // Where there is more, or it breaks, the last bytes are held back.
            if *left == 0
                && !content.is_end_stream()
                && let Poll::Ready(Some(_)) = soon(&mut content).await.map(Result::transpose)
            {
                return Err(io::Error::from(io::ErrorKind::InvalidData).into());
            }
        }
        if extent == Extent::Chunked {
            // A chunk of no length is the last.
            let length = format!("{:x}\r\n", data.len());
            send(line, unsent.chain(length.as_bytes()).chain(data).chain(&b"\r\n"[..])).await?;
        } else {
            send(line, unsent.chain(data)).await?;
        }
        unsent = &[];
        if is_last {
            break;
        }
    }
    send(line, unsent).await?;
    meter.bound(None);
    head.fill(0);
    desk.head.set(head);
    Ok(keeps)
}

async fn send(line: &RefCell<Line>, mut bytes: impl Buf) -> io::Result<()> {
    poll_fn(|cx| line.borrow_mut().poll_write(cx, &mut bytes)).await
}

/// The next bytes of some content, as long as the caller is there.
async fn next(line: &RefCell<Line>, content: &mut Content) -> Result<Option<Bytes>, BodyError> {
    let gone = || BodyError::from(io::Error::from(io::ErrorKind::ConnectionAborted));
    poll_fn(|cx| match content.poll_bytes(cx) {
        Poll::Ready(next) => Poll::Ready(next),
        Poll::Pending => line.borrow_mut().poll_left(cx).map(|()| Err(gone())),
    })
    .await
}

/// The same, if it is there by now.
async fn soon(content: &mut Content) -> Poll<Result<Option<Bytes>, BodyError>> {
    poll_fn(|cx| Poll::Ready(content.poll_bytes(cx))).await
}

impl Extent {
    fn of(parts: &Parts, content: &Content, asked: Asked) -> Self {
        let declared = || declared(&parts.headers);
        match parts.status {
            StatusCode::NO_CONTENT => Self::None(None),
            StatusCode::NOT_MODIFIED => Self::None(declared()),
            _ if asked.headless => Self::None(declared().or_else(|| content.told_length())),
            _ => match content.size_hint().exact().or_else(declared) {
                Some(length) => Self::Length(length),
                None if asked.is_old => Self::Close,
                None => Self::Chunked,
            },
        }
    }

    /// How many bytes are to be written; `None` where that is known at their end.
    const fn length(self) -> Option<u64> {
        match self {
            Self::None(_) => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunked | Self::Close => None,
        }
    }
}

impl Desk {
    pub(in crate::proxy) fn new(clock: Clock) -> Self {
        Self { head: Cell::default(), clock, date: RefCell::new((-1, String::new())) }
    }

    /// Writes a head. What it says of lengths and of the connection is said here and nowhere else; true where the connection
    /// goes on.
    fn write(&self, head: &mut Vec<u8>, parts: &Parts, extent: Extent, asked: Asked) -> bool {
        head.extend_from_slice(b"HTTP/1.1 ");
        head.extend_from_slice(parts.status.as_str().as_bytes());
        head.push(b' ');
        head.extend_from_slice(parts.status.canonical_reason().unwrap_or_default().as_bytes());
        head.extend_from_slice(b"\r\n");
        let mut dated = false;
        let mut keeps = asked.keeps && extent != Extent::Close;
        for (name, value) in &parts.headers {
            if *name == CONNECTION {
                keeps &= !value.as_bytes().eq_ignore_ascii_case(b"close");
                continue;
            }
            if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(name) {
                continue;
            }
            dated |= *name == DATE;
            field(head, name.as_str(), value.as_bytes());
        }
        match extent {
            Extent::Length(length) | Extent::None(Some(length)) => {
                field(head, "content-length", itoa::Buffer::new().format(length).as_bytes());
            }
            Extent::Chunked => field(head, "transfer-encoding", b"chunked"),
            Extent::None(None) | Extent::Close => {}
        }
        match (keeps, asked.is_old) {
            (false, _) => field(head, "connection", b"close"),
            (true, true) => field(head, "connection", b"keep-alive"),
            (true, false) => {}
        }
        if !dated {
            self.date(head);
        }
        head.extend_from_slice(b"\r\n");
        keeps
    }

    /// RFC 9110 section 6.6.1. The date is spelled once a second.
    fn date(&self, head: &mut Vec<u8>) {
        let now = self.clock.now();
        let mut date = self.date.borrow_mut();
        if date.0 != now.seconds() {
            *date = (now.seconds(), now.http_date());
        }
        field(head, "date", date.1.as_bytes());
    }
}

fn field(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend_from_slice(name.as_bytes());
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

/// The length that an answer has in its head.
fn declared(headers: &HeaderMap) -> Option<u64> {
    length(headers.get(CONTENT_LENGTH)?.as_bytes())
}
