"""gan-train evaluate and diagnose. Heavy imports wait until a command needs them."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gan_core.command import JsonOption, print_json
from gan_core.errors import UsageError
from gan_core.program import choices
from gan_train.cli.options import RunArgument, answer
from gan_train.runs.layout import DIAGNOSIS

if TYPE_CHECKING:
    from gan_train.scoring.scores import Scored

scoring = typer.Typer()


@scoring.command()
def evaluate(
    folder: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run folder, local or gs://.", show_default=False)
    ] = None,
    data: Annotated[str | None, typer.Option("--data", help="Dataset folder with the real images.", show_default=False)] = None,
    images: Annotated[
        str | None,
        typer.Option("--images", help="Folder or zip of images to score, local or gs://; no run is named.", show_default=False),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="With --images: folder or zip of real images, instead of --data.", show_default=False),
    ] = None,
    extractor: Annotated[
        str,
        typer.Option(
            help="The network that extracts features: digits or fashion (packaged classifiers), inception, or the folder of a "
            "classifier's run; auto is the packaged classifier that fits the dataset, else inception."
        ),
    ] = "auto",
    weights: Annotated[
        str | None, typer.Option(help="File of Keras' InceptionV3 weights.  [default: $GANMILL_INCEPTION, cache, download]")
    ] = None,
    resizer: Annotated[
        str,
        typer.Option(
            **choices("nearest", "bilinear", "bicubic"),
            help="How images get the extractor's size; the last two are antialiased.",
        ),
    ] = "bicubic",
    split: Annotated[str, typer.Option(help="Split of the dataset that holds the real images.")] = "train",
    count: Annotated[
        int,
        typer.Option("--count", "-n", min=20, help="Number of real images, or all if there are fewer, and of generated ones."),
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the generated images' latents.")] = 0,
    step: Annotated[int | None, typer.Option(min=1, help="Which saved generator.  [default: the newest]")] = None,
    truncation: Annotated[
        list[float] | None,
        typer.Option(metavar="T", help="Redraw normal latents beyond T standard deviations. Repeat to compare several."),
    ] = None,
    truncation_psi: Annotated[
        list[float] | None,
        typer.Option(metavar="P", help="Redraw them beyond 2, then multiply them by P, up to 1. Repeat to compare several."),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Score every generator that the run saves, while it trains and until it ends."),
    ] = False,
    best: Annotated[str, typer.Option(help="The score that decides which generator is copied to RUN/best.")] = "fid",
    self_test: Annotated[bool, typer.Option("--self-test", help="Check the scores themselves against known values.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score a generator: FID, KID, Inception Score, precision, recall, density, coverage, MS-SSIM, classes.

    \b
      gan-train evaluate runs/first --data data/digits
      gan-train evaluate runs/first --data data/digits --step 4500 --count 50000
      gan-train evaluate runs/first --data data/digits --watch
      gan-train evaluate runs/first --data data/digits --truncation 2 --truncation 0.5
      gan-train evaluate runs/faces --data data/faces --extractor inception --weights inception_v3.h5
      gan-train evaluate --images theirs.zip --data data/digits
      gan-train evaluate --images generated --against photographs --extractor inception
      gan-train evaluate --self-test

    Each score comes with its protocol; the run folder gets them all in scores.jsonl, nearest neighbours in scores/ and the
    best generator in best/. Images of files are scored by the same code, and nothing is stored. Files of different sizes are
    resized one by one.

    Exit codes: 0 scored (with --watch: the run has ended), 1 a self-test failed, 3 no run or no weights.
    """
    if self_test:
        if folder or data or images or against:
            raise UsageError("--self-test checks the scores without a run; leave RUN, --data and --images out")
        _self_test(as_json)
    if images is not None or against is not None:
        if images is None or (data is None) == (against is None):
            raise UsageError("--images A goes with one reference: --data DATASET, or --against B")
        if folder or watch or step is not None or truncation or truncation_psi:
            raise UsageError("--images scores files of no run; leave RUN, --step, --watch and --truncation out")
        from gan_train.tools.score_images import ImageScoring, score_images

        scored_images = score_images(ImageScoring(images, data, against, extractor, weights, resizer, split, count))
        answer({"images": images} | scored_images.answer, "\n".join(scored_images.lines()), as_json)
        return
    if folder is None or data is None:
        raise UsageError(
            "name a run and its dataset: gan-train evaluate RUN --data FOLDER (or: gan-train evaluate --self-test)"
        )
    if watch and step is not None:
        raise UsageError("--watch scores every step; leave --step out")
    truncations: list[tuple[float | None, float | None]] = [(value, None) for value in truncation or ()]
    truncations += [(None, value) for value in truncation_psi or ()]
    if watch and len(truncations) > 1:
        raise UsageError("--watch scores every step once; give one --truncation or --truncation-psi")
    from gan_train.api import open_run
    from gan_train.latents.truncation import checked_truncation
    from gan_train.recipe.practice_config import LatentConfig
    from gan_train.scoring.evaluate import ScoringOptions

    for threshold, psi in truncations:
        # The last value is refused before the first takes its minutes.
        checked_truncation(LatentConfig(), threshold, psi)
    options: ScoringOptions = {
        "extractor": extractor,
        "weights": weights,
        "resizer": resizer,
        "split": split,
        "count": count,
        "seed": seed,
        "best": best,
    }
    run, documents = open_run(folder), []

    def scores() -> Iterator["Scored"]:
        for threshold, psi in truncations or [(None, None)]:
            chosen: ScoringOptions = {**options, "truncation": threshold, "truncation_psi": psi}
            if watch:
                yield from run.evaluate_each(data, **chosen)
            else:
                yield run.evaluate(data, step=step, **chosen)

    for scored in scores():
        documents.append(scored.answer)
        if not as_json:
            print(*scored.lines(), "", sep="\n", flush=True)
    if as_json:
        print_json(documents)


