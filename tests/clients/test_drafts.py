"""What is drafted for the calls that FastAPI apps and model servers have: who is in them goes no further than it must."""

import json
from datetime import date
from typing import Dict, List, Literal, Optional, Union

import pytest
import requests
from fastapi import FastAPI, File, Form, Request, UploadFile
from pydantic import BaseModel, Field

from api import Api, Received
from gateway import BINARY, Process
from test_import import consentry, files, said

CANARY = "Canary"


class Vital(BaseModel):
    pulse: int = Field(ge=20, le=250)


class Patient(BaseModel):
    patient_no: str = Field(pattern=r"^P-\d{6}$")
    full_name: str
    born: date
    religion: Optional[str] = None
    insurance_number: Optional[str] = None


class TriageIn(BaseModel):
    patient: Patient
    vitals: List[Vital]
    symptoms: str
    arrival: Literal["walk", "ambulance"] = "walk"


class TriageOut(BaseModel):
    urgency: int
    patient_no: str


class Row(BaseModel):
    customer_id: int
    income: float


class Chat(BaseModel):
    prompt: str


class Answer(BaseModel):
    answer: str


class Visit(BaseModel):
    ward: str


class Weird(BaseModel):
    v: Union[int, str]
    d: Dict[str, float]
    x: int


class Clinic(Api):
    """As its author writes it."""

    def _app(self):
        app = FastAPI(title="Clinic")

        @app.middleware("http")
        async def remember(request: Request, call_next):
            body = await request.body()
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self._received.append(Received(request.method, target, dict(request.headers), body))
            return await call_next(request)

        @app.post("/triage")
        async def triage(call: TriageIn) -> TriageOut:
            return TriageOut(urgency=2, patient_no=call.patient.patient_no)

        @app.post("/batch")
        async def batch(rows: List[Row]) -> List[float]:
            return [row.income / 1000 for row in rows]

        @app.post("/chat")
        async def chat(call: Chat) -> Answer:
            return Answer(answer=call.prompt)

        @app.get("/patients/{patient_id}/visits")
        async def visits(patient_id: str, verbose: bool = False, email: str = "") -> Visit:
            return Visit(ward="north")

        @app.post("/scan")
        async def scan(photo_of_wound: UploadFile = File(...), patient_nr: str = Form(...), note: str = Form("")) -> Visit:
            return Visit(ward="south")

        @app.post("/form")
        async def form(member_no: str = Form(...), plan: str = Form(...)) -> Visit:
            return Visit(ward="east")

        @app.post("/weird")
        async def weird(call: Weird) -> Visit:
            return Visit(ward="west")

        @app.delete("/visits/{visit_no}", status_code=204)
        async def gone(visit_no: int) -> None:
            return None

        return app


@pytest.fixture(scope="module")
def clinic():
    clinic = Clinic()
    yield clinic
    clinic.stop()


@pytest.fixture(scope="module")
def protected(clinic, tmp_path_factory):
    """The clinic behind what was drafted for it, with nothing changed by hand; and what `import` said."""
    folder = tmp_path_factory.mktemp("clinic")
    url = f"http://127.0.0.1:{clinic.port}/openapi.json"
    known = said(**{"art9-condition": "health_care"})
    told = consentry("import", "openapi", url, "--output", folder, "--port", 0, "--accept", *known)
    config = folder / "consentry.yaml"
    assert "0 failed" in consentry("test", "--config", config)
    process = Process([str(BINARY), "serve", "--config", str(config)])
    port = process.wait_for(r"serves https://127\.0\.0\.1:(\d+)")[1]
    scopes = [f"--scope={name}{more}" for name in SCOPES for more in ("", "-for-others")]
    tokens = {
        who: consentry("token", "--sub", who, *more, *scopes, "--config", config).strip()
        for who, more in (("desk", ["--client-id", "desk"]), ("ada", []))
    }

    session = requests.Session()
    session.trust_env = False
    session.verify = str(folder / "certs" / "demo-ca.pem")

    def call(method, path, who="desk", **options):
        clinic.taken()
        headers = {"Authorization": f"Bearer {tokens[who]}"}
        answer = session.request(method, f"https://localhost:{port}{path}", headers=headers, timeout=30, **options)
        return answer, clinic.taken()

    yield call, told, folder
    assert process.stop() == 0, process.said


SCOPES = ["triage", "batch", "chat", "visits", "scan", "form", "weird"]


