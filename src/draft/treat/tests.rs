use super::*;
use crate::check::{Format, Length, Range};
use crate::payload::Path;

fn field(path: &str, kind: RuleKind, required: bool) -> Field {
    let rules = Rules { kind: Some(kind), ..Rules::default() };
    Field::of(Path::parse(path).unwrap(), rules, required)
}

fn range(min: &str, max: &str) -> Option<Range> {
    Some(Range { min: Some(min.into()), max: Some(max.into()) })
}

fn upstream(field: &Field) -> Spec {
    propose(field, Way::Request).outward
}

#[test]
fn what_identifies_goes_no_further_than_the_api_needs() {
    let text = |required| field("last_name", RuleKind::String, required);
    assert_eq!(upstream(&text(false)), Spec::LeaveOut);
    assert_eq!(upstream(&text(true)), Spec::Pseudonymize { as_integer: false });
    let mut email = field("email", RuleKind::String, true);
    assert_eq!(upstream(&email), Spec::Pseudonymize { as_integer: false });
    email.rules.format = Some(Format::Email);
    assert_eq!(upstream(&email), Spec::Redact("nobody@example.org".into()));
    assert_eq!(propose(&email, Way::Request).tenths, 6);
    let mut id = field("customer_id", RuleKind::Integer, false);
    assert_eq!(upstream(&id), Spec::Pseudonymize { as_integer: true });
    id.rules.range = range("1", "100000");
    assert_eq!(upstream(&id), Spec::LeaveOut);
    id.required = true;
    let proposal = propose(&id, Way::Request);
    assert_eq!((proposal.outward, proposal.tenths), (Spec::LeaveOut, 3));
}

#[test]
fn what_describes_is_made_coarser_where_the_api_still_takes_it() {
    let mut age = field("age", RuleKind::Integer, true);
    assert_eq!(upstream(&age), Spec::Generalize(Generalize::BandsOf { width: 10, label: false }));
    age.rules.range = range("18", "99");
    assert_eq!(upstream(&age), Spec::Unchanged, "18 would become 10, which the API refuses");
    age.rules.range = range("20", "99");
    assert_eq!(upstream(&age), Spec::Generalize(Generalize::BandsOf { width: 10, label: false }));
    let mut born = field("geburtsdatum", RuleKind::String, true);
    assert_eq!(upstream(&born), Spec::Unchanged, "nothing says that it is a date");
    born.rules.format = Some(Format::Date);
    assert_eq!(upstream(&born), Spec::Generalize(Generalize::DateTo(DateTo::Year)));
    let mut zip = field("plz", RuleKind::String, true);
    assert_eq!(upstream(&zip), Spec::Generalize(Generalize::Prefix(2)));
    zip.rules.pattern = Some("[0-9]{5}".into());
    assert_eq!(upstream(&zip), Spec::Unchanged);
}

#[test]
fn a_yes_or_no_identifies_nobody() {
    let telephone = propose(&field("telephone", RuleKind::Boolean, true), Way::Request);
    assert_eq!((telephone.category, telephone.outward), (None, Spec::Unchanged));
    let mut telephone = field("telephone", RuleKind::Integer, true);
    telephone.rules.range = range("0", "1");
    assert_eq!(propose(&telephone, Way::Request).category, None);
}

#[test]
fn what_cannot_be_what_identifies_is_what_else_its_name_says() {
    for (name, category) in
        [("mother_email", "pd:Family"), ("insurance_phone", "pd:Insurance"), ("spouse_code", "pd:Family")]
    {
        let proposal = propose(&field(name, RuleKind::Boolean, true), Way::Request);
        assert_eq!(proposal.category.as_deref(), Some(category), "{name}");
    }
    for name in ["mother_name", "insurance_holder_name", "spouse_email", "mother_iban"] {
        for (required, outward) in [(true, Spec::Pseudonymize { as_integer: false }), (false, Spec::LeaveOut)]
        {
            assert_eq!(upstream(&field(name, RuleKind::String, required)), outward, "{name}");
        }
    }
}

