"""gan-train classify: the accuracy of the classifier of a run on a dataset folder."""

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from gan_core.errors import DataError, UsageError
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.sharding import HELD_OUT
from gan_train.recipe.base import CLASSIFIER, Recipe
from gan_train.recipe.examples import ImageConfig
from gan_train.runs.run_folder import read_record
from gan_train.runs.saved_networks import load_network, saved_step

if TYPE_CHECKING:
    import keras

    from gan_train.data.dataset import Dataset

MOST_STEPS_ALONE = 1_000
"""Default limit on the steps of the supervised baseline, which fits its few examples by then."""

_BATCH = 250


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix: counts of examples, int64 (classes, classes), by true class (row) and predicted class (column)."""

    counts: NDArray[np.int64]

    @property
    def examples(self) -> NDArray[np.int64]:
        """The number of examples of each class, int64 (classes,)."""
        return self.counts.sum(axis=1)

    @property
    def accuracy(self) -> float:
        """The share of examples whose class was predicted."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def class_accuracy(self) -> list[float | None]:
        """The accuracy of each class; None for a class without examples."""
        right = np.diag(self.counts).tolist()
        return [hits / count if count else None for hits, count in zip(right, self.examples.tolist(), strict=True)]


@dataclass(frozen=True)
class Classified:
    """The result of `classify`.

    Attributes:
        run: run folder.
        step: training step of the classifier.
        data: dataset folder.
        split: split of the dataset.
        class_names: names of the classes by number.
        confusion: confusion matrix of the classifier.
        alone: confusion matrix of the supervised baseline, if one was trained.
        steps_alone: training steps of the baseline.
    """

    run: str
    step: int
    data: str
    split: str
    class_names: tuple[str, ...]
    confusion: Confusion
    alone: Confusion | None = None
    steps_alone: int = 0

    def report(self) -> dict[str, Any]:
        """The document for --json."""
        place = {"run": self.run, "step": self.step, "data": self.data, "split": self.split}
        result = place | {"examples": int(self.confusion.counts.sum())} | self._numbers(self.confusion)
        if self.alone:
            result["labels_alone"] = {"steps": self.steps_alone} | self._numbers(self.alone)
        return result

    def _numbers(self, confusion: Confusion) -> dict[str, Any]:
        by_name = dict(zip(self.class_names, confusion.class_accuracy, strict=True))
        return {"accuracy": confusion.accuracy, "class_accuracy": by_name, "confusion": confusion.counts.tolist()}

    def text(self) -> str:
        """The text for people: accuracies, then a table with a row for each class."""
        count = int(self.confusion.counts.sum())
        lines = [f"step {self.step}: {self.confusion.accuracy:.1%} of {count:,} examples right ({self.split} of {self.data})"]
        if self.alone:
            lines.append(f"labels alone, {self.steps_alone:,} steps: {self.alone.accuracy:.1%}")
        return "\n".join([*lines, "", *self._table()])

    def _table(self) -> list[str]:
        """The table: accuracies of each class, and the predictions of the run's classifier for its examples."""
        counts = self.confusion.counts
        shares = {"right": self.confusion.class_accuracy} | ({"alone": self.alone.class_accuracy} if self.alone else {})
        names = max(len("class"), *(len(name) for name in self.class_names))
        wide = max(len(str(counts.max())), len(str(len(counts) - 1)))
        head = f"{'#':>{wide}} {'class':{names}} {'examples':>8}" + "".join(f" {title:>6}" for title in shares) + "  taken for:"
        rows = [head + "".join(f" {number:>{wide}}" for number in range(len(counts)))]
        for number, name in enumerate(self.class_names):
            shown = "".join(f" {_percent(by_class[number]):>6}" for by_class in shares.values())
            predicted = "".join(f" {count or '.':>{wide}}" for count in counts[number].tolist())
            rows.append(f"{number:>{wide}} {name:{names}} {self.confusion.examples[number]:>8}{shown}{'':12}{predicted}")
        return rows


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def classify(
    folder: str, data: str, split: str | None = None, step: int | None = None, alone: bool = False, steps: int | None = None
) -> Classified:
    """Classify every example of a split once.

    Args:
        folder: run folder.
        data: dataset folder with the classes of the run.
        split: split of the dataset; None is the held-out examples if there are any, else the test split.
        step: training step of the classifier; None is the newest.
        alone: also train and classify by the supervised baseline; see labels_alone.py.
        steps: training steps of the baseline; None is as many as the run's classifier had, at most `MOST_STEPS_ALONE`.

    Raises:
        UsageError: the run has no classifier, none of that step, or other classes than the dataset.
        DataError: there is no run, dataset or split, or one is damaged.
    """
    run = open_folder(folder)
    recipe = read_record(run).recipe
    if CLASSIFIER not in recipe.networks:
        raise UsageError(
            f"{run.uri}: recipe {recipe.name} trains no classifier; digit-classifier, mnist-sgan and fashion-acgan do"
        )
    step = saved_step(run, CLASSIFIER, step)
    if steps is not None and not alone:
        raise UsageError("--labels-alone-steps goes with --labels-alone; give both")
    if alone and recipe.labels_alone is None:
        raise UsageError(
            f"{run.uri}: recipe {recipe.name} learns from all labels; --labels-alone is for mnist-sgan and its like"
        )
    split = split or _default_split(data)
    network = load_network(run, CLASSIFIER, step)
    from gan_train.data.dataset import open_dataset
    from gan_train.tools.labels_alone import labels_alone

    dataset = open_dataset(data, recipe, split)
    result = Classified(run.uri, step, data, split, dataset.class_names, confusion(network, dataset, recipe))
    if not alone:
        return result
    steps = steps or min(step, MOST_STEPS_ALONE)
    trained_alone = labels_alone(run, recipe, steps)
    return replace(result, alone=confusion(trained_alone, dataset, recipe), steps_alone=steps)


def _default_split(data: str) -> str:
    """The split of examples that were not trained on. Raises DataError if there is none."""
    splits = read_manifest(open_folder(data)).splits
    for split in (HELD_OUT, "test"):
        if split in splits:
            return split
    raise DataError(
        f"{data}: neither split {HELD_OUT!r} nor 'test', only {', '.join(splits)}; prepare it with --hold-out N, or say "
        "--split train to judge examples that training saw"
    )


def confusion(network: "keras.Model", dataset: "Dataset", recipe: Recipe) -> Confusion:
    """The confusion matrix of a network on all examples of a dataset.

    Args:
        network: maps images, float32 in the recipe's range, to class logits, (n, classes).
        dataset: open split, with labels below `recipe.dataset_classes`.
        recipe: recipe of the run, which reads images.
    """
    import tensorflow as tf

    from gan_train.data.pixels import to_range
    from gan_train.data.reader import training_examples
    from gan_train.networks.passes import inference_pass

    image, classes = cast(ImageConfig, recipe.examples), network.output_shape[-1]
    counts = np.zeros((classes, classes), np.int64)
    examples = training_examples(dataset, recipe.seed)
    while batch := list(islice(examples, _BATCH)):
        images = tf.constant(np.stack([example.values["image"] for example in batch]))
        logits = inference_pass(network, to_range(images, image.range))
        labels = np.array([example.values["label"] for example in batch])
        np.add.at(counts, (labels, np.argmax(logits, axis=1)), 1)
    return Confusion(counts)
