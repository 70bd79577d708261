//! One HTTP/1.1 message after the other, as the load and the backend read them.

use std::ops::Range;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Header fields of a message, at most.
const FIELDS: usize = 64;
/// Room for what comes with one read.
const READ: usize = 16 * 1024;

/// Which of the two a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// A request.
    Request,
    /// An answer.
    Answer,
}

/// A message that has come whole.
#[derive(Debug)]
pub(crate) struct Message {
    /// Of an answer; 0 for a request.
    pub(crate) status: u16,
    /// The length of its head.
    pub(crate) head: usize,
    body: Body,
    /// Whether the sender keeps the connection.
    pub(crate) keeps: bool,
}

/// An answer, whichever protocol it came by.
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

#[derive(Debug)]
enum Body {
    Plain(Range<usize>),
    Chunked(Vec<u8>),
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Length(usize),
    Chunked,
}

struct Head {
    status: u16,
    length: usize,
    framing: Framing,
    keeps: bool,
}

/// Reads messages of one connection, each answered before the next one comes.
pub(crate) struct Reader {
    side: Side,
    buffer: Vec<u8>,
    filled: usize,
}

impl Reader {
    /// A reader of requests or of answers.
    pub(crate) fn new(side: Side) -> Self {
        Self { side, buffer: vec![0; READ], filled: 0 }
    }

    /// The next message, or none where the other side closes between two of them.
    pub(crate) async fn next<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> anyhow::Result<Option<Message>> {
        self.filled = 0;
        let mut head = None;
        loop {
            if self.buffer.len() - self.filled < READ / 2 {
                let more = self.buffer.len().max(READ);
                self.buffer.resize(self.buffer.len() + more, 0);
            }
            let room = self.buffer.get_mut(self.filled..).context("the buffer has room")?;
            let read = stream.read(room).await?;
            if read == 0 {
                ensure!(self.filled == 0, "the connection ended within a message");
                return Ok(None);
            }
            self.filled += read;
            let bytes = self.buffer.get(..self.filled).context("what was read")?;
            if head.is_none() {
                head = head_of(self.side, bytes)?;
            }
            if let Some(head) = &head
                && let Some(message) = whole(head, bytes)?
            {
                return Ok(Some(message));
            }
        }
    }

    /// Sends a request, and waits for the whole answer.
    pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        request: &[u8],
    ) -> anyhow::Result<Message> {
        stream.write_all(request).await?;
        stream.flush().await?;
        self.next(stream).await?.context("the connection was closed without an answer")
    }

    /// The bytes of a message's head, until the next one is read.
    pub(crate) fn head(&self, message: &Message) -> &[u8] {
        self.buffer.get(..message.head).unwrap_or_default()
    }

    /// The bytes of a message's body, until the next one is read.
    pub(crate) fn body<'a>(&'a self, message: &'a Message) -> &'a [u8] {
        match &message.body {
            Body::Plain(range) => self.buffer.get(range.clone()).unwrap_or_default(),
            Body::Chunked(bytes) => bytes,
        }
    }
}

fn head_of(side: Side, bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let (length, status, fields) = match side {
        Side::Request => {
            let mut request = httparse::Request::new(&mut fields);
            let httparse::Status::Complete(length) = request.parse(bytes)? else { return Ok(None) };
            (length, 0, request.headers)
        }
        Side::Answer => {
            let mut answer = httparse::Response::new(&mut fields);
            let httparse::Status::Complete(length) = answer.parse(bytes)? else { return Ok(None) };
            (length, answer.code.context("an answer has a status")?, answer.headers)
        }
    };
    ensure!(status == 0 || status >= 200, "an interim answer that nobody asked for");
    let mut head = Head { status, length, framing: Framing::Length(0), keeps: true };
    for field in fields.iter() {
        if field.name.eq_ignore_ascii_case("content-length") {
            head.framing = Framing::Length(std::str::from_utf8(field.value)?.trim().parse()?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(field.value.eq_ignore_ascii_case(b"chunked"), "a coding that nobody asked for");
            head.framing = Framing::Chunked;
        } else if field.name.eq_ignore_ascii_case("connection") {
            head.keeps = !field.value.eq_ignore_ascii_case(b"close");
        }
    }
    Ok(Some(head))
}

fn whole(head: &Head, bytes: &[u8]) -> anyhow::Result<Option<Message>> {
    let Head { status, length, framing, keeps } = *head;
    let (body, end) = match framing {
        Framing::Length(body) => (Body::Plain(length..length + body), length + body),
        Framing::Chunked => match unchunk(bytes.get(length..).unwrap_or_default())? {
            Some((body, taken)) => (Body::Chunked(body), length + taken),
            None => return Ok(None),
        },
    };
    ensure!(bytes.len() <= end, "more came than one message");
    Ok((bytes.len() == end).then_some(Message { status, head: length, body, keeps }))
}

/// The content of a chunked body and its length as it was sent, or none while it is not whole.
fn unchunk(bytes: &[u8]) -> anyhow::Result<Option<(Vec<u8>, usize)>> {
    let (mut content, mut at) = (Vec::new(), 0);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (line, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(chunk)) => chunk,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => bail!("a chunk without a size"),
        };
        let size = usize::try_from(size)?;
        let Some(chunk) = rest.get(line..line + size + 2) else { return Ok(None) };
        ensure!(chunk.ends_with(b"\r\n"), "a chunk that does not end where it says, or a trailer");
        at += line + size + 2;
        if size == 0 {
            return Ok(Some((content, at)));
        }
        content.extend_from_slice(chunk.get(..size).unwrap_or_default());
    }
}

/// A request with a body, as bytes.
pub(crate) fn request(path: &str, token: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    if let Some(token) = token {
        head = head + "authorization: Bearer " + token + "\r\n";
    }
    let mut request = (head + "\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

/// An answer with a JSON body, as bytes.
pub(crate) fn answer(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// That messages are read as they were sent, whole or in pieces.
pub(crate) async fn proves_itself() -> anyhow::Result<()> {
    let plain = answer("{}");
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    for (bytes, body, keeps) in
        [(plain.as_slice(), b"{}".as_slice(), true), (chunked.as_slice(), b"{\"a\":1}", false)]
    {
        for piece in [1, 7, bytes.len()] {
            let (mut ours, theirs) = tokio::io::duplex(piece);
            let sent = bytes.to_vec();
            let sender = async move {
                let mut theirs = theirs;
                theirs.write_all(&sent).await
            };
            let mut reader = Reader::new(Side::Answer);
            let (sent, message) = tokio::join!(sender, reader.next(&mut ours));
            sent?;
            let message = message?.context("a message")?;
            ensure!(message.status == 200 && message.keeps == keeps);
            ensure!(reader.body(&message) == body, "a body came otherwise than it was sent");
        }
    }
    ensure!(head_of(Side::Answer, b"HTTP/1.1 100 Continue\r\n\r\n").is_err());
    ensure!(unchunk(b"zz\r\n").is_err());
    let asked = request("/p", Some("t"), b"xy");
    let head = head_of(Side::Request, &asked)?.context("a head")?;
    ensure!(whole(&head, &asked)?.is_some());
    Ok(())
}
