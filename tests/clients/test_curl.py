"""The calls of the original API with curl: nothing but HTTPS, an authority and a token is added."""

import gzip
import json
import subprocess
from dataclasses import dataclass

import pytest

from gateway import ADA, CANARIES, PURPOSE, base64url, problem


@dataclass
class Got:
    """What curl got; `code` is its own exit code, `status` 0 where there was no answer."""

    code: int
    status: int
    version: str
    type: str
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        assert self.type == "application/problem+json"
        return problem(self.json)


@pytest.fixture
def curl(gateway):
    def call(path, *arguments, token=None, cacert=gateway.authority.file, url=gateway.url, data=b""):
        command = ["curl", "--silent", "--max-time", "30", "--cacert", str(cacert)]
        command += [*arguments, url + path]
        if token:
            command += ["-H", f"Authorization: Bearer {token}"]
        command += ["-w", "\n%{http_code} %{http_version} %{content_type}"]
        done = subprocess.run(command, input=data, capture_output=True, timeout=60)
        body, _, written = done.stdout.rpartition(b"\n")
        status, version, content_type = written.decode().split(" ", 2)
        return Got(done.returncode, int(status), version, content_type, body)

    return call


JSON = ["-H", "Content-Type: application/json"]
PREDICT = ["-X", "POST", *JSON, "-d", json.dumps(ADA)]


def upstream_saw_ada(request):
    """What a prediction for ADA looks like behind the gateway."""
    assert (request.method, request.target) == ("POST", "/predict/")
    saw = json.loads(request.body)
    assert saw.pop("email").startswith("p1_")
    assert saw == {"age": 30, "sex": "Female", "favorite_color": "Red", "favorite_food": "Pizza"}
    whole = request.body + repr(request.headers).encode()
    assert not [canary for canary in CANARIES if canary in whole]
    assert "authorization" not in request.headers


def test_the_three_calls_of_the_original_api(gateway, api, curl):
    ada = gateway.person(PURPOSE, "research")
    got = curl("/predict/", *PREDICT, token=gateway.token(ada, "predict"))
    assert (got.status, got.type, got.json) == (200, "application/json", {"prediction": "Bicycle"})
    [request] = api.taken()
    upstream_saw_ada(request)

    got = curl("/pseudonymize/", "-X", "GET", token=gateway.token("analyst", "research"))
    assert got.status == 200
    assert not [canary for canary in CANARIES if canary in got.body]
    [record] = got.json["records"]
    assert record.pop("person").startswith("p1_")
    # Another domain: what the researcher has cannot be joined with what the model has.
    assert record.pop("email") not in (ADA["email"], json.loads(request.body)["email"])
    assert record == {"age": 30, "sex": "Female", "favorite_color": "Red", "favorite_food": "Pizza"}

    # The reason travels in the token, so that the call is the original one.
    support = gateway.token("support", "re-identify", reason="data-subject-request")
    number = gateway.newest_record()
    got = curl(f"/decrypt/{number}", "-X", "GET", token=support)
    assert (got.status, got.json) == (200, {**ADA, "prediction": "Bicycle"})
    gateway.cli("erase", "--person", ada)
    got = curl(f"/decrypt/{number}", "-X", "GET", token=support)
    assert (got.status, got.problem) == (404, "record-unknown")
    assert api.taken() == [], "what is kept is the gateway's to answer"


@pytest.mark.parametrize(
    ("option", "version"), [("--http1.1", "1.1"), ("--http2", "2"), ("--tlsv1.3", "2")]
)
def test_each_version_of_http(gateway, api, curl, option, version):
    got = curl("/predict/", option, *PREDICT, token=gateway.caller())
    assert (got.status, got.version, got.json) == (200, version, {"prediction": "Bicycle"})
    [request] = api.taken()
    upstream_saw_ada(request)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-H", "Expect: 100-continue"],
        ["-H", "Transfer-Encoding: chunked", "--http1.1"],
        ["--compressed"],
        ["-H", "Accept: text/html"],
        ["-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Secret: Ada King"],
        ["--cookie", "name=Ada King"],
        ["-H", "Content-Type: application/json; charset=utf-8"],
    ],
    ids=lambda arguments: arguments[-1] if len(arguments[-1]) > 10 else arguments[1],
)
def test_what_else_curl_may_send(gateway, api, curl, arguments):
    call = ["-X", "POST", "-d", json.dumps(ADA), *arguments]
    if not any("Content-Type" in argument for argument in arguments):
        call += JSON
    got = curl("/predict/", *call, token=gateway.caller())
    assert (got.status, got.json) == (200, {"prediction": "Bicycle"})
    [request] = api.taken()
    upstream_saw_ada(request)
    assert "203.0.113.9" not in repr(request.headers)


def test_a_compressed_body_reaches_the_api_decoded(gateway, api, curl):
    body = gzip.compress(json.dumps(ADA).encode())
    call = [*JSON, "-H", "Content-Encoding: gzip", "--data-binary", "@-"]
    assert curl("/predict/", *call, token=gateway.caller(), data=body).status == 200
    [request] = api.taken()
    upstream_saw_ada(request)
    assert "content-encoding" not in request.headers


def test_an_echo_of_the_api_does_not_reach_the_caller(gateway, api, curl):
    """The policy lets ages to 130 pass, the API's own model ends at 99: FastAPI answers 422 with what it was sent."""
    old = ["-X", "POST", *JSON, "-d", json.dumps({**ADA, "age": 117})]
    got = curl("/predict/", *old, token=gateway.caller())
    assert (got.status, got.problem) == (502, "upstream-answer-refused")
    assert b"110" not in got.body and b"p1_" not in got.body and b"less than" not in got.body
    [request] = api.taken()
    assert json.loads(request.body)["age"] == 110


