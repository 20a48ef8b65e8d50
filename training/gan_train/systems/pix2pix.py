"""Pix2Pix (Isola et al. 2017): translation learned from pairs, spec E 5.

One step, each phase on the weights its predecessor left:
    d_real   the discriminator on pairs of source and real target
    d_fake   the discriminator on pairs of source and generated target
    g        the generator through the discriminator: adversarial loss plus the mean absolute difference from the target
All see the same pairs. Dropout is the generator's only noise, so the fakes of d_fake and of g differ. Batch normalisation
and dropout work as in training wherever images are made: there are no others to be right for.
"""

import tensorflow as tf

from gan_train.networks.passes import training_pass
from gan_train.networks.patchgan import build_patchgan
from gan_train.networks.unet import build_unet
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.losses import FAKE, LOSSES, REAL
from gan_train.recipe.pix2pix import Pix2PixRecipe
from gan_train.recipe.translation import SOURCE, TARGET
from gan_train.systems.base import (
    DISCRIMINATOR,
    DISCRIMINATOR_SEEDS,
    GENERATOR,
    Batch,
    Outcome,
    Phase,
    Turn,
    build_player,
)
from gan_train.systems.score_metrics import judged
from gan_train.systems.translation import TranslationSystem, mean_absolute, patch_facts, patch_mean, training_images


class Pix2Pix(TranslationSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: Pix2PixRecipe) -> None:
        self._recipe, self._loss, precision = recipe, LOSSES[recipe.loss], resolved(recipe.precision)
        self.generator = build_unet(recipe.generator, recipe.image, recipe.seed, precision, GENERATOR)
        self.generators = {"": self.generator}
        self.discriminator = build_patchgan(
            recipe.discriminator, recipe.image, True, recipe.seed + DISCRIMINATOR_SEEDS, precision, DISCRIMINATOR
        )
        self.players = {
            GENERATOR: build_player(GENERATOR, self.generator, recipe.generator.optimizer, precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.discriminator, recipe.discriminator.optimizer, precision),
        }
        self.reals_per_batch = recipe.batch_size
        phases = (
            Phase("d_real", DISCRIMINATOR, self._on_real, ("accuracy", "score")),
            Phase("d_fake", DISCRIMINATOR, self._on_fake, ("accuracy", "score")),
            Phase("g", GENERATOR, self._generator_through_discriminator, ("adversarial", "l1", "score")),
        )
        self.turns = (Turn(phases, prepare=self._prepared),)

    @property
    def facts(self) -> dict[str, str]:
        return patch_facts(self._recipe.discriminator, self._recipe.image)

    def translated(self, direction: str, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        return training_pass(self.generator, images, draw, update_statistics=False)

    def _prepared(self, batch: Batch, draw: Draw) -> Batch:
        source, target = training_images([batch[SOURCE], batch[TARGET]], self._recipe, draw)
        return {SOURCE: source, TARGET: target}

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        scores = training_pass(self.discriminator, [batch[SOURCE], batch[TARGET]], draw, update_statistics=True)
        losses = self._recipe.discriminator_weight * patch_mean(self._loss.on_real(scores, REAL))
        return Outcome(losses, judged(scores, "real", self._loss.boundary))

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        made = training_pass(self.generator, batch[SOURCE], draw, update_statistics=False)
        scores = training_pass(self.discriminator, [batch[SOURCE], made], draw, update_statistics=True)
        losses = self._recipe.discriminator_weight * patch_mean(self._loss.on_fake(scores, FAKE))
        return Outcome(losses, judged(scores, "fake", self._loss.boundary))

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        made = training_pass(self.generator, batch[SOURCE], draw, update_statistics=True)
        scores = training_pass(self.discriminator, [batch[SOURCE], made], draw, update_statistics=False)
        adversarial, l1 = patch_mean(self._loss.of_generator(scores)), mean_absolute(made, batch[TARGET])
        losses = self._recipe.adversarial_weight * adversarial + self._recipe.l1_weight * l1
        return Outcome(losses, {"adversarial": adversarial, "l1": l1, "score": scores})
