"""The training that is suggested after a dataset was prepared: it is one that the recipe's own checks accept."""

import json
import re

import pytest

from gan_pipeline.cli.next_step import next_command
from gan_pipeline.dataset.catalogue import DATASETS
from gan_pipeline.dataset.features import Features, ImageFeature, VectorFeature
from gan_pipeline.dataset.manifest import Manifest
from gan_train.recipe.document import load_recipe

pytestmark = pytest.mark.quick


def manifest(name: str, shape: tuple[int, int, int] | None) -> Manifest:
    features: Features = {"point": VectorFeature(names=("x", "y"))}
    if shape is not None:
        image = ImageFeature(shape=shape, encoding="raw")  # type: ignore[arg-type]
        features = {"source": image, "target": image} if name == "pairs" else {"image": image}
    return Manifest.model_construct(name=name, features=features)


@pytest.mark.parametrize(
    ("name", "shape", "recipe"),
    [
        ("mnist", None, "mnist-gan"),
        ("fashion_mnist", None, "fashion-gan"),
        ("kmnist", None, "mnist-gan"),
        ("emnist", None, "mnist-gan"),
        ("cifar10", None, "cifar10-gan"),
        ("cifar100", None, "cifar10-gan"),
        ("celeba", (80, 80, 3), "celeba-gan"),
        ("celeba", (64, 64, 3), "celeba-lsgan"),
        ("images", (64, 64, 3), "celeba-lsgan"),
        ("pairs", (256, 256, 3), "maps-pix2pix"),
        ("pairs", (64, 64, 3), "maps-pix2pix"),
        ("unpaired", (256, 256, 3), "horse2zebra-cyclegan"),
        ("unpaired", (128, 128, 3), "horse2zebra-cyclegan"),
        ("curve", None, "curve-gan"),
    ],
)
def test_the_recipe_fits_the_dataset(name: str, shape: tuple[int, int, int] | None, recipe: str) -> None:
    wanted = shape or DATASETS[name].shape or None
    command = next_command(manifest(name, wanted), "data/x")
    assert command.startswith(f"gan-train run {recipe} --data data/x -o runs/first")
    overrides = re.findall(r"--set (\S+)", command)
    loaded = json.loads(load_recipe(recipe, overrides).model_dump_json())
    assert wanted is None or tuple(loaded["image"]["shape"]) == wanted


def test_every_dataset_of_the_catalogue_is_suggested_something() -> None:
    for name, info in DATASETS.items():
        assert next_command(manifest(name, info.shape or (64, 64, 3)), "d").startswith("gan-train run ") or name == "curve"


@pytest.mark.parametrize(("name", "shape"), [("images", (48, 64, 3)), ("images", (64, 64, 1)), ("pairs", (100, 100, 3))])
def test_where_no_recipe_fits_it_says_so(name: str, shape: tuple[int, int, int]) -> None:
    command = next_command(manifest(name, shape), "d")
    assert command.startswith("gan-train recipes ") and f"{shape[1]}x{shape[0]}" in command
