"""A gateway before `mlflow models serve`, and between them what remembers all that arrives.

Everything listens on loopback, on ports that were free, and ends with the run."""

import os
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from heavy import Before, Recorder, free_port, served  # noqa: E402
from gateway import Process  # noqa: E402

FEATURES = ["age", "visits", "spent"]


class Server:
    """`mlflow models serve` with a model that was trained on made-up data; it looks at three columns by name."""

    def __init__(self, folder):
        random = np.random.default_rng(7)
        frame = pd.DataFrame(
            {
                "age": random.integers(0, 13, 400) * 10,
                "visits": random.integers(0, 50, 400),
                "spent": random.uniform(0, 500, 400).round(2),
            }
        )
        bought = frame["spent"] / 500 * 0.5 + frame["visits"] / 50 * 0.3 + frame["age"] / 120 * 0.2 > 0.5
        columns = make_column_transformer((StandardScaler(), FEATURES), remainder="drop")
        forest = RandomForestRegressor(n_estimators=20, max_depth=6, random_state=7)
        self.model = make_pipeline(columns, forest).fit(frame, bought.astype(float))

        stored = folder / "model"
        signature = infer_signature(frame, self.model.predict(frame))
        mlflow.sklearn.save_model(
            self.model, stored, signature=signature, pip_requirements=[], serialization_format="cloudpickle"
        )
        self.port = free_port()
        command = [str(Path(sys.executable).with_name("mlflow")), "models", "serve"]
        command += ["-m", str(stored), "--env-manager", "local", "-h", "127.0.0.1", "-p", str(self.port)]
        environment = {
            **os.environ,
            # `mlflow models serve` starts uvicorn by its name.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        self.process = Process(command, env=environment, cwd=folder)
        for _ in range(3000):
            try:
                if requests.get(f"http://127.0.0.1:{self.port}/ping", timeout=5).status_code == 200:
                    return
            except requests.ConnectionError:
                pass
            time.sleep(0.1)
        self.process.stop()
        raise AssertionError(f"MLflow did not start:\n{self.process.said}")

    def stop(self):
        self.process.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("mlflow"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def recorder(server):
    recorder = Recorder(server.port)
    yield recorder
    recorder.stop()


@pytest.fixture(scope="session")
def running(recorder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    gateway = Before(folder, HERE / "policies", "propensity-model", recorder.port)
    with served(gateway, ["Ada King", "Anselm Roy", "customer-47", "strictly between us"]):
        yield gateway


@pytest.fixture
def gateway(running, recorder):
    recorder.taken()
    return running
