"""The commands of README and guide, as they are written: from a FastAPI app to a protected one."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from gateway import BINARY, ROOT, Process
from test_import import LOAN, LoanDesk

ANSWERS = {
    "processed for?": "lending",
    "lawful": "contract",
    "kept after a call?": "30d",
    "(the controller)?": "Example SA",
    "postal address": "1 rue de l'Exemple, Paris",
    "people reach the controller": "privacy@example.org",
    "reads of the purpose": "to decide on your loan",
    "in which the API runs": "FR",
    "Accept them?": "y",
}


@pytest.fixture(scope="module")
def desk():
    desk = LoanDesk()
    yield desk
    desk.stop()


def blocks(file):
    """The blocks of commands of a document."""
    return re.findall(r"```sh\n(.*?)```", (ROOT / file).read_text(), re.DOTALL)


def block(file, *words):
    [found] = [text for text in blocks(file) if all(word in text for word in words)]
    return found


class Shell:
    """A folder in which `consentry` is a command, and the API and the gateway have ports of their own."""

    def __init__(self, folder, desk):
        self.folder = folder
        self.desk = desk
        commands = folder / "commands"
        commands.mkdir()
        (commands / "consentry").symlink_to(BINARY)
        self.environment = {**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"}

    def command(self, text):
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.desk.port}")
        # The port that is written is 8443: here any that is free.
        return text.replace("/openapi.json", "/openapi.json --port 0")

    def run(self, text, **options):
        done = subprocess.run(
            ["bash", "-euc", self.command(text)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            **options,
        )
        assert done.returncode == 0, f"{text}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def at_a_terminal(self, text, answers):
        """Answers each question that is asked, in whatever order; gives what was said and which were asked."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["bash", "-euc", self.command(text)],
            cwd=self.folder,
            env=self.environment,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.close(theirs)
        said, line, asked = "", "", []
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if not select.select([process.stdout], [], [], 1)[0]:
                continue
            more = os.read(process.stdout.fileno(), 65536).decode()
            if not more:
                break
            said += more
            line = (line + more).rsplit("\n", 1)[-1]
            if line.endswith((": ", "] ")):
                question = next((part for part in answers if part in line), None)
                if not question:
                    continue  # a line that is still being written
                asked.append(question)
                os.write(ours, f"{answers[question]}\n".encode())
                line = ""
        else:
            process.kill()
            raise AssertionError(f"it asks what nobody answers: {said}")
        status = process.wait(timeout=60)
        os.close(ours)
        assert status == 0, said
        return said, asked

    def protects(self, serve):
        """Starts the gateway as it is written, and makes the guide's first call."""
        assert serve.split() == ["consentry", "serve"]
        process = Process([str(BINARY), "serve"], cwd=self.folder)
        try:
            port = process.wait_for(r"serves https://127\.0\.0\.1:(\d+)")[1]
            (self.folder / "loan.json").write_text(json.dumps(LOAN))
            self.desk.taken()
            call = block("docs/guide/start-from-an-api.md", "TOKEN=", "curl")
            answer = self.run(call.replace("localhost:8443", f"localhost:{port}"))
            assert '{"score":0.25,"approved":true,"reasons":["income"]}' in answer
            [received] = self.desk.taken()
            assert b"canary" not in received.body.lower(), received.body
            assert json.loads(received.body)["age"] == 30
        finally:
            assert process.stop() == 0, process.said


def lines(text):
    """The commands of a block, without what is said beside them."""
    whole = text.replace("\\\n", " ")
    return [line.split(" #")[0].strip() for line in whole.splitlines() if line.strip()]


def test_the_short_way_of_the_readme(desk, tmp_path):
    shell = Shell(tmp_path, desk)
    importing, serve = lines(block("README.md", "import openapi"))
    assert [importing, serve] == lines(blocks("docs/guide/start-from-an-api.md")[0])
    said, asked = shell.at_a_terminal(importing, ANSWERS)
    assert set(asked) == set(ANSWERS), asked
    assert len(asked) == len(ANSWERS), "nothing is asked twice"
    # What is accepted was shown, with its reason.
    assert "customer_id: { category: pd:Identifier" in said and "# proposed 0." in said
    assert "Accepted, and whole." in said
    for file in (tmp_path / "policies").glob("*.yaml"):
        text = file.read_text()
        assert "proposed" not in text and "in force" not in text, text
        assert text.startswith("# yaml-language-server: $schema=schema/"), text
        schema = text.splitlines()[0].split("=", 1)[1]
        assert json.loads((tmp_path / "policies" / schema).read_text())["$schema"]
    assert (tmp_path / "consentry.yaml").read_text().startswith("# yaml-language-server")
    shell.protects(serve)


def test_the_same_without_a_terminal(desk, tmp_path):
    shell = Shell(tmp_path, desk)
    importing, test, serve = lines(block("docs/guide/start-from-an-api.md", "--accept"))
    said = shell.run(importing)
    assert "# proposed 0." in said and "Accepted, and whole." in said
    assert "0 failed" in shell.run(test)
    shell.protects(serve)


@pytest.mark.parametrize("answer", ["n", ""])
def test_who_does_not_accept_has_nothing_in_force(desk, tmp_path, answer):
    shell = Shell(tmp_path, desk)
    importing, _ = lines(block("README.md", "import openapi"))
    answers = {**ANSWERS, "Accept them?": answer} if answer else {
        **dict.fromkeys([*ANSWERS, "Who runs the API?"], ""),
        "Accept them?": "y",
    }
    said, _ = shell.at_a_terminal(importing, answers)
    assert "Nothing is enforced yet" in said
    done = subprocess.run([str(BINARY), "serve"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done
    if answer:
        assert "CP0110" in done.stderr
    else:
        assert "CP0110" not in done.stderr and "purpose" in done.stderr, "accepted, and still empty"


def test_a_wrong_answer_is_asked_again(desk, tmp_path):
    shell = Shell(tmp_path, desk)
    importing, _ = lines(block("README.md", "import openapi"))

    class Stubborn(dict):
        """Answers nonsense first."""

        def __init__(self, known):
            super().__init__(known)
            self.first = set(known) - {"Accept them?", "(the controller)?", "postal address", "reads of the purpose"}

        def __getitem__(self, key):
            if key in self.first:
                self.first.remove(key)
                return "a b ! c"
            return super().__getitem__(key)

    said, asked = shell.at_a_terminal(importing, Stubborn(ANSWERS))
    assert len(asked) == len(ANSWERS) + 5, asked
    assert "say one of consent, contract" in said and "Accepted, and whole." in said
