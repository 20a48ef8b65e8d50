"""losses.png of a run: its colours, and the same picture whether rows came one by one or were read back."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from gan_train.logs.curves import Curves

BLUE, ORANGE, GREEN = (0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E), (0x2C, 0xA0, 0x2C)


def colours(picture: Image.Image, half: slice) -> set[tuple[int, ...]]:
    return {tuple(pixel) for row in np.asarray(picture.convert("RGB"))[half] for pixel in row}


def test_losses_above_accuracies_below_in_their_colours(trained: Path) -> None:
    """Blue is real, orange is fake, green the generator, which has no accuracy."""
    picture = Image.open(trained / "losses.png")
    middle = picture.height // 2
    above, below = colours(picture, slice(0, middle)), colours(picture, slice(middle, None))
    assert {BLUE, ORANGE, GREEN} <= above
    assert {BLUE, ORANGE} <= below and GREEN not in below


def test_the_picture_of_a_resumed_run_is_that_of_an_unbroken_one(trained: Path) -> None:
    """The picture depends on the rows alone, whether they came one by one or were read back."""
    rows = [json.loads(line) for line in (trained / "metrics.jsonl").read_text().splitlines()]
    assert Curves(rows).png() == (trained / "losses.png").read_bytes()
