"""From traffic that was seen to a policy: recorded, and by the pass-through on loopback."""

import json
import re
import signal

import pytest
import requests

from gateway import BINARY, Process
from test_import import LOAN, LoanDesk, consentry, files, said


@pytest.fixture(scope="module")
def desk():
    desk = LoanDesk()
    yield desk
    desk.stop()


def loans(count):
    for number in range(count):
        yield {
            **LOAN,
            "applicant": {
                **LOAN["applicant"],
                "customer_id": f"canary-{number}",
                "email": f"canary{number}@example.org",
            },
            "age": 20 + number,
            "purpose": ("car", "house")[number % 2],
        }


def nothing_in_clear(folder):
    for file in (folder / "policies").glob("*.yaml"):
        text = file.read_text().lower()
        for canary in ("canary", "75011", "4200.5", "100.25"):
            assert canary not in text, f"{file}: {canary}"


def accepted_and_tested(folder):
    config = folder / "consentry.yaml"
    consentry("check", "--config", config, status=3)
    consentry("accept", "--all", *files(folder))
    consentry("check", "--config", config)
    assert "0 failed" in consentry("test", "--config", config)


def test_the_pass_through_sees_shapes_and_writes_no_value(desk, tmp_path):
    upstream = f"http://127.0.0.1:{desk.port}"
    command = [str(BINARY), "learn", "--listen", "127.0.0.1:0", "--upstream", upstream]
    command += ["--for", "10m", "--output", str(tmp_path), "--port", "0", *said()]
    process = Process(command)
    base = process.wait_for(r"Passing (http://127\.0\.0\.1:\d+) on to")[1]
    process.wait_for("NOTHING IS PROTECTED")
    desk.taken()
    session = requests.Session()
    session.trust_env = False
    for loan in loans(60):
        answer = session.post(f"{base}/loans/score", json=loan, timeout=30)
        assert answer.json()["score"] == 0.25, "the answer comes as it is"
    assert session.get(f"{base}/health", timeout=30).json() == {"status": "ok"}
    assert session.post(f"{base}/loans/score", json={}, timeout=30).status_code == 422
    received = desk.taken()
    assert len(received) == 62
    assert json.loads(received[0].body)["applicant"]["customer_id"] == "canary-0"

    process._process.send_signal(signal.SIGINT)
    assert process._process.wait(timeout=60) == 0, process.said
    policy = (tmp_path / "policies/score.yaml").read_text()
    assert "60 of 60 have it" in policy and "one_of: [car, house]" in policy
    assert "data_subject: body.applicant.customer_id" in policy
    nothing_in_clear(tmp_path)
    accepted_and_tested(tmp_path)


def test_recordings_give_the_same(tmp_path):
    answer = {"score": 0.25, "approved": True, "reasons": ["income"]}
    lines = tmp_path / "calls.jsonl"
    lines.write_text(
        "".join(
            json.dumps({"method": "POST", "path": "/loans/score", "request": loan, "response": answer})
            + "\n"
            for loan in loans(40)
        )
    )
    entries = [
        {
            "request": {
                "method": "POST",
                "url": "http://127.0.0.1:8000/loans/score",
                "postData": {"mimeType": "application/json", "text": json.dumps(loan)},
            },
            "response": {"status": 200, "content": {"text": json.dumps(answer)}},
        }
        for loan in loans(40)
    ]
    har = tmp_path / "session.har"
    har.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}))
    drafts = []
    for kind, source in (("--har", har), ("--jsonl", lines)):
        folder = tmp_path / kind.strip("-")
        url = ["--upstream-url", "http://127.0.0.1:8000"] if kind == "--jsonl" else []
        consentry("learn", kind, source, "--output", folder, "--port", 0, *url, *said())
        nothing_in_clear(folder)
        drafts.append((folder / "policies/score.yaml").read_text().split("\n", 2)[2])
        accepted_and_tested(folder)
    assert drafts[0] == drafts[1]


def test_what_was_not_seen_is_not_shut_out(tmp_path):
    lines = tmp_path / "calls.jsonl"
    calls = (
        {
            "method": "POST",
            "path": f"/loan/{12345 + number}/score",
            "request": {"arrival": "walk", "skills": ["py"], "code": f"K-{number:04}", "age": 30 + number},
            "response": {"result": 1, "words": "good"},
        }
        for number in range(40)
    )
    lines.write_text("".join(json.dumps(call) + "\n" for call in calls))
    url = ["--upstream-url", "http://127.0.0.1:8000", "--port", "0", "--output", tmp_path]
    consentry("learn", "--jsonl", lines, *url, *said())
    policy = (tmp_path / "policies/score.yaml").read_text()
    # Room around what was seen; a code has the one length that many of one form have, and the reason says so.
    for field in ("arrival", '"skills[*]"'):
        assert re.search(re.escape(field) + r": +{ type: string, length: 0\.\.10,", policy), policy
    assert re.search(r"40 values of one form, so[\s#]+all of one length", policy), policy
    assert re.search(r"code: +{ type: string, length: 6\.\.6,", policy), policy
    # An answer has no bounds that it was only seen to have.
    assert re.search(r"result: +{ type: number, required: false, caller", policy), policy
    assert re.search(r"words: +{ type: string, required: false, caller", policy), policy
    # The number in the path is somebody's, or what is theirs.
    assert "id: { category: pd:Identifier, type: string, length: 0..1000, upstream: pseudonymize" in policy, policy
    accepted_and_tested(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen", "0.0.0.0:0", "--upstream", "http://127.0.0.1:9"],
        ["--listen", "127.0.0.1:0"],
        [],
    ],
)
def test_it_listens_on_loopback_only(tmp_path, arguments):
    consentry("learn", *arguments, "--output", tmp_path / "out", status=1)
    assert not (tmp_path / "out").exists()
