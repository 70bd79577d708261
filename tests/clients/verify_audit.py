"""Verifies an audit from what is documented of it, without a line of the gateway's code.

    python verify_audit.py DATA_FILE KEYRING_FILE

Each entry's hash is SHA-256 over four parts: the label `consentry audit v1`, the hash before it (32 zero bytes for the
first), the entry's number (8 bytes, big-endian) and the encoded event; before each part stands its length in bytes (8
bytes, big-endian). The events are RFC 8785 JSON. The keyring, and while the gateway runs a file beside it, keep how many
entries there were, and the hash of the last; they may lag behind the entries, never be ahead of them.
"""

import contextlib
import hashlib
import json
import sqlite3
import sys

LABEL = b"consentry audit v1"


class Broken(Exception):
    """The audit is not as it was written."""


def link(before, seq, encoded):
    return digest(LABEL, before, seq.to_bytes(8, "big"), encoded)


def digest(*parts):
    state = hashlib.sha256()
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def canonical(event):
    # RFC 8785 is this for objects of strings, integers, booleans and arrays of them; the keys are ASCII.
    return json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def verify(data, keyring):
    """All events, in order. Reads both files and writes nothing."""
    events, hashes = [], [bytes(32)]
    with read_only(data) as connection:
        entries = connection.execute("SELECT seq, body, hash FROM entry ORDER BY seq").fetchall()
        checkpoints = connection.execute("SELECT count, head FROM checkpoint").fetchall()
    with read_only(keyring) as connection:
        anchor = connection.execute("SELECT count, head FROM anchor").fetchone()
        [pair] = connection.execute("SELECT value FROM meta WHERE name = 'pair'").fetchone()
    anchors = [anchor, *beside(keyring, pair)]
    for expected, (seq, body, kept) in enumerate(entries, start=1):
        if seq != expected:
            raise Broken(f"entry {expected} is missing")
        if link(hashes[-1], seq, body) != kept:
            raise Broken(f"entry {seq} was altered")
        event = json.loads(body)
        if canonical(event) != body:
            raise Broken(f"entry {seq} is not in canonical form")
        events.append(event)
        hashes.append(kept)
    for who, (count, head) in [("a checkpoint", row) for row in checkpoints] + [("the keyring", anchor) for anchor in anchors]:
        if count >= len(hashes):
            raise Broken(f"{who} says that there were {count} entries, there are {len(events)}")
        if hashes[count] != head:
            raise Broken(f"{who} for entry {count} does not agree")
    return events


def beside(keyring, pair):
    """What the file beside the keyring says, if it is there, whole, and of this pair."""
    try:
        with open(f"{keyring}-anchor", "rb") as file:
            said = file.read()
    except FileNotFoundError:
        return
    name, count, head, total = said[:16], said[16:24], said[24:56], said[56:]
    if name == pair and total == digest(b"consentry anchor v1", name, count, head):
        yield int.from_bytes(count, "big"), head


def read_only(path):
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


if __name__ == "__main__":
    try:
        print(f"{len(verify(*sys.argv[1:]))} entries, each follows from the one before.")
    except Broken as broken:
        sys.exit(str(broken))
