"""The commands of gan-train as `gan-train submit` knows them."""

from gan_core.errors import UsageError
from gan_core.jobs.line import Line, Program, Tasks
from gan_train.cli.sweeps import run_options


def _check(line: Line) -> None:
    """Check the recipe of a command that has one, so that a wrong override is found before a machine is paid for.

    Raises:
        UsageError: the recipe or an override is wrong, or the recipe is a file, which the image does not have.
    """
    from gan_train.recipe.document import load_recipe

    given = line.values
    if line.command == "run" and given["resume"] is None and None in (given["recipe"], given["data"], given["out"]):
        raise UsageError("run: name a recipe, --data and -o, or --resume with a run on gs://")
    recipe = given.get("recipe")
    if recipe is None:
        return
    if recipe.endswith((".yaml", ".yml")) and not recipe.startswith("/"):
        raise UsageError(
            f"{line.command}: {recipe} is a file of this machine; put it into the image or on a volume and give its full path "
            "there, or name an installed recipe and --set"
        )
    if not recipe.startswith("/"):
        load_recipe(recipe, line.values.get("overrides") or (), line.values.get("short", False))


def _split(line: Line) -> Tasks | None:
    """The runs of a sweep or a repetition; its file is read here, so that the job does not need it.

    Raises:
        UsageError: the file or the record of the run is wrong, or an option makes no sense for a job.
    """
    from gan_train.sweeps.document import read_sweep
    from gan_train.sweeps.planning import plan_sweep
    from gan_train.sweeps.printing import array_line
    from gan_train.sweeps.repetition import parse_seeds, plan_repetition

    if line.command not in ("sweep", "repeat"):
        return None
    given = line.values
    if given["jobs"] != 1 or given["form"] or given["dry_run"]:
        raise UsageError(f"{line.command}: as a job it has no --jobs, --print or --dry-run; give --at-once to submit instead")
    options = run_options(line.further)
    if line.command == "sweep":
        planned = plan_sweep(read_sweep(given["file"]), given["out"], given["short"], options)
    else:
        planned, _ = plan_repetition(given["folder"], parse_seeds(given["seeds"]), given["out"], given["data"], options)
    return Tasks([run.arguments for run in planned], array_line(planned))


def _doctor(line: Line) -> tuple[str, ...]:
    """The arguments of `doctor` before a command: it looks at what the command reads and writes, and tries its recipe."""
    if line.command == "doctor":
        return ()
    given = line.values
    writes = line.command in ("run", "sweep", "repeat")
    named = {
        "--data": given.get("data"),
        "-o": (given.get("out") or given.get("resume")) if writes else None,
        "--recipe": (given.get("recipe") or given.get("resume")) if line.command == "run" else None,
        "--strategy": given.get("strategy"),
        "--cluster-timeout": given.get("cluster_timeout"),
    }
    options = [part for name, value in named.items() if value is not None for part in (name, str(value))]
    if line.command == "run":
        options += [part for override in given.get("overrides") or () for part in ("--set", override)]
        options += ["--short"] if given.get("short") else []
    return ("--in-job", *options)


PROGRAM = Program(
    name="gan-train",
    example="run mnist-gan --data gs://BUCKET/digits -o gs://BUCKET/runs/first",
    folders=frozenset({"data", "out", "folder", "folders", "images", "resume", "runs"}),
    words=frozenset(),
    check=_check,
    split=_split,
    doctor=_doctor,
)
