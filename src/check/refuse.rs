//! `refuse: [html, sql-injection]`: a value is never changed but refused.

use super::markup::{self, LAYERS};

/// Whether a text holds markup, as it stands or once its character references are read, to any depth. `a < b` and
/// `AT&amp;T` hold none.
pub(super) fn has_markup(text: &str) -> bool {
    if !text.bytes().any(|byte| matches!(byte, b'<' | b'&')) {
        return false;
    }
    let mut current = text.to_owned();
    for _ in 0..LAYERS {
        let normalized = markup::normalized(&current);
        if markup::has_tags(&normalized) {
            return true;
        }
        let read = markup::without_references(&normalized);
        if *read == *current {
            return false;
        }
        current = read.into_owned();
    }
    // So many references within each other are a trick in any case.
    true
}

/// The longest text that is looked through for SQL, in bytes. The detector's time grows with the square of some texts (`a.a.a.…`),
/// and of a longer text it judges the beginning only.
pub(super) const SQL_BYTES: usize = 4096;

/// Whether libinjection takes a text for an injection: one signal, see [`RefuseKind::SqlInjection`](super::RefuseKind).
pub(super) fn looks_like_sql(text: &str) -> bool {
    libinjectionrs::detect_sqli(text.as_bytes()).is_injection()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_is_seen_through_its_disguises() {
        for text in [
            "<b>x</b>",
            "x<script",
            "</p",
            "<!--",
            "<?php",
            "a</",
            "&lt;b&gt;",
            "&#60;b>",
            "&#x3Cp>",
            "&ltscript",
            "&amp;lt;b",
            "&amp;amp;#60;img",
            "<\0b",
            "<\u{212a}",
            "<\u{200e}i",
        ] {
            assert!(has_markup(text), "{text}");
        }
        let deep = format!("&{}lt;", "amp;".repeat(20));
        assert!(has_markup(&deep));
    }

    #[test]
    fn honest_text_is_no_markup() {
        for text in [
            "",
            "a < b",
            "I <3 you",
            "AT&T",
            "AT&amp;T",
            "&lt; 5",
            "1 &lt; 2 &gt; 0",
            "caf&eacute;",
            "x <",
            "李<小",
        ] {
            assert!(!has_markup(text), "{text}");
        }
    }

    #[test]
    fn known_injections_are_seen() {
        for text in ["1' OR '1'='1", "1 UNION SELECT password FROM users--", "'; DROP TABLE users; --"] {
            assert!(looks_like_sql(text), "{text}");
        }
        for text in ["Ada", "O'Neil", "12 rue de l'Exemple", "select a colour", "drop by at 5"] {
            assert!(!looks_like_sql(text), "{text}");
        }
    }

    #[test]
    fn the_worst_text_takes_little_time() {
        let begun = std::time::Instant::now();
        looks_like_sql(&"a.".repeat(SQL_BYTES / 2));
        // Many times what it takes without optimisation, and a fraction of what 64 KiB take.
        assert!(begun.elapsed().as_secs() < 1);
    }

    proptest! {
        #[test]
        fn of_what_is_not_refused_only_references_would_be_changed(input in "[<>&;a-z#/!60ltgmp ]{0,20}") {
            if !has_markup(&input) {
                let mut read = input.clone();
                while let Cow::Owned(next) = markup::without_references(&read) {
                    read = next;
                }
                // A reference may be to a character that goes.
                prop_assert_eq!(super::super::sanitize::text(&input).unwrap(), markup::normalized(&read));
            }
        }

        /// It is not our code, and must not stop a thread.
        #[test]
        fn the_detector_never_panics(text in prop_oneof![".*", "['\"`;#/*@()=<>a-zA-Z0-9 \\\\-]{0,60}"]) {
            let _whatever = looks_like_sql(&text);
        }
    }
}
