"""The Python interface: train a recipe, or open a run, and use it. docs/python-api.md shows it with examples.

Every call raises the exceptions of gan_core.errors, with the messages of the commands, and prints nothing unless it is told
to. Modules that load TensorFlow or Keras are imported by the calls that need them.
"""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import UsageError, check_least
from gan_core.notices import shown
from gan_core.storage import Folder, open_folder
from gan_core.temporary import temporary_folder
from gan_train.logs.metrics_log import read_metrics
from gan_train.logs.verdict import Verdict
from gan_train.loop.preflight import refuse_early
from gan_train.loop.request import Request, ResumeOptions, TrainingOptions, read_request, read_resumption
from gan_train.recipe.base import Recipe
from gan_train.runs.run_folder import RunRecord, read_record
from gan_train.sweeps.calling import sweep as sweep

if TYPE_CHECKING:
    import keras

    from gan_train.loop.run import Trained
    from gan_train.scoring.evaluate import ScoringOptions
    from gan_train.scoring.scores import Scored
    from gan_train.tools.conditions import Values


def train(
    recipe: str | os.PathLike[str],
    data: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    progress: bool = False,
    **options: Unpack[TrainingOptions],
) -> "Run":
    """Train a recipe on a dataset, or continue the run that `out` holds. Does the same as `gan-train run`.

    It can be called from any thread, and several times in one process. In the main thread SIGTERM and Ctrl-C commit a
    checkpoint and raise InterruptedRunError; the same call then continues, bit for bit.

    Args:
        recipe: name of a recipe ('gan-train recipes' lists them), a .yaml file, or a run folder.
        data: dataset folder, a path or gs:// URI.
        out: run folder, a path or gs:// URI.
        progress: show progress and warnings on stderr.
        options: see `TrainingOptions`.

    Returns:
        The run; its `trained` says how the training ended.

    Raises:
        UsageError: the recipe or an option is wrong, does not fit the dataset, or `out` holds something else.
        DataError: the dataset or the run is damaged.
        DivergenceError: a number is not finite, and `on_divergence` ends the run.
        FailedRunError: the training fails, and `on_failure` ends the run.
        StorageError: a folder cannot be read or written.
        InterruptedRunError: a signal arrived, or a worker was lost.
    """
    return run_request(read_request(os.fspath(recipe), os.fspath(data), os.fspath(out), **options), progress)


def resume(
    run: str | os.PathLike[str],
    *,
    data: str | os.PathLike[str] | None = None,
    progress: bool = False,
    **options: Unpack[ResumeOptions],
) -> "Run":
    """Continue a run from its folder alone. Does the same as `gan-train run --resume`.

    All that is left out is as in the run's newest session: recipe, dataset, last step and options.

    Args:
        run: run folder, a path or gs:// URI.
        data: dataset folder, if it was moved.
        progress: show progress and warnings on stderr.
        options: see `ResumeOptions`; `overrides` may change log_every, snapshot_every, checkpoint_every and steps_per_call,
            which change no result.

    Returns:
        The run; its `trained` says how the training ended.

    Raises:
        DataError: the folder holds no run, the dataset is not there, or one of them is damaged.
        UsageError: an option is wrong, or would change the results of the run.
        DivergenceError, FailedRunError, StorageError, InterruptedRunError: as `train` says.
    """
    request = read_resumption(os.fspath(run), None if data is None else os.fspath(data), **options)
    return run_request(request, progress)


def run_request(request: Request, progress: bool) -> "Run":
    """Train as a request says; TensorFlow is loaded only once all that needs none of it was checked. For `train`."""
    refuse_early(request)
    from gan_core.quiet import import_tensorflow

    with temporary_folder(), shown() if progress else nullcontext():
        import_tensorflow()
        from gan_train.loop.run import train as train_request

        trained = train_request(request)
    return Run(request.out, trained)


def open_run(uri: str | os.PathLike[str]) -> "Run":
    """Open a run folder, local or on gs://. TensorFlow is not loaded.

    Raises:
        DataError: the folder holds no run, or its recipe.yaml is damaged.
        StorageError: it cannot be read.
    """
    run = Run(os.fspath(uri))
    _ = run.recipe
    return run


