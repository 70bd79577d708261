//! A record's sealed fields, as one run of bytes.

/// Room for the fields of most records: what grows is moved.
const MOSTLY: usize = 256;

/// The sealed fields of a record: for each the name's length (2 bytes, big-endian), the name, the ciphertext's length (4
/// bytes), the ciphertext. They are sealed into it, kept as it is, and read where it lies, so a field is never moved.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SealedFields(Vec<u8>);

impl SealedFields {
    /// What a field takes beside its name and plaintext, and a little more.
    pub const AROUND: usize = 48;

    /// Makes room for as many bytes.
    pub fn reserve(&mut self, bytes: usize) {
        self.0.reserve(bytes);
    }

    /// From what was kept; `None` where it is not of this form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        while !rest.is_empty() {
            (_, rest) = first(rest)?;
        }
        Some(Self(bytes.to_vec()))
    }

    /// What opens under no key, in place of bytes that are not of this form: one field without a name and a ciphertext.
    pub(super) fn broken() -> Self {
        Self(vec![0; 6])
    }

    /// What is to be kept.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds a field. `seal` adds the ciphertext to the end of what it is given. `None`, and nothing is added, where it could
    /// not, where the name has more than 65,535 bytes, or the ciphertext more than 4 GiB.
    pub fn put(&mut self, name: &str, seal: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        if self.0.capacity() == 0 {
            self.0.reserve(MOSTLY);
        }
        let before = self.0.len();
        let put = self.try_put(name, seal);
        if put.is_none() {
            self.0.truncate(before);
        }
        put
    }

    fn try_put(&mut self, name: &str, seal: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        let Self(bytes) = self;
        bytes.extend_from_slice(&u16::try_from(name.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(name.as_bytes());
        let at = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        seal(bytes)?;
        let length = u32::try_from(bytes.len().checked_sub(at + 4)?).ok()?;
        bytes.get_mut(at..at + 4)?.copy_from_slice(&length.to_be_bytes());
        Some(())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and ciphertexts, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            let (field, behind) = first(rest)?;
            rest = behind;
            Some(field)
        })
    }
}

/// The first field, and what is behind it.
#[expect(clippy::type_complexity, reason = "a field is a name and a ciphertext, and has bytes behind it")]
fn first(bytes: &[u8]) -> Option<((&str, &[u8]), &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sealed, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some(((std::str::from_utf8(name).ok()?, sealed), rest))
}

/// For tests: fields whose ciphertexts are there already.
#[cfg(test)]
impl<N: AsRef<str>, S: AsRef<[u8]>> FromIterator<(N, S)> for SealedFields {
    fn from_iter<I: IntoIterator<Item = (N, S)>>(fields: I) -> Self {
        let mut sealed = Self::default();
        for (name, ciphertext) in fields {
            let put = |out: &mut Vec<u8>| {
                out.extend_from_slice(ciphertext.as_ref());
                Some(())
            };
            sealed.put(name.as_ref(), put).unwrap();
        }
        sealed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_and_a_cut_is_noticed() {
        let fields = [("e-mail é", vec![0, 1, 2]), ("", Vec::new())];
        let sealed: SealedFields = fields.iter().map(|(name, sealed)| (name, sealed)).collect();
        let bytes = sealed.as_bytes();
        assert_eq!(
            bytes, b"\0\x09e-mail \xc3\xa9\0\0\0\x03\0\x01\x02\0\0\0\0\0\0",
            "what is on disk is read for years"
        );
        let again = SealedFields::from_bytes(bytes).unwrap();
        assert!(again == sealed);
        let back: Vec<_> = again.iter().map(|(name, sealed)| (name, sealed.to_vec())).collect();
        assert_eq!(back, fields);
        let cuts = (1..bytes.len()).filter(|at| *at != bytes.len() - 6);
        assert!(cuts.map(|at| &bytes[..at]).all(|cut| SealedFields::from_bytes(cut).is_none()));
    }

    #[test]
    fn a_field_that_cannot_be_added_leaves_nothing() {
        let mut sealed: SealedFields = [("a", [1])].into_iter().collect();
        let before = sealed.clone();
        assert!(sealed.put(&"x".repeat(70_000), |_| Some(())).is_none());
        assert!(
            sealed
                .put("b", |out| {
                    out.extend_from_slice(b"half");
                    None
                })
                .is_none()
        );
        assert!(sealed == before && !sealed.is_empty());
    }
}
