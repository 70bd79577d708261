//! `sanitize: text` and `sanitize: html`. Both look first: a text with nothing suspicious in it is not touched, which is
//! a hundredth of the cost.

use std::borrow::Cow;

use super::markup::{self, LAYERS};

/// The longest text that is made plain, in bytes.
const TEXT_BYTES: usize = 1 << 20;
/// The longest HTML that is cleaned, in bytes, and the most tags in it: a tree is built, and of nested elements the cost grows
/// with their square.
const HTML_BYTES: usize = 1 << 16;
const HTML_TAGS: usize = 512;

/// Why a text cannot be sanitised. It is refused then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLong,
    TooDeep,
}

impl Fault {
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::TooLong => "is too long to be sanitised",
            Self::TooDeep => "must not hold markup within markup or character references within each other",
        }
    }
}

/// Plain text: what an HTML parser would show of it, without controls and direction marks, in NFC. `a < b` stays as it is,
/// `<b>a</b> &lt; b` becomes `a < b`.
///
/// INVARIANT: what comes out comes out again unchanged, since it is what a whole pass leaves alone; so nothing in it opens a
/// tag, as it stands or with its references read.
pub(super) fn text(text: &str) -> Result<Cow<'_, str>, Fault> {
    if is_plain(text) {
        return Ok(Cow::Borrowed(text));
    }
    if text.len() > TEXT_BYTES {
        return Err(Fault::TooLong);
    }
    let mut current = Cow::Borrowed(text);
    for _ in 0..LAYERS {
        let Some(next) = pass(&current) else { return Ok(current) };
        current = Cow::Owned(next);
    }
    Err(Fault::TooDeep)
}

/// Everything once; `None` where it changes nothing.
fn pass(text: &str) -> Option<String> {
    let normalized = markup::normalized(text);
    let shown = markup::without_tags(&normalized);
    let read = markup::without_references(&shown);
    (*read != *text).then(|| read.into_owned())
}

/// HTML of harmless elements and attributes only, by ammonia's list (no script, style, SVG or MathML; links with
/// `rel="noopener noreferrer"`). The rest is text with `&`, `<` and `>` as references.
pub(super) fn html(html: &str) -> Result<Cow<'_, str>, Fault> {
    if is_plain(html) && !html.contains('>') {
        return Ok(Cow::Borrowed(html));
    }
    if html.len() > HTML_BYTES || html.bytes().filter(|byte| *byte == b'<').count() > HTML_TAGS {
        return Err(Fault::TooLong);
    }
    // References to unwanted characters are characters only once it has been parsed.
    let clean = ammonia::clean(&markup::normalized(html));
    let clean = markup::normalized(&clean).into_owned();
    Ok(if clean == html { Cow::Borrowed(html) } else { Cow::Owned(clean) })
}

/// The cheap look: ASCII that can be neither markup nor a reference, or other text that at least is in its final form.
fn is_plain(text: &str) -> bool {
    if is_bare(text.as_bytes()) {
        return true;
    }
    let harmless = |byte: u8| matches!(byte, b'\t' | b'\n' | b' '..=b'%' | b'\''..=b';' | b'='..=b'~');
    text.bytes().all(harmless)
        || (text.bytes().all(|byte| harmless(byte) || !byte.is_ascii())
            && matches!(markup::normalized(text), Cow::Borrowed(_)))
}

