//! Content codings: a compressed body is unpacked under caps, inspected, and forwarded as it is then.

use std::io::Read;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Why a coded body is not unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// No coding that is known, or several on top of each other.
    #[error("the content coding is not one of gzip, deflate, br and zstd")]
    Unsupported,
    /// Not of its coding, cut short, or with something behind its end.
    #[error("the compressed body is broken")]
    Broken,
    /// More bytes than the cap.
    #[error("the body is larger than allowed once it is unpacked")]
    TooLarge,
    /// More bytes for each compressed one than the cap on the ratio.
    #[error("the body is compressed more tightly than allowed")]
    TooTight,
}

/// A body may be unpacked to this many bytes whatever the ratio: tiny bodies compress in odd ways.
const FREE: usize = 4 * 1024;

/// Unpacks a body: `content_encoding` is the one value of that header field. Caps hold while it is unpacked: `cap` bytes,
/// and `max_ratio` unpacked bytes for a compressed one. One gzip member or zstd frame makes a body.
///
/// # Errors
/// See [`CodingError`].
pub fn decode(
    content_encoding: Option<&str>,
    bytes: Bytes,
    cap: usize,
    max_ratio: usize,
) -> Result<Bytes, CodingError> {
    let coding = content_encoding.map(|text| text.trim_matches([' ', '\t']).to_ascii_lowercase());
    let unpack = match coding.as_deref() {
        None | Some("identity") => {
            return if bytes.len() > cap { Err(CodingError::TooLarge) } else { Ok(bytes) };
        }
        // RFC 9110 section 8.4.1.3: x-gzip is the same.
        Some("gzip" | "x-gzip") => gzip,
        Some("deflate") => deflate,
        Some("br") => brotli,
        Some("zstd") => zstd,
        Some(_) => return Err(CodingError::Unsupported),
    };
    let tight = bytes.len().saturating_mul(max_ratio).max(FREE);
    let mut sink = Sink { out: Vec::new(), cap, tight };
    unpack(&bytes, &mut sink)?;
    Ok(sink.out.into())
}

/// Takes what is unpacked, as long as it is within the caps.
struct Sink {
    out: Vec<u8>,
    cap: usize,
    tight: usize,
}

impl Sink {
    fn check(&self, more: usize) -> Result<(), CodingError> {
        let len = self.out.len().saturating_add(more);
        if len > self.cap {
            Err(CodingError::TooLarge)
        } else if len > self.tight {
            Err(CodingError::TooTight)
        } else {
            Ok(())
        }
    }

    fn take(&mut self, unpacked: &[u8]) -> Result<(), CodingError> {
        self.check(unpacked.len())?;
        self.out.extend_from_slice(unpacked);
        Ok(())
    }

    fn take_from(&mut self, mut source: impl Read) -> Result<(), CodingError> {
        let mut chunk = [0; CHUNK];
        loop {
            match source.read(&mut chunk).map_err(|_| CodingError::Broken)? {
                0 => return Ok(()),
                read => self.take(chunk.get(..read).unwrap_or_default())?,
            }
        }
    }
}

const CHUNK: usize = 8 * 1024;

fn gzip(mut bytes: &[u8], sink: &mut Sink) -> Result<(), CodingError> {
    // Checks the sum and the length at the end.
    sink.take_from(flate2::bufread::GzDecoder::new(&mut bytes))?;
    if bytes.is_empty() { Ok(()) } else { Err(CodingError::Broken) }
}

/// zlib, as RFC 9110 section 8.4.1.2 says; and without its header, as that section says some send it.
fn deflate(bytes: &[u8], sink: &mut Sink) -> Result<(), CodingError> {
    let header = matches!(bytes, [a, b, ..] if a & 15 == 8 && (u16::from(*a) << 8 | u16::from(*b)) % 31 == 0);
    let mut inflate = Decompress::new(header);
    let mut chunk = [0; CHUNK];
    let mut rest = bytes;
    loop {
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status =
            inflate.decompress(rest, &mut chunk, FlushDecompress::None).map_err(|_| CodingError::Broken)?;
        let read = usize::try_from(inflate.total_in() - read).unwrap_or(usize::MAX);
        let written = usize::try_from(inflate.total_out() - written).unwrap_or(usize::MAX);
        rest = rest.get(read..).unwrap_or_default();
        sink.take(chunk.get(..written).unwrap_or_default())?;
        match status {
            Status::StreamEnd if rest.is_empty() => return Ok(()),
            Status::StreamEnd => return Err(CodingError::Broken),
            _ if read == 0 && written == 0 => return Err(CodingError::Broken),
            _ => {}
        }
    }
}

fn brotli(bytes: &[u8], sink: &mut Sink) -> Result<(), CodingError> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let mut chunk = [0; CHUNK];
    let (mut left, mut at, mut total) = (bytes.len(), 0, 0);
    loop {
        let (mut room, mut written) = (chunk.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            bytes,
            &mut room,
            &mut written,
            &mut chunk,
            &mut total,
            &mut state,
        );
        sink.take(chunk.get(..written).unwrap_or_default())?;
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess if left == 0 => return Ok(()),
            // All input is given at once: to need more is to be cut short.
            _ => return Err(CodingError::Broken),
        }
    }
}

