"""The beginning of a session of training: first weights, and what differs from the session before, told and recorded."""

from gan_core.notices import say, warn
from gan_core.storage import Folder
from gan_train.loop.first_weights import take_weights, tell
from gan_train.loop.request import Request, absolute, begun_from
from gan_train.recipe.base import Recipe
from gan_train.runs.ancestry import Ancestor
from gan_train.runs.origin import check_unchanged, find_origin
from gan_train.runs.run_folder import holds_run, packages, read_record
from gan_train.runs.sessions import SessionRecord, intervals, read_sessions, write_sessions
from gan_train.systems.base import System


def first_weights(run: Folder, request: Request, system: System, reports: bool) -> tuple[Ancestor, ...]:
    """Set the system of a run that has no checkpoint yet to the first weights that its record or the request names.

    Returns:
        The runs that they come from, the nearest first; none if the first weights are random.

    Raises:
        UsageError, DataError: as `find_origin`, `take_weights` and `check_unchanged` say.
    """
    parent = begun_from(request, run)
    if parent is None:
        return ()
    recorded = read_record(run).ancestry if holds_run(run) else ()
    origin = find_origin(parent)
    if recorded:
        check_unchanged(origin, recorded[0], run.uri)
    ancestor = take_weights(system, origin, parent)
    if reports:
        tell(run.uri, ancestor)
    return (ancestor, *origin.record.ancestry)


def begin_session(run: Folder, request: Request, recipe: Recipe, start: int, reports: bool) -> None:
    """Record a session of training in the run folder.

    Args:
        run: the run folder, whose record is written.
        request: names the dataset and has the options.
        recipe: with the values of this session.
        start: the step it continues from.
        reports: whether to tell what changed.
    """
    sessions, record = read_sessions(run), read_record(run)
    first = SessionRecord(0, record.recipe.steps, absolute(record.dataset), intervals(record.recipe), {}, record.packages)
    before = sessions[-1] if sessions else first
    now = SessionRecord(start, recipe.steps, absolute(request.data), intervals(recipe), dict(request.options), packages(recipe))
    if reports:
        for name, value in now.intervals.items():
            if before.intervals.get(name) not in (None, value):
                say(f"{run.uri}: from step {start} on with {name} {value}, before {before.intervals[name]}")
        changed = [
            f"{name} {value}, before {before.packages.get(name, 'none')}"
            for name, value in now.packages.items()
            if before.packages.get(name) != value
        ]
        if changed:
            warn(
                f"{run.uri}: from step {start} on with other versions ({'; '.join(changed)}): "
                "the results may differ from those of the versions before"
            )
    write_sessions(run, [*sessions, now])
