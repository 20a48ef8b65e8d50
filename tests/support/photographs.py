"""Small photographs for the tests, cut from the one photograph the repository holds."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

FACES = Path(__file__).parents[1] / "data" / "faces"


def photographs() -> list[Image.Image]:
    """The one photograph that tests have, cut into 64 squares of 64 pixels."""
    photograph = Image.open(FACES / "astronaut.png").convert("RGB").resize((512, 512))
    corners = [(left, top) for top in range(0, 512, 64) for left in range(0, 512, 64)]
    return [photograph.crop((left, top, left + 64, top + 64)) for left, top in corners]


def save_pictures(folder: Path, pictures: Iterable[Image.Image]) -> Path:
    """Write images into a new folder, by number, and return it."""
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number:02d}.png")
    return folder


def grey(picture: Image.Image) -> Image.Image:
    """The same picture without colours, in three channels."""
    return picture.convert("L").convert("RGB")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two images of one size side by side in one."""
    both = Image.new("RGB", (2 * left.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both
