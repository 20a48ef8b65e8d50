"""A gs:// prefix as a file tree."""

from functools import cached_property

import google_crc32c

from gan_core.errors import StorageError
from gan_core.names import escape_name
from gan_core.storage import Entry, Folder
from gan_core.storage.gcs_client import CONNECTIONS
from gan_pipeline.sources.file_tree import MAX_FILE, TreeLabels, changed_names, is_hidden, tree_signature


class CloudTree:
    """See FileTree. A file that is replaced after it was listed is not read."""

    parallel_reads = CONNECTIONS
    notes: tuple[str, ...] = ()
    labels: TreeLabels | None = None

    def __init__(self, folder: Folder, without: str = "") -> None:
        self.uri, self.without = folder.uri, without
        self._folder = folder

    @cached_property
    def _entries(self) -> dict[str, Entry]:
        return self._list()

    def _list(self) -> dict[str, Entry]:
        entries = self._folder.entries()
        if not entries:
            raise StorageError(f"{self.uri}: not found, or empty; check the bucket and the path")
        named = {escape_name(entry.name): entry for entry in entries if not is_hidden(entry.name)}
        return {name: entry for name, entry in named.items() if not (self.without and name.startswith(self.without))}

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._entries))

    def folders(self, folder: str) -> frozenset[str]:
        return frozenset()

    def read(self, name: str) -> bytes:
        entry = self._entries[name]
        return self._folder.read(entry.name, entry.version, limit=MAX_FILE)

    def checksums(self) -> dict[str, str]:
        return _checksums(self._entries)

    def checksum(self, content: bytes) -> str:
        return f"crc32c:{google_crc32c.value(content):08x}"

    def changed(self) -> list[str]:
        return changed_names(self.checksums(), _checksums(self._list()))

    def signature(self) -> str:
        return tree_signature((name, entry.size, str(entry.checksum)) for name, entry in sorted(self._list().items()))


def _checksums(entries: dict[str, Entry]) -> dict[str, str]:
    return {name: str(entry.checksum) for name, entry in sorted(entries.items())}
