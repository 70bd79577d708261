"""A gateway before a small server of chat completions, on FastAPI; both on loopback, and they end with the run."""

import socket
import sys
import threading
from pathlib import Path
from typing import Any, Optional

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from heavy import Before, Received, served  # noqa: E402


class Completion(BaseModel):
    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = []
    stream: Optional[bool] = False
    user: Optional[str] = None
    metadata: Optional[dict[str, str]] = None


def texts(message):
    content = message.get("content")
    if isinstance(content, list):
        return [part["text"] for part in content]
    return [content] if content else []


class Assistant:
    """It says again what it was last told, or calls a tool where one is offered and nobody has called it yet."""

    def __init__(self):
        self._received = []
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(self._app(), log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        # The socket listens already: who connects before the thread is ready waits in its queue.
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()

    def stop(self):
        self._server.should_exit = True
        self._thread.join(timeout=20)

    def taken(self):
        """What arrived since the last time."""
        taken, self._received = self._received, []
        return taken

    def one(self):
        """The one request that arrived since the last time."""
        taken = self.taken()
        assert len(taken) == 1, taken
        return taken[0]

    def _app(self):
        app = FastAPI()

        @app.middleware("http")
        async def remember(request: Request, call_next):
            body = await request.body()
            self._received.append(Received(request.url.path, dict(request.headers), body))
            return await call_next(request)

        @app.post("/v1/chat/completions")
        async def complete(asked: Completion):
            if asked.stream:
                # Never through the gateway.
                return StreamingResponse(iter(["data: [DONE]\n\n"]), media_type="text/event-stream")
            said = " ".join(texts(asked.messages[-1]))
            message = {"role": "assistant", "content": f"You say: {said}", "refusal": None}
            if asked.tools and asked.messages[-1]["role"] == "user":
                call = {"name": asked.tools[0]["function"]["name"], "arguments": '{"city": "Paris", "why": "secret"}'}
                calls = [{"id": "call_1", "type": "function", "function": call}]
                message = {"role": "assistant", "content": None, "tool_calls": calls}
            reason = "tool_calls" if "tool_calls" in message else "stop"
            return {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1764115200,
                "model": f"{asked.model}-2026",
                "system_fingerprint": "fp_secret",
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
            }

        return app


@pytest.fixture(scope="session")
def running_assistant():
    assistant = Assistant()
    yield assistant
    assistant.stop()


@pytest.fixture(scope="session")
def gateway(running_assistant, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Before(folder, HERE / "policies", "assistant-model", running_assistant.port)
    with served(gateway, ["ada@example.org", "Ada King", "DE89", "strictly between us"]):
        yield gateway


@pytest.fixture
def assistant(running_assistant):
    running_assistant.taken()
    return running_assistant
