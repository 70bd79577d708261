"""The demo: what it prints to be pasted does what it says."""

import os
import re
import subprocess

import pytest

from gateway import BINARY, ROOT, Process

DEMO = [str(BINARY), "demo", "--policies", str(ROOT / "policies")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    demo = Process([*DEMO, "--port", "0"], cwd=folder)
    demo.folder = folder
    demo.port = demo.wait_for(r"serves https://localhost:(\d+)")[1]
    demo.wait_for(r"Stop with Ctrl-C")
    yield demo
    assert demo.stop() == 0


def paste(demo):
    """The commands, as somebody who pastes them runs them, and what each one said."""
    blocks = re.findall(r"^# .*\n((?:(?!#|The privacy).+\n)+)", demo.said, re.MULTILINE)
    assert len(blocks) >= 5
    path = f"{BINARY.parent}:{os.environ['PATH']}"
    for block in blocks:
        yield block, subprocess.run(
            ["bash", "-c", block],
            cwd=demo.folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )


def test_the_pasted_commands_do_what_is_said(demo):
    said = {}
    for block, done in paste(demo):
        assert done.returncode == 0, f"{block}{done.stdout}{done.stderr}"
        said[block] = done.stdout
    ada, carol, export, record, rights = said.values()
    assert '"prediction"' in ada
    assert "consent-missing" in carol
    assert '"person":"p1_' in export and "Ada" not in export
    assert '"first_name":"Ada"' in record
    assert "entries" in rights
    # The person is gone, the command that showed them shows them no more.
    again = [done for block, done in paste(demo) if "/decrypt/0" in block]
    assert "record-unknown" in again[0].stdout


def test_a_second_demo_says_that_the_port_is_taken(demo):
    done = subprocess.run(
        [*DEMO, "--port", demo.port], cwd=demo.folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"port {demo.port} is taken" in done.stderr and "--port" in done.stderr
    assert "panicked" not in done.stderr


def test_the_demo_begins_anew_each_time(tmp_path):
    for _ in range(2):
        command = [*DEMO, "--tour", "--port", "0"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "all as promised" in done.stdout