def test_a_patients_number_does_not_travel(protected):
    call, _, _ = protected
    patient = {"patient_no": "P-123456", "full_name": CANARY, "born": "1990-12-10", "religion": CANARY, "insurance_number": "A123456789"}
    body = {"patient": patient, "vitals": [{"pulse": 80}], "symptoms": "fever, write to ada@example.org", "arrival": "ambulance"}
    answer, [received] = call("POST", "/triage", json=body)
    assert (answer.status_code, answer.json()) == (200, {"urgency": 2})
    saw = json.loads(received.body)
    assert saw["patient"].pop("full_name").startswith("p1_")
    assert saw["patient"].pop("insurance_number").startswith("p1_")
    # The API asks for one of this form: a number that is nobody's. What it can do without stays behind.
    assert saw == {
        "patient": {"patient_no": "P-000000", "born": "1990-01-01"},
        "vitals": [{"pulse": 80}],
        "symptoms": "fever, write to [email]",
        "arrival": "ambulance",
    }
    # Whose data it is stands in the body: who may not act for others is refused.
    policy = (protected[2] / "policies/triage.yaml").read_text()
    assert "data_subject: body.patient.patient_no" in policy


def test_each_row_of_a_batch_is_its_own(protected):
    call, _, folder = protected
    rows = [{"customer_id": 4711, "income": 1000.0}, {"customer_id": 4712, "income": 2000.0}]
    answer, [received] = call("POST", "/batch", json=rows)
    assert (answer.status_code, answer.json()) == (200, [1.0, 2.0])
    saw = json.loads(received.body)
    assert [row["income"] for row in saw] == [1000.0, 2000.0]
    assert len({row["customer_id"] for row in saw}) == 2 and not {row["customer_id"] for row in saw} & {4711, 4712}
    assert 'data_subject: "rows.[*].customer_id"' in (folder / "policies/batch.yaml").read_text()


def test_a_long_answer_is_a_good_one(protected):
    call, _, _ = protected
    answer, [_] = call("POST", "/chat", "ada", json={"prompt": "a word " * 1000})
    assert answer.status_code == 200 and len(answer.json()["answer"]) == 7000


def test_parameters_are_treated_as_fields_are(protected):
    call, _, _ = protected
    answer, [received] = call("GET", f"/patients/{CANARY}-1/visits?verbose=true&email=ada%40example.org")
    assert (answer.status_code, answer.json()) == (200, {"ward": "north"})
    path, query = received.target.split("?")
    assert path.startswith("/patients/p1_") and path.endswith("/visits") and query == "verbose=true"
    assert CANARY not in str(received)
    refused, none = call("GET", "/patients/1/visits?debug=1")
    assert refused.status_code == 422 and none == []


def test_forms_and_files_are_drafted(protected):
    call, _, _ = protected
    data = {"patient_nr": CANARY, "note": "call +33123456789"}
    answer, [received] = call("POST", "/scan", data=data, files={"photo_of_wound": ("Ada.bin", b"\x00\x01", "application/octet-stream")})
    # Nothing but the photograph itself would do, and it may show who it is: that is for a person to decide.
    assert answer.status_code == 502 and b"photo" not in received.body
    assert CANARY.encode() not in received.body and b"+33123456789" not in received.body and b"Ada" not in received.body
    answer, [received] = call("POST", "/form", data={"member_no": CANARY, "plan": "basic"})
    assert (answer.status_code, answer.json()) == (200, {"ward": "east"})
    assert received.body.startswith(b"member_no=p1_") and received.body.endswith(b"&plan=basic")


def test_what_cannot_be_served_is_said(protected):
    call, told, folder = protected
    assert "POST /weird is not servable: the API requires" in told
    assert "DELETE /visits/{visit_no}: it answers nothing (204)" in told
    policy = (folder / "policies/weird.yaml").read_text()
    assert "  # NOT SERVABLE: the API requires `d` (" in policy, policy
    cases = (folder / "policies/weird.cases.yaml").read_text()
    assert "what the API requires is refused, for it could not be declared: v" in cases
    assert "what the upstream sees and the caller gets" not in cases
    refused, none = call("POST", "/weird", "ada", json={"v": 1, "d": {}, "x": 1})
    assert refused.status_code == 422 and none == []


NUMBERS = {
    "patient_no": "pd:Identifier",
    "membership_no": "pd:Identifier",
    "employee_no": "pd:Identifier",
    "matricule": "pd:Identifier",
    "matricola": "pd:Identifier",
    "versichertennummer": "pd:Identifier",
    "insurance_number": "pd:Identifier",
    "hiv": "pd:MedicalHealth",
    "political_party": "pd:PoliticalOpinion",
    "secret": "pd:SecretText",
    "token": "pd:SecretText",
}


