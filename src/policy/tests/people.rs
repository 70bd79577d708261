//! What is asked of children and of decisions, at the edges; the plain cases are the examples of the codes' pages.

use super::support::Folder;
use crate::policy::Code;

const AGE: &str = "range: 0..130,";
const NONE: &str = "offered_to_children: none";

/// A text of the file, and what stands there instead.
type Change<'a> = (&'a str, &'a str);

fn favourites(changes: &[Change<'_>]) -> Vec<Code> {
    let folder = changes
        .iter()
        .fold(Folder::shipped(), |folder, (from, to)| folder.change("favourites.yaml", from, to));
    folder.codes()
}

#[test]
fn a_consent_that_may_be_a_childs_is_asked_about() {
    let cases: &[(&[Change<'_>], &[Code])] = &[
        (&[], &[]),
        (&[(NONE, "#")], &[Code::ChildAgeUnsaid]),
        (&[(NONE, "#"), (AGE, "range: 16..130,")], &[]),
        (&[(NONE, "#"), (AGE, "range: ..130,")], &[Code::ChildAgeUnsaid]),
        (&[(NONE, "#"), (AGE, "one_of: [12, 20],")], &[Code::ChildAgeUnsaid]),
        (&[(NONE, "#"), (AGE, "one_of: [18, 20],")], &[]),
        // A date of birth has no range.
        (
            &[(NONE, "#"), (AGE, "range: 16..130,"), ("pd:FavoriteColor", "pd:BirthDate")],
            &[Code::ChildAgeUnsaid],
        ),
        // Art. 8 speaks of consent alone.
        (
            &[(NONE, "#"), ("legal_basis: consent", "assessment: LIA-1\nlegal_basis: legitimate_interests")],
            &[],
        ),
    ];
    for (changes, codes) in cases {
        assert_eq!(favourites(changes), *codes, "{changes:?}");
    }
}

#[test]
fn an_offer_to_children_holds_to_the_age_of_the_state() {
    let offered =
        |to: &str, range: &str| favourites(&[(NONE, &format!("offered_to_children: {to}")), (AGE, range)]);
    assert_eq!(offered("{ member_state: FR, minimum_age: 15 }", "range: 15..130,"), []);
    assert_eq!(offered("{ member_state: FR, minimum_age: 14 }", "range: 14..130,"), [Code::ChildConsent]);
    assert_eq!(offered("{ member_state: PT, minimum_age: 14 }", "range: 14..130,"), []);
    let authorised = "{ member_state: DE, minimum_age: 9, parental_authorisation: PA-1 }";
    assert_eq!(offered(authorised, "range: 9..130,"), []);
    assert_eq!(offered(authorised, "range: 8..130,"), [Code::ChildAgeAdmitted]);
    assert_eq!(offered("{ member_state: DE, minimum_age: 16 }", AGE), [Code::ChildAgeAdmitted]);
    for elsewhere in ["US", "AX", "XX"] {
        let to = format!("{{ member_state: {elsewhere}, minimum_age: 16 }}");
        assert_eq!(offered(&to, "range: 16..130,"), [Code::WrongValue], "{elsewhere}");
    }
    assert_eq!(offered("{ minimum_age: 16 }", AGE), [Code::Missing]);
    assert_eq!(offered("everybody", AGE), [Code::UnknownWord]);
}

#[test]
fn a_decision_is_spoken_of_where_a_person_is_rated() {
    let rated = ("prediction: { ", "prediction: { category: pd:CreditScore, ");
    assert_eq!(favourites(&[rated]), [Code::DecisionUnsaid]);
    assert_eq!(favourites(&[rated, (NONE, "automated_decision: none\noffered_to_children: none")]), []);
    let decides = |ground: &str| format!("automated_decision: {{ ground: {ground}, contest: here }}\n{NONE}");
    assert_eq!(favourites(&[rated, (NONE, &decides("explicit_consent"))]), []);
}

#[test]
fn an_explicit_consent_is_one_that_somebody_asks_for() {
    let basis = ("legal_basis: consent", "legal_basis: contract");
    let decides = format!("automated_decision: {{ ground: explicit_consent, contest: here }}\n{NONE}");
    assert_eq!(favourites(&[basis, (NONE, &decides)]), [Code::ConsentNotAsked]);
    assert_eq!(
        favourites(&[basis, (NONE, "art9_condition: explicit_consent\noffered_to_children: none")]),
        [Code::ConsentNotAsked]
    );
}
