"""An API that listens at a unix socket and nowhere else, as `uvicorn --uds` does."""

import json

import pytest
import requests

from api import Api
from gateway import ADA, Gateway, problem


@pytest.fixture
def api(tmp_path):
    api = Api(tmp_path / "model.sock")
    yield api
    api.stop()


@pytest.fixture
def gateway(api, tmp_path):
    gateway = Gateway(tmp_path, api.upstream)
    yield gateway
    assert gateway.process.stop() == 0, gateway.process.said


def test_it_is_asked_at_its_socket_and_by_the_name_of_its_url(gateway, api):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(gateway.authority.file)
        session.headers["Authorization"] = f"Bearer {gateway.caller()}"
        for _ in range(3):
            answer = session.post(f"{gateway.url}/predict/", json=ADA)
            assert (answer.status_code, answer.json()) == (200, {"prediction": "Bicycle"})
        received = api.taken()
        assert [request.headers["host"] for request in received] == ["model.invalid"] * 3
        assert set(json.loads(received[0].body)) == set(ADA) - {"first_name", "last_name"}

        api.stop()
        gone = session.post(f"{gateway.url}/predict/", json=ADA)
        assert (gone.status_code, problem(gone.json())) == (502, "upstream-unavailable")


def test_cases_ask_nobody_there(gateway, api):
    """`consentry test` has a recording upstream of its own, wherever the deployment's is."""
    print(gateway.cli("test"))
    assert api.taken() == []
