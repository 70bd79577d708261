"""A gateway with Presidio's analyzer beside it. Everything listens on loopback, on ports that were free, and ends with the run."""

import json
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "clients"))

from gateway import Gateway, Process  # noqa: E402


class Model:
    """An API that remembers what it was sent, and answers what a test says."""

    def __init__(self):
        model = self
        self.seen, self.reply = [], "fine"

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                model.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps({"reply": model.reply}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()


class AnalyzingGateway(Gateway):
    """The gateway of `tests/clients`, with one policy and an analyser more."""

    analyzer_port = None

    def _write_config(self, port):
        super()._write_config(port)
        for policy in (HERE / "policies").glob("*.yaml"):
            shutil.copy(policy, self.folder / "policies")
        config = json.loads(self.config.read_text())
        url = f"http://127.0.0.1:{self.analyzer_port}/analyze"
        config["analyzers"] = {"local": {"url": url, "recipient": "model-host", "language": "en", "timeout": "20s"}}
        self.config.write_text(json.dumps(config, indent=2))


@pytest.fixture(scope="session")
def presidio():
    """The analyzer: its model takes some seconds to load."""
    process = Process([sys.executable, str(HERE / "server.py")])
    process.port = int(process.wait_for(r"ready on (\d+)")[1])
    yield process
    process.stop()


@pytest.fixture(scope="session")
def running_model():
    model = Model()
    yield model
    model.stop()


@pytest.fixture
def model(running_model):
    running_model.seen.clear()
    running_model.reply = "fine"
    return running_model


@pytest.fixture(scope="session")
def gateway(presidio, running_model, tmp_path_factory):
    AnalyzingGateway.analyzer_port = presidio.port
    gateway = AnalyzingGateway(tmp_path_factory.mktemp("gateway"), running_model.port)
    yield gateway
    ended = gateway.process.stop()
    log = gateway.process.said
    assert ended == 0, f"the gateway ended with {ended}:\n{log[-4000:]}"
    for canary in ("Lovelace", "Łukasz", "ada@example.org", gateway.secret):
        assert canary not in log, f"the log holds {canary!r}"
