"""What `encrypt:` makes is Fernet: Python's `cryptography` opens it with the interchange key."""

import json
import time

import pytest
import requests
from cryptography.fernet import Fernet, InvalidToken

PARCEL = {"recipient": "Zoë 😀 King", "telephone": "+33 1 23 45 67", "weight": 1.50}


@pytest.fixture
def send(gateway):
    headers = {"Authorization": f"Bearer {gateway.caller()}"}

    def call():
        return requests.post(
            f"{gateway.url}/parcels/", json=PARCEL, headers=headers, verify=gateway.authority.file
        )

    return call


def test_the_upstream_opens_what_was_encrypted_for_it(gateway, api, send):
    assert send().status_code == 200
    [request] = api.taken()
    saw = json.loads(request.body)
    # No more is seen of the number than its last two digits, not even its length.
    assert saw["telephone"] == "••••67"
    fernet = Fernet(gateway.fernet["model-host-2026"])
    assert fernet.decrypt(saw["recipient"], ttl=60).decode() == PARCEL["recipient"]
    assert abs(fernet.extract_timestamp(saw["recipient"].encode()) - time.time()) < 60
    with pytest.raises(InvalidToken):
        Fernet(gateway.fernet["caller-2026"]).decrypt(saw["recipient"])
    # A number that nobody touches keeps its spelling.
    assert b'"weight": 1.5' in request.body


def test_two_tokens_of_one_value_differ(gateway, api, send):
    assert (send().status_code, send().status_code) == (200, 200)
    one, other = (json.loads(request.body)["recipient"] for request in api.taken())
    assert one != other


def test_the_caller_opens_what_was_encrypted_for_them(gateway, api, send):
    answer = send().json()
    assert answer["price"] == 3.5
    label = Fernet(gateway.fernet["caller-2026"]).decrypt(answer["label"]).decode()
    assert label.startswith("to ") and PARCEL["telephone"] not in label
