"""OpenAI's own Python client."""

import json
import ssl

import httpx
import openai
import pytest

from gateway import problem

TEXT = "Write to ada@example.org, my account is DE89 3704 0044 0532 0130 00, please."
MASKED = "Write to ••••, my account is ••••, please."
TOOL = {"type": "function", "function": {"name": "weather", "description": "of Ada King", "parameters": {}}}


def client_of(gateway, token):
    context = ssl.create_default_context(cafile=str(gateway.authority.file))
    return openai.OpenAI(
        base_url=f"https://localhost:{gateway.port}/v1",
        api_key=token,
        http_client=httpx.Client(verify=context),
        max_retries=0,
        timeout=60,
    )


@pytest.fixture
def client(gateway):
    with client_of(gateway, gateway.caller()) as client:
        yield client


def test_a_chat_is_masked_and_the_answer_is_read(client, assistant):
    answer = client.chat.completions.create(
        model="small",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": TEXT, "name": "Ada_King"}],
        user="ada@example.org",
        metadata={"who": "Ada King"},
        store=False,
    )
    received = assistant.one()
    assert received.json == {
        "model": "small",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": MASKED}],
    }
    # Nothing of the caller's: neither their token nor what their client says about their machine.
    told = str(received.headers)
    assert "authorization" not in received.headers and "stainless" not in told and client.api_key not in told

    (choice,) = answer.choices
    assert choice.message.content == f"You say: {MASKED}"
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert (answer.id, answer.model, answer.usage.total_tokens) == ("chatcmpl-1", "small-2026", 21)
    assert answer.system_fingerprint is None, "nobody declared it"


def test_the_parts_of_a_content_are_masked(client, assistant):
    parts = [{"type": "text", "text": TEXT}, {"type": "text", "text": "Thank you."}]
    answer = client.chat.completions.create(model="small", messages=[{"role": "user", "content": parts}])
    (message,) = assistant.one().json["messages"]
    assert message == {
        "role": "user",
        "content": [{"type": "text", "text": MASKED}, {"type": "text", "text": "Thank you."}],
    }
    assert answer.choices[0].message.content == f"You say: {MASKED} Thank you."


def test_a_part_that_is_no_text_does_not_arrive(client, assistant):
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(model="small", messages=[{"role": "user", "content": [picture]}])
    assert problem(caught.value.response.json()) == "field-not-permitted"
    assert assistant.taken() == []


def test_tools_are_called_with_treated_arguments(client, assistant):
    messages = [{"role": "user", "content": "What is the weather?"}]
    asked = client.chat.completions.create(model="small", messages=messages, tools=[TOOL])
    assert assistant.one().json["tools"] == [{"type": "function", "function": {"name": "weather"}}]
    assert asked.choices[0].finish_reason == "tool_calls"
    (call,) = asked.choices[0].message.tool_calls
    assert (call.id, call.function.name) == ("call_1", "weather")
    assert json.loads(call.function.arguments) == {"city": "Paris"}, "nobody declared the other"

    arguments = {"customer": "Ada King", "city": "Paris", "note": "strictly between us"}
    call.function.arguments = json.dumps(arguments)
    turn = [
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "Rain; ada@example.org has been told."},
    ]
    answer = client.chat.completions.create(model="small", messages=messages + turn, tools=[TOOL])
    received = assistant.one()
    _, called, result = received.json["messages"]
    (sent,) = called["tool_calls"]
    assert (sent["id"], sent["type"], sent["function"]["name"]) == ("call_1", "function", "weather")
    treated = json.loads(sent["function"]["arguments"])
    assert list(treated) == ["customer", "city"] and treated["city"] == "Paris"
    assert treated["customer"].startswith("p1_")
    assert result == {"role": "tool", "tool_call_id": "call_1", "content": "Rain; •••• has been told."}
    assert b"Ada" not in received.body and b"strictly" not in received.body
    assert answer.choices[0].message.content == "You say: Rain; •••• has been told."


def test_nothing_is_streamed(client, assistant):
    messages = [{"role": "user", "content": TEXT}]
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        client.chat.completions.create(model="small", messages=messages, stream=True)
    refused = caught.value.response.json()
    assert problem(refused) == "field-invalid" and "stream" in caught.value.response.text
    assert assistant.taken() == []
    answer = client.chat.completions.create(model="small", messages=messages, stream=False)
    assert assistant.one().json["stream"] is False
    assert answer.choices[0].message.content == f"You say: {MASKED}"


def test_the_client_knows_a_refusal(gateway, assistant):
    messages = [{"role": "user", "content": TEXT}]
    with client_of(gateway, "no token") as client, pytest.raises(openai.AuthenticationError):
        client.chat.completions.create(model="small", messages=messages)
    nobody = gateway.token(gateway.person(), "predict")
    with client_of(gateway, nobody) as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(model="small", messages=messages)
    assert problem(caught.value.response.json()) == "consent-missing"
    assert assistant.taken() == []
