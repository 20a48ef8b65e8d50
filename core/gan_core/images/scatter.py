"""Points as people look at them: real and fake in one plot, as bytes of a PNG file."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_COLOURS = {"real": "C3", "fake": "C0"}
"""Real red, fake blue (spec A 2.3)."""


def scatter_png(points: Mapping[str, NDArray[np.float32]], facts: Mapping[str, str]) -> bytes:
    """A scatter plot of the first two coordinates; `facts` go into the PNG's text chunks.

    Args:
        points: float32 (n, at least 2) by what they are: "real", "fake".
        facts: what the picture says of itself.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    for kind, shown in points.items():
        axes.scatter(shown[:, 0], shown[:, 1], s=8, c=_COLOURS[kind], alpha=0.7, label=kind)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata=dict(facts))
    return buffer.getvalue()
