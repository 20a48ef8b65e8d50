"""trackers.json: the name that each tracker has for a run, so that a resumed run goes on in the same place."""

from pydantic import TypeAdapter

from gan_core.documents import PrintableText, read_json
from gan_core.storage import Folder
from gan_pipeline.dataset.manifest import dump_json
from gan_train.runs.layout import TRACKERS

_IDENTITIES = TypeAdapter(dict[str, PrintableText])


def read_identity(run: Folder, tracker: str) -> str | None:
    """The name of a run with a tracker; None before it is first followed. Raises DataError if trackers.json is damaged."""
    return _read(run).get(tracker)


def write_identity(run: Folder, tracker: str, identity: str) -> None:
    """Remember the name of a run with a tracker."""
    run.write(TRACKERS, dump_json(_read(run) | {tracker: identity}))


def _read(run: Folder) -> dict[str, str]:
    if not run.exists(TRACKERS):
        return {}
    return read_json(run, TRACKERS, _IDENTITIES, "remove it; the trackers then begin a new run")
