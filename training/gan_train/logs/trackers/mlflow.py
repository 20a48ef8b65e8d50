"""The numbers and pictures of a training in MLflow, on the server or in the folder that MLFLOW_TRACKING_URI names."""

import io
import os
import time
from collections.abc import Mapping
from typing import Any

from gan_train.logs.metrics_log import Row
from gan_train.logs.writer import Writer

_EXPERIMENT = "ganmill"
_BATCH = 1000
"""Metrics that MLflow takes in one call."""

_PARAMETERS = 100
"""Parameters that it takes in one call."""


_RETRIES = "2"
"""Times that a request is tried again; a user's own number wins."""


class MlflowWriter(Writer):
    """Follows a training as a run of MLflow, in the experiment MLFLOW_EXPERIMENT_NAME or "ganmill".

    Args:
        title: name of the run for people.
        identity: the run to go on with; None begins one.
        settings: parameters of a new run, by dotted name.
        steps: the last step of the training: a run that is closed before it counts as killed.

    Attributes:
        identity: the run.
    """

    def __init__(self, title: str, identity: str | None, settings: Mapping[str, Any], steps: int) -> None:
        # By MLflow's own seven tries, a training would stand still for four minutes where the server does not answer.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", _RETRIES)
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client, self._steps, self._newest = MlflowClient(), steps, 0
        self._metrics: list[Any] = []
        if identity is not None:
            self.identity = identity
            self._client.update_run(identity, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
        experiment = self._client.get_experiment_by_name(name)
        number = experiment.experiment_id if experiment else self._client.create_experiment(name)
        self.identity = self._client.create_run(number, run_name=title).info.run_id
        parameters = [Param(name, str(value)) for name, value in settings.items()]
        for start in range(0, len(parameters), _PARAMETERS):
            self._client.log_batch(self.identity, params=parameters[start : start + _PARAMETERS])

    def write_row(self, row: Row) -> None:
        from mlflow.entities import Metric

        now, step = int(time.time() * 1000), int(row["step"])
        self._metrics += [Metric(name, value, now, step) for name, value in row.items() if name != "step"]
        self._newest = step

    def write_picture(self, name: str, step: int, png: bytes) -> None:
        from PIL import Image

        with Image.open(io.BytesIO(png)) as image:
            self._client.log_image(self.identity, image, key=name, step=step)

    def write_text(self, name: str, step: int, markdown: str) -> None:
        self._client.log_text(self.identity, markdown, f"{name}.md")

    def flush(self) -> None:
        for start in range(0, len(self._metrics), _BATCH):
            self._client.log_batch(self.identity, metrics=self._metrics[start : start + _BATCH])
        self._metrics.clear()

    def close(self) -> None:
        self.flush()
        self._client.set_terminated(self.identity, "FINISHED" if self._newest >= self._steps else "KILLED")
