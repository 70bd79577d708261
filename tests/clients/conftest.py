"""One API and one gateway for the whole run; every test brings a person of its own."""

import pytest

from api import Api
from gateway import Gateway


@pytest.fixture(scope="session")
def running_api():
    api = Api()
    yield api
    api.stop()


@pytest.fixture(scope="session")
def gateway(running_api, tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("gateway"), running_api.upstream)
    yield gateway
    ended = gateway.process.stop()
    log = gateway.process.said
    assert ended == 0, f"the gateway ended with {ended}:\n{log[-4000:]}"
    # Everything was logged, at the finest level; nothing of what anybody sent is in it.
    assert "refused" in log
    for canary in ("ada@example.org", "King", "person-", gateway.secret):
        assert canary not in log, f"the log holds {canary!r}"


@pytest.fixture
def api(running_api):
    running_api.taken()
    return running_api