#[test]
fn a_number_that_identifies_stays_one_whatever_its_type() {
    for name in ["customer_id", "phone", "national_id"] {
        for required in [false, true] {
            let mut number = field(name, RuleKind::Number, required);
            let proposal = propose(&number, Way::Request);
            assert!(proposal.facts.identifying, "{name}");
            assert_eq!(proposal.outward, Spec::LeaveOut, "{name}");
            assert!(!required || proposal.tenths == 3, "{name}: {}", proposal.tenths);
            assert_eq!(propose(&number, Way::Response).outward, Spec::LeaveOut, "{name}");
            number.rules.range = range("0", "1");
            assert_eq!(propose(&number, Way::Request).category, None, "{name}");
        }
    }
}

#[test]
fn only_a_narrow_pattern_makes_a_text_none_in_ones_own_words() {
    for (pattern, looked) in [
        (".+", true),
        ("(?s:.*)(?:[a-z])(?s:.*)", true),
        ("[^<>]{0,500}", true),
        (r"[A-Z]{2}-\d{4}", false),
        ("yes|no", false),
    ] {
        for required in [true, false] {
            let mut comment = field("comment", RuleKind::String, required);
            comment.rules.pattern = Some(pattern.into());
            assert_eq!(matches!(upstream(&comment), Spec::Detect(_)), looked, "{pattern}");
        }
    }
}

#[test]
fn special_categories_say_what_they_need() {
    let proposal = propose(&field("diagnosis", RuleKind::String, true), Way::Request);
    assert_eq!(proposal.category.as_deref(), Some("pd:MedicalHealth"));
    assert!(proposal.facts.special && proposal.because.contains("art9_condition"), "{}", proposal.because);
    for secret in ["password", "secret", "token", "api_key"] {
        for (required, outward) in [(false, Spec::LeaveOut), (true, Spec::Unchanged)] {
            let proposal = propose(&field(secret, RuleKind::String, required), Way::Request);
            assert_eq!((proposal.outward, proposal.stored), (outward, Spec::LeaveOut), "{secret}");
        }
        let answered = propose(&field(secret, RuleKind::String, true), Way::Response);
        assert_eq!(answered.stored, Spec::LeaveOut, "{secret}");
    }
    let count = propose(&field("token", RuleKind::Integer, true), Way::Request);
    assert_eq!(count.category, None, "it counts tokens");
}

#[test]
fn what_the_api_can_do_without_stays_behind_and_texts_are_looked_through() {
    for name in ["religion", "political_party", "criminal_record"] {
        let proposal = propose(&field(name, RuleKind::String, false), Way::Request);
        assert_eq!((proposal.outward, proposal.stored), (Spec::LeaveOut, Spec::LeaveOut), "{name}");
    }
    for name in ["comment", "message", "note", "prompt", "symptoms", "mishap_story", "unfall_hergang"] {
        for required in [true, false] {
            let proposal = propose(&field(name, RuleKind::String, required), Way::Request);
            let special = proposal.facts.special && !required;
            assert_eq!(matches!(proposal.outward, Spec::Detect(_)), !special, "{name}");
            assert!(
                special
                    || treated(&proposal, &proposal.outward, "write to ada@example.org").unwrap().1
                        == "write to [email]"
            );
        }
    }
    let mut listed = field("message", RuleKind::String, true);
    listed.rules.one_of = vec!["a".into(), "b".into()];
    assert_eq!(upstream(&listed), Spec::Unchanged);
}

#[test]
fn a_long_text_is_looked_through_whatever_its_name() {
    let long = |name: &str, most: u64| {
        let mut field = field(name, RuleKind::String, true);
        field.rules.length = Some(Length { min: 0, max: Some(most) });
        field
    };
    for (most, looked) in [(200, false), (499, false), (500, true), (2000, true)] {
        let proposal = propose(&long("zz", most), Way::Request);
        assert_eq!(
            (proposal.category, matches!(proposal.outward, Spec::Detect(_))),
            (None, looked),
            "{most}"
        );
        assert_eq!(proposal.tenths, if looked { 4 } else { 5 });
    }
    // What nobody bounds may be as short as a code.
    assert_eq!(upstream(&field("zz", RuleKind::String, true)), Spec::Unchanged);
    let mut of_form = long("zz", 2000);
    of_form.rules.format = Some(Format::Uri);
    assert_eq!(upstream(&of_form), Spec::Unchanged);
    let mut listed = long("zz", 2000);
    listed.rules.one_of = vec!["a".into(), "b".into()];
    assert_eq!(upstream(&listed), Spec::Unchanged);
    // A length that was only seen is rounded outwards, and no word of the API's.
    let seen = Field { seen: true, ..long("zz", 2000) };
    assert_eq!(upstream(&seen), Spec::Unchanged);
    assert_eq!(propose(&long("job", 2000), Way::Request).outward, Spec::Unchanged);
}

