"""losses.png draws every row of a short run, and the extremes of every stretch of a long one."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan_train.logs import trace
from gan_train.logs.curves import Curves
from gan_train.logs.trace import Trace

pytestmark = pytest.mark.quick

BLUE, ORANGE, GREEN = (0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E), (0x2C, 0xA0, 0x2C)
RED = (0xD6, 0x27, 0x28)
"""The first colour that stands for nothing."""


def traced(points: list[tuple[int, float]]) -> Trace:
    made = Trace()
    for step, value in points:
        made.add(step, value)
    return made


@st.composite
def series(draw: st.DrawFn) -> list[tuple[int, float]]:
    steps = sorted(draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=300)))
    return [(step, draw(st.floats(-10, 10))) for step in steps]


@given(st.integers(1, 300), st.lists(st.floats(-10, 10), min_size=300, max_size=300))
def test_every_stretch_keeps_its_mean(count: int, values: list[float]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "BUCKETS", 16)
        kept = traced(list(enumerate(values[:count]))).means()
    width = kept[1][0] - kept[0][0] if len(kept) > 1 else count
    stretches = [values[start : min(start + width, count)] for start in range(0, count, width)]
    np.testing.assert_allclose([mean for _, mean in kept], [np.mean(stretch) for stretch in stretches], atol=1e-9)


@given(series())
def test_every_stretch_keeps_its_extremes(points: list[tuple[int, float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "BUCKETS", 16)
        kept = traced(points).points()
    assert len(kept) <= 2 * 16
    assert kept == sorted(kept) and set(kept) <= set(points)
    if len(points) <= 16:
        assert kept == points
    width = next(2**power for power in range(20) if len({step // 2**power for step, _ in points}) <= 16)
    for stretch in {step // width for step, _ in points}:
        whole = [value for step, value in points if step // width == stretch]
        left = [value for step, value in kept if step // width == stretch]
        assert (min(left), max(left)) == (min(whole), max(whole))


def colours(picture: Image.Image, half: slice) -> set[tuple[int, ...]]:
    return {tuple(pixel) for row in np.asarray(picture.convert("RGB"))[half] for pixel in row}


def test_a_critic_has_its_estimate_below_on_a_scale_of_its_own() -> None:
    """A critic has no accuracies."""
    kinds = {"d_real.loss": -9, "g.loss": 3, "critic.estimate": 5}
    rows = [{"step": step} | {kind: value * step for kind, value in kinds.items()} for step in (1, 2, 3)]
    picture = Image.open(io.BytesIO(Curves(rows).png()))
    middle = picture.height // 2
    above, below = colours(picture, slice(0, middle)), colours(picture, slice(middle, None))
    assert {BLUE, GREEN} <= above
    assert RED in below and not {BLUE, GREEN} & below


def test_a_peak_of_one_step_stays_in_the_picture_of_a_long_run() -> None:
    rows = [{"step": step, "g.loss": 1.0} for step in range(1, 100_001)]
    rows[54_321]["g.loss"] = 9.0
    picture = np.asarray(Image.open(io.BytesIO(Curves(rows).png())).convert("RGB")).astype(int)
    height, width = picture.shape[:2]
    top = picture[: height // 4, width * 4 // 10 : width * 6 // 10]
    assert np.any(top[..., 1] > top[..., 0] + 15)
