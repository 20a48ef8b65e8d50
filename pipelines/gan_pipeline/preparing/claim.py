"""Claims a folder for a dataset, and refuses one that belongs to another dataset or to something else."""

from collections.abc import Callable

from pydantic import TypeAdapter

from gan_core.documents import read_json
from gan_core.errors import UsageError
from gan_core.notices import warn
from gan_core.storage import WORK, Folder
from gan_pipeline.dataset.features import Frozen
from gan_pipeline.dataset.manifest import Manifest, dump_json, read_manifest
from gan_pipeline.dataset.options import Options
from gan_pipeline.sources.resolve import FILES, resolve_source

PLAN = f"{WORK}/plan.json"
_REMEDY = "choose another folder with -o, or use the earlier options"


class Claim(Frozen):
    """The content of plan.json: the options of the dataset, and the fingerprint of the source's content."""

    options: Options
    fingerprint: str


CLAIM = TypeAdapter(Claim)


def claim(folder: Folder, options: Options, fingerprint: str) -> None:
    """Mark the folder as being prepared with these options from this content, or check that it is so already.

    Raises:
        UsageError: it holds other files, or was begun with other options; the message names the difference.
        DataError: its plan is not readable.
    """
    plan = _plan_json(options, fingerprint)
    if not folder.exists(PLAN):
        _refuse_foreign(folder)
        # Of two runs that begin at the same moment one writes the plan, and the other compares its own with it.
        if folder.write_new(PLAN, plan):
            try:
                # Another run may have begun and finished since the check above, and left its dataset.
                _refuse_foreign(folder)
            except UsageError:
                folder.remove(PLAN)
                raise
            return
    earlier = read_json(folder, PLAN, CLAIM, f"remove {folder.uri} and start again")
    same_content = earlier.fingerprint == fingerprint
    _refuse_difference(folder, "was left half-written", earlier.options, options, lambda: same_content, _REMEDY)


def _refuse_foreign(folder: Folder) -> None:
    foreign = [name for name in folder.names() if not name.startswith(f"{WORK}/")]
    if foreign:
        raise UsageError(f"{folder.uri}: holds other files ({foreign[0]}); choose an empty or new folder with -o")


def begin(folder: Folder, options: Options, fingerprint: str) -> None:
    """Mark a folder as being prepared, without looking at what it holds."""
    folder.write(PLAN, _plan_json(options, fingerprint))


def _plan_json(options: Options, fingerprint: str) -> bytes:
    return dump_json(Claim(options=options, fingerprint=fingerprint).model_dump(mode="json"))


def check_finished(folder: Folder, options: Options, compare_source: bool = True) -> Manifest:
    """The manifest of a finished folder, if it is what these options would make of the source as it is now.

    Args:
        folder: the finished folder.
        options: the options of now.
        compare_source: whether the content of the source is compared, if it is still where it was. That reads the checksums
            that a bucket or an archive has of its files, and all of a local folder.

    Raises:
        UsageError: it was made with other options or from other content.
        DataError, StorageError: the source is damaged, or cannot be read.
    """
    manifest = read_manifest(folder)

    def same_content() -> bool:
        same_name = manifest.options.source == options.source
        spec = resolve_source(options, folder.uri)
        if same_name and not (compare_source and spec.kind == FILES):
            return True
        if same_name and not spec.is_there():
            warn(f"{options.source}: not there any more, so {folder.uri} was not compared with it")
            return True
        return spec.open().fingerprint == manifest.source.fingerprint

    remedy = _REMEDY
    if manifest.options == options:
        remedy = 'choose another folder with -o, or one named by content ("data-{content}"), or add --retry-failed if only '
        remedy += "inputs that were dropped have been replaced"
    _refuse_difference(folder, "is finished", manifest.options, options, same_content, remedy)
    return manifest


def _refuse_difference(
    folder: Folder, state: str, earlier: Options, asked: Options, same_content: Callable[[], bool], remedy: str
) -> None:
    """Raise UsageError naming the first option that differs; the same content from another place is the same."""
    # The source is compared last: another split changes its content too, but the user should be told of the split.
    for name in sorted(Options.model_fields, key="source".__eq__):
        before, now = getattr(earlier, name), getattr(asked, name)
        if not same_content() if name == "source" else before != now:
            change = "whose content has changed since" if before == now else f"now asked for {name}={_show(now)}"
            raise UsageError(f"{folder.uri}: {state} with {name}={_show(before)}, {change}; {remedy}")


def _show(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    listed = ",".join(map(str, value))
    # Only datasets of an earlier version say their classes by number.
    return f"{listed} of all classes" if value and isinstance(value[0], int) else listed
