"""What the tests here share: the gateway of `tests/clients` with policies of their own, and who is behind it."""

import contextlib
import json
import shutil
import socket
import sys
import threading
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "clients"))

from gateway import Gateway  # noqa: E402


class Before(Gateway):
    """The gateway of `tests/clients`, with the policies of a folder and one upstream more, at `port`."""

    def __init__(self, folder, policies, upstream, port):
        self._policies = policies
        self._upstream = upstream
        super().__init__(folder, port)

    def _write_config(self, port):
        super()._write_config(port)
        for policy in self._policies.glob("*.yaml"):
            shutil.copy(policy, self.folder / "policies")
        config = json.loads(self.config.read_text())
        upstream = {"url": f"http://127.0.0.1:{port}", "recipient": "model-host"}
        config["upstreams"][self._upstream] = upstream
        self.config.write_text(json.dumps(config, indent=2))


@contextlib.contextmanager
def served(gateway, canaries):
    """Ends the gateway; nothing of what anybody sent is in its log, which holds everything at the finest level."""
    try:
        yield gateway
    finally:
        ended = gateway.process.stop()
    log = gateway.process.said
    assert ended == 0, f"the gateway ended with {ended}:\n{log[-4000:]}"
    for canary in (*canaries, "person-", gateway.secret):
        assert canary not in log, f"the log holds {canary!r}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Received:
    """A request as it reached the server, byte for byte."""

    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Recorder:
    """Hands every request on to the server at `port`, and remembers it. Paths are below one of its own for each activity,
    as `/nightly/invocations`; the server gets the last segment."""

    def __init__(self, port):
        self._received = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._pass("GET", None)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder._received.append(Received(self.path, headers, body))
                self._pass("POST", body)

            def _pass(self, method, body):
                server = HTTPConnection("127.0.0.1", port, timeout=60)
                with contextlib.closing(server):
                    headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                    server.request(method, "/" + self.path.rpartition("/")[2], body, headers)
                    answer = server.getresponse()
                    text = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.getheader("Content-Type", "text/plain"))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def taken(self):
        """What arrived since the last time."""
        taken, self._received = self._received, []
        return taken

    def one(self):
        """The one request that arrived since the last time."""
        taken = self.taken()
        assert len(taken) == 1, taken
        return taken[0]

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
