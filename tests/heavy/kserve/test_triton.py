"""Triton's own Python client, in JSON and with binary tensors."""

import ssl

import numpy as np
import pytest
import tritonclient.http as client
from tritonclient.utils import InferenceServerException

EMAILS = ["ada@example.org", "anselm@example.org", "zoe@example.org"]
SPENT = np.array([[12.5, 0], [99.25, 7], [0.125, 100000]], dtype=np.float32)


@pytest.fixture
def infer(before_triton):
    def context():
        return ssl.create_default_context(cafile=str(before_triton.authority.file))

    triton = client.InferenceServerClient(
        f"localhost:{before_triton.port}", ssl=True, ssl_context_factory=context
    )
    assert triton.is_server_ready()
    token = before_triton.caller()

    def infer(inputs, **options):
        headers = {"Authorization": f"Bearer {token}"}
        return triton.infer("propensity", inputs, headers=headers, **options)

    yield infer
    triton.close()


def tensor(name, array, datatype, binary):
    made = client.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def inputs(binary, ages=(36, 41, 79), spent=SPENT, kind=np.int16):
    kinds = {np.int16: "INT16", np.int64: "INT64", np.float32: "FP32"}
    return [
        tensor("phone", np.array(["0655449127831"] * 3, dtype=object), "BYTES", binary),
        tensor("email", np.array(EMAILS, dtype=object).reshape(3, 1), "BYTES", binary),
        tensor("age", np.array(ages, dtype=kind), kinds[kind], binary),
        tensor("customer", np.array([4711, 4712, 4711], dtype=np.int64), "INT64", binary),
        tensor("spent-eur", spent, "FP32", binary),
        tensor("vip", np.array([True, False, True]), "BOOL", binary),
    ]


def seen_as_declared(seen):
    assert list(seen.tensors) == ["email", "age", "customer", "spent-eur", "vip"]
    kind, emails = seen.tensors["email"]
    assert kind == "BYTES" and emails.shape == (3, 1)
    assert all(email.startswith("p1_") and len(email) == 29 for email in emails.flat)
    assert len(set(emails.flat)) == 3
    assert seen.tensors["age"][1].tolist() == [30, 40, 70]
    kind, customers = seen.tensors["customer"]
    assert kind == "BYTES", "pseudonyms are texts"
    assert customers[0] == customers[2] != customers[1] and customers[0].startswith("p1_")
    assert seen.tensors["spent-eur"][0] == "FP32"
    np.testing.assert_array_equal(seen.tensors["spent-eur"][1], SPENT)
    assert seen.tensors["vip"][1].tolist() == [True, False, True]
    for canary in (*EMAILS, "0655449127831", "4711"):
        assert canary.encode() not in seen.body


def answered(result):
    np.testing.assert_array_equal(
        result.as_numpy("propensity"), np.array([[0], [0.5], [1]], dtype=np.float32)
    )
    labels = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label")]
    assert labels == ["unlikely", "unlikely", "likely"]
    assert result.get_response()["model_name"] == "propensity"


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
@pytest.mark.parametrize("binary", [False, True])
def test_tensors_are_treated_by_their_names(infer, triton, binary, compression):
    outputs = [
        client.InferRequestedOutput(name, binary_data=binary) for name in ("propensity", "label")
    ]
    options = {"outputs": outputs, "request_compression_algorithm": compression}
    result = infer(inputs(binary), request_id="a call about Ada King", **options)
    seen = triton.one()
    seen_as_declared(seen)
    assert "id" not in seen.json
    assert ("inference-header-content-length" in seen.headers) == binary
    assert seen.outputs == ["propensity", "label"]
    answered(result)
    assert "id" not in result.get_response()


def test_an_answer_is_binary_where_no_output_is_named(infer, triton):
    result = infer(inputs(binary=False))
    seen = triton.one()
    seen_as_declared(seen)
    assert seen.json["parameters"] == {"binary_data_output": True}
    size = result.get_output("propensity")["parameters"]["binary_data_size"]
    assert size == 12
    answered(result)


def test_some_tensors_are_binary_and_some_are_not(infer, triton):
    mixed = [a if at % 2 else b for at, (a, b) in enumerate(zip(inputs(True), inputs(False)))]
    answered(infer(mixed))
    seen_as_declared(triton.one())


def test_whole_floats_are_integers_in_binary(infer, triton):
    answered(infer(inputs(True, kind=np.float32)))
    kind, ages = triton.one().tensors["age"]
    assert kind == "FP32" and ages.tolist() == [30, 40, 70]


def test_no_number_is_nothing(infer, triton):
    spent = SPENT.copy()
    spent[1, 0] = np.nan
    infer(inputs(True, spent=spent))
    np.testing.assert_array_equal(triton.one().tensors["spent-eur"][1], spent)


@pytest.mark.parametrize("binary", [False, True])
def test_what_the_policy_refuses_does_not_arrive(infer, triton, binary):
    infinite = SPENT.copy()
    infinite[0, 0] = np.inf
    refused = [(inputs(binary, ages=(36, 131, 41)), "422"), (inputs(binary)[:2], "422")]
    if binary:
        refused.append((inputs(binary, spent=infinite), "415"))
    stranger = tensor("name", np.array(["Ada King"], dtype=object), "BYTES", binary)
    refused.append(([*inputs(binary), stranger], "422"))
    for given, status in refused:
        with pytest.raises(InferenceServerException) as caught:
            infer(given)
        assert caught.value.status() == status
        assert "Ada" not in str(caught.value)
    outputs = [client.InferRequestedOutput("ada@example.org", binary_data=binary)]
    with pytest.raises(InferenceServerException) as caught:
        infer(inputs(binary), outputs=outputs)
    assert caught.value.status() == "422"
    with pytest.raises(InferenceServerException) as caught:
        infer(inputs(binary), sequence_id=4711)
    assert caught.value.status() == "422"
    assert triton.requests == []
    answered(infer(inputs(binary)))
    seen_as_declared(triton.one())


def test_no_answer_passes_that_is_not_as_declared(infer, triton):
    def beyond(request):
        return {"propensity": ("FP32", np.array([2, 0, 0], dtype=np.float32))}

    def stranger(request):
        return {
            "propensity": ("FP32", np.zeros(3, dtype=np.float32)),
            "nearest": ("BYTES", np.array(["ada@example.org"] * 3, dtype=object)),
        }

    right = triton.answer
    try:
        for answer in (beyond, stranger):
            triton.answer = answer
            with pytest.raises(InferenceServerException) as caught:
                infer(inputs(True))
            assert caught.value.status() == "502"
            assert "ada@" not in str(caught.value)
            triton.one()
    finally:
        triton.answer = right
    answered(infer(inputs(True)))
    triton.one()
