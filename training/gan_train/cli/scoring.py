"""The gan-train commands that say what a run is worth. Heavy imports wait until a command needs them."""

from dataclasses import asdict
from typing import Annotated

import typer

from gan_core.command import JsonOption, print_json
from gan_core.errors import UsageError
from gan_train.runs.layout import DIAGNOSIS, REPORT

worth = typer.Typer()

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)]


@worth.command()
def evaluate(
    folder: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="Dataset folder with the real images.", show_default=False)] = None,
    extractor: Annotated[
        str,
        typer.Option(
            help="What looks at images: digits or fashion (packaged classifiers), inception, or the folder of a classifier's "
            "run; auto is the packaged classifier that fits the dataset, else inception."
        ),
    ] = "auto",
    weights: Annotated[
        str | None, typer.Option(help="File of Keras' InceptionV3 weights.  [default: $GANMILL_INCEPTION, cache, download]")
    ] = None,
    resizer: Annotated[
        str, typer.Option(help="To the extractor's size: nearest, bilinear or bicubic (both antialiased).")
    ] = "bicubic",
    split: Annotated[str, typer.Option(help="Of the dataset, whose images are the reals.")] = "train",
    count: Annotated[
        int, typer.Option("--count", "-n", min=20, help="Reals, or all if there are fewer, and as many fakes.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the fakes' latents.")] = 0,
    step: Annotated[int | None, typer.Option(min=1, help="Which saved generator.  [default: the newest]")] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Score every generator the run saves, beside it, until the run has ended.")
    ] = False,
    best: Annotated[str, typer.Option(help="The score by which the best generator is kept in RUN/best.")] = "fid",
    self_test: Annotated[bool, typer.Option("--self-test", help="Check the scores themselves against known values.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score a generator: FID, KID, Inception Score, precision, recall, density, coverage, MS-SSIM, classes.

    \\b
      gan-train evaluate runs/first --data data/digits
      gan-train evaluate runs/first --data data/digits --step 4500 --count 50000
      gan-train evaluate runs/first --data data/digits --watch
      gan-train evaluate runs/faces --data data/faces --extractor inception --weights inception_v3.h5
      gan-train evaluate --self-test

    Each score comes with its protocol; scores.jsonl of the run keeps them all, scores/ the nearest neighbours, best/ the
    best generator. Exit codes: 0 scored (with --watch: the run has ended), 1 a self-test failed, 3 no run or no weights.
    """
    if self_test:
        if folder or data:
            raise UsageError("--self-test checks the scores without a run; leave RUN and --data out")
        from gan_train.metrics.self_test import self_test as checks

        done = checks()
        if as_json:
            print_json([asdict(check) | {"passed": check.passed} for check in done])
        else:
            print(*done, sep="\n")
        raise typer.Exit(0 if all(check.passed for check in done) else 1)
    if folder is None or data is None:
        raise UsageError(
            "name a run and its dataset: gan-train evaluate RUN --data FOLDER (or: gan-train evaluate --self-test)"
        )
    if watch and step is not None:
        raise UsageError("--watch scores every step; leave --step out")
    from gan_train.pages.write import refresh_report
    from gan_train.scoring.evaluate import ScoringOptions
    from gan_train.scoring.watching import scores_of

    question = ScoringOptions(data, extractor, weights, resizer, split, count, seed, best)
    scored = []
    for one in scores_of(folder, question, step, watch):
        scored.append(one)
        if not as_json:
            print(*one.lines(), "", sep="\n", flush=True)
    refresh_report(folder)
    if as_json:
        print_json([one.document() for one in scored])


@worth.command()
def diagnose(
    folder: RunArgument,
    write: Annotated[bool, typer.Option("--write", help=f"Write {DIAGNOSIS} anew, of a run that does not train.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how a training went and what to try, from its log alone: every step judged anew, by today's rules.

    \b
      gan-train diagnose runs/first
      gan-train diagnose gs://bucket/runs/first --json

    Exit codes: 0 the newest verdict is no failure, 4 it is one, 3 no run here.
    """
    from gan_core.errors import FailedRunError, UsageError
    from gan_core.storage import open_folder
    from gan_train.api import open_run
    from gan_train.diagnosis.history import stretches
    from gan_train.logs.verdict import write_verdicts
    from gan_train.logs.watch import TRAINING, read_state

    run = open_folder(folder)
    verdicts = open_run(folder).diagnose()
    if write:
        if read_state(run) == TRAINING:
            raise UsageError(f"{run.uri}: it trains, and its own process writes {DIAGNOSIS}; wait for it, or leave out --write")
        write_verdicts(run, verdicts)
    standing = verdicts[-1] if verdicts else None
    timeline = list(stretches(verdicts))
    if as_json:
        judged_alike = [{"kind": one.last.kind, "from": one.first.step, "to": one.last.step} for one in timeline]
        print_json({"run": run.uri, "standing": asdict(standing) if standing else None, "timeline": judged_alike})
    else:
        print(*timeline, sep="\n")
        print(f"now: {standing}" if standing else "not judged yet: too few steps are logged")
    if standing and standing.failing:
        raise typer.Exit(FailedRunError.exit_code)


@worth.command()
def report(
    folder: RunArgument,
    out: Annotated[
        str | None, typer.Option("--out", "-o", help=f"An .html file, local or gs://.  [default: {REPORT} in RUN]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a run on one page: verdict, scores, curves, samples by step, dataset, recipe, time.

    \b
      gan-train report runs/first
      gan-train report runs/first -o first.html

    The trainer writes the same page at every snapshot and at the end; this makes it anew, with what was scored since. It
    adds pictures of the newest generator, which it keeps in RUN/pictures. The page is one file and asks for nothing.
    """
    from gan_train.pages.write import write_report

    made = write_report(folder, out)
    if as_json:
        print_json(made)
        return
    print(f"{made['out']}: {made['bytes'] / 2**20:.1f} MB, {made['state']}, {made['grids']} sample grids of {made['run']}")


@worth.command()
def compare(
    folders: Annotated[
        list[str], typer.Argument(metavar="RUN RUN ...", help="Run folders, local or gs://.", show_default=False)
    ],
    out: Annotated[str, typer.Option("--out", "-o", help="An .html file, local or gs://.")] = "compare.html",
    as_json: JsonOption = False,
) -> None:
    """Rank runs by the scores they share, and show them side by side on one page.

    \b
      gan-train compare runs/first runs/second
      gan-train compare runs/first runs/second runs/third -o three.html

    Only what was measured alike is ranked: the same extractor, resizer, dataset, split and numbers of images. Otherwise it
    says what differs, writes nothing and ends with 2. Runs without scores are shown, not ranked.
    """
    from gan_train.pages.compare import compare as make
    from gan_train.pages.ranking import lines

    document, ranked = make(folders, out)
    if as_json:
        print_json(document)
        return
    print(*lines(ranked), sep="\n")
    print(f"side by side: {out}")
