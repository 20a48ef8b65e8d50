"""Pix2Pix (Isola et al. 2017): translation learned from pairs.

One step, each phase on the weights that the one before it left:
    d_real   the discriminator on pairs of source and real target
    d_fake   the discriminator on pairs of source and generated target
    g        the generator through the discriminator: adversarial loss plus the mean absolute difference from the target
All phases see the same pairs. Dropout is the generator's only noise, so the fakes of d_fake and of g differ. Batch
normalisation and dropout work as in training wherever images are made, as in the paper.
"""

import tensorflow as tf

from gan_train.networks.passes import training_pass
from gan_train.networks.patchgan import build_patchgan
from gan_train.networks.unet import build_unet
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, LOSSES, REAL
from gan_train.recipe.examples import SOURCE, TARGET
from gan_train.recipe.pix2pix import Pix2PixRecipe
from gan_train.systems.base import (
    DISCRIMINATOR,
    DISCRIMINATOR_SEEDS,
    GENERATOR,
    Batch,
    Outcome,
    Phase,
    Turn,
)
from gan_train.systems.metrics import score_metrics
from gan_train.systems.translation import TranslationSystem, mean_absolute, patch_mean, patch_summary, training_images
from gan_train.systems.two_players import two_players


class Pix2Pix(TranslationSystem):
    """Pix2Pix."""

    def __init__(self, recipe: Pix2PixRecipe) -> None:
        self._recipe, self._loss, precision = recipe, LOSSES[recipe.loss], resolved(recipe.precision)
        self.generator = build_unet(recipe.generator, recipe.image, recipe.seed, precision, GENERATOR)
        self.generators = {"": self.generator}
        self.discriminator = build_patchgan(
            recipe.discriminator, recipe.image, True, recipe.seed + DISCRIMINATOR_SEEDS, precision, DISCRIMINATOR
        )
        self.players = two_players(recipe, self.generator, self.discriminator, precision)
        self.reals_per_batch = recipe.batch_size
        phases = (
            Phase("d_real", DISCRIMINATOR, "discriminator", self._on_real, ("accuracy", "score")),
            Phase("d_fake", DISCRIMINATOR, "discriminator", self._on_fake, ("accuracy", "score")),
            Phase("g", GENERATOR, "generator", self._generator_through_discriminator, ("adversarial", "l1", "score")),
        )
        self.turns = (Turn(phases, prepare=self._prepared),)

    @property
    def summary(self) -> dict[str, str]:
        return patch_summary(self._recipe.discriminator, self._recipe.image)

    def translated(self, direction: str, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        return training_pass(self.generator, images, draw, update_statistics=False)

    def _prepared(self, batch: Batch, draw: Draw) -> Batch:
        source, target = training_images([batch[SOURCE], batch[TARGET]], self._recipe, draw)
        return {SOURCE: source, TARGET: target}

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        scores = training_pass(self.discriminator, [batch[SOURCE], batch[TARGET]], draw, update_statistics=True)
        losses = self._recipe.discriminator_weight * patch_mean(self._loss.on_real(scores, REAL))
        return Outcome(losses, score_metrics(scores, "real", self._loss.boundary))

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        translations = training_pass(self.generator, batch[SOURCE], draw, update_statistics=False)
        scores = training_pass(self.discriminator, [batch[SOURCE], translations], draw, update_statistics=True)
        losses = self._recipe.discriminator_weight * patch_mean(self._loss.on_fake(scores, FAKE))
        return Outcome(losses, score_metrics(scores, "fake", self._loss.boundary))

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        translations = training_pass(self.generator, batch[SOURCE], draw, update_statistics=True)
        scores = training_pass(self.discriminator, [batch[SOURCE], translations], draw, update_statistics=False)
        adversarial, l1 = patch_mean(self._loss.of_generator(scores)), mean_absolute(translations, batch[TARGET])
        losses = self._recipe.adversarial_weight * adversarial + self._recipe.l1_weight * l1
        return Outcome(losses, {"adversarial": adversarial, "l1": l1, "score": scores})


SYSTEM = Pix2Pix
