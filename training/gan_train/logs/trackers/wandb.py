"""The numbers and pictures of a training in Weights & Biases, as WANDB_PROJECT, WANDB_MODE and its other variables say."""

import io
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_train.logs.metrics_log import Row
from gan_train.logs.writer import Writer

_PROJECT = "ganmill"


class WandbWriter(Writer):
    """Follows a training as a run of Weights & Biases, which keeps its files in the folder `wandb` of the run folder.

    Args:
        title: name of the run for people.
        identity: the run to go on with; None begins one.
        settings: configuration of the run, by dotted name.
        folder: the run folder.

    Attributes:
        identity: the run.
    """

    def __init__(self, title: str, identity: str | None, settings: Mapping[str, Any], folder: Path) -> None:
        import wandb

        self.identity = identity or uuid.uuid4().hex[:8]
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", _PROJECT),
            id=self.identity,
            name=title,
            resume="allow",
            config=dict(settings),
            dir=str(folder),
            settings=wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True),
        )

    def write_row(self, row: Row) -> None:
        self._run.log({name: value for name, value in row.items() if name != "step"}, step=int(row["step"]))

    def write_picture(self, name: str, step: int, png: bytes) -> None:
        import wandb
        from PIL import Image

        with Image.open(io.BytesIO(png)) as image:
            self._run.log({name: wandb.Image(image)}, step=step)

    def close(self) -> None:
        self._run.finish()
