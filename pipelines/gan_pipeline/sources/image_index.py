"""From a file name as somebody wrote it to the image of a source it means."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from gan_core.errors import DataError


class ImageIndex:
    """Images by the end of their path, with or without the ending of the name.

    Args:
        names: of the images, from the source on.
        source: the path of the source; what is written may start with it, or with the last folders of it.
    """

    def __init__(self, names: Iterable[str], source: str = "") -> None:
        self._source = _parts(source.removesuffix(".zip"))
        self._names = frozenset(names)
        self._by_file: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for name in self._names:
            path = PurePosixPath(name)
            self._by_file.setdefault(path.name, []).append(name)
            self._by_stem.setdefault(path.stem, []).append(name)

    def find(self, written: str, base: str, place: str) -> str | None:
        """The image that is meant, or None if there is none.

        Args:
            written: relative to `base` or to the source, the path of the source and more, or just the end of a path.
            base: folder of the file that was written in, with "/" at its end, or empty.
            place: for messages.

        Raises:
            DataError: two images could be meant.
        """
        wanted = written.replace("\\", "/").removeprefix("./").strip("/")
        parts = _parts(wanted)
        below = ["/".join(parts[count:]) for count in range(1, len(parts)) if parts[:count] == self._source[-count:]]
        found = (self._find(path, base, place, written) for path in (wanted, *below))
        return next((name for name in found if name), None)

    def _find(self, wanted: str, base: str, place: str, written: str) -> str | None:
        for exact in (base + wanted, wanted):
            if exact in self._names:
                return exact
        file = wanted.rpartition("/")[2]
        for found in (
            [name for name in self._by_file.get(file, ()) if f"/{name}".endswith(f"/{wanted}")],
            [name for name in self._by_stem.get(file, ()) if f"/{_without_ending(name)}".endswith(f"/{wanted}")],
        ):
            within = [name for name in found if name.startswith(base)] or found
            if len(within) > 1:
                first, second = sorted(within)[:2]
                raise DataError(f"{place}: {written} may be {first} or {second}; write the path from the source on")
            if within:
                return within[0]
        return None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _without_ending(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