@dataclass(frozen=True)
class Run:
    """A run folder. Nothing is kept in memory: each call reads the folder as it is then, also while the run trains.

    Attributes:
        uri: the folder, a path or gs:// URI.
        trained: how the call of `gan_train.train` that made this object ended; None of an opened run.
    """

    uri: str
    trained: "Trained | None" = None

    @property
    def recipe(self) -> Recipe:
        """The recipe, with every value. Raises DataError if recipe.yaml is missing or damaged."""
        return self._record.recipe

    @property
    def step(self) -> int:
        """The step of the newest complete checkpoint; 0 before the first."""
        from gan_train.runs.layout import committed_steps

        return max(committed_steps(self._folder), default=0)

    @property
    def metrics(self) -> dict[str, NDArray[np.float64]]:
        """The log as a table: a column for each metric, with a value for each logged step; NaN where a row has none.

        `pandas.DataFrame(run.metrics)` is a data frame of it. Raises DataError at a damaged line.
        """
        rows = list(read_metrics(self._folder))
        names = dict.fromkeys(name for row in rows for name in row)
        return {name: np.array([row.get(name, np.nan) for row in rows], np.float64) for name in names}

    @property
    def generator(self) -> "keras.Model":
        """The newest saved generator.

        It takes latents, float32 (n, latent_size), or [latents, classes] with classes int32 (n,), and gives float32 images
        in the recipe's range. The generator of a translator takes images of the same kind as it gives.

        Raises:
            DataError: no generator is saved yet, or it is damaged.
            UsageError: the recipe trains none.
        """
        from gan_train.sampling.saved import saved_network

        return saved_network(self.uri).sampling_network()

    def sample(
        self,
        n: int | None = None,
        *,
        seed: int = 0,
        class_: "Values | None" = None,
        code: "Values | None" = None,
        truncation: float | None = None,
        truncation_psi: float | None = None,
        step: int | None = None,
    ) -> NDArray[Any]:
        """Generate examples. Does the same as `gan-train sample`.

        Args:
            n: how many; None is 25, or 10 of each class or code, or 1000 points.
            seed: chooses the latents; the first ones do not depend on `n`.
            class_: of a run with classes, those that the images take in turn; None is all.
            code: the same of an InfoGAN run.
            truncation: redraw numbers of normal latents beyond this many standard deviations (Brock et al. 2019).
            truncation_psi: redraw them beyond two standard deviations, then multiply them by this factor, above 0 and up to 1.
            step: of the saved generator; None is the newest.

        Returns:
            Images, uint8 (n, height, width, channels), or points, float32 (n, 2).

        Raises:
            UsageError: the run has no such class, code or step, or makes no examples from latents.
            DataError: no generator is saved yet, or it is damaged.
        """
        from gan_train.sampling.generator import MOST_IMAGES, saved_generator
        from gan_train.tools.conditions import ConditionOptions
        from gan_train.tools.latent_options import LatentOptions
        from gan_train.tools.sample import generate_samples

        check_least(1, n=n)
        check_least(0, seed=seed)
        if n is not None and n > MOST_IMAGES:
            raise UsageError(f"n={n}: at most {MOST_IMAGES:,} in one call")
        choice = LatentOptions(count=n, seed=seed, truncation=truncation, psi=truncation_psi)
        return generate_samples(saved_generator(self.uri, step), choice, ConditionOptions.of(class_, code)).values

    def interpolate(
        self,
        paths: int = 10,
        steps: int = 10,
        *,
        seed: int = 0,
        mode: str | None = None,
        class_: "Values | None" = None,
        code: "Values | None" = None,
        step: int | None = None,
    ) -> NDArray[np.uint8]:
        """Generate the images between pairs of random latents. Does the same as `gan-train interpolate`.

        Args:
            paths: how many pairs.
            steps: images of a path, with both ends.
            seed: chooses the latents.
            mode: "lerp" (straight lines) or "slerp" (great arcs); None is slerp for normal latents, lerp for uniform ones.
            class_: of a run with classes, those that the paths take in turn; None is all.
            code: the same of an InfoGAN run.
            step: of the saved generator; None is the newest.

        Returns:
            uint8 (paths, steps, height, width, channels).

        Raises:
            UsageError: an argument is wrong, or the run makes no images from latents.
            DataError: no generator is saved yet, or it is damaged.
        """
        from gan_train.sampling.generator import saved_generator
        from gan_train.tools.conditions import ConditionOptions
        from gan_train.tools.interpolate import PathOptions, generate_paths

        check_least(1, paths=paths)
        check_least(2, steps=steps)
        check_least(0, seed=seed)
        generator, points = saved_generator(self.uri, step), PathOptions(paths, seed)
        return generate_paths(generator, points, ConditionOptions.of(class_, code), mode, steps).images

    def translate(
        self,
        images: NDArray[np.uint8],
        *,
        direction: str | None = None,
        size: str = "fit",
        inference: str = "training",
        seed: int = 0,
        step: int | None = None,
    ) -> NDArray[np.uint8]:
        """Translate images by a run of Pix2Pix or CycleGAN. Does the same as `gan-train translate`.

        Args:
            images: uint8 (n, height, width, 3).
            direction: of CycleGAN "a-to-b" or "b-to-a"; None is the first.
            size: "fit" stretches the images to the size of training and their translations back; "native" translates at
                the images' own size.
            inference: "training" normalises each image by its own statistics and keeps dropout, as Isola et al. 2017 do;
                "averages" does neither.
            seed: chooses what dropout drops.
            step: of the saved generator; None is the newest.

        Returns:
            uint8 (n, height, width, 3).

        Raises:
            UsageError: an argument is wrong, or the run translates nothing.
            DataError: no generator is saved yet, or it is damaged.
        """
        from gan_train.sampling.translator import saved_translator
        from gan_train.tools.translate import TranslationOptions, translate_array

        check_least(0, seed=seed)
        options = TranslationOptions(direction, size=size, inference=inference, seed=seed)
        options.check()
        return translate_array(saved_translator(self.uri, direction, step), images, options)

    def evaluate(
        self, data: str | os.PathLike[str], *, step: int | None = None, **options: "Unpack[ScoringOptions]"
    ) -> "Scored":
        """Score a generator beside real images. Does the same as `gan-train evaluate`.

        Args:
            data: dataset folder with the real images, a path or gs:// URI.
            step: of the saved generator; None is the newest.
            options: see `gan_train.scoring.evaluate.ScoringOptions`.

        Returns:
            `values` by name, such as "fid", and the `protocol` by which they were measured; the run keeps both.

        Raises:
            UsageError: an argument is wrong, or the dataset does not fit the run.
            DataError: no generator, dataset or weights there, or they are damaged.
            StorageError: the run folder cannot be written.
        """
        from gan_train.pages.write import refresh_report
        from gan_train.scoring.evaluate import Evaluation

        scored = Evaluation(self.uri, os.fspath(data), step, **options).score()
        refresh_report(self.uri)
        return scored

    def evaluate_each(self, data: str | os.PathLike[str], **options: "Unpack[ScoringOptions]") -> "Iterator[Scored]":
        """Score every generator that the run saves, while it trains and until it ends: `gan-train evaluate --watch`.

        Arguments and errors are those of `evaluate`. Generators that are scored by the same protocol already are left out.
        """
        from gan_train.pages.write import refresh_report
        from gan_train.scoring.watching import score_saved

        yield from score_saved(self.uri, os.fspath(data), **options)
        refresh_report(self.uri)

    def diagnose(self) -> list[Verdict]:
        """All verdicts on the training, in order, judged from its log by today's rules; none of a run too short to judge.

        The last one is how it stands. TensorFlow is not loaded. Raises DataError if the log is damaged.
        """
        from gan_train.diagnosis.history import diagnose_run

        return diagnose_run(self._folder)

    def report(self, out: str | os.PathLike[str] | None = None) -> str:
        """Write the page of the run: verdict, scores, curves, samples, dataset, recipe, time.

        Args:
            out: path or gs:// URI that ends in .html; None is report.html in the run folder.

        Returns:
            Path or URI of the page.

        Raises:
            UsageError: `out` does not end in .html.
            DataError: the run is damaged.
            StorageError: the page cannot be written.
        """
        from gan_train.pages.write import write_report

        return str(write_report(self.uri, None if out is None else os.fspath(out))["out"])

    @property
    def _folder(self) -> Folder:
        return open_folder(self.uri)

    @property
    def _record(self) -> RunRecord:
        return read_record(self._folder)
