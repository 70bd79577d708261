"""MLflow's scoring server, in each of the shapes that it takes."""

import json

import pandas as pd
import pytest
import requests

from gateway import problem

COLUMNS = ["name", "age", "note", "customer", "visits", "spent"]
ROWS = [
    ["Ada King", 36, "strictly between us", "customer-4711", 12, 99.5],
    ["Anselm Roy", 41, "", "customer-4712", 3, 412.25],
    ["Ada King", 79, "x", "customer-4711", 44, 480],
]
CANARIES = ("Ada", "Anselm", "strictly", "customer-47", "note", "name")


def frame(rows=ROWS):
    """What the model should see of rows, treated: the first year of ten, and no more than it was trained on."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["age"] = table["age"] // 10 * 10
    return table[["age", "visits", "spent"]].astype({"spent": float})


def predicted(server, rows=ROWS):
    return server.model.predict(frame(rows)).tolist()


def records(rows=ROWS):
    return [dict(zip(COLUMNS, row)) for row in rows]


def columns(rows=ROWS):
    return {column: [row[place] for row in rows] for place, column in enumerate(COLUMNS)}


def split(rows=ROWS):
    return {"columns": COLUMNS, "data": rows}


def data_first(rows=ROWS):
    return {"data": rows, "index": list(range(len(rows))), "columns": COLUMNS}


@pytest.fixture
def call(gateway):
    token = gateway.caller()

    def call(body, path="/invocations", content_type="application/json", token=token):
        return requests.post(
            f"{gateway.url}{path}",
            data=body if isinstance(body, str) else json.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": content_type},
            verify=gateway.authority.file,
            timeout=60,
        )

    return call


def table_of(sent):
    """What reached the server, as a table."""
    (shape, table), = ((key, value) for key, value in sent.items() if key != "params")
    if shape == "dataframe_split":
        assert set(table) == {"columns", "data"}
        assert all(len(row) == len(table["columns"]) for row in table["data"])
        return pd.DataFrame(table["data"], columns=table["columns"])
    return pd.DataFrame(table)


SHAPES = [
    ("dataframe_split", split),
    ("dataframe_split", data_first),
    ("dataframe_records", records),
    ("instances", records),
    ("inputs", columns),
]


def test_the_server_alone_echoes_nothing_of_this(server):
    """MLflow without a gateway predicts from what it is given: what is compared below is not always so."""
    url = f"http://127.0.0.1:{server.port}/invocations"
    untreated = pd.DataFrame(ROWS, columns=COLUMNS)[["age", "visits", "spent"]].astype({"spent": float})
    answer = requests.post(url, json={"dataframe_split": untreated.to_dict("split")}, timeout=60)
    assert answer.json() == {"predictions": server.model.predict(untreated).tolist()}
    assert predicted(server) != predicted(server, ROWS[::-1])


@pytest.mark.parametrize("shape, body", SHAPES, ids=["split", "data-first", "records", "instances", "inputs"])
def test_the_model_predicts_from_treated_columns(call, recorder, server, shape, body):
    answer = call({shape: body()})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": predicted(server)}

    received = recorder.one()
    for canary in CANARIES:
        assert canary.encode() not in received.body
    assert "authorization" not in received.headers
    assert list(received.json) == [shape]
    seen = table_of(received.json)
    assert list(seen.columns) == ["age", "customer", "visits", "spent"]
    pd.testing.assert_frame_equal(seen[["age", "visits", "spent"]], frame(), check_dtype=False)
    ada, anselm, again = seen["customer"]
    assert ada == again != anselm and ada.startswith("p1_") and anselm.startswith("p1_")


def test_a_table_in_csv(call, recorder, server):
    table = pd.DataFrame(ROWS, columns=COLUMNS).to_csv(index=False)
    answer = call(table, "/table/invocations", "text/csv")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"predictions": predicted(server)}
    received = recorder.one()
    assert received.headers["content-type"] == "text/csv"
    for canary in CANARIES:
        assert canary.encode() not in received.body
    lines = [line.split(",") for line in received.body.decode().splitlines()]
    assert lines[0] == ["age", "customer", "visits", "spent"]
    assert [[line[0], *line[2:]] for line in lines[1:]] == [
        ["30", "12", "99.5"],
        ["40", "3", "412.25"],
        ["70", "44", "480.0"],
    ]
    assert all(line[1].startswith("p1_") for line in lines[1:])


@pytest.mark.parametrize("shape, body", SHAPES, ids=["split", "data-first", "records", "instances", "inputs"])
def test_rows_of_people_who_did_not_agree_are_left_out(gateway, call, recorder, server, shape, body):
    yes, also = gateway.person("product-recommendation"), gateway.person("product-recommendation")
    never, withdrawn = gateway.person(), gateway.person("product-recommendation")
    gateway.cli("consent", "withdraw", "--person", withdrawn, "--purpose", "product-recommendation")
    whose = [never, yes, withdrawn, also, yes, never]
    ages = [20, 36, 50, 79, 41, 60]
    rows = [["Ada King", age, "x", who, age, age * 5.5] for who, age in zip(whose, ages)]
    token = gateway.token("nightly-run", "batch", "batch-customers")
    answer = call({shape: body(rows)}, "/nightly/invocations", token=token)
    assert answer.status_code == 200, answer.text

    treated = [rows[1], rows[3], rows[4]]
    first, second, third = predicted(server, treated)
    assert answer.json() == {"predictions": [None, first, None, second, third, None]}
    assert answer.headers["Consentry-Rows-Denied"].startswith('rows="0, 2, 5"')
    received = recorder.one()
    assert b"person-" not in received.body and b"Ada" not in received.body
    seen = table_of(received.json)
    assert list(seen.columns) == ["age", "visits", "spent"]
    pd.testing.assert_frame_equal(seen, frame(treated), check_dtype=False)


def test_a_batch_in_which_nobody_agreed_does_not_arrive(gateway, call, recorder):
    token = gateway.token("nightly-run", "batch", "batch-customers")
    answer = call({"dataframe_split": split()}, "/nightly/invocations", token=token)
    assert (answer.status_code, problem(answer.json())) == (403, "consent-missing")
    assert recorder.taken() == []


def test_what_the_policy_refuses_does_not_arrive(call, gateway, recorder, server):
    old = [[*row[:1], 131, *row[2:]] for row in ROWS]
    for body, status, kind in [
        ({"dataframe_split": split(old)}, 422, "field-invalid"),
        ({"dataframe_split": data_first(old)}, 422, "field-invalid"),
        ({"dataframe_records": records(old)}, 422, "field-invalid"),
        ({"inputs": columns(old)}, 422, "field-invalid"),
        ({"dataframe_split": {"columns": [*COLUMNS, "more"], "data": ROWS}}, 415, "payload-not-inspectable"),
        ({"dataframe_split": split(), "dataframe_records": records()}, 415, "payload-not-inspectable"),
        ({"rows": records()}, 415, "payload-not-inspectable"),
    ]:
        answer = call(body)
        assert (answer.status_code, problem(answer.json())) == (status, kind), body
    nobody = gateway.token(gateway.person(), "predict")
    answer = call({"dataframe_split": split()}, token=nobody)
    assert (answer.status_code, problem(answer.json())) == (403, "consent-missing")
    assert recorder.taken() == []
    assert call({"dataframe_split": split()}).json() == {"predictions": predicted(server)}


def test_the_servers_own_words_do_not_pass(call, server, recorder):
    """MLflow answers a table without rows with an error and a trace of its code."""
    empty = {"dataframe_split": split([])}
    alone = requests.post(f"http://127.0.0.1:{server.port}/invocations", json=empty, timeout=60)
    assert alone.status_code >= 400 and "Traceback" in alone.text
    answer = call(empty)
    assert recorder.one().json["dataframe_split"]["data"] == []
    assert answer.status_code == 502 and "Traceback" not in answer.text


def test_params_that_nobody_declared_stay_behind(call, recorder):
    assert call({"dataframe_records": records(), "params": {"who": "Ada King"}}).status_code == 200
    assert list(recorder.one().json) == ["dataframe_records"]
