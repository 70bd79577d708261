"""Tokens that PyJWT made with key pairs, as an identity provider does; the gateway knows the public keys."""

import datetime
import hashlib
import hmac
import json

import pytest
import requests

from gateway import ADA, AUDIENCE, PURPOSE, Issuer, base64url, problem

ALGORITHMS = list(Issuer.MAKE)


@pytest.fixture
def predict(gateway):
    def call(token):
        return requests.post(
            f"{gateway.url}/predict/",
            json=ADA,
            headers={"Authorization": f"Bearer {token}"},
            verify=gateway.authority.file,
        )

    return call


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_each_algorithm(gateway, api, predict, algorithm):
    person = gateway.person(PURPOSE)
    response = predict(gateway.signed(algorithm, person, headers={"typ": "at+jwt"}))
    assert response.json() == {"prediction": "Bicycle"}
    # Plain JWTs too, and a `kid` that says nothing where there is one key.
    assert predict(gateway.signed(algorithm, person, headers={"kid": "2026"})).status_code == 200
    assert len(api.taken()) == 2


def soon(**delta):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)


WRONG = {
    "expired": {"exp": soon(hours=-1)},
    "without an end": {"exp": None},
    "not valid yet": {"nbf": soon(hours=1)},
    "for somebody else": {"aud": "another"},
    "for nobody": {"aud": None},
    "of an unknown issuer": {"iss": "https://elsewhere.invalid"},
    "of no issuer": {"iss": None},
    "about nobody": {"sub": None},
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_token_that_does_not_hold(gateway, api, predict, algorithm, wrong):
    person = gateway.person(PURPOSE)
    response = predict(gateway.signed(algorithm, person, **WRONG[wrong]))
    assert response.status_code in (401, 403)
    if response.status_code == 401:
        assert problem(response.json()) == "token-invalid"
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert api.taken() == []


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_that_another_key_signed(gateway, api, predict, algorithm):
    person = gateway.person(PURPOSE)
    assert predict(gateway.signed(algorithm, person)).status_code == 200
    response = predict(gateway.signed(algorithm, person, key=Issuer.MAKE[algorithm]()))
    assert (response.status_code, problem(response.json())) == (401, "token-invalid")
    # What was signed stays what it was.
    head, body, signature = gateway.signed(algorithm, person).split(".")
    other = gateway.signed(algorithm, gateway.person(PURPOSE)).split(".")[1]
    assert predict(f"{head}.{other}.{signature}").status_code == 401
    assert len(api.taken()) == 1


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_public_key_is_no_secret(gateway, api, predict, algorithm):
    """Algorithm confusion (RFC 8725 section 2.1): HS256 with the issuer's public key as the secret."""
    issuer = gateway.issuers[algorithm]
    claims = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        "sub": gateway.person(PURPOSE),
        "scope": "predict",
        "exp": int(soon(minutes=5).timestamp()),
    }
    signed = ".".join(base64url(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims))
    for secret in (issuer.public_key_file.read_bytes(), issuer.public_key_file.read_bytes().strip()):
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        assert predict(f"{signed}.{base64url(signature)}").status_code == 401
    assert api.taken() == []


def test_one_issuer_cannot_speak_for_another(gateway, api, predict):
    person = gateway.person(PURPOSE)
    for algorithm, other in zip(ALGORITHMS, ALGORITHMS[1:] + ALGORITHMS[:1]):
        token = gateway.signed(algorithm, person, iss=gateway.issuers[other].url)
        assert predict(token).status_code == 401
    assert api.taken() == []


def test_the_scope_and_the_purpose_bind(gateway, api, predict):
    person = gateway.person(PURPOSE)
    response = predict(gateway.signed("RS256", person, scope="research"))
    assert (response.status_code, problem(response.json())) == (403, "scope-missing")
    assert 'scope="predict"' in response.headers["WWW-Authenticate"]
    response = predict(gateway.signed("RS256", person, purpose="research"))
    assert (response.status_code, problem(response.json())) == (403, "purpose-not-permitted")
    assert predict(gateway.signed("RS256", person, purpose=PURPOSE)).status_code == 200
    assert len(api.taken()) == 1


def test_a_program_is_not_a_person(gateway, api, predict):
    """RFC 9068 section 2.2: where `sub` is the client itself, there is nobody whose data it could be."""
    response = predict(gateway.signed("ES256", gateway.person(PURPOSE), client_id="batch"))
    assert response.status_code == 200
    program = gateway.person(PURPOSE)
    response = predict(gateway.signed("ES256", program, client_id=program))
    assert response.status_code == 403
    assert len(api.taken()) == 1
