"""A gateway before a server of the Open Inference Protocol: one of our own that speaks Triton's extension, or MLServer.

Everything listens on loopback, on ports that were free, and ends with the run."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest
import requests

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from heavy import Before, free_port, served  # noqa: E402
from gateway import Process  # noqa: E402
from triton import Triton  # noqa: E402

CANARIES = ("ada@example.org", "anselm@example.org", "0655449127831")


class MLServer:
    """`mlserver start` with the model of `model/`."""

    def __init__(self, folder):
        self.seen_file = folder / "seen"
        self.seen_file.touch()
        served = folder / "served"
        shutil.copytree(HERE / "model", served)
        ports = [free_port() for _ in range(3)]
        self.port = ports[0]
        names = ("http_port", "grpc_port", "metrics_port")
        settings = {"host": "127.0.0.1", "parallel_workers": 0, **dict(zip(names, ports))}
        (served / "settings.json").write_text(json.dumps(settings))
        mlserver = Path(sys.executable).with_name("mlserver")
        environment = {**os.environ, "SEEN": str(self.seen_file)}
        self.process = Process([str(mlserver), "start", str(served)], env=environment)
        ready = f"http://127.0.0.1:{self.port}/v2/models/propensity/ready"
        for _ in range(600):
            try:
                if requests.get(ready, timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"MLServer did not start:\n{self.process.said}")

    def one(self):
        """The one call that arrived since the last time: as it was sent, and as a table."""
        lines = self.seen_file.read_text().splitlines()
        self.seen_file.write_text("")
        assert len(lines) == 2, lines
        return json.loads(lines[0]), json.loads(lines[1])

    def stop(self):
        self.process.stop()


def before(upstream, folder):
    gateway = Before(folder, HERE / "policies", "propensity-model", upstream.port)
    with served(gateway, CANARIES):
        yield gateway


@pytest.fixture(scope="session")
def triton():
    triton = Triton()
    yield triton
    triton.stop()


@pytest.fixture(scope="session")
def mlserver(tmp_path_factory):
    mlserver = MLServer(tmp_path_factory.mktemp("mlserver"))
    yield mlserver
    mlserver.stop()


@pytest.fixture(scope="session")
def before_triton(triton, tmp_path_factory):
    yield from before(triton, tmp_path_factory.mktemp("gateway"))


@pytest.fixture(scope="session")
def before_mlserver(mlserver, tmp_path_factory):
    yield from before(mlserver, tmp_path_factory.mktemp("gateway"))
