use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::super::*;
use super::support::*;
use crate::clock::Timestamp;
use crate::problem::{Challenge, Problem};

#[test]
fn a_good_token_of_every_kind_of_key_names_its_caller() {
    for signer in [Signer::secret(), Signer::rsa(), Signer::ec(), Signer::ed()] {
        let identity = identity(vec![issuer_of(&signer)], &clock());
        let caller = authenticate(&identity, &signer.token(&signer.header(), &claims())).unwrap();
        assert_eq!(caller.id.expose(), "u1");
        assert_eq!(caller.subject.as_ref().unwrap().identifier.expose(), "u1");
        assert_eq!(&*caller.namespace, "customers");
        assert!(caller.scopes.meet(&["predict", "research"], &[""; 0]));
        assert_eq!(caller.purpose.as_deref(), Some("product-recommendation"));
        assert_eq!(caller.expires, Timestamp::from_millis((NOW + 300) * 1000));
        assert_eq!(caller.person("customer").unwrap().identifier.expose(), "4711");
        assert_eq!(caller.claim("client"), None);
        let shown = format!("{caller:?}");
        assert!(!shown.contains("u1") && !shown.contains("4711"), "{shown}");
    }
}

#[test]
fn a_token_out_of_its_time_is_refused() {
    let signer = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let fault = |changes| fault(&identity, &signer.token(&signer.header(), &with(claims(), changes)));
    assert_eq!(fault(json!({ "exp": NOW })), CredentialError::Expired);
    assert_eq!(fault(json!({ "exp": (NOW as f64) - 0.5 })), CredentialError::Expired);
    assert_eq!(fault(json!({ "exp": null })), CredentialError::Claim("exp"));
    assert_eq!(fault(json!({ "exp": "tomorrow" })), CredentialError::Claim("exp"));
    assert_eq!(fault(json!({ "exp": -1e300 })), CredentialError::Expired);
    assert_eq!(fault(json!({ "nbf": NOW + 61 })), CredentialError::NotYet);
    assert_eq!(fault(json!({ "iat": NOW + 61 })), CredentialError::NotYet);
    let ahead = with(claims(), json!({ "nbf": NOW + 60, "iat": NOW + 60, "exp": 1e300 }));
    assert!(authenticate(&identity, &signer.token(&signer.header(), &ahead)).is_ok());
}

#[test]
fn a_token_for_others_or_of_others_is_refused() {
    let signer = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let fault = |changes| fault(&identity, &signer.token(&signer.header(), &with(claims(), changes)));
    assert_eq!(fault(json!({ "aud": "elsewhere" })), CredentialError::Audience);
    assert_eq!(fault(json!({ "aud": [] })), CredentialError::Audience);
    assert_eq!(fault(json!({ "aud": null })), CredentialError::Audience);
    assert_eq!(fault(json!({ "aud": { "consentry": 1 } })), CredentialError::Claim("aud"));
    assert_eq!(fault(json!({ "iss": "https://id.example.org/" })), CredentialError::Issuer);
    assert_eq!(fault(json!({ "iss": null })), CredentialError::Claim("iss"));
    assert_eq!(fault(json!({ "sub": "" })), CredentialError::Claim("sub"));
    assert_eq!(fault(json!({ "sub": 5 })), CredentialError::Claim("sub"));
    assert_eq!(fault(json!({ "sub": null, "client_id": null })), CredentialError::Claim("sub"));
    assert_eq!(fault(json!({ "purpose": ["a", "b"] })), CredentialError::Claim("purpose"));
    assert_eq!(fault(json!({ "cnf": { "jkt": "x" } })), CredentialError::SenderBound);
    let several = with(claims(), json!({ "aud": ["elsewhere", "consentry"] }));
    assert!(authenticate(&identity, &signer.token(&signer.header(), &several)).is_ok());
}

#[test]
fn a_header_cannot_choose_how_it_is_verified() {
    let signer = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let with_header = |changes| signer.token(&with(signer.header(), changes), &claims());
    for alg in ["none", "None", "HS384", "RS256", "", "hs256"] {
        assert_eq!(
            fault(&identity, &with_header(json!({ "alg": alg }))),
            CredentialError::Algorithm,
            "{alg}"
        );
    }
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    let unsigned = format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims().to_string()));
    assert_eq!(fault(&identity, &unsigned), CredentialError::Algorithm);
    assert_eq!(fault(&identity, &with_header(json!({ "crit": ["exp"] }))), CredentialError::Header("crit"));
    assert_eq!(fault(&identity, &with_header(json!({ "b64": false }))), CredentialError::Header("b64"));
    assert_eq!(fault(&identity, &with_header(json!({ "zip": "DEF" }))), CredentialError::Header("zip"));
    let crit = signer.raw(r#"{"alg":"HS256","typ":"at+jwt","crit":null}"#, &claims().to_string());
    assert_eq!(fault(&identity, &crit), CredentialError::Header("crit"));
    for typ in ["dpop+jwt", "id+jwt", ""] {
        assert_eq!(fault(&identity, &with_header(json!({ "typ": typ }))), CredentialError::Type, "{typ}");
    }
    for typ in [json!("JWT"), json!("application/at+jwt"), json!("AT+JWT"), json!(null)] {
        assert!(authenticate(&identity, &with_header(json!({ "typ": typ }))).is_ok(), "{typ}");
    }
}

