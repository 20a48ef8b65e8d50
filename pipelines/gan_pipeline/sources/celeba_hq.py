"""The file names of CelebA-HQ (Karras et al. 2018) and CelebAMask-HQ (Lee et al. 2020).

An image is known by its number: `0.jpg` in CelebAMask-HQ, `00000.jpg` in Kaggle's copies, `imgHQ00000.npy` from the scripts
that make it. CelebA-HQ-to-CelebA-mapping.txt names the CelebA photograph of each number.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from gan_core.errors import DataError
from gan_core.text import printable

_NUMBERED = re.compile(r"(?:imghq)?(\d{1,9})", re.IGNORECASE)
_MASKS = "celebamask-hq-mask"


def is_mask(name: str) -> bool:
    """Whether a file lies in one of CelebAMask-HQ's folders of masks."""
    return any(part.startswith(_MASKS) for part in name.lower().split("/")[:-1])


def hq_key(mapping: Mapping[int, str] | None, where: str) -> Callable[[str], str]:
    """A function from the path of a CelebA-HQ image to the file name of its row in a table.

    Args:
        mapping: the CelebA photograph by number, for a table of CelebA; None for a table of CelebAMask-HQ.
        where: the file that the numbers come from, for messages.

    Returns:
        A function that raises DataError if the name holds no number, or one that is not in the mapping.
    """

    def key(name: str) -> str:
        found = _NUMBERED.fullmatch(PurePosixPath(name).stem)
        if not found:
            raise DataError(
                f"{where}: {printable(name)} is not named by its number in CelebA-HQ; give the folder of its images"
            )
        number = int(found[1])
        if mapping is None:
            return f"{number}.jpg"
        if number not in mapping:
            raise DataError(f"{where}: no row for image {number}, {printable(name)}; fetch the file again")
        return mapping[number]

    return key