/// RFC 9659: the window of the content coding is at most 8 MiB.
const WINDOW: u64 = 8 * 1024 * 1024;

fn zstd(bytes: &[u8], sink: &mut Sink) -> Result<(), CodingError> {
    let header = ZstdHeader::read(bytes).ok_or(CodingError::Broken)?;
    if let Some(size) = header.size {
        sink.check(usize::try_from(size).unwrap_or(usize::MAX))?;
    }
    // The decoder believes the header of its first frame, whatever window it asks for.
    if header.window > WINDOW {
        return Err(CodingError::Broken);
    }
    let mut rest = bytes;
    let mut decoder = FrameDecoder::new();
    decoder.reset(&mut rest).map_err(|_| CodingError::Broken)?;
    while !decoder.is_finished() {
        // A block is 128 KiB at most, and the decoder keeps a window's worth before it can be collected.
        decoder
            .decode_blocks(&mut rest, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| CodingError::Broken)?;
        sink.check(decoder.can_collect())?;
        sink.take_from(&mut decoder)?;
    }
    let sum = decoder.get_checksum_from_data();
    let size = u64::try_from(sink.out.len()).unwrap_or(u64::MAX);
    let whole = rest.is_empty()
        && header.size.is_none_or(|announced| announced == size)
        && (sum.is_none() || sum == decoder.get_calculated_checksum());
    if whole { Ok(()) } else { Err(CodingError::Broken) }
}

/// What a zstd frame asks for before its first block (RFC 8878 section 3.1.1.1).
struct ZstdHeader {
    window: u64,
    size: Option<u64>,
}

impl ZstdHeader {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (&descriptor, mut rest) = bytes.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?.split_first()?;
        let single_segment = descriptor & 0x20 != 0;
        let mut window = 0;
        if !single_segment {
            let (&byte, tail) = rest.split_first()?;
            let base = 1_u64 << (10 + (byte >> 3));
            window = base + base / 8 * u64::from(byte & 7);
            rest = tail;
        }
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
        let flag = descriptor >> 6;
        let width = if flag == 0 { usize::from(single_segment) } else { 1 << flag };
        let field = rest.get(*dictionary..)?.get(..width)?;
        let number = field.iter().rev().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        let size = match width {
            0 => None,
            2 => Some(number + 256),
            _ => Some(number),
        };
        Some(Self { window: if single_segment { size.unwrap_or(0) } else { window }, size })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    const CAP: usize = 1 << 16;

