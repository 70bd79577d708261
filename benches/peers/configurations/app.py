"""The governed exchange with FastAPI, pydantic, PyJWT and cryptography's Fernet, as a team would write it by hand."""

import base64
import hashlib
import hmac
import json
import os
import re
import time
from contextlib import asynccontextmanager
from typing import Annotated, Literal

import httpx
import jwt
from cryptography.fernet import Fernet
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

with open(os.environ["BENCH_WORK"], encoding="utf-8") as file:
    WORK = json.load(file)
with open(WORK["agreed"], encoding="utf-8") as file:
    AGREED = set(file.read().split())
PSEUDONYM_KEY = bytes.fromhex(WORK["pseudonym_key"])
RECORDS = Fernet(base64.urlsafe_b64encode(bytes.fromhex(WORK["record_key"])))
AUDIT = open(os.environ["BENCH_AUDIT"], "a", buffering=64 * 1024, encoding="utf-8")
MARKUP = re.compile(r"<script.*?>.*?</script>|<[^>]*>|[\x00-\x1f]", re.DOTALL)
LOOK = re.compile(r"[<>&\x00-\x1f]")
asked: dict[str, tuple[int, int]] = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    limits = httpx.Limits(max_connections=256, max_keepalive_connections=256, keepalive_expiry=600)
    async with httpx.AsyncClient(base_url=os.environ["BENCH_BACKEND"], limits=limits, trust_env=False) as client:
        app.state.model = client
        yield
    AUDIT.close()


app = FastAPI(lifespan=lifespan, openapi_url=None)


def sanitized(text: str) -> str:
    return MARKUP.sub("", text) if LOOK.search(text) else text


Text = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(sanitized)]
Email = Annotated[str, Field(max_length=320, pattern=r"^[^@\s<>]+@[^@\s<>]+\.[A-Za-z0-9]+$")]
Age = Annotated[int, Field(ge=0, le=130, strict=True)]
Sex = Literal["Male", "Female"]
Color = Literal["Red", "Green", "Blue", "Yellow"]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid")
    first_name: Text
    last_name: Text
    email: Email
    age: Age
    sex: Sex
    favorite_color: Color
    favorite_food: Text


class Split(BaseModel):
    model_config = ConfigDict(extra="forbid")
    columns: tuple[
        Literal["first_name"], Literal["last_name"], Literal["email"], Literal["age"],
        Literal["sex"], Literal["favorite_color"], Literal["favorite_food"],
    ]  # fmt: skip
    data: list[tuple[Text, Text, Email, Age, Sex, Color, Text]]


class Batch(BaseModel):
    model_config = ConfigDict(extra="forbid")
    dataframe_split: Split


def keyed(text: str) -> str:
    digest = hmac.new(PSEUDONYM_KEY, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def sealed(text: str) -> str:
    return RECORDS.encrypt(text.encode()).decode()


async def caller(authorization: Annotated[str | None, Header()] = None) -> str:
    if authorization is None or not authorization.startswith("Bearer "):
        raise HTTPException(401)
    try:
        claims = jwt.decode(
            authorization[7:], WORK["secret"], algorithms=["HS256"], issuer=WORK["issuer"], audience=WORK["audience"],
            options={"require": ["exp", "iss", "aud", "sub"]},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    if claims.get("scope") != "predict":
        raise HTTPException(403)
    person = claims["sub"]
    window = int(time.time()) // WORK["window"]
    since, count = asked.get(person, (window, 0))
    count = count + 1 if since == window else 1
    asked[person] = (window, count)
    if count > WORK["limit"]:
        raise HTTPException(429)
    if person not in AGREED:
        raise HTTPException(403)
    return person


Caller = Annotated[str, Depends(caller)]


async def forward(path: str, body: dict, person: str, activity: str, kept: list[str], field: str) -> dict:
    answer = await app.state.model.post(path, json=body)
    answer.raise_for_status()
    AUDIT.write(json.dumps({"at": time.time(), "who": keyed(person), "activity": activity, "sealed": kept}) + "\n")
    return {field: answer.json()[field]}


@app.post("/predict")
async def predict(record: Record, person: Caller) -> dict:
    body = record.model_dump()
    kept = [sealed(body.pop("first_name")), sealed(body.pop("last_name"))]
    body["email"] = "p1_" + keyed(body["email"])
    return await forward("/predict", body, person, "record", kept, "prediction")


@app.post("/invocations")
async def invocations(batch: Batch, person: Caller) -> dict:
    split = batch.dataframe_split
    kept = [sealed(json.dumps([row[column] for row in split.data])) for column in (0, 1)]
    data = [["p1_" + keyed(row[2]), *row[3:]] for row in split.data]
    body = {"dataframe_split": {"columns": split.columns[2:], "data": data}}
    return await forward("/invocations", body, person, "batch", kept, "predictions")
