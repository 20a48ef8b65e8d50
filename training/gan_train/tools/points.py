"""Files of generated points: a scatter plot, or a table."""

import io

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError
from gan_core.images.scatter import scatter_png

_AXES = "xyz"


def check_points_name(out: str) -> None:
    """Raise UsageError if a file name ends neither in .png nor in .csv."""
    if not out.endswith((".png", ".csv")):
        raise UsageError(
            f"-o {out}: this run makes points; write a name ending in .png for a plot of them, in .csv for a table"
        )


def points_file(out: str, points: NDArray[np.float32], facts: dict[str, str]) -> bytes:
    """The content of the file `out`: a PNG with `facts` in its text chunks, or a CSV table."""
    return scatter_png({"fake": points}, facts) if out.endswith(".png") else points_csv(points)


def points_csv(points: NDArray[np.float32]) -> bytes:
    """A CSV table of points, float32 (n, coordinates), with a header "x,y" and all digits of float32.

    With more than three coordinates, the columns are x1, x2 and so on.
    """
    coordinates = points.shape[1]
    names = _AXES[:coordinates] if coordinates <= len(_AXES) else [f"x{number}" for number in range(1, coordinates + 1)]
    buffer = io.BytesIO()
    np.savetxt(buffer, points, fmt="%.9g", delimiter=",", header=",".join(names), comments="")
    return buffer.getvalue()
