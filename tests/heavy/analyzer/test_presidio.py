"""What Presidio finds is replaced; without it nothing passes."""

import pytest
import requests
from gateway import problem

TEXTS = {
    "Ada Lovelace wrote from London, reach her at ada@example.org.": (
        "[person] wrote from [location], reach her at [email]."
    ),
    # Places are code points: what is beyond ASCII, and beyond sixteen bits, moves none of them.
    "😀 «Café» – Ada Lovelace said so.": "😀 «Café» – [person] said so.",
    "The parcel never came.": "The parcel never came.",
}


@pytest.fixture
def send(gateway):
    token = gateway.caller()

    def send(text):
        return requests.post(
            f"{gateway.url}/letters/",
            json={"text": text},
            headers={"Authorization": f"Bearer {token}"},
            verify=gateway.authority.file,
            timeout=60,
        )

    return send


@pytest.mark.parametrize("text", TEXTS)
def test_the_model_reads_what_was_written_and_not_by_whom(send, model, text):
    answer = send(text)
    assert (answer.status_code, answer.json()) == (200, {"reply": "fine"})
    assert model.seen == [{"text": TEXTS[text]}]


def test_an_answer_is_looked_through_too(send, model):
    model.reply = "Ada Lovelace has an appointment."
    assert send("Thanks.").json() == {"reply": "•••• has an appointment."}


def test_without_its_analyzer_nothing_passes(send, model, presidio):
    """The last one: the analyzer is gone afterwards."""
    presidio.stop()
    answer = send("Ada Lovelace wrote.")
    assert (answer.status_code, problem(answer.json())) == (503, "dependency-unavailable")
    assert model.seen == []
    assert "Lovelace" not in answer.text
