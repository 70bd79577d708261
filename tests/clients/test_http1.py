"""HTTP/1.1 to the letter, over a socket: what a client library does not show."""

import json
import ssl
import socket

import pytest

from gateway import ADA


class Wire:
    """A connection of HTTP/1.1, and its answers one by one."""

    def __init__(self, gateway):
        context = ssl.create_default_context(cafile=gateway.authority.file)
        context.set_alpn_protocols(["http/1.1"])
        tcp = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
        self._tls = context.wrap_socket(tcp, server_hostname="localhost")
        self._file = self._tls.makefile("rb")

    def send(self, *requests):
        self._tls.sendall(b"".join(requests))

    def answer(self):
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def ended(self):
        return self._file.read() == b""

    def close(self):
        self._file.close()
        self._tls.close()


@pytest.fixture
def wire(gateway):
    wire = Wire(gateway)
    yield wire
    wire.close()


def request(gateway, token, body=None, *, head=()):
    body = json.dumps(ADA if body is None else body).encode()
    lines = [
        "POST /predict/ HTTP/1.1",
        f"Host: localhost:{gateway.port}",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        *(head or [f"Content-Length: {len(body)}"]),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n", body


def test_pipelined_requests_are_answered_in_order(gateway, api, wire):
    colors = {"Red": "Bicycle", "Green": "Tea set", "Blue": "Telescope", "Yellow": "Camera"}
    token = gateway.caller()
    requests = []
    for color in colors:
        requests += request(gateway, token, {**ADA, "favorite_color": color})
        requests += request(gateway, token, {**ADA, "favorite_color": color, "age": -1})
    wire.send(*requests)
    for product in colors.values():
        status, headers, body = wire.answer()
        assert (status, json.loads(body)) == (200, {"prediction": product})
        assert "close" not in headers.get("connection", "")
        assert wire.answer()[0] == 422
    assert [json.loads(saw.body)["favorite_color"] for saw in api.taken()] == list(colors)


def test_a_chunked_body_is_one_body(gateway, api, wire):
    head, body = request(gateway, gateway.caller(), head=["Transfer-Encoding: chunked"])
    wire.send(head)
    for at in range(0, len(body), 7):
        part = body[at : at + 7]
        wire.send(b"%x\r\n%s\r\n" % (len(part), part))
    wire.send(b"0\r\n\r\n")
    assert wire.answer()[0] == 200
    [saw] = api.taken()
    assert int(saw.headers["content-length"]) == len(saw.body)
    assert "transfer-encoding" not in saw.headers


def test_the_body_is_asked_for_only_when_the_caller_may_send_it(gateway, api, wire):
    """Expect: 100-continue (RFC 9110 section 10.1.1): who has no token keeps their data to themself."""
    head, body = request(gateway, gateway.caller())
    expecting = head[:-2] + b"Expect: 100-continue\r\n\r\n"
    wire.send(expecting)
    assert wire.answer()[0] == 100
    wire.send(body)
    assert wire.answer()[0] == 200
    assert len(api.taken()) == 1

    head, body = request(gateway, "nobody")
    wire.send(head[:-2] + b"Expect: 100-continue\r\n\r\n")
    assert wire.answer()[0] == 401
    assert api.taken() == []


def test_who_asks_to_close_is_closed(gateway, api, wire):
    head, body = request(gateway, gateway.caller())
    wire.send(head[:-2] + b"Connection: close\r\n\r\n", body)
    status, headers, _ = wire.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert wire.ended()


def test_a_smuggled_request_is_none(gateway, api, wire):
    """Two lengths (RFC 9112 section 6.1): refused, and nothing behind it is read as a request."""
    token = gateway.caller()
    inner, body = request(gateway, token)
    lengths = ["Content-Length: 4", "Transfer-Encoding: chunked"]
    head, _ = request(gateway, token, head=lengths)
    wire.send(head, b"0\r\n\r\n", inner, body)
    assert wire.answer()[0] == 400
    assert wire.ended()
    assert api.taken() == []


def test_http_1_0_is_answered(gateway, api, wire):
    wire.send(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    status, _, body = wire.answer()
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    assert wire.ended()