def test_names_are_known_for_what_they_are(tmp_path):
    properties = {name: {"type": "string"} for name in NUMBERS}
    body = {"type": "object", "properties": properties, "required": list(NUMBERS)}
    content = {"application/json": {"schema": body}}
    paths = {"/a": {"post": {"requestBody": {"content": content}, "responses": {"200": {"content": content}}}}}
    source = tmp_path / "openapi.json"
    source.write_text(json.dumps({"openapi": "3.1.0", "servers": [{"url": "http://127.0.0.1:9"}], "paths": paths}))
    known = said(**{"art9-condition": "health_care"})
    consentry("import", "openapi", source, "--output", tmp_path, "--port", 0, "--accept", *known)
    request = (tmp_path / "policies/a.yaml").read_text().split("request:")[1].split("response:")[0]
    entries = {}
    for line in request.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, rest = line.strip().split(":", 1)
            entries[name] = rest
        elif line.startswith("      "):
            entries[name] += line
    for name, category in NUMBERS.items():
        assert f"category: {category}," in entries[name], entries[name]
        if category == "pd:Identifier":
            assert "upstream: pseudonymize" in entries[name], entries[name]
        if category == "pd:SecretText":
            assert "stored: leave_out" in entries[name], entries[name]
    assert "0 failed" in consentry("test", "--config", tmp_path / "consentry.yaml")


TENSORS = {
    "inputs": [
        {"name": "patient_id", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": "age", "datatype": "INT32", "shape": [-1]},
        {"name": "pixels", "datatype": "FP32", "shape": [-1, 28, 28]},
    ],
    "outputs": [{"name": "risk", "datatype": "FP64", "shape": [-1, 1]}],
}
MLMODEL = """
flavors: { python_function: { loader_module: mlflow.sklearn } }
signature:
  inputs: '[{"type": "string", "name": "customer_id", "required": true}, {"type": "long", "name": "age", "required": true}]'
  outputs: '%s'
  params: '[{"name": "threshold", "dtype": "double", "default": 0.5, "shape": null}]'
"""
OUTPUTS = [
    '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]',
    '[{"type": "double", "name": "risk"}, {"type": "string", "name": "label"}]',
]


def test_models_get_cases_of_their_prediction(tmp_path):
    config = tmp_path / "consentry.yaml"
    url = ["--upstream-url", "http://127.0.0.1:9", "--output", tmp_path, "--port", 0, "--accept"]
    # Each is called as the model, and the calls that both have stay with the first.
    for name in ("triage", "risk"):
        source = tmp_path / f"{name}.json"
        source.write_text(json.dumps({"name": name, **TENSORS}))
        consentry("import", "kserve", source, *url, *said())
    assert [file.name for file in files(tmp_path)] == ["organisation.yaml", "risk.yaml", "triage.yaml"]
    policy = (tmp_path / "policies/risk.yaml").read_text()
    assert "all_scopes: [risk]" in policy and "data_subject: rows.patient_id" in policy
    assert "range: 0..130, upstream: { generalize: { bands_of: 10 } }" in policy
    consentry("import", "kserve", source, *url, *said(), status=1)
    tested = consentry("test", "--config", config)
    assert "0 failed" in tested
    for name in ("triage", "risk"):
        assert f"ok   {name}: POST /v2/models/{name}/infer: what the upstream sees and the caller gets" in tested


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_mlflow_models_too(tmp_path, outputs):
    source = tmp_path / "MLmodel"
    source.write_text(MLMODEL % outputs)
    url = ["--upstream-url", "http://127.0.0.1:9", "--output", tmp_path, "--port", 0, "--accept"]
    consentry("import", "mlflow", source, *url, "--activity", "churn", *said(**{"legal-basis": "consent"}))
    tested = consentry("test", "--config", tmp_path / "consentry.yaml")
    assert "0 failed" in tested and "ok   churn: POST /invocations: what the upstream sees" in tested
    policy = (tmp_path / "policies/churn.yaml").read_text()
    assert "params.threshold: { type: number, required: false, upstream: unchanged, stored: leave_out }" in policy


def test_what_is_empty_is_seen_among_what_is_proposed(clinic, tmp_path):
    url = f"http://127.0.0.1:{clinic.port}/openapi.json"
    consentry("import", "openapi", url, "--output", tmp_path, "--port", 0)
    report = consentry("check", "--config", tmp_path / "consentry.yaml", "--format", "json", status=3)
    found = json.loads(report[: report.rindex("}") + 1])["diagnostics"]
    codes = [finding["code"] for finding in found]
    assert codes.count("CP0110") == len(files(tmp_path)), "one for each file"
    missing = [finding for finding in found if finding["severity"] == "error" and finding["code"] != "CP0110"]
    assert len(missing) > codes.count("CP0110")
    # Nothing that is drafted has long lines.
    for file in files(tmp_path):
        assert max(map(len, file.read_text().splitlines())) <= 120, file
