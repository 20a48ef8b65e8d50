"""Scatter plots of real and generated points, as bytes of a PNG file."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

_COLOURS = {"real": "C3", "fake": "C0"}
"""Red for real and blue for fake, as in Brownlee, Generative Adversarial Networks with Python, ch. 6."""


def scatter_png(points: Mapping[str, NDArray[np.float32]], facts: Mapping[str, str]) -> bytes:
    """A scatter plot of the first two coordinates; `facts` go into the PNG's text chunks.

    Args:
        points: float32 (n, at least 2), under the keys "real" and "fake".
        facts: texts for the chunks of the PNG file, by keyword.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 5))
    # A layout that matplotlib works out itself takes as long as the drawing.
    axes = figure.add_axes((0.14, 0.11, 0.83, 0.86))
    for kind, shown in points.items():
        axes.scatter(shown[:, 0], shown[:, 1], s=8, c=_COLOURS[kind], alpha=0.7, label=kind)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata=dict(facts))
    return buffer.getvalue()