#[test]
fn a_type_that_the_issuer_may_not_use_is_refused_even_if_it_is_left_out() {
    let signer = Signer::secret();
    let strict = IssuerConfig { types: vec!["at+jwt".into()], ..issuer_of(&signer) };
    let identity = identity(vec![strict], &clock());
    for typ in [json!("JWT"), json!(null)] {
        let token = signer.token(&with(signer.header(), json!({ "typ": typ })), &claims());
        assert_eq!(fault(&identity, &token), CredentialError::Type);
    }
}

#[test]
fn a_public_key_is_no_secret() {
    for signer in [Signer::rsa(), Signer::ec(), Signer::ed()] {
        let identity = identity(vec![issuer_of(&signer)], &clock());
        let confused = Signer::Secret(signer.pem());
        assert_eq!(
            fault(&identity, &confused.token(&confused.header(), &claims())),
            CredentialError::Algorithm
        );
        let claimed = confused.token(&signer.header(), &claims());
        assert_eq!(fault(&identity, &claimed), CredentialError::Signature);
    }
}

#[test]
fn keys_in_the_header_and_paths_in_the_key_id_are_never_followed() {
    let (signer, thief) = (Signer::ec(), Signer::ec());
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let lures = json!({
        "jku": "https://thief.example/jwks", "x5u": "https://thief.example/x", "jwk": thief.jwk("t"), "x5c": ["MIIB"],
        "kid": "../../../../dev/null",
    });
    let forged = thief.token(&with(thief.header(), lures.clone()), &claims());
    assert_eq!(fault(&identity, &forged), CredentialError::Signature);
    // They are passed over, not obeyed: the true key still verifies.
    assert!(authenticate(&identity, &signer.token(&with(signer.header(), lures), &claims())).is_ok());
}

#[test]
fn a_changed_token_is_refused() {
    let signer = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let token = signer.token(&signer.header(), &claims());
    assert!(authenticate(&identity, &token).is_ok());
    let other = with(claims(), json!({ "sub": "u2" }));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let spliced = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(other.to_string()));
    assert_eq!(fault(&identity, &spliced), CredentialError::Signature);
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        fault(&identity, &changed);
        fault(&identity, token.get(..at).unwrap());
    }
    assert_eq!(identity.remembered(), 1);
}

#[test]
fn what_is_no_token_is_refused() {
    let signer = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let header = signer.header().to_string();
    let claims = claims().to_string();
    for claims in ["[]", "null", "{", "\u{feff}{}", r#"{"exp":NaN}"#, claims.trim_start_matches('{')] {
        assert_eq!(fault(&identity, &signer.raw(&header, claims)), CredentialError::Malformed, "{claims}");
    }
    let deep = format!(r#"{{"x":{}}}"#, "[".repeat(3000));
    assert_eq!(fault(&identity, &signer.raw(&header, &deep)), CredentialError::Malformed);
    let twice = claims.replacen('{', r#"{"sub":"u2","#, 1);
    assert_eq!(fault(&identity, &signer.raw(&header, &twice)), CredentialError::Duplicate);
    let two_algorithms = header.replacen('{', r#"{"alg":"none","#, 1);
    assert_eq!(fault(&identity, &signer.raw(&two_algorithms, &claims)), CredentialError::Malformed);
    let long = with(super::support::claims(), json!({ "padding": "x".repeat(7000) }));
    assert_eq!(fault(&identity, &signer.token(&signer.header(), &long)), CredentialError::TooLong);
    for text in ["", "x", "..", "a.b.c.d.e", "ck_", "ck_x_y"] {
        fault(&identity, text);
    }
}

#[test]
fn one_credential_in_one_place() {
    let signer = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    let token = signer.token(&signer.header(), &claims());
    let problem = |headers: &HeaderMap, query| identity.authenticate(headers, query).unwrap_err();

    let missing = problem(&HeaderMap::new(), None);
    assert_eq!(
        (missing.problem, missing.challenge),
        (Problem::AuthenticationRequired, Some(Challenge::NoCredential))
    );
    let basic = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Basic dTpw"))]);
    assert_eq!(problem(&basic, None).problem, Problem::AuthenticationRequired);

    let mut twice = bearer(&token);
    twice.append(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    assert_eq!(problem(&twice, None).problem, Problem::RequestMalformed);
    let mut both = bearer(&token);
    both.append(API_KEY_HEADER, HeaderValue::from_static("ck_1_2"));
    assert_eq!(problem(&both, None).problem, Problem::RequestMalformed);
    for query in ["access_token=x", "a=b&access%5Ftoken=x", "ACCESS_TOKEN"] {
        assert_eq!(problem(&bearer(&token), Some(query)).problem, Problem::RequestMalformed, "{query}");
    }
    assert!(identity.authenticate(&bearer(&token), Some("page=1&no_access_token=x")).is_ok());

    let mut token_as_key = HeaderMap::new();
    token_as_key.insert(API_KEY_HEADER, HeaderValue::from_str(&token).unwrap());
    assert_eq!(problem(&token_as_key, None).problem, Problem::TokenInvalid);
    let lower =
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&format!("bearer  {token}")).unwrap())]);
    assert!(identity.authenticate(&lower, None).is_ok());
    let bytes = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").unwrap())]);
    assert_eq!(problem(&bytes, None).problem, Problem::TokenInvalid);
}

