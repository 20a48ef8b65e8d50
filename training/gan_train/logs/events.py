"""TensorBoard events, made without TensorFlow: scalars, pictures, text."""

import io
from collections.abc import Mapping

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.text.metadata import create_summary_metadata


def session_start(step: int) -> Event:
    """The start of a session at a step: TensorBoard then forgets what earlier sessions wrote of this step and later ones."""
    return Event(step=step, session_log=SessionLog(status=SessionLog.START))


def scalars(row: Mapping[str, float]) -> Event:
    """The numbers of a row of metrics.jsonl as scalars."""
    values = [Summary.Value(tag=tag(name), simple_value=value) for name, value in row.items() if name != "step"]
    return Event(step=int(row["step"]), summary=Summary(value=values))


def picture(name: str, step: int, png: bytes) -> Event:
    """A picture, from a PNG file."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        width, height, channels = *image.size, len(image.getbands())
    content = Summary.Image(width=width, height=height, colorspace=channels, encoded_image_string=png)
    return Event(step=step, summary=Summary(value=[Summary.Value(tag=name, image=content)]))


def text(name: str, step: int, markdown: str) -> Event:
    """A text, which TensorBoard shows as Markdown."""
    content = TensorProto(dtype=DT_STRING, string_val=[markdown.encode()])
    metadata = create_summary_metadata(display_name=name, description="")
    return Event(step=step, summary=Summary(value=[Summary.Value(tag=name, tensor=content, metadata=metadata)]))


def tag(name: str) -> str:
    """The name of a metric in TensorBoard, which groups metrics by the part before a slash."""
    return name.replace(".", "/", 1)
