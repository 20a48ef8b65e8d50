"""How the fakes are made that a discriminator learns from: with moving averages, or with the statistics of their batch."""

import numpy as np
import pytest
import tensorflow as tf

from gan_train.latents.draws import draw_latents
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, cross_entropy
from gan_train.recipe.gan import GANRecipe
from gan_train.systems.build import build_system
from gan_train.systems.gan import GAN
from tests.support.catalogue import small


def draw() -> Draw:
    return Draw(5, tf.constant(0, tf.int64), 1, 0, 1)


@pytest.mark.parametrize("fakes", ["inference", "training"])
def test_the_discriminator_learns_from_fakes_made_as_the_recipe_says(fakes: str) -> None:
    recipe = small("mnist-dcgan", f"fakes={fakes}")
    assert isinstance(recipe, GANRecipe)
    system = build_system(recipe)
    assert isinstance(system, GAN)
    before = [variable.numpy() for variable in system.generator.variables]
    made = system.phases[1].loss({}, draw()).losses

    latents = draw_latents(recipe.latent, draw(), recipe.batch_size // 2, recipe.latent_size)
    by_averages = inference_pass(system.generator, latents)
    by_batch = training_pass(system.generator, latents, draw(), update_statistics=False)
    losses = {
        mode: cross_entropy(training_pass(system.discriminator, images, draw(), update_statistics=False), FAKE).numpy()
        for mode, images in {"inference": by_averages, "training": by_batch}.items()
    }
    assert not np.allclose(losses["inference"], losses["training"], rtol=1e-3)
    np.testing.assert_allclose(made, losses[fakes], rtol=1e-4)
    # Nor do the generator's averages follow what its opponent is shown.
    for variable, value in zip(system.generator.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
