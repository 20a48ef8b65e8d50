"""Layers of a player by name, as the key `freeze` of a recipe has them."""

import re
from typing import Annotated

from pydantic import AfterValidator


def _check_pattern(text: str) -> str:
    """The text itself. Raises ValueError if it has another form."""
    if not re.fullmatch(r"[\w-]+\.[\w-]+(\.\.\d+)?", text):
        raise ValueError("write PLAYER.LAYER or PLAYER.LAYER_1..3")
    return text


LayerPattern = Annotated[str, AfterValidator(_check_pattern)]
"""A layer, "discriminator.down_1", or several numbered ones, "discriminator.down_1..3"; see gan_train.systems.freezing."""
