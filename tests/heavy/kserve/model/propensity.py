"""A model as MLServer's documentation writes one: it decodes what it gets, and encodes what it says."""

import os

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Propensity(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        frame = PandasCodec.decode_request(payload)
        # What reached the model, for the test to read: as it was sent, and as it was understood.
        with open(os.environ["SEEN"], "a") as seen:
            seen.write(payload.model_dump_json() + "\n")
            seen.write(frame.to_json(orient="records") + "\n")
        values = np.linspace(0, 1, len(frame)).reshape(-1, 1)
        labels = ["likely" if value > 0.5 else "unlikely" for value in values.flat]
        return InferenceResponse(
            model_name=self.name,
            model_version="1",
            outputs=[
                NumpyCodec.encode_output("propensity", values),
                StringCodec.encode_output("label", labels, use_bytes=False),
            ],
        )
