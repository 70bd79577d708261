//! Personal data in the hand of the gateway: what can be used, but not printed.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroize;

/// A value that belongs to somebody. It has no `Display`, and `Debug` shows that it is there, never what it is; it is
/// wiped when dropped.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Personal<T: Zeroize>(T);

impl<T: Zeroize> Personal<T> {
    /// Takes a value into keeping.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the code that must see it; search for this name to find all of that code.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl<T: Zeroize> Drop for Personal<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A data subject as the gateway knows them: an identifier, and the namespace in which it means somebody. Equal
/// identifiers of two namespaces are two persons.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    /// The namespace that the token's issuer declares.
    pub namespace: Arc<str>,
    /// The identifier within it.
    pub identifier: Personal<String>,
}

impl Person {
    /// The person whom `identifier` means in `namespace`.
    pub fn new(namespace: impl Into<Arc<str>>, identifier: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), identifier: Personal::new(identifier.into()) }
    }
}

/// A random name for a person: all that journal, audit and records carry. Only the keyring knows whose it is, and an
/// erasure makes it forget.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference([u8; 16]);

impl Reference {
    /// From 16 random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// `r_` and 32 hexadecimal digits.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("r_")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_person() {
        let person = Person::new("customers", "ada@example.org");
        assert!(!format!("{person:?}").contains("ada"));
    }

    #[test]
    fn a_reference_reads_as_hexadecimal() {
        assert_eq!(Reference::from_bytes([0xab; 16]).to_string(), format!("r_{}", "ab".repeat(16)));
    }
}