/// The same still cheaper: printable ASCII with neither `&` nor `<` in it, which most texts are. A text that is not said to be so
/// may be plain all the same. Looked at to its end, so that the compiler makes vectors of it.
pub(super) fn is_bare(text: &[u8]) -> bool {
    text.iter().fold(true, |bare, byte| bare & matches!(byte, b' '..=b'%' | b'\''..=b';' | b'='..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(input: &str) -> String {
        text(input).unwrap().into_owned()
    }

    #[test]
    fn plain_text_of_any_script_is_not_touched() {
        for plain in [
            "",
            "Ada",
            "O'Neil & Sons",
            "a < b > c",
            "I <3 you",
            "1<2",
            "x & y",
            "R&D; &c.",
            "100 %",
            "tab\tand\nline",
            "Zoë Müller",
            "Łukasz",
            "李小龍",
            "محمد",
            "שלום",
            "ประเทศไทย",
            "می‌خواهم",
            "👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
            "caf&eacute;",
            "a <",
            "<",
            "&",
            "&;",
            "&#;",
            "&#x;",
        ] {
            assert!(matches!(text(plain), Ok(Cow::Borrowed(same)) if same == plain), "{plain}");
        }
    }

    #[test]
    fn markup_goes_and_the_text_stays() {
        for (input, expected) in [
            ("<b>Ada</b> King", "Ada King"),
            ("a<script>alert('x > y')</script>b", "ab"),
            ("a<SCRIPT src=x>b</scripty></ScRiPt >c", "ac"),
            ("<style>p{}</style>x<scripted>y", "xy"),
            ("<img title=\"a>b\" src='>' onerror=alert(1)>x", "x"),
            ("x<img src=x onerror=alert(1)", "x"),
            ("x<svg/onload=alert(1)//", "x"),
            ("x<!-- a > b -->y<!--->z<!-->w<!doctype html>v<?xml ?>u</ >t</>s</", "xyzwvuts"),
            ("<<b>script>alert(1)<</b>/script>", ""),
            ("a &lt; b &amp; c", "a < b & c"),
            ("&lt;script&gt;alert(1)&lt;/script&gt;", ""),
            ("&amp;lt;b&amp;gt;x", "x"),
            ("&#60b&#62x &#x3C;b&#X3e;y &LTb&GTz", "x y z"),
            ("&#0;&#xD800;&#x110000;&#99999999999999999999;", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("caf\u{65}\u{301}", "caf\u{e9}"),
            ("<\u{212a}>x", "x"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}e\0f\u{7f}g\u{85}h", "abcdefgh"),
            ("<\0b>x<\u{200e}b>y", "xy"),
            ("&#x202e;a&rlm;b", "ab"),
            ("a\r\nb\rc", "a\nb\nc"),
        ] {
            assert_eq!(clean(input), expected, "{input}");
        }
    }

    #[test]
    fn layers_without_end_are_refused_in_little_time() {
        assert_eq!(text(&format!("&{}lt;b>", "amp;".repeat(20))), Err(Fault::TooDeep));
        assert_eq!(text(&"<".repeat(TEXT_BYTES + 1)), Err(Fault::TooLong));
        for hostile in ["<a ", "<a=\"", "<!--", "<script>", "</script", "<", "&", "&#", "&amp", "<a>", "=\"'"]
        {
            let _whatever = text(&hostile.repeat((1 << 19) / hostile.len()));
        }
        assert_eq!(html(&"<i>".repeat(HTML_TAGS + 1)), Err(Fault::TooLong));
    }

    #[test]
    fn html_keeps_what_is_harmless() {
        for (input, expected) in [
            ("<b>Ada</b>", "<b>Ada</b>"),
            ("Ada <script>x</script>", "Ada "),
            ("<b onclick=x>a</b>", "<b>a</b>"),
            ("<svg><script>x</script></svg>", ""),
            ("a<math><mi>x</mi></math>", "a"),
            ("<a href=\"javascript:x\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("a &#x202e;b\0", "a b"),
            ("a > b", "a &gt; b"),
        ] {
            assert_eq!(html(input).unwrap(), expected, "{input}");
        }
        assert!(matches!(html("Zoë"), Ok(Cow::Borrowed("Zoë"))));
        assert!(matches!(html("<b>a</b>"), Ok(Cow::Borrowed(_))));
        assert_eq!(html(&">".repeat(HTML_BYTES + 1)), Err(Fault::TooLong));
    }

    /// Pieces that markup is made of, in any order.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<", ">", "&", ";", "/", "!", "?", "=", "\"", "'", "-", "--", "<!--", "-->", "#", "#x", "lt",
            "gt;", "amp;", "&lt;", "&amp;", "&#60;", "3c", "60", "script", "</", "<b", "style", "a", "K",
            "\u{212a}", "\u{338}", "\u{301}", "\u{37e}", "\0", "\r", "\n", "\u{202e}", " ", "é", "李",
            "&nbsp;", "&sol;", "&num;60;",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn what_is_bare_is_printable_and_holds_no_mark(bytes in prop::collection::vec(any::<u8>(), 0..20), bare in "[ -%'-;=-~]{0,40}") {
            let is = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'&' | b'<');
            prop_assert_eq!(is_bare(&bytes), bytes.iter().all(is));
            prop_assert!(is_bare(bare.as_bytes()));
            for at in 0..bare.len() {
                for byte in [0, b'\n', 0x1f, b'&', b'<', 0x7f, 0x80, 0xff] {
                    let mut one_is_not = bare.clone().into_bytes();
                    one_is_not[at] = byte;
                    prop_assert!(!is_bare(&one_is_not));
                }
            }
        }

        #[test]
        fn what_comes_out_is_final_and_holds_no_markup(input in prop_oneof![pieces(), ".*"]) {
            if let Ok(once) = text(&input) {
                prop_assert_eq!(text(&once).unwrap(), once.clone());
                prop_assert!(!once.contains(markup::is_unwanted));
                prop_assert!(!ammonia::is_html(&once), "{}", once);
                let tag = regex::Regex::new("<[A-Za-z/!?]").unwrap();
                prop_assert!(!tag.is_match(&once), "{}", once);
                // Nor with the references read once more, by another reader: ammonia writes text with three of them.
                let shown = ammonia::Builder::empty().clean(&once).to_string();
                let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ").replace("&amp;", "&");
                prop_assert!(!tag.is_match(&shown), "{} {}", once, shown);
            }
        }

        #[test]
        fn html_is_final_and_harmless(input in prop_oneof![pieces(), ".*"]) {
            let once = html(&input).unwrap().into_owned();
            prop_assert!(!once.contains(markup::is_unwanted));
            prop_assert!(!once.to_ascii_lowercase().contains("<script"));
        }

        #[test]
        fn text_without_markup_survives(input in "[^<&\\p{Cc}\\p{Cf}]*") {
            use unicode_normalization::UnicodeNormalization as _;
            let nfc: String = input.nfc().collect();
            prop_assert_eq!(clean(&nfc), nfc);
        }
    }
}
