//! What is told of identifiers that hardly change, and of what was written and not understood.

use super::support::Folder;
use crate::policy::Code;

const ACTIVITY: &str = "favourites.yaml";
const ORGANISATION: &str = "organisation.yaml";

#[test]
fn an_identifier_that_is_hardly_changed_goes_nowhere_without_a_reason() {
    let email = |upstream: &str| {
        Folder::shipped().change(ACTIVITY, "upstream: pseudonymize,", &format!("upstream: {upstream},"))
    };
    for hardly in [
        "unchanged",
        "{ detect: { kinds: [email], replace_by: mask } }",
        "{ detect: { patterns: { z: ZZZ }, replace_by: mask } }",
        "{ mask: { keep_last: 5 } }",
        "{ generalize: { prefix: 60 } }",
    ] {
        assert_eq!(email(hardly).codes(), [Code::IdentifierUnchanged], "{hardly}");
        let transfer = "country: IN, transfer_instrument: scc, pseudonymize_before_transfer: true";
        let pseudonyms = email(&format!("{hardly}, justification: it is asked for")).change(
            ORGANISATION,
            "country: DE",
            transfer,
        );
        assert_eq!(pseudonyms.codes(), [Code::TransferIdentifies], "{hardly}");
    }
    for enough in ["{ mask: { keep_last: 4 } }", "{ generalize: { prefix: 4 } }", "pseudonymize", "leave_out"]
    {
        assert_eq!(email(enough).codes(), [], "{enough}");
    }
}

#[test]
fn what_is_written_and_not_understood_is_told_once() {
    let activity = |from: &str, to: &str| Folder::shipped().change(ACTIVITY, from, to).codes();
    let organisation = |from: &str, to: &str| Folder::shipped().change(ORGANISATION, from, to).codes();
    assert_eq!(activity("upstream: pseudonymize,", "upstream: hash,"), [Code::HashWithoutKey]);
    assert_eq!(
        activity("upstream: pseudonymize,", "upstream: { mask: { keep_last: 200 } },"),
        [Code::WrongValue]
    );
    assert_eq!(activity("upstream: pseudonymize,", "upstrem: pseudonymize,"), [Code::UnknownKey]);
    assert_eq!(
        activity("upstream: pseudonymize,", "upstream: unchanged, justification: \"\","),
        [Code::WrongValue]
    );
    assert_eq!(activity("all_scopes: [predict]", "all_scopes: []"), [Code::WrongValue]);
    assert_eq!(organisation("country: DE", "country: IN, transfer_instrument: hope"), [Code::UnknownWord]);
    // What has nothing to do with it is told as well.
    let country = organisation("country: DE", "country: XX, transfer_instrument: hope");
    assert_eq!(country, [Code::WrongValue, Code::UnknownWord]);
}
