"""Residual GANs with a projection discriminator: SN-ResNet (Miyato and Koyama 2018) and BigGAN (Brock et al. 2019).

One step: `discriminator_steps` times the discriminator on half a batch of real images with their classes and as many fakes with
the classes they were made for, in one update; then the generator through it, on a full batch of fresh latents and classes.
"""

import keras
import tensorflow as tf

from gan_train.latents.codes import draw_classes
from gan_train.latents.draws import draw_latents
from gan_train.networks.biggan import build_discriminator, build_generator
from gan_train.networks.passes import training_pass
from gan_train.networks.standing import standing_copy
from gan_train.numerics.moving_average import MovingAverage
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw, picture_draw
from gan_train.objectives.augmentation import augment
from gan_train.objectives.losses import LOSSES
from gan_train.objectives.penalties import orthogonal
from gan_train.recipe.biggan import BigGANRecipe
from gan_train.systems.base import DISCRIMINATOR, DISCRIMINATOR_SEEDS, Batch, GeneratorInputs, Outcome, Phase, Turn
from gan_train.systems.two_players import TwoPlayerGAN


class BigGAN(TwoPlayerGAN):
    """The residual GAN of a recipe."""

    def __init__(self, recipe: BigGANRecipe) -> None:
        self._recipe = recipe
        self._settled: keras.Model | None = None
        self.adversarial_loss = LOSSES[recipe.loss]
        if recipe.generator.orthogonal:
            self.generator_metrics = ("score", "penalty")
        super().__init__(recipe, self._build_generator(), self._build_discriminator())
        if recipe.average:
            self.average = MovingAverage(self.generator, self._build_generator(), recipe.average, recipe.batch_size)
        discriminator, generator = self.turns
        self.turns = (Turn(discriminator.phases, times=recipe.discriminator_steps), generator)

    @property
    def sampler(self) -> keras.Model:
        return self._settled or super().sampler

    def settle(self) -> None:
        """Take the statistics of the generator that is shown anew, from the same latents and classes each time."""
        recipe = self._recipe
        draws = (picture_draw(recipe.seed + number) for number in range(recipe.standing_statistics))
        if recipe.standing_statistics:
            self._settled = standing_copy(super().sampler, (self.draw_inputs(draw, recipe.batch_size)[0] for draw in draws))

    def _build_generator(self) -> keras.Model:
        recipe = self._recipe
        precision = resolved(recipe.precision)
        return build_generator(recipe.generator, recipe.latent_size, recipe.classes, recipe.image, recipe.seed, precision)

    def _build_discriminator(self) -> keras.Model:
        recipe = self._recipe
        seed, precision = recipe.seed + DISCRIMINATOR_SEEDS, resolved(recipe.precision)
        return build_discriminator(recipe.discriminator, recipe.classes, recipe.image, seed, precision)

    def discriminator_phases(self) -> tuple[Phase, ...]:
        both = tuple(f"{metric}_{source}" for metric in self.real_metrics for source in ("real", "fake"))
        return (Phase("d", DISCRIMINATOR, "discriminator", self._on_both, both),)

    def draw_inputs(self, draw: Draw, count: int) -> tuple[GeneratorInputs, tf.Tensor | None]:
        latents = draw_latents(self._recipe.latent, draw, count, self._recipe.latent_size)
        labels = draw_classes(draw, count, self._recipe.classes)
        return [latents, labels], labels

    def discriminator_inputs(self, examples: tf.Tensor, labels: tf.Tensor | None) -> list[tf.Tensor | None]:
        return [examples, labels]

    def augmented(self, examples: tf.Tensor, draw: Draw) -> tf.Tensor:
        recipe = self._recipe
        return augment(examples, recipe.augment, recipe.image.range, draw) if recipe.augment else examples

    def fake_examples(self, inputs: GeneratorInputs, draw: Draw) -> tf.Tensor:
        if self._recipe.fakes == "training":
            return training_pass(self.generator, inputs, draw, update_statistics=False)
        return super().fake_examples(inputs, draw)

    def _on_both(self, batch: Batch, draw: Draw) -> Outcome:
        """The discriminator's phase. It has no statistics of batches, so real images and fakes go through it at once."""
        inputs, labels = self.draw_inputs(draw, self.reals_per_batch)
        fakes = self.augmented(self.fake_examples(inputs, draw), draw)
        reals = self.augmented(self.real_examples(batch), draw)
        shown = tf.concat([reals, fakes], axis=0), tf.concat([tf.cast(batch["label"], tf.int32), labels], axis=0)
        scores = training_pass(self.discriminator, list(shown), draw, update_statistics=True, parts=2)
        on_real, on_fake = tf.split(scores, 2)
        losses = self.discriminator_losses(on_real, "real", draw) + self.discriminator_losses(on_fake, "fake", draw)
        real, fake = self.score_metrics(on_real, "real"), self.score_metrics(on_fake, "fake")
        metrics = {f"{name}_real": value for name, value in real.items()} | {
            f"{name}_fake": value for name, value in fake.items()
        }
        return Outcome(losses, metrics)

    def on_generator(self, batch: Batch, draw: Draw) -> Outcome:
        outcome, config = super().on_generator(batch, draw), self._recipe.generator.orthogonal
        if config is None:
            return outcome
        kernels = [layer.kernel for layer in self.generator.layers if hasattr(layer, "kernel")]
        penalty = config.weight * orthogonal(kernels, config.free_norms)
        metric = {"penalty": tf.broadcast_to(penalty, tf.shape(outcome.losses))}
        return Outcome(outcome.losses + penalty, outcome.metrics | metric)


SYSTEM = BigGAN
