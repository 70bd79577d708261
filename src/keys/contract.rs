//! What every provider is tested for.

use super::{KeyError, KeyProvider, check_value, confirm};

/// `again` holds the same master key after a restart, `stranger` another.
pub(crate) async fn suite(provider: &dyn KeyProvider, again: &dyn KeyProvider, stranger: &dyn KeyProvider) {
    let secret = b"a secret of some length, which must not be seen";
    let wrapped = provider.wrap(b"ada/notes/2026-11-23", secret).await.unwrap();
    assert_eq!(provider.unwrap(b"ada/notes/2026-11-23", &wrapped).await.unwrap().as_slice(), secret);
    assert_eq!(again.unwrap(b"ada/notes/2026-11-23", &wrapped).await.unwrap().as_slice(), secret);
    assert!(provider.is_current(&wrapped) && again.is_current(&wrapped));

    assert_ne!(provider.wrap(b"ada/notes/2026-11-23", secret).await.unwrap(), wrapped);
    assert!(!wrapped.windows(16).any(|window| secret.windows(16).any(|part| part == window)));

    for context in [&b"bob/notes/2026-11-23"[..], b"", b"ada/notes/2026-11-2", b"ada/notes/2026-11-23 "] {
        assert_eq!(provider.unwrap(context, &wrapped).await.unwrap_err(), KeyError::Refused);
    }
    assert_eq!(stranger.unwrap(b"ada/notes/2026-11-23", &wrapped).await.unwrap_err(), KeyError::Refused);
    assert!(!stranger.is_current(&wrapped));
    for at in 0..wrapped.len() {
        let mut changed = wrapped.clone();
        changed[at] ^= 1;
        assert_eq!(provider.unwrap(b"ada/notes/2026-11-23", &changed).await.unwrap_err(), KeyError::Refused);
        assert_eq!(
            provider.unwrap(b"ada/notes/2026-11-23", &wrapped[..at]).await.unwrap_err(),
            KeyError::Refused
        );
    }

    for length in [0, 1, 32, 4096] {
        let secret = vec![7; length];
        let wrapped = provider.wrap(b"", &secret).await.unwrap();
        assert_eq!(provider.unwrap(b"", &wrapped).await.unwrap().as_slice(), secret);
    }

    let check = check_value(provider).await.unwrap();
    confirm(again, &check).await.unwrap();
    assert_eq!(confirm(stranger, &check).await.unwrap_err(), KeyError::Refused);
}