#[test]
fn a_remembered_token_dies_at_its_expiry_and_with_its_epoch() {
    let signer = Signer::secret();
    let clock = clock();
    let identity = identity(vec![issuer_of(&signer)], &clock);
    let token = signer.token(&signer.header(), &claims());
    let first = authenticate(&identity, &token).unwrap();
    let again = authenticate(&identity, &token).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
    identity.want(None);
    assert_eq!(identity.remembered(), 0);
    let anew = authenticate(&identity, &token).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&first, &anew));
    assert_eq!((first.hash, &first.id), (anew.hash, &anew.id));
    clock.advance(Duration::from_millis(299_999));
    assert!(authenticate(&identity, &token).is_ok());
    clock.advance(Duration::from_millis(1));
    assert_eq!(fault(&identity, &token), CredentialError::Expired);
    assert_eq!(identity.remembered(), 0);
}

#[test]
fn a_program_is_nobody_and_no_name_stands_for_two() {
    let (signer, staff) = (Signer::secret(), Signer::secret());
    let other = IssuerConfig {
        issuer: "https://backoffice.example.org".into(),
        namespace: "staff".into(),
        ..issuer_of(&staff)
    };
    let identity = identity(vec![issuer_of(&signer), other], &clock());
    let caller = |signer: &Signer, changes| {
        authenticate(&identity, &signer.token(&signer.header(), &with(claims(), changes))).unwrap()
    };
    let person = caller(&signer, json!({}));
    let program = caller(&signer, json!({ "client_id": "u1" }));
    let bare = caller(&signer, json!({ "sub": null, "client_id": "u1" }));
    let colleague = caller(&staff, json!({ "iss": "https://backoffice.example.org" }));
    assert!(program.is_program() && bare.is_program() && !person.is_program());
    assert_eq!((program.claim("sub"), program.person("sub")), (None, None));
    assert_ne!(person.subject, colleague.subject);
    assert_ne!(person.hash, program.hash);
    assert_eq!(program.hash, bare.hash);
    assert_ne!(person.hash, colleague.hash);
    // The keys of one issuer are nothing to another.
    let crossed =
        signer.token(&signer.header(), &with(claims(), json!({ "iss": "https://backoffice.example.org" })));
    assert_eq!(fault(&identity, &crossed), CredentialError::Signature);
}

#[test]
fn bad_tokens_leave_nothing_behind_and_good_ones_are_bounded() {
    let signer = Signer::secret();
    let thief = Signer::secret();
    let identity = identity(vec![issuer_of(&signer)], &clock());
    for n in 0..10_000 {
        fault(&identity, &thief.token(&thief.header(), &with(claims(), json!({ "sub": format!("u{n}") }))));
    }
    assert_eq!(identity.remembered(), 0);
    for n in 0..3_000 {
        let token = signer.token(&signer.header(), &with(claims(), json!({ "sub": format!("u{n}") })));
        assert!(authenticate(&identity, &token).is_ok());
    }
    // 1 MiB at more than 1,200 bytes each.
    let kept = identity.remembered();
    assert!((1..900).contains(&kept), "{kept}");
}

#[test]
fn an_issued_development_token_is_accepted() {
    let secret = crate::crypto::random::bytes::<32>();
    let identity = identity(vec![issuer_of(&Signer::Secret(secret.to_vec()))], &clock());
    let token = DevelopmentToken {
        issuer: "https://id.example.org".into(),
        audience: "consentry".into(),
        algorithm: Algorithm::HS256,
        typ: None,
        sub: "u1".into(),
        client_id: None,
        scopes: vec!["predict".into(), "re-identify".into()],
        purpose: Some("research".into()),
        reason: Some("audit".into()),
        claims: serde_json::Map::default(),
        ttl: Duration::from_secs(60),
    };
    let now = Timestamp::from_millis(NOW * 1000);
    let caller = authenticate(&identity, &issue(&token, &secret, now).unwrap()).unwrap();
    assert!(caller.scopes.meet(&["predict", "re-identify"], &[""; 0]));
    assert_eq!((caller.purpose.as_deref(), caller.reason.as_deref()), (Some("research"), Some("audit")));
    assert_eq!(caller.expires, Timestamp::from_millis((NOW + 60) * 1000));
    let program = DevelopmentToken { client_id: Some("u1".into()), ..token.clone() };
    assert!(authenticate(&identity, &issue(&program, &secret, now).unwrap()).unwrap().is_program());
    assert!(matches!(issue(&token, b"short", now), Err(IssueError::ShortSecret { .. })));
}
