"""The patch that one score of a PatchGAN depends on, by arithmetic and by the gradient of built networks."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from gan_train.networks.layers import inference_pass
from gan_train.networks.patchgan import build_patchgan
from gan_train.networks.receptive_field import patches, receptive_field, receptive_fields
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.network_config import BatchNormConfig
from gan_train.recipe.translation_networks import PatchGANConfig

IMAGE = ImageConfig(shape=(256, 256, 3), range="symmetric")


def test_the_receptive_field_grows_layer_by_layer() -> None:
    assert receptive_fields(PatchGANConfig(layers=3)) == [4, 7, 16, 34, 70]
    assert receptive_fields(PatchGANConfig()) == [4, 7, 16, 34, 70, 142]


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286), (6, 574)])
def test_fields_by_depth(layers: int, field: int) -> None:
    """The table in the authors' own code (Isola et al. 2017)."""
    assert receptive_field(PatchGANConfig(layers=layers)) == field


@pytest.mark.parametrize(
    ("layers", "side", "rows"), [(4, 256, 16), (4, 128, 8), (4, 64, 4), (3, 256, 32), (3, 70, 9), (4, 70, 5)]
)
def test_the_map_of_scores(layers: int, side: int, rows: int) -> None:
    assert patches(PatchGANConfig(layers=layers), (side, 256)) == (rows, 256 // 2**layers)


@given(st.integers(1, 6), st.integers(1, 600))
def test_the_map_rounds_up_at_every_halving(layers: int, side: int) -> None:
    halved = side
    for _ in range(layers):
        halved = (halved + 1) // 2
    assert patches(PatchGANConfig(layers=layers), (side, side)) == (halved, halved)


def seen(network: keras.Model, row: int, column: int) -> list[tuple[int, int]]:
    """Sides in pixels of the rectangle in each input that moves one score."""
    inputs = [tf.random.stateless_normal((1, *IMAGE.shape), (0, number)) for number in range(len(network.inputs))]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        score = inference_pass(network, inputs if len(inputs) > 1 else inputs[0])[0, row, column, 0]
    touched = [np.argwhere(np.abs(gradient[0]).sum(-1) > 0) for gradient in tape.gradient(score, inputs)]
    return [tuple(where.max(0) - where.min(0) + 1) for where in touched]


@pytest.mark.parametrize(("layers", "field"), [(4, 142), (3, 70)])
@pytest.mark.parametrize("conditional", [True, False])
def test_the_gradient_of_a_score_reaches_exactly_the_receptive_field(layers: int, field: int, conditional: bool) -> None:
    """By its own statistics a normalisation would carry the gradient to all pixels. So batch normalisation is probed in
    inference mode, where it is one factor per channel, and in the unconditional network normalisation is left out."""
    norm = BatchNormConfig() if conditional else None
    config = PatchGANConfig(layers=layers, filters=8, batch_norm=norm)
    network = build_patchgan(config, IMAGE, conditional, seed=0)
    middle = patches(config, (256, 256))[0] // 2
    assert seen(network, middle, middle) == [(field, field)] * (2 if conditional else 1)
