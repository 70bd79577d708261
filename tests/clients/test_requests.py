"""The calls of the original API with Python's requests."""

import json

import pytest
import requests

from gateway import ADA, PURPOSE, problem


@pytest.fixture
def session(gateway):
    with requests.Session() as session:
        # Else requests prefers REQUESTS_CA_BUNDLE, where that is set, to what is said here.
        session.trust_env = False
        session.verify = str(gateway.authority.file)
        session.headers["Authorization"] = f"Bearer {gateway.caller()}"
        yield session


def test_post_and_json(gateway, api):
    headers = {"Authorization": f"Bearer {gateway.caller()}"}
    url, data = f"{gateway.url}/predict/", ADA
    response = requests.post(url, json=data, headers=headers, verify=gateway.authority.file)
    assert response.status_code == 200
    assert response.json() == {"prediction": "Bicycle"}
    assert response.headers["Consentry-Decision-Id"].startswith("d_")
    assert "notice" in response.headers["Link"]
    [request] = api.taken()
    assert set(json.loads(request.body)) == set(ADA) - {"first_name", "last_name"}


def test_get_and_json(gateway):
    headers = {"Authorization": f"Bearer {gateway.token('analyst', 'research')}"}
    url = f"{gateway.url}/pseudonymize/"
    page = requests.get(url, headers=headers, verify=gateway.authority.file).json()
    assert page["page"] == 1 and isinstance(page["records"], list)


def test_a_session_keeps_its_connection(gateway, api, session):
    for _ in range(5):
        assert session.post(f"{gateway.url}/predict/", json=ADA).status_code == 200
        # A refusal leaves the connection in order, too.
        bad = session.post(f"{gateway.url}/predict/", json={**ADA, "age": "old"})
        assert problem(bad.json()) == "field-invalid"
    [pool] = session.get_adapter(gateway.url).poolmanager.pools._container.values()
    assert (pool.num_requests, pool.num_connections) == (10, 1)
    assert len(api.taken()) == 5


def test_a_refusal_says_what_to_do(gateway, api):
    token = gateway.token(gateway.person(), "predict")
    response = requests.post(
        f"{gateway.url}/predict/",
        json=ADA,
        headers={"Authorization": f"Bearer {token}"},
        verify=gateway.authority.file,
    )
    document = response.json()
    assert (response.status_code, problem(document)) == (403, "consent-missing")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert document["next"] and document["title"]
    assert document["decision_id"] == response.headers["Consentry-Decision-Id"]
    assert api.taken() == []


def test_names_of_all_alphabets_are_kept_as_they_were_sent(gateway, api):
    """requests escapes what is not ASCII, other clients do not: one value either way."""
    zoe = {**ADA, "first_name": "Zoë 😀", "last_name": "Łukasiewicz-Øst", "email": "zoe@example.org"}
    person = gateway.person(PURPOSE)
    headers = {"Authorization": f"Bearer {gateway.token(person, 'predict')}"}
    url = f"{gateway.url}/predict/"
    verify = gateway.authority.file
    escaped = requests.post(url, json=zoe, headers=headers, verify=verify)
    plain = requests.post(
        url,
        data=json.dumps(zoe, ensure_ascii=False).encode(),
        headers={**headers, "Content-Type": "application/json"},
        verify=verify,
    )
    assert (escaped.status_code, plain.status_code) == (200, 200)
    first, second = api.taken()
    assert first.body == second.body, "the upstream saw one pseudonym"
    assert "Zo" not in first.body.decode()
    support = gateway.token("support", "re-identify", reason="support-case")
    headers = {"Authorization": f"Bearer {support}"}
    newest = gateway.newest_record()
    for number in (newest - 1, newest):
        kept = requests.get(f"{gateway.url}/decrypt/{number}", headers=headers, verify=verify)
        assert kept.json() == {**zoe, "prediction": "Bicycle"}
    gateway.cli("erase", "--person", person)


def test_a_withdrawal_binds_the_next_call(gateway, api):
    person = gateway.person(PURPOSE)
    headers = {"Authorization": f"Bearer {gateway.token(person, 'predict')}"}
    call = {"json": ADA, "headers": headers, "verify": gateway.authority.file}
    assert requests.post(f"{gateway.url}/predict/", **call).status_code == 200
    gateway.cli("consent", "withdraw", "--person", person, "--purpose", PURPOSE)
    refused = requests.post(f"{gateway.url}/predict/", **call)
    assert (refused.status_code, problem(refused.json())) == (403, "consent-withdrawn")
    assert len(api.taken()) == 1


def test_who_asks_too_often_is_told_when_to_come_back(gateway, api, session):
    answers = [session.post(f"{gateway.url}/predict/", json=ADA) for _ in range(25)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert 1 <= len(limited) <= 5
    assert problem(limited[0].json()) == "rate-limited"
    assert 1 <= int(limited[0].headers["Retry-After"]) <= 60
    assert len(api.taken()) == 25 - len(limited)


def test_a_wrong_authority_is_not_believed(gateway, api):
    with pytest.raises(requests.exceptions.SSLError):
        requests.post(f"{gateway.url}/predict/", json=ADA, verify=gateway.stranger.file)
    assert api.taken() == []


def test_http_to_the_tls_port_is_not_served(gateway, api):
    url = gateway.url.replace("https:", "http:") + "/predict/"
    try:
        assert requests.post(url, json=ADA).status_code == 400
    except requests.exceptions.ConnectionError:
        pass
    assert api.taken() == []
