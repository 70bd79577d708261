//! Media types of files that people send: how such a file begins, and how its name ends.

/// A media type whose files can be told by their first bytes.
struct Known {
    essence: &'static str,
    ending: &'static str,
    /// Any of these: bytes, and how many stand before them.
    begins: &'static [(usize, &'static [u8])],
}

/// How many bytes of a file [`begins_as`] looks at.
pub const HEAD: usize = 24;

const fn known(
    essence: &'static str,
    ending: &'static str,
    begins: &'static [(usize, &'static [u8])],
) -> Known {
    Known { essence, ending, begins }
}

const KNOWN: &[Known] = &[
    known("image/png", "png", &[(0, b"\x89PNG\r\n\x1a\n")]),
    known("image/jpeg", "jpg", &[(0, b"\xff\xd8\xff")]),
    known("image/gif", "gif", &[(0, b"GIF87a"), (0, b"GIF89a")]),
    known("image/webp", "webp", &[(8, b"WEBP")]),
    known("image/bmp", "bmp", &[(0, b"BM")]),
    known("image/tiff", "tiff", &[(0, b"II*\0"), (0, b"MM\0*")]),
    known("image/avif", "avif", &[(4, b"ftypavif"), (4, b"ftypavis")]),
    known("application/pdf", "pdf", &[(0, b"%PDF-")]),
    known("application/zip", "zip", &[(0, b"PK\x03\x04"), (0, b"PK\x05\x06")]),
    known("application/gzip", "gz", &[(0, b"\x1f\x8b\x08")]),
    known("application/dicom", "dcm", &[]),
    known("application/vnd.apache.parquet", "parquet", &[(0, b"PAR1")]),
    known("audio/wav", "wav", &[(8, b"WAVE")]),
    known("audio/x-wav", "wav", &[(8, b"WAVE")]),
    known("audio/flac", "flac", &[(0, b"fLaC")]),
    known("audio/ogg", "ogg", &[(0, b"OggS")]),
    known("audio/mpeg", "mp3", &[(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")]),
    known("audio/mp4", "m4a", &[(4, b"ftyp")]),
    known("video/mp4", "mp4", &[(4, b"ftyp")]),
    known("video/webm", "webm", &[(0, b"\x1a\x45\xdf\xa3")]),
    known("text/plain", "txt", &[]),
    known("text/csv", "csv", &[]),
    known("application/json", "json", &[]),
];

/// Whether a file that begins so is what its media type says; `None` where no beginning tells.
pub fn begins_as(essence: &str, head: &[u8]) -> Option<bool> {
    let known = of(essence).filter(|known| !known.begins.is_empty())?;
    Some(known.begins.iter().any(|(at, bytes)| head.get(*at..).is_some_and(|rest| rest.starts_with(bytes))))
}

/// How the name of such a file ends.
pub(super) fn ending(essence: &str) -> &'static str {
    of(essence).map_or("bin", |known| known.ending)
}

fn of(essence: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.essence == essence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_how_it_begins() {
        assert_eq!(begins_as("image/png", b"\x89PNG\r\n\x1a\n...."), Some(true));
        assert_eq!(begins_as("image/png", b"<html>"), Some(false));
        assert_eq!(begins_as("image/webp", b"RIFF\x10\0\0\0WEBPVP8 "), Some(true));
        assert_eq!(begins_as("image/webp", b""), Some(false));
        assert_eq!(begins_as("text/csv", b"a,b"), None);
        assert_eq!(begins_as("application/x-unheard-of", b""), None);
        for known in KNOWN {
            assert!(known.begins.iter().all(|(at, bytes)| at + bytes.len() <= HEAD), "{}", known.essence);
        }
        assert_eq!((ending("image/jpeg"), ending("application/x-unheard-of")), ("jpg", "bin"));
    }
}
