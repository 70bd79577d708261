//! What is said where nobody of that name is known: the act is done, and as often the name is mistyped. An officer is told; what is
//! done is the same, and callers learn nothing of it.

/// Instead of what an erasure did.
pub(super) fn nothing_to_erase(namespace: &str) -> String {
    format!(
        "Nobody is known here under this identifier in the namespace `{namespace}`, so nothing was there to erase: they were never \
         seen, or are erased already. Check the spelling and the namespace."
    )
}

/// Behind what another act did.
pub(super) fn before(namespace: &str) -> String {
    format!(
        "Until now nobody was known here under this identifier in the namespace `{namespace}`: check the spelling and the namespace."
    )
}
