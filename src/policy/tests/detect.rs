use insta::assert_snapshot;

use super::support::Folder;

fn with(upstream: &str) -> Folder {
    let detect = format!("upstream: {{ detect: {{ {upstream} }} }},");
    let text = Folder::shipped().change("favourites.yaml", "pd:EmailAddress,  type", "pd:EmailContent, type");
    text.change("favourites.yaml", "upstream: pseudonymize,", &detect)
}

#[test]
fn every_way_to_write_it_loads() {
    for detect in [
        "kinds: [email], replace_by: mask",
        "kinds: [email, phone, iban, card, ip, national_id, birth_date], region: [DE, US], replace_by: redact",
        "kinds: [{ national_id: [DE, FR] }, phone], replace_by: pseudonymize",
        "patterns: { customer_number: \"K-[0-9]{6}\" }, replace_by: leave_out",
        "kinds: [ip], patterns: { a: a, b: b }, replace_by: refuse",
        "analyzer: local, entities: [PERSON], replace_by: mask",
        "kinds: [email], analyzer: local, entities: [PERSON, LOCATION], score: 0.65, replace_by: pseudonymize",
        "analyzer: local, entities: [PERSON], score: 1, replace_by: refuse",
    ] {
        let lines = with(detect).lines();
        assert_eq!(lines, "", "{detect}");
    }
    let stored = "export: { detect: { kinds: [email], replace_by: pseudonymize } }";
    let text = Folder::shipped().change("favourites.yaml", "pd:EmailAddress,  type", "pd:EmailContent, type");
    let folder = text.change("favourites.yaml", "export: pseudonymize", stored).change(
        "favourites.yaml",
        "stored: encrypted, export: { detect",
        "stored: { detect: { kinds: [ip], replace_by: mask } }, export: { detect",
    );
    assert_eq!(folder.lines(), "");
}

#[test]
fn what_cannot_be_looked_for_is_told_with_its_place() {
    let mistakes = [
        ("unknown kind", "kinds: [email, fone], replace_by: mask"),
        ("unknown country", "kinds: [{ national_id: [DE, US] }], replace_by: mask"),
        ("unknown region", "kinds: [phone], region: [XX], replace_by: mask"),
        ("region of nothing", "kinds: [email], region: [DE], replace_by: mask"),
        ("options of a kind without", "kinds: [{ email: [DE] }], replace_by: mask"),
        ("options of no kind", "kinds: [{ national: [DE] }], replace_by: mask"),
        ("kind twice", "kinds: [email, email], replace_by: mask"),
        ("no kinds", "kinds: [], replace_by: mask"),
        ("nothing at all", "replace_by: mask"),
        ("no replacement", "kinds: [email]"),
        ("unknown replacement", "kinds: [email], replace_by: masks"),
        ("pattern that does not compile", "patterns: { number: \"K-[0-9\" }, replace_by: mask"),
        ("pattern with look-around", "patterns: { number: \"(?=K)K\" }, replace_by: mask"),
        ("pattern of the empty text", "patterns: { number: \"[0-9]*\" }, replace_by: mask"),
        ("pattern without an end", "patterns: { number: \"K-[0-9]+\" }, replace_by: mask"),
        ("pattern with the name of a kind", "patterns: { email: \"K-[0-9]{6}\" }, replace_by: mask"),
        ("unknown analyser", "analyzer: locale, entities: [PERSON], replace_by: mask"),
        ("analyser that is asked for nothing", "analyzer: local, replace_by: mask"),
        ("entities of nobody", "kinds: [email], entities: [PERSON], score: 0.5, replace_by: mask"),
        ("no entity", "analyzer: local, entities: [\"PERSON'S\"], replace_by: mask"),
        ("score beyond one", "analyzer: local, entities: [PERSON], score: 1.01, replace_by: mask"),
        ("score in hundredths", "analyzer: local, entities: [PERSON], score: 0.655, replace_by: mask"),
        ("unknown key", "kinds: [email], regions: [DE], replace_by: mask"),
    ];
    let mut text = String::new();
    for (name, mistake) in mistakes {
        let lines = with(mistake).lines();
        assert!(!lines.is_empty(), "{name}");
        text.push_str(&format!("# {name}\n{lines}\n"));
    }
    let elsewhere = [
        (
            "not of a number",
            "{ generalize: { bands_of: 10 } }, stored: encrypted",
            "{ detect: { kinds: [email], replace_by: mask } }, stored: encrypted",
        ),
        ("without options", "upstream: pseudonymize,", "upstream: detect,"),
        (
            "an export that asks",
            "export: pseudonymize",
            "export: { detect: { analyzer: local, entities: [PERSON], replace_by: mask } }",
        ),
        (
            "an export that refuses",
            "export: pseudonymize",
            "export: { detect: { kinds: [email], replace_by: refuse } }",
        ),
    ];
    for (name, from, to) in elsewhere {
        let lines = Folder::shipped().change("favourites.yaml", from, to).lines();
        assert!(!lines.is_empty(), "{name}");
        text.push_str(&format!("# {name}\n{lines}\n"));
    }
    assert_snapshot!("detect", text);
}
