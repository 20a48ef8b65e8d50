"""The official files of the small datasets by their sha256, so that files of another dataset are noticed.

Sums of packed files are those that TensorFlow Datasets 4.9.10 and Keras 3 publish (url_checksums/*.txt, src/datasets/*.py).
Sums of unpacked content were taken from the files of Debian's package dataset-fashion-mnist and of the MNIST test set that
this package ships: of those files the packed sums differ from one packer to the next.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from gan_core.errors import DataError

_CHUNK = 1 << 20


@dataclass(frozen=True)
class OfficialFile:
    """A file of a dataset: the dataset's name here, and its part, such as "train images" or "archive"."""

    dataset: str
    part: str


_PARTS = ("train images", "train labels", "test images", "test labels")
_SUMS = {
    "mnist": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    "fashion_mnist": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
    "kmnist": (
        "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
        "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
        "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
        "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
    ),
}
_CONTENT_SUMS = {
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888": OfficialFile("fashion_mnist", "train images"),
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9": OfficialFile("fashion_mnist", "train labels"),
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b": OfficialFile("fashion_mnist", "test images"),
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34": OfficialFile("fashion_mnist", "test labels"),
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7": OfficialFile("mnist", "test images"),
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2": OfficialFile("mnist", "test labels"),
}
_ARCHIVE_SUMS = {
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce": OfficialFile("cifar10", "archive"),
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd": OfficialFile("cifar10", "archive"),
    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7": OfficialFile("cifar100", "archive"),
    "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec": OfficialFile("cifar100", "archive"),
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1": OfficialFile("mnist", "archive"),
}
OFFICIAL = {
    **{
        checksum: OfficialFile(dataset, part)
        for dataset, sums in _SUMS.items()
        for part, checksum in zip(_PARTS, sums, strict=True)
    },
    **_CONTENT_SUMS,
    **_ARCHIVE_SUMS,
}
"""Every known file by the sha256 of the file or of its unpacked content, in hexadecimal digits."""


def file_sum(file: IO[bytes]) -> str:
    """sha256 of a file from its start on; it is left at its start."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def check_official(dataset: str, part: str, sums: Sequence[str], where: str) -> bool:
    """Compare a file with the known ones.

    Args:
        dataset: the dataset that the user named.
        part: what the file is to be, such as "train images".
        sums: sha256 of the file, and of its content.
        where: the file, for the message.

    Returns:
        Whether it is known to be that part of the dataset.

    Raises:
        DataError: it is known to belong to another dataset, or to be another part of this one.
    """
    known = next((OFFICIAL[checksum] for checksum in sums if checksum in OFFICIAL), None)
    if known is None:
        return False
    if known.dataset != dataset:
        raise DataError(
            f"{where}: this is the official file of {known.dataset} ({known.part}), not of {dataset}, whose class names would "
            f"be wrong for it; write 'gan-pipeline prepare {known.dataset}', or give the files of {dataset} with --source"
        )
    if known.part not in (part, "archive"):
        raise DataError(
            f"{where}: this is {dataset}'s official file of {known.part} under the name of its {part}; "
            "give the files their own names, or fetch them again"
        )
    return True


def unknown_note(dataset: str, where: str) -> str:
    """A sentence for the user about files that are not known."""
    return (
        f"{where}: not an official file of {dataset} by its checksum; it is read as data of your own, "
        f"and its labels get the class names of {dataset}"
    )