    /// What every body below unpacks to.
    fn plain() -> Vec<u8> {
        format!(r#"{{"email":"ada@example.org","note":"{}"}}"#, "again and ".repeat(8)).into_bytes()
    }

    fn from_hex(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.chars().map(|c| c.to_digit(16).unwrap() as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlibbed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflated(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// [`plain`] by the reference tools, at quality 11 and level 3: the latter with size and checksum in its frame; and by
    /// level 19 from a pipe, without the size.
    const BROTLI: &str = "1b7400e01d0976ecc40aca8303c73042a5b74818d0de22eb2b161d70c801fb015b54c2897b956a254b51f3294c69a6f40d28d54f789004";
    const ZSTD: &str = "28b52ffd2475bd0100f4027b22656d61696c223a22616461406578616d706c652e6f7267222c226e6f7465223a22616761696e20616e6420227d01009da2a50c5f7a84c5";
    const ZSTD_PIPED: &str = "28b52ffd04689d0100f2820a10b0ebcf36cd22243137a601294a245315af48d298c6c5153d4b59d0b252f851c8edc3c4153dc6e8750101009da2a50c5f7a84c5";
    /// A MiB of `a` and of zeros.
    const BROTLI_BOMB: &str = "5bffff8f5f222c1e0b0472ef1f00";
    const ZSTD_BOMB: &str = "28b52ffd04585400001000000100fbff39c00202001000020010000200100002001000020010000200100003001000f13e16e1";
    /// The same, asking for a window of 128 MiB.
    const ZSTD_WIDE: &str = "28b52ffd04886400001000000200e9ff3773e0012c02001000020010000200100002001000020010000200100003001000f13e16e1";

    fn samples() -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("gzip", gzipped(&plain())),
            ("x-gzip", gzipped(&plain())),
            ("deflate", zlibbed(&plain())),
            ("deflate", deflated(&plain())),
            ("br", from_hex(BROTLI)),
            ("zstd", from_hex(ZSTD)),
            ("zstd", from_hex(ZSTD_PIPED)),
            ("zstd", compress_to_vec(&plain()[..], CompressionLevel::Fastest)),
            ("zstd", compress_to_vec(&plain()[..], CompressionLevel::Uncompressed)),
        ]
    }

    fn run(coding: &str, bytes: &[u8], cap: usize, ratio: usize) -> Result<Vec<u8>, CodingError> {
        decode(Some(coding), Bytes::copy_from_slice(bytes), cap, ratio).map(Into::into)
    }

    #[test]
    fn every_coding_is_unpacked() {
        for (coding, bytes) in samples() {
            assert_eq!(run(coding, &bytes, CAP, 1).as_deref(), Ok(&plain()[..]), "{coding}");
            assert_eq!(run(&format!(" {} ", coding.to_uppercase()), &bytes, CAP, 1), Ok(plain()));
        }
        assert_eq!(decode(None, plain().into(), CAP, 1).unwrap(), plain());
        assert_eq!(run("identity", &plain(), CAP, 1), Ok(plain()));
    }

    #[test]
    fn stacked_and_unknown_codings_are_not() {
        for coding in
            ["", "gzip, gzip", "identity, gzip", "gzip,", "compress", "zip", "gzip;q=1", "aes128gcm", "dcb"]
        {
            assert_eq!(run(coding, &gzipped(&plain()), CAP, 10), Err(CodingError::Unsupported), "{coding}");
        }
    }

    #[test]
    fn a_body_cut_short_anywhere_is_broken() {
        for (coding, bytes) in samples() {
            for cut in 0..bytes.len() {
                assert_eq!(
                    run(coding, &bytes[..cut], CAP, 10),
                    Err(CodingError::Broken),
                    "{coding} at {cut}"
                );
            }
        }
    }

    #[test]
    fn nothing_may_follow() {
        for (coding, bytes) in samples() {
            for more in [&b"\0"[..], b"{}", &bytes] {
                let bytes = [&bytes, more].concat();
                assert_eq!(run(coding, &bytes, CAP, 10), Err(CodingError::Broken), "{coding}");
            }
        }
    }

    #[test]
    fn a_wrong_sum_is_broken() {
        for (coding, mut bytes) in samples() {
            // Raw deflate and brotli have none; the last sample of zstd has none either.
            if matches!(coding, "gzip" | "x-gzip") || bytes.ends_with(&from_hex("5f7a84c5")) {
                let last = bytes.len() - if coding == "zstd" { 1 } else { 5 };
                bytes[last] ^= 1;
                assert_eq!(run(coding, &bytes, CAP, 10), Err(CodingError::Broken), "{coding}");
            }
        }
        let mut bytes = zlibbed(&plain());
        *bytes.last_mut().unwrap() ^= 1;
        assert_eq!(run("deflate", &bytes, CAP, 10), Err(CodingError::Broken));
    }

    #[test]
    fn bombs_stop_at_the_cap_or_the_ratio() {
        let big = vec![b'a'; 1 << 20];
        for (coding, bytes) in [
            ("gzip", gzipped(&big)),
            ("deflate", zlibbed(&big)),
            ("deflate", deflated(&big)),
            ("br", from_hex(BROTLI_BOMB)),
            ("zstd", from_hex(ZSTD_BOMB)),
            ("zstd", compress_to_vec(&big[..], CompressionLevel::Fastest)),
        ] {
            assert_eq!(run(coding, &bytes, CAP, 1 << 20), Err(CodingError::TooLarge), "{coding}");
            assert_eq!(run(coding, &bytes, (1 << 20) - 1, 1 << 20), Err(CodingError::TooLarge), "{coding}");
            assert_eq!(run(coding, &bytes, 1 << 20, 10), Err(CodingError::TooTight), "{coding}");
            assert_eq!(run(coding, &bytes, 1 << 20, 1 << 20).map(|out| out.len()), Ok(1 << 20), "{coding}");
        }
        assert_eq!(run("identity", &big, CAP, 1), Err(CodingError::TooLarge));
        // A few hundred bytes are not a bomb, however well they compress.
        assert_eq!(run("gzip", &gzipped(&[b'a'; 4000]), CAP, 1).map(|out| out.len()), Ok(4000));
    }

    #[test]
    fn a_wide_window_is_refused_before_it_is_set_aside() {
        assert_eq!(run("zstd", &from_hex(ZSTD_WIDE), 1 << 30, 1 << 30), Err(CodingError::Broken));
        // One segment of 2⁴⁰ bytes, announced by its size; and a dictionary that nobody has.
        let huge = [&from_hex("28b52ffde0")[..], &(1_u64 << 40).to_le_bytes(), b"\x01\0\0"].concat();
        assert_eq!(run("zstd", &huge, CAP, 10), Err(CodingError::TooLarge));
        assert_eq!(run("zstd", &from_hex("28b52ffd210701010000"), CAP, 10), Err(CodingError::Broken));
    }

    #[test]
    fn an_announced_size_must_be_true() {
        let mut bytes = from_hex(ZSTD);
        assert_eq!(bytes[5], 117, "the size in the frame's header");
        for size in [0, 116, 118] {
            bytes[5] = size;
            assert_eq!(run("zstd", &bytes, CAP, 10), Err(CodingError::Broken));
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic_or_exceed_its_caps(
            which in 0..9_usize,
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            noise in prop::collection::vec(any::<u8>(), 0..40),
            whole in any::<bool>(),
        ) {
            let (coding, mut bytes) = samples().swap_remove(which);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let bytes = if whole { bytes } else { noise };
            if let Ok(out) = run(coding, &bytes, 300, 4) {
                prop_assert!(out.len() <= 300);
            }
        }
    }
}