def _self_test(as_json: bool) -> NoReturn:
    """Check the scores against known values; exit code 1 if one is wrong."""
    from gan_train.metrics.self_test import self_test

    checks = self_test()
    if as_json:
        print_json([asdict(check) | {"passed": check.passed} for check in checks])
    else:
        print(*checks, sep="\n")
    raise typer.Exit(0 if all(check.passed for check in checks) else 1)


@scoring.command()
def diagnose(
    folder: RunArgument,
    write: Annotated[bool, typer.Option("--write", help=f"Replace {DIAGNOSIS} of a run that is not training.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how a training went and what to try, by applying the rules of this version to every step of its log.

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
    from gan_train.runs.run_folder import read_record
    from gan_train.scoring.quality import read_quality

    run = open_folder(folder)
    verdicts, record = open_run(folder).diagnose(), read_record(run)
    if write:
        if read_state(run) == TRAINING:
            raise UsageError(f"{run.uri}: is training, and its own process writes {DIAGNOSIS}; wait, or leave out --write")
        write_verdicts(run, verdicts)
    newest = verdicts[-1] if verdicts else None
    timeline, known = list(stretches(verdicts)), read_quality(run)
    if as_json:
        periods = [{"kind": one.last.kind, "from": one.first.step, "to": one.last.step} for one in timeline]
        ancestry, standing = [asdict(one) for one in record.ancestry], asdict(newest) if newest else None
        answer = {"run": run.uri, "standing": standing, "timeline": periods, "quality": asdict(known), "ancestry": ancestry}
        print_json(answer)
    else:
        if record.ancestry:
            print(f"first weights: {'; those of '.join(map(str, record.ancestry))}")
        print(*timeline, sep="\n")
        print(f"now: {newest}" if newest else "not judged yet: too few steps are logged")
        print(known)
    if newest and newest.failing:
        raise typer.Exit(FailedRunError.exit_code)
