"""Small datasets for the trainer tests, prepared by the gan-pipeline command inside this process."""

from pathlib import Path

import gan_pipeline.cli.commands as pipeline_cli
from tests.support.commands import Argument, run_inside
from tests.support.photographs import beside, grey, photographs, save_pictures


def prepare(out: Argument, *arguments: str) -> Path:
    """The gan-pipeline prepare command inside this process."""
    ran = run_inside(pipeline_cli.main, "prepare", *arguments, "-o", out)
    assert ran.code == 0, ran.err
    return Path(out)


def prepare_digits(out: Argument, *options: str) -> Path:
    """Prepare 300 of the packaged digits in 5 shards."""
    return prepare(out, "mnist", "--source", "sample", "--limit", "300", "--shards", "5", *options)


def prepare_pictures(out: Path, side: int) -> Path:
    """Prepare photographs."""
    source = save_pictures(out.parent / f"photographs-{side}", photographs())
    return prepare(out, "images", "--source", str(source), "--image-size", str(side))


def prepare_pairs(out: Path, side: int, *options: str) -> Path:
    """Prepare pairs of a grey photograph, the source, and itself, the target."""
    source = save_pictures(out.parent / f"pairs-{side}", (beside(grey(picture), picture) for picture in photographs()))
    return prepare(out, "pairs", "--source", str(source), "--image-size", str(side), "--shards", "2", *options)


def prepare_domains(out: Path, side: int) -> Path:
    """Prepare 40 photographs as domain A, and 24 others without colours as domain B; of each some for tests."""
    source, pictures = out.parent / f"domains-{side}", photographs()
    save_pictures(source / "trainA", pictures[:36])
    save_pictures(source / "testA", pictures[36:40])
    save_pictures(source / "trainB", map(grey, pictures[40:60]))
    save_pictures(source / "testB", map(grey, pictures[60:]))
    splits = "trainA,trainB,testA,testB"
    return prepare(out, "unpaired", "--source", str(source), "--split", splits, "--image-size", str(side), "--shards", "2")
