"""The API behind the gateway: FastAPI as its tutorials write it, served by uvicorn. It knows nothing of privacy.

Its model has the seven fields of the original API. The gateway leaves the names out and writes a pseudonym in the
place of the e-mail address, so those three are plain optional texts here. Like every FastAPI app it echoes what it
was sent when it does not like it (422), which must not reach the caller.
"""

import socket
import threading
from dataclasses import dataclass
from typing import Literal, Optional

import uvicorn
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

PRODUCTS = {"Red": "Bicycle", "Green": "Tea set", "Blue": "Telescope", "Yellow": "Camera"}


class Person(BaseModel):
    first_name: Optional[str] = None
    last_name: Optional[str] = None
    email: Optional[str] = None
    # The model was never trained on people over 99: a gap between the policy (0..130) and the API behind it.
    age: int = Field(ge=0, le=99)
    sex: Literal["Male", "Female"]
    favorite_color: Literal["Red", "Green", "Blue", "Yellow"]
    favorite_food: Literal["Pizza", "Pasta", "Salad", "Sushi"]


class Parcel(BaseModel):
    recipient: str
    telephone: str
    weight: float


@dataclass
class Received:
    """A request as the API received it."""

    method: str
    target: str
    headers: dict
    body: bytes


class Api:
    """The app on a free port of loopback or at a unix socket, in a thread, and everything that it received."""

    def __init__(self, path=None):
        self._received = []
        if path:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen()
            self.upstream = {"url": "http://model.invalid", "socket": str(path)}
        else:
            listener = socket.create_server(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
            self.upstream = {"url": f"http://127.0.0.1:{self.port}"}
        config = uvicorn.Config(self._app(), log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        # The socket listens already: who connects before the thread is ready waits in its queue.
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()

    def stop(self):
        self._server.should_exit = True
        self._thread.join(timeout=20)

    def taken(self):
        """What came since the last call."""
        taken, self._received = self._received, []
        return taken

    def _app(self):
        app = FastAPI()

        @app.middleware("http")
        async def remember(request: Request, call_next):
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            body = await request.body()
            self._received.append(Received(request.method, target, dict(request.headers), body))
            return await call_next(request)

        @app.post("/predict/")
        async def predict(person: Person):
            return {"prediction": PRODUCTS[person.favorite_color], "model": "favourites-7"}

        @app.post("/parcels/")
        async def parcel(parcel: Parcel):
            return {"price": round(2 + parcel.weight, 2), "label": f"to {parcel.telephone}"}

        @app.get("/health")
        async def health():
            return {"status": "ok"}

        return app
