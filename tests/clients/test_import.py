"""Two commands from a running FastAPI app to a protected one: `import`, then (after a person accepted) `serve`."""

import datetime
import json
import os
import pty
import subprocess
from typing import List, Literal, Optional

import pytest
import requests
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from api import Api, Received
from gateway import BINARY, Process, problem


class Address(BaseModel):
    street: str
    plz: str = Field(min_length=1, max_length=10)
    city: str


class Applicant(BaseModel):
    customer_id: str = Field(max_length=40, examples=["c-4711"])
    first_name: str
    geburtsdatum: datetime.date
    email: Optional[str] = None
    address: Address


class Loan(BaseModel):
    applicant: Applicant
    age: int = Field(ge=0, le=120)
    income: float = Field(ge=0)
    purpose: Literal["car", "house", "other"]
    instalments: List[float]
    co_signed: bool = False


class Answer(BaseModel):
    score: float = Field(ge=0, le=1)
    approved: bool
    reasons: List[str]


class LoanDesk(Api):
    """A prediction API as its author writes it: it knows nothing of the gateway."""

    def _app(self):
        app = FastAPI(title="Loan desk")

        @app.middleware("http")
        async def remember(request: Request, call_next):
            body = await request.body()
            self._received.append(
                Received(request.method, request.url.path, dict(request.headers), body)
            )
            return await call_next(request)

        @app.post("/loans/score")
        async def score(loan: Loan) -> Answer:
            return Answer(score=0.25, approved=loan.income > 1000, reasons=["income"])

        @app.get("/health")
        async def health():
            return {"status": "ok"}

        @app.get("/customers/{customer_id}")
        async def customer(customer_id: str):
            return {"customer": customer_id}

        return app


LOAN = {
    "applicant": {
        "customer_id": "c-canary-1",
        "first_name": "Canary-Ada",
        "geburtsdatum": "1990-12-10",
        "email": "canary@example.org",
        "address": {"street": "Canary Lane 1", "plz": "75011", "city": "Paris"},
    },
    "age": 36,
    "income": 4200.5,
    "purpose": "car",
    "instalments": [100.25, 100.5],
    "co_signed": True,
}

SAID = {
    "purpose": "lending",
    "says": "to decide on your loan",
    "legal-basis": "contract",
    "retention": "30d",
    "controller": "Example SA",
    "address": "1 rue de l'Exemple, Paris",
    "contact": "privacy@example.org",
    "country": "FR",
}


@pytest.fixture(scope="module")
def desk():
    desk = LoanDesk()
    yield desk
    desk.stop()


