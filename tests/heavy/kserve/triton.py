"""A small server of the Open Inference Protocol with Triton's binary extension, which remembers what reached it."""

import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from tritonclient.utils import deserialize_bytes_tensor, triton_to_np_dtype

LENGTH = "Inference-Header-Content-Length"


class Triton:
    def __init__(self):
        self.requests = []
        self.answer = scores
        triton = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self._send({}, b"", "application/json")

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(dict(self.headers.items()), body)
                triton.requests.append(request)
                self._send(*encoded(triton.answer(request), request))

            def _send(self, headers, body, content_type):
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def one(self):
        """The one request that arrived since the last time."""
        requests, self.requests = self.requests, []
        assert len(requests) == 1, requests
        return requests[0]

    def stop(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Request:
    """A request, its tensors read as Triton reads them."""

    def __init__(self, headers, body):
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = body
        length = self.headers.get(LENGTH.lower())
        head, rest = (body, b"") if length is None else (body[: int(length)], body[int(length) :])
        self.json = json.loads(head)
        self.tensors = {}
        for tensor in self.json["inputs"]:
            kind, shape = tensor["datatype"], tensor["shape"]
            size = tensor.get("parameters", {}).get("binary_data_size")
            if size is None:
                dtype = object if kind == "BYTES" else triton_to_np_dtype(kind)
                array = np.array(tensor["data"], dtype=dtype)
            else:
                raw, rest = rest[:size], rest[size:]
                assert len(raw) == size
                if kind == "BYTES":
                    texts = deserialize_bytes_tensor(raw)
                    array = np.array([text.decode() for text in texts], dtype=object)
                else:
                    array = np.frombuffer(raw, dtype=triton_to_np_dtype(kind))
            self.tensors[tensor["name"]] = (kind, array.reshape(shape))
        assert not rest, "bytes that belong to no tensor"

    @property
    def outputs(self):
        return [output["name"] for output in self.json.get("outputs", [])]

    def wants_binary(self, name):
        everything = self.json.get("parameters", {}).get("binary_data_output", False)
        for output in self.json.get("outputs", []):
            if output["name"] == name:
                return output.get("parameters", {}).get("binary_data", everything)
        return everything


def scores(request):
    """A score for each row, and what it is called."""
    rows = request.tensors["age"][1].shape[0]
    values = np.linspace(0, 1, rows).astype(np.float32).reshape(rows, 1)
    labels = np.array(["likely" if value > 0.5 else "unlikely" for value in values.flat], dtype=object)
    return {"propensity": ("FP32", values), "label": ("BYTES", labels)}


def encoded(tensors, request):
    """Headers, body and media type of an answer with these tensors."""
    outputs, rest = [], b""
    for name, (kind, array) in tensors.items():
        if request.outputs and name not in request.outputs:
            continue
        output = {"name": name, "shape": list(array.shape), "datatype": kind}
        if request.wants_binary(name):
            if kind == "BYTES":
                raw = b"".join(struct.pack("<I", len(text)) + text.encode() for text in array.flat)
            else:
                raw = array.tobytes()
            output["parameters"] = {"binary_data_size": len(raw)}
            rest += raw
        else:
            output["data"] = array.flatten().tolist()
        outputs.append(output)
    answer = {"model_name": "propensity", "model_version": "1", "outputs": outputs}
    if "id" in request.json:
        answer["id"] = request.json["id"]
    head = json.dumps(answer).encode()
    if not rest:
        return {}, head, "application/json"
    return {LENGTH: str(len(head))}, head + rest, "application/octet-stream"
