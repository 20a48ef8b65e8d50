"""Make the packaged classifiers again: prepare the data, train, judge on what was not trained on, write weights and cards.

    python scripts/classifiers.py [--work FOLDER] [--only digits]

Digits lie in the package; Fashion-MNIST is found as `gan-pipeline prepare` finds it. Each takes a few minutes on two cores;
in a work folder that is kept, a training goes on where it was.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gan_train
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import dump_json, read_manifest
from gan_train.recipe.base import CLASSIFIER
from gan_train.runs.layout import networks
from gan_train.runs.run_folder import packages, read_record

PACKAGED = Path(gan_train.__file__).parent / "extractors" / "classifiers"


@dataclass(frozen=True)
class Domain:
    """The data and the recipe of a packaged classifier.

    Attributes:
        prepare: arguments of gan-pipeline prepare.
        recipe: by which it is trained.
        split: on which it is judged.
        licence: of the data.
        attribution: of the data.
    """

    prepare: tuple[str, ...]
    recipe: str
    split: str
    licence: str
    attribution: str


DOMAINS = {
    "digits": Domain(
        ("mnist", "--source", "sample", "--hold-out", "2000"),
        "digit-classifier",
        "held-out",
        "CC BY-SA 3.0",
        "MNIST database of handwritten digits, its 10,000 test digits; Yann LeCun and Corinna Cortes",
    ),
    "fashion": Domain(
        ("fashion_mnist", "--split", "train,test"),
        "fashion-classifier",
        "test",
        "MIT",
        "Fashion-MNIST; Copyright 2017 Zalando SE",
    ),
}


def make(name: str, work: Path) -> None:
    """Train one and put it into the package."""
    domain = DOMAINS[name]
    data, run = work / f"{name}-data", work / f"{name}-run"
    call("gan-pipeline", "prepare", *domain.prepare, "-o", data)
    call("gan-train", "run", domain.recipe, "--data", data, "-o", run)
    judged = json.loads(call("gan-train", "classify", run, "--data", data, "--split", domain.split, "--json", reads=True))
    (PACKAGED / f"{name}.keras").write_bytes((run / networks(CLASSIFIER).name(judged["step"])).read_bytes())
    (PACKAGED / f"{name}.json").write_bytes(dump_json(card(domain, data, run, judged)))
    print(f"{name}: {judged['accuracy']:.2%} of {judged['examples']:,} {domain.split} images right; in {PACKAGED}")


def card(domain: Domain, data: Path, run: Path, judged: dict[str, Any]) -> dict[str, Any]:
    """The description that is stored beside the classifier."""
    manifest, record = read_manifest(open_folder(str(data))), read_record(open_folder(str(run)))
    return {
        "accuracy": judged["accuracy"],
        "examples": judged["examples"],
        "split": domain.split,
        "class_accuracy": judged["class_accuracy"],
        "class_names": list(record.class_names),
        "image": record.recipe.examples.model_dump(mode="json"),
        "dataset": {"name": manifest.name, "digest": manifest.digest, "prepare": " ".join(domain.prepare)},
        "trained_on": manifest.splits["train"].examples,
        "recipe": record.recipe.model_dump(mode="json"),
        "step": judged["step"],
        "packages": packages(read_record(run).recipe),
        "licence": domain.licence,
        "attribution": domain.attribution,
    }


def call(program: str, *arguments: str | Path, reads: bool = False) -> str:
    """Run a command of this environment, show what it says, or return it. Raises CalledProcessError if it fails."""
    command = [Path(sys.executable).parent / program, *arguments]
    done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE if reads else None)
    return done.stdout or ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the packaged classifiers again.")
    parser.add_argument("--only", choices=[*DOMAINS], help="one of them")
    parser.add_argument("--work", type=Path, help="keep datasets and runs here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for name in [arguments.only] if arguments.only else DOMAINS:
            make(name, arguments.work or Path(temporary))


if __name__ == "__main__":
    main()
