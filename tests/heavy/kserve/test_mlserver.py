"""MLServer: requests as its codecs write them, and its own client, which is a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import requests
from gateway import problem
from mlserver.codecs import Base64Codec, NumpyCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

FRAME = pd.DataFrame(
    {
        "email": ["ada@example.org", "anselm@example.org"],
        "age": [36, 41],
        "customer": [4711, 4712],
        "phone": ["0655449127831", "0655"],
        "spent-eur": [12.5, 99.25],
    }
)


@pytest.fixture
def infer(before_mlserver):
    token = before_mlserver.caller()

    def infer(request):
        return requests.post(
            f"{before_mlserver.url}/v2/models/propensity/infer",
            data=request.model_dump_json(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            verify=before_mlserver.authority.file,
            timeout=60,
        )

    return infer


def refused(answer, mlserver, status, kind):
    assert (answer.status_code, problem(answer.json())) == (status, kind)
    assert mlserver.seen_file.read_text() == ""


def test_a_data_frame_arrives_without_what_identifies(infer, mlserver):
    request = PandasCodec.encode_request(FRAME, use_bytes=False)
    request.id = "a call about Ada King"
    answer = infer(request)
    assert answer.status_code == 200, answer.text
    sent, rows = mlserver.one()
    assert sent["id"] != request.id, "MLServer gives the call a number of its own"
    assert [tensor["name"] for tensor in sent["inputs"]] == ["email", "age", "customer", "spent-eur"]
    assert sent["parameters"]["content_type"] == "pd"
    assert [row["age"] for row in rows] == [30, 40]
    assert [row["spent-eur"] for row in rows] == [12.5, 99.25]
    assert all(row["email"].startswith("p1_") for row in rows)
    assert all(row["customer"].startswith("p1_") for row in rows)
    for canary in ("Ada", "ada@", "anselm@", "4711", "0655"):
        assert canary not in str(sent) + str(rows)

    response = InferenceResponse.model_validate_json(answer.content)
    assert (response.model_name, response.model_version) == ("propensity", "1")
    score, label = response.outputs
    np.testing.assert_array_equal(NumpyCodec.decode_output(score), [[0], [1]])
    assert StringCodec.decode_output(label) == ["unlikely", "likely"]
    assert response.id is None


def test_a_missing_number_stays_missing(infer, mlserver):
    frame = FRAME.assign(**{"spent-eur": [12.5, None]})
    assert infer(PandasCodec.encode_request(frame, use_bytes=False)).status_code == 200
    _, rows = mlserver.one()
    assert [row["spent-eur"] for row in rows] == [12.5, None]


def test_tensors_one_by_one(infer, mlserver):
    request = InferenceRequest(
        inputs=[
            StringCodec.encode_input("email", ["ada@example.org"], use_bytes=False),
            NumpyCodec.encode_input("age", np.array([[36]], dtype=np.int32)),
            NumpyCodec.encode_input("spent-eur", np.array([[1.5, 2.5]], dtype=np.float32)),
        ]
    )
    answer = infer(request)
    assert answer.status_code == 200, answer.text
    sent, _ = mlserver.one()
    email, age, spent = sent["inputs"]
    assert email["datatype"] == "BYTES" and email["data"][0].startswith("p1_")
    assert (age["shape"], age["datatype"], age["data"]) == ([1, 1], "INT32", [30])
    assert (spent["shape"], spent["data"]) == ([1, 2], [1.5, 2.5])


def test_a_text_in_base64_would_be_another_text(infer, mlserver):
    request = InferenceRequest(
        inputs=[
            Base64Codec.encode_input("email", [b"ada@example.org"], use_bytes=False),
            NumpyCodec.encode_input("age", np.array([36])),
            NumpyCodec.encode_input("spent-eur", np.array([1.5])),
        ]
    )
    refused(infer(request), mlserver, 422, "field-not-permitted")


def test_what_the_policy_refuses_does_not_arrive(infer, mlserver):
    for frame, status, kind in [
        (FRAME.assign(age=[36, 131]), 422, "field-invalid"),
        (FRAME.assign(email=["ada@example.org", "Ada King"]), 422, "field-invalid"),
        (FRAME.drop(columns="age"), 422, "field-invalid"),
        (FRAME.assign(name=["Ada King", "Anselm"]), 422, "field-not-permitted"),
    ]:
        request = PandasCodec.encode_request(frame, use_bytes=False)
        refused(infer(request), mlserver, status, kind)
    assert infer(PandasCodec.encode_request(FRAME, use_bytes=False)).status_code == 200
    mlserver.one()


def test_its_own_client_sends_lines_as_one_call(before_mlserver, mlserver, tmp_path):
    """`mlserver infer` joins several requests to one, and takes the answer apart again."""
    sent, got = tmp_path / "sent", tmp_path / "got"
    requests = [PandasCodec.encode_request(FRAME.iloc[[row]], use_bytes=False) for row in range(2)]
    sent.write_text("".join(request.model_dump_json() + "\n" for request in requests))
    command = [str(Path(sys.executable).with_name("mlserver")), "infer", "--use-ssl"]
    command += ["--batch-size", "2", "--retries", "1"]
    command += ["--url", f"localhost:{before_mlserver.port}", "--model-name", "propensity"]
    command += ["--input-data-path", str(sent), "--output-data-path", str(got)]
    command += ["--request-headers", f"Authorization: Bearer {before_mlserver.caller()}"]
    environment = {**os.environ, "SSL_CERT_FILE": str(before_mlserver.authority.file)}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr

    call, rows = mlserver.one()
    assert [tensor["name"] for tensor in call["inputs"]] == ["email", "age", "customer", "spent-eur"]
    assert [row["age"] for row in rows] == [30, 40] and [row["spent-eur"] for row in rows] == [12.5, 99.25]
    assert all(row["email"].startswith("p1_") and row["customer"].startswith("p1_") for row in rows)
    for canary in ("ada@", "anselm@", "4711", "0655"):
        assert canary not in str(call) + str(rows)
    answers = [InferenceResponse.model_validate(json.loads(line)) for line in got.read_text().splitlines()]
    answers.sort(key=lambda answer: answer.parameters.model_extra["batch_index"])
    scores = [NumpyCodec.decode_output(answer.outputs[0]).tolist() for answer in answers]
    assert scores == [[[0.0]], [[1.0]]], done.stdout
