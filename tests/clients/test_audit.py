"""The audit, verified by a script that has nothing but the documented formula, while the gateway runs."""

import contextlib
import shutil
import sqlite3

import pytest
import requests

from gateway import ADA, PURPOSE
from verify_audit import Broken, verify


@pytest.fixture
def audit(gateway, api):
    """The events of a person's whole story, at the end of the audit."""
    before = len(verify(gateway.folder / "data.db", gateway.folder / "keys.db"))
    person = gateway.person()
    headers = {"Authorization": f"Bearer {gateway.token(person, 'predict')}"}

    def predict():
        url = f"{gateway.url}/predict/"
        answer = requests.post(url, json=ADA, headers=headers, verify=gateway.authority.file)
        return answer.status_code

    assert predict() == 403
    gateway.cli("consent", "grant", "--person", person, "--purpose", PURPOSE)
    assert predict() == 200
    gateway.cli("restrict", "--person", person)
    assert predict() == 403
    gateway.cli("restrict", "--person", person, "--lift")
    gateway.cli("erase", "--person", person)
    events = verify(gateway.folder / "data.db", gateway.folder / "keys.db")
    return person, events[before:]


def test_the_documented_formula_suffices(gateway, audit):
    person, events = audit
    assert [event["kind"] for event in events] == [
        "refused",
        "consent-given",
        "key-minted",
        "exchange-intended",
        "exchange-ended",
        "restriction-set",
        "refused",
        "restriction-lifted",
        "erased",
    ]
    intended = next(event for event in events if event["kind"] == "exchange-intended")
    ended = next(event for event in events if event["kind"] == "exchange-ended")
    assert intended["decision"] == ended["decision"]
    assert (intended["purpose"], intended["legal_basis"]) == (PURPOSE, "consent")
    assert (ended["outcome"], ended["upstream_status"]) == ("answered", 200)
    # One random reference stands for the person in all of them, and no name in any.
    given = next(event for event in events if event["kind"] == "consent-given")
    assert intended["persons"] == [given["person"]] and given["person"].startswith("r_")
    assert person not in repr(events) and ADA["email"] not in repr(events)


def test_the_gateway_and_the_script_agree(gateway, audit):
    count = len(verify(gateway.folder / "data.db", gateway.folder / "keys.db"))
    assert str(count) in gateway.cli("audit", "verify")


ANSWERED = """SELECT max(seq) FROM entry WHERE instr(body, CAST('"answered"' AS BLOB))"""
EDIT = "CAST(replace(CAST(body AS TEXT), '200', '201') AS BLOB)"


@pytest.mark.parametrize(
    ("change", "script_says", "gateway_says"),
    [
        (f"UPDATE entry SET body = {EDIT} WHERE seq = :seq", "entry {seq} was altered", "entry {seq}"),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = :seq", "entry {seq} was altered", "entry {seq}"),
        ("DELETE FROM entry WHERE seq = :seq", "entry {seq} is missing", "entry {seq}"),
        ("DELETE FROM entry WHERE seq >= :seq", "there are {before}", "the file ends at {before}"),
    ],
    ids=["an edited event", "another hash", "a gap", "a cut tail"],
)
def test_a_change_is_found_by_both(gateway, audit, tmp_path, change, script_says, gateway_says):
    """In a copy of the deployment, as somebody with access to the disk would change it."""
    copy = tmp_path / "copy"
    skip = shutil.ignore_patterns("*.db*", "*.sock", "*.lock")
    shutil.copytree(gateway.folder, copy, ignore=skip)
    for name in ("data.db", "keys.db"):
        with opened(gateway.folder / name, "ro") as source, opened(copy / name, "rwc") as target:
            source.backup(target)
    shutil.copy(gateway.folder / "keys.db-anchor", copy)
    verify(copy / "data.db", copy / "keys.db")
    gateway.cli("audit", "verify", config=copy / "consentry.yaml")

    with opened(copy / "data.db", "rw") as data, data:
        [seq] = data.execute(ANSWERED).fetchone()
        data.execute(change, {"seq": seq})
        # Without the checkpoints that would tell: the keyring tells, too.
        data.execute("DELETE FROM checkpoint WHERE count >= ?", (seq,))
    numbers = {"seq": seq, "before": seq - 1}
    with pytest.raises(Broken, match=script_says.format(**numbers)):
        verify(copy / "data.db", copy / "keys.db")
    said = gateway.cli("audit", "verify", fails=True, config=copy / "consentry.yaml")
    assert gateway_says.format(**numbers) in said


def opened(path, mode):
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True))