def test_health_needs_no_token(gateway, api, curl):
    got = curl("/health")
    assert (got.status, got.json) == (200, {"status": "ok"})
    [request] = api.taken()
    assert (request.method, request.target, request.body) == ("GET", "/health", b"")


def test_the_pages_are_served_and_linked(gateway, curl):
    notice = curl("/.well-known/consentry/notice")
    assert (notice.status, notice.type) == (200, "text/html; charset=utf-8")
    assert b"Example SA" in notice.body
    refused = curl("/predict/", *PREDICT)
    page = curl(refused.json["type"])
    assert page.status == 200 and b"authentication-required" in page.body


# What a careless user does.


def test_another_authority_is_not_believed(gateway, api, curl):
    got = curl("/predict/", *PREDICT, token=gateway.caller(), cacert=gateway.stranger.file)
    assert (got.code, got.status) == (60, 0)
    assert api.taken() == []


def test_http_to_the_tls_port_is_not_served(gateway, api, curl):
    token = gateway.caller()
    url = gateway.url.replace("https:", "http:")
    got = curl("/predict/", *PREDICT, token=token, url=url)
    assert got.status in (0, 400), "nothing but a hint is answered without TLS"
    assert api.taken() == []
    assert curl("/predict/", *PREDICT, token=token).status == 200


def test_a_token_in_the_query_is_no_credential(gateway, api, curl):
    token = gateway.caller()
    got = curl(f"/predict/?access_token={token}", *PREDICT)
    assert got.status in (400, 401, 422)
    both = curl(f"/predict/?access_token={token}", *PREDICT, token=token)
    assert both.status in (400, 401, 422)
    assert token.encode() not in got.body + both.body
    assert token not in gateway.process.said
    assert api.taken() == []


def test_a_missing_slash_is_another_path(gateway, api, curl):
    got = curl("/predict", *PREDICT, token=gateway.caller())
    assert (got.status, got.problem) == (404, "route-unknown")
    assert api.taken() == []


@pytest.mark.parametrize(
    ("authorization", "problem"),
    [
        ("", "authentication-required"),
        ("Basic QWRhOktpbmc=", "authentication-required"),
        ("Bearer", "token-invalid"),
        ("Bearer null", "token-invalid"),
        ("Bearer {token", "token-invalid"),
        ("Bearer Bearer {token}", "token-invalid"),
        ("{token}", "authentication-required"),
        ('Bearer "{token}"', "token-invalid"),
    ],
)
def test_a_header_that_is_no_credential(gateway, api, curl, authorization, problem):
    header = authorization.replace("{token}", gateway.caller())
    got = curl("/predict/", *PREDICT, *(["-H", f"Authorization: {header}"] if header else []))
    assert (got.status, got.problem) == (401, problem)
    assert api.taken() == []


def test_the_scheme_may_be_spelled_in_lower_case(gateway, api, curl):
    got = curl("/predict/", *PREDICT, "-H", f"Authorization: bearer {gateway.caller()}")
    assert got.status == 200


@pytest.mark.parametrize(
    ("data", "status", "problem"),
    [
        # Python's spelling of a dictionary, a form, and what a shell leaves of unquoted JSON.
        (str(ADA), 400, "request-malformed"),
        ("first_name=Ada&last_name=King", 400, "request-malformed"),
        ("{first_name: Ada}", 400, "request-malformed"),
        ("", 400, "request-malformed"),
        (json.dumps([ADA]), 422, "field-invalid"),
        (json.dumps({**ADA, "age": "36"}), 422, "field-invalid"),
        (json.dumps({**ADA, "sex": "female"}), 422, "field-invalid"),
        (json.dumps({**ADA, "email": None}), 422, "field-invalid"),
        (json.dumps({**ADA, "favourite_color": "Red"}), 422, "field-not-permitted"),
        (json.dumps(ADA)[:-1] + ', "age": 36}', 400, "request-malformed"),
        (json.dumps({**ADA, "first_name": "Ada" * 30_000}), 413, "payload-too-large"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_body_that_is_not_as_declared(gateway, api, curl, data, status, problem):
    call = ["-X", "POST", *JSON, "--data-binary", "@-"]
    got = curl("/predict/", *call, token=gateway.caller(), data=data.encode())
    assert (got.status, got.problem) == (status, problem)
    assert not [canary for canary in CANARIES if canary in got.body]
    assert api.taken() == []


def test_a_forgotten_content_type_is_said(gateway, api, curl):
    got = curl("/predict/", "-d", json.dumps(ADA), token=gateway.caller())
    assert (got.status, got.problem) == (415, "payload-not-inspectable")
    assert api.taken() == []


def test_a_get_instead_of_a_post_is_said(gateway, api, curl):
    got = curl("/predict/", "-X", "GET", token=gateway.caller())
    assert (got.status, got.problem) == (405, "method-not-permitted")
    assert api.taken() == []


def test_a_token_that_nobody_signed(gateway, api, curl):
    parts = gateway.caller().split(".")
    none = base64url(b'{"alg":"none","typ":"at+jwt"}')
    for forged in (f"{none}.{parts[1]}.", f"{none}.{parts[1]}.{parts[2]}", f"{parts[0]}.{parts[1]}."):
        got = curl("/predict/", *PREDICT, token=forged)
        assert (got.status, got.problem) == (401, "token-invalid")
    assert api.taken() == []