#[test]
fn an_identifier_of_a_form_is_replaced_by_one_of_that_form() {
    let mut number = field("patient.patient_no", RuleKind::String, true);
    number.rules.pattern = Some(r"P-\d{6}".into());
    let proposal = propose(&number, Way::Request);
    assert_eq!(proposal.outward, Spec::Redact("P-000000".into()));
    assert_ne!(proposal.sample, Some("P-000000".into()), "a case tells the two apart");
    let mut number = field("customer_id", RuleKind::Integer, true);
    number.rules.range = range("1", "100000");
    number.known = category(&number.path, None, "");
    assert_eq!(propose(&number, Way::Head(Place::Path)).outward, Spec::Redact("1".into()));
}

#[test]
fn an_identifier_of_no_form_becomes_no_date() {
    for (name, most, fixed) in [
        ("tenant_ref", 12, "redacted"),
        ("tenant_ref", 7, "none"),
        ("last_name", 6, "none"),
        ("email", 20, "nobody@example.org"),
        ("phone", 15, "+10000000000"),
    ] {
        let mut short = field(name, RuleKind::String, true);
        short.rules.length = Some(Length { min: 0, max: Some(most) });
        let proposal = propose(&short, Way::Request);
        assert_eq!(proposal.outward, Spec::Redact(fixed.into()), "{name} {:?}", proposal.category);
        assert_ne!(proposal.sample, Some(fixed.into()), "a case tells the two apart");
    }
}

#[test]
fn answers_have_no_bounds_of_ours() {
    let answer = propose(&field("answer", RuleKind::String, true), Way::Response);
    assert_eq!(answer.rules, field("answer", RuleKind::String, true).rules);
    let asked = propose(&field("answer", RuleKind::String, true), Way::Request);
    assert!(
        asked.rules.length.is_some() && asked.because.contains("the length is ours"),
        "{}",
        asked.because
    );
    let mut seen = field("count", RuleKind::Integer, true);
    seen.rules.range = range("0", "10");
    seen.seen = true;
    let rules = propose(&seen, Way::Response).rules;
    assert_eq!((rules.kind, rules.range), (Some(RuleKind::Number), None));
}

#[test]
fn the_bounds_of_a_type_are_none_of_an_age() {
    let mut age = field("age", RuleKind::Integer, true);
    for (min, max) in [("-2147483648", "2147483647"), ("0", "255"), ("-32768", "32767")] {
        age.rules.range = range(min, max);
        let proposal = propose(&age, Way::Request);
        assert_eq!(
            proposal.outward,
            Spec::Generalize(Generalize::BandsOf { width: 10, label: false }),
            "{min}..{max}"
        );
        assert_eq!(proposal.rules.range, range("0", "130"));
        assert!(proposal.because.contains("not one of ages"), "{}", proposal.because);
    }
}

#[test]
fn a_number_of_a_person_or_a_thing_is_marked_and_that_of_a_loan_identifies() {
    let asked = propose(&field("parent_id", RuleKind::String, true), Way::Request);
    assert_eq!((asked.category, asked.outward, asked.tenths), (None, Spec::Unchanged, 2));
    let answered = propose(&field("parent_id", RuleKind::String, true), Way::Response);
    assert_eq!((answered.category, answered.tenths), (None, 2));
    for because in [asked.because, answered.because] {
        assert!(because.contains("a `parent`, which is a person or a thing"), "{because}");
    }
    let loan = propose(&field("loan_id", RuleKind::String, true), Way::Request);
    assert_eq!(loan.category.as_deref(), Some("pd:Identifier"));
    assert_eq!(loan.outward, Spec::Pseudonymize { as_integer: false });
    // One of a few is nobody's number.
    let mut kind = field("loan_code", RuleKind::String, true);
    kind.rules.one_of = vec!["fixed".into(), "variable".into()];
    assert_eq!(propose(&kind, Way::Request).category.as_deref(), Some("pd:LoanRecord"));
}
