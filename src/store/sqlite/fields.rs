//! A record's fields in one column: for each the name's length (2 bytes, big-endian), the name, the ciphertext's length (4
//! bytes), the ciphertext.

/// Writes fields; `None` where a name has more than 65,535 bytes or a ciphertext more than 4 GiB.
pub(super) fn write(fields: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(fields.iter().map(|(name, sealed)| 6 + name.len() + sealed.len()).sum());
    for (name, sealed) in fields {
        out.extend_from_slice(&u16::try_from(name.len()).ok()?.to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&u32::try_from(sealed.len()).ok()?.to_be_bytes());
        out.extend_from_slice(sealed);
    }
    Some(out)
}

/// Reads them back; `None` where the bytes are not of this form.
pub(super) fn read(mut bytes: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (name, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (sealed, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        fields.push((String::from_utf8(name.to_vec()).ok()?, sealed.to_vec()));
        bytes = rest;
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_and_a_cut_is_noticed() {
        let fields = vec![("e-mail é".to_owned(), vec![0, 1, 2]), (String::new(), Vec::new())];
        let bytes = write(&fields).unwrap();
        assert_eq!(read(&bytes), Some(fields));
        assert!((1..bytes.len()).filter(|at| *at != bytes.len() - 6).all(|at| read(&bytes[..at]).is_none()));
        assert_eq!(write(&[("x".repeat(70_000), Vec::new())]), None);
    }
}