def consentry(*arguments, status=0):
    done = subprocess.run(
        [str(BINARY), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def said(**changes):
    known = {**SAID, **changes}
    return [word for key, value in known.items() for word in (f"--{key}", value)]


def files(folder):
    return sorted(
        file
        for file in (folder / "policies").glob("*.yaml")
        if not file.name.endswith(".cases.yaml")
    )


def test_from_a_running_app_to_a_protected_one(desk, tmp_path):
    url = f"http://127.0.0.1:{desk.port}/openapi.json"
    config = tmp_path / "consentry.yaml"
    told = consentry("import", "openapi", url, "--output", tmp_path, "--port", 0, *said())
    assert "policies/customers.yaml" in told, "a call without a body is governed by what names the person"

    # Nothing of a draft is in force.
    refused = consentry("check", "--config", config, "--format", "json", status=3)
    report = json.loads(refused[: refused.rindex("}") + 1])
    assert {found["code"] for found in report["diagnostics"]} >= {"CP0110"}
    assert not report["valid"]
    consentry("serve", "--config", config, status=3)

    consentry("accept", "--all", *files(tmp_path))
    consentry("check", "--config", config)
    assert "0 failed" in consentry("test", "--config", config)

    desk.taken()
    process = Process([str(BINARY), "serve", "--config", str(config)])
    try:
        port = process.wait_for(r"serves https://127\.0\.0\.1:(\d+)")[1]
        base = f"https://localhost:{port}"
        verify = str(tmp_path / "certs" / "demo-ca.pem")
        token = consentry(
            *("token", "--sub", "desk", "--client-id", "desk"),
            *("--scope", "score", "--scope", "score-for-others", "--scope", "customers"),
            *("--scope", "customers-for-others", "--config", config),
        ).strip()
        headers = {"Authorization": f"Bearer {token}"}
        session = requests.Session()
        session.trust_env = False
        call = {"verify": verify, "timeout": 30}

        answer = session.post(f"{base}/loans/score", json=LOAN, headers=headers, **call)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"score": 0.25, "approved": True, "reasons": ["income"]}
        [received] = desk.taken()
        saw = json.loads(received.body)
        assert saw["applicant"].pop("customer_id").startswith("p1_")
        assert saw["applicant"].pop("first_name").startswith("p1_")
        assert saw["applicant"]["address"].pop("street").startswith("p1_")
        assert saw == {
            "applicant": {"geburtsdatum": "1990-01-01", "address": {"plz": "75", "city": "Paris"}},
            "age": 30,
            "income": 4200.5,
            "purpose": "car",
            "instalments": [100.25, 100.5],
            "co_signed": True,
        }
        assert b"canary" not in received.body.lower()
        assert "authorization" not in received.headers

        # On a connection of its own: a body that nobody may send is not read, and the connection ends.
        refused = requests.post(f"{base}/loans/score", json=LOAN, **call)
        assert (refused.status_code, problem(refused.json())) == (401, "authentication-required")
        more = {**LOAN, "shoe_size": 38}
        refused = session.post(f"{base}/loans/score", json=more, headers=headers, **call)
        assert (refused.status_code, problem(refused.json())) == (422, "field-not-permitted")
        assert desk.taken() == []
        found = session.get(f"{base}/customers/c-canary-1", headers=headers, **call)
        assert (found.status_code, found.json()) == (200, {})
        [received] = desk.taken()
        assert received.target.startswith("/customers/p1_"), received
        assert session.get(f"{base}/health", **call).json() == {"status": "ok"}
    finally:
        assert process.stop() == 0
    assert "canary" not in process.said.lower()


def test_consent_reaches_the_drafted_cases(desk, tmp_path):
    url = f"http://127.0.0.1:{desk.port}/openapi.json"
    known = said()
    # As a person does it who says nothing on the command line and fills in the files.
    route = ["--route", "POST /loans/score"]
    consentry("import", "openapi", url, "--output", tmp_path, "--port", 0, *route)
    consentry("accept", "--all", *files(tmp_path))
    consentry("check", "--config", tmp_path / "consentry.yaml", status=3)
    policy, organisation = tmp_path / "policies/score.yaml", tmp_path / "policies/organisation.yaml"
    fill(policy, "purpose:", "legal_basis:", "retention:", with_=["lending", "consent", "30d after exchange"])
    fill(organisation, "  name:", "  address:", "  contact:", "    name:", "    country:", with_=["A", "B", "c@example.org", "A", "FR"])
    text = organisation.read_text()
    organisation.write_text(
        text.replace("purposes:", "purposes: { lending: { says: to decide, notice_version: 1 } }", 1)
    )
    consentry("accept", "--all", *files(tmp_path))
    config = tmp_path / "consentry.yaml"
    assert "0 failed" in consentry("test", "--config", config)
    assert "consent: [lending]" in (tmp_path / "policies/score.cases.yaml").read_text()
    # Nothing is ever written over.
    consentry("import", "openapi", url, "--output", tmp_path, "--activity", "score", *known, status=1)
    assert "lending" in policy.read_text()
    # And a call that a policy has is not drafted beside it.
    before = files(tmp_path)
    told = consentry("import", "openapi", url, "--output", tmp_path, *known, status=1)
    assert "POST /loans/score is in score.yaml" in told and files(tmp_path) == before
    consentry("import", "openapi", url, "--output", tmp_path, "--only-new", "--accept", *known)
    assert [file.name for file in files(tmp_path)] == ["customers.yaml", "organisation.yaml", "score.yaml"]
    consentry("check", "--config", config)


def test_a_person_is_asked_at_a_terminal(desk, tmp_path):
    source = tmp_path / "openapi.json"
    source.write_text(requests.get(f"http://127.0.0.1:{desk.port}/openapi.json", timeout=30).text)
    route = ["--route", "POST /loans/score", "--activity", "lending"]
    url = ["--upstream-url", f"http://127.0.0.1:{desk.port}"]
    consentry("import", "openapi", source, "--output", tmp_path, *route, *url, *said())
    policy = tmp_path / "policies/lending.yaml"
    before = policy.read_text()
    assert "GET /health" not in before
    # Without a terminal it shows, and accepts nothing.
    shown = consentry("accept", policy, status=1)
    assert "# proposed 0.3" in shown and policy.read_text() == before
    consentry("accept", policy, "--place", "title")
    assert "  - title\n" not in policy.read_text()

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [str(BINARY), "accept", str(policy)], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    os.close(theirs)
    os.write(ours, b"y\nn\nwhat\nq\n")
    said_by_it = process.communicate(timeout=60)[0].decode()
    os.close(ours)
    assert process.returncode == 0, said_by_it
    assert "1 accepted" in said_by_it
    after = policy.read_text()
    assert "  - data_subject_categories\n" not in after and "  - data_subject\n" in after
    assert "data_subject_categories: [customers]\n" in after, "the comment went with the mark"


def fill(file, *keys, with_):
    lines = file.read_text().splitlines()
    for key, value in zip(keys, with_):
        at = next(i for i, line in enumerate(lines) if line.startswith(key + " ") and "to fill in" in line)
        lines[at] = f"{key} {value}"
    file.write_text("\n".join(lines) + "\n")


HOSTILE = [
    "a: b",
    "- a",
    "# proposed 0.9: x",
    'quote"quote',
    "it's",
    "line\nproposed:\n  - title",
    "tab\there",
    "{ upstream: unchanged }",
    "[*]",
    "*alias",
    "&anchor",
    "!tag",
    "~",
    "null",
    "true",
    "123",
    "",
    " ",
    "\u202egnp.exe",
    "\u2028x",
    "\u0000",
    "email\r\nupstream: unchanged",
    "x" * 5000,
    "名前",
    "😀",
]


def test_a_hostile_description_writes_safe_files(tmp_path):
    cycle = {"$ref": "#/components/schemas/Node"}
    deep = {"type": "string"}
    for _ in range(40):
        deep = {"type": "object", "properties": {"a": deep}}
    properties = {name: {"type": "string", "description": name, "enum": [name, "other"]} for name in HOSTILE}
    properties |= {"cycle": cycle, "deep": deep, "outside": {"$ref": "http://127.0.0.1:9/evil.json"}}
    properties |= {f"\U0001f980wide_{i}": {"type": "integer"} for i in range(3000)}
    body = {"type": "object", "properties": properties, "required": HOSTILE}
    node = {"type": "object", "properties": {"v": {"type": "integer"}, "next": cycle, "all": {"type": "array", "items": cycle}}}
    described = {
        "openapi": "3.1.0",
        "info": {"title": "t\nactivity: evil"},
        "servers": [{"url": "http://127.0.0.1:9"}],
        "components": {"schemas": {"Node": node}},
        "paths": {
            path: {
                "post": {
                    "operationId": path,
                    "parameters": [
                        {"name": name, "in": place, "required": True, "description": name, "schema": {"type": "string", "enum": [name, "x"]}}
                        for place in ("query", "header", "path", "cookie", "\nroutes")
                        for name in [*HOSTILE, "email", "patient_no", "x-customer-email"]
                    ],
                    "requestBody": {"content": {"application/json": {"schema": body}}},
                    "responses": {"200": {"content": {"application/json": {"schema": body}}}},
                }
            }
            for path in ["/ok", "/a b", "/\nroutes: []", "/{x}{y}", '/"', "/../x", "/é"]
        },
    }
    source = tmp_path / "openapi.json"
    source.write_text(json.dumps(described))
    told = consentry("import", "openapi", source, "--output", tmp_path, "--port", 0, *said())
    assert "evil" not in {line.strip() for line in told.splitlines()}
    report = consentry("check", "--config", tmp_path / "consentry.yaml", "--format", "json", status=3)
    report = json.loads(report[: report.rindex("}") + 1])
    errors = {found["code"] for found in report["diagnostics"] if found["severity"] == "error"}
    assert errors == {"CP0110"}, [
        found for found in report["diagnostics"] if found["code"] not in ("CP0110", "CP0317")
    ]
    consentry("accept", "--all", *files(tmp_path))
    consentry("check", "--config", tmp_path / "consentry.yaml")
    assert "0 failed" in consentry("test", "--config", tmp_path / "consentry.yaml")
    assert [file.name for file in files(tmp_path)] == ["ok.yaml", "organisation.yaml"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"openapi": "2.0", "paths": {}}', "[" * 100_000, "a: &b [*b]"]
)
def test_what_is_no_description_is_refused_and_writes_nothing(tmp_path, text):
    source = tmp_path / "openapi"
    source.write_text(text)
    consentry("import", "openapi", source, "--output", tmp_path / "out", status=1)
    assert not (tmp_path / "out").exists()
