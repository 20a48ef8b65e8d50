"""The base of GANs with one generator and one discriminator, which train by turns (Goodfellow et al. 2014).

One step: the discriminator on half a batch of real examples · the discriminator on half a batch of fakes · the generator
through the updated discriminator on a full batch of fresh latents. Fakes for the discriminator are made in inference mode.

A subclass builds the two networks and overrides what differs: the generator's input (`draw_inputs`), the discriminator's input
(`shown`), its output (`score`), the losses (`discriminator_outcome`, `generator_outcome`), the players or the turns.
"""

from typing import Any, Protocol

import keras
import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.latents.draws import draw_latents
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import Precision, resolved
from gan_train.numerics.randomness import Draw, picture_draw
from gan_train.objectives.labels import Source
from gan_train.objectives.losses import FAKE, LOSSES, REAL, Loss, Target
from gan_train.recipe.base import LatentRecipe
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.optimizer_config import OptimizerConfig
from gan_train.systems.base import (
    DISCRIMINATOR,
    GENERATOR,
    Batch,
    GeneratorInputs,
    Outcome,
    Phase,
    Player,
    SamplingSystem,
    Turn,
    build_player,
)
from gan_train.systems.metrics import score_metrics


class _PlayerSection(Protocol):
    @property
    def optimizer(self) -> OptimizerConfig: ...


class _TwoPlayerRecipe(Protocol):
    @property
    def generator(self) -> _PlayerSection: ...
    @property
    def discriminator(self) -> _PlayerSection: ...


def two_players(
    recipe: _TwoPlayerRecipe, generator: keras.Model, discriminator: keras.Model, precision: Precision
) -> dict[str, Player]:
    """A generator and a discriminator with the optimizers of the recipe's sections `generator` and `discriminator`."""
    return {
        GENERATOR: build_player(GENERATOR, generator, recipe.generator.optimizer, precision),
        DISCRIMINATOR: build_player(DISCRIMINATOR, discriminator, recipe.discriminator.optimizer, precision),
    }


class TwoPlayerGAN(SamplingSystem):
    """A GAN of one generator and one discriminator.

    Args:
        recipe: a recipe with the sections `generator` and `discriminator`, unless `build_players` is overridden.
        generator: maps the inputs that `draw_inputs` draws to examples, float32.
        discriminator: maps the inputs that `discriminator_inputs` gives to the output that `score` reads.

    Attributes:
        discriminator: the discriminator.
        adversarial_loss: the loss of both players' scores.
        real_metrics, fake_metrics: names of the metrics of the discriminator's phases.
        generator_metrics: names of the metrics of the generator's phase.
    """

    adversarial_loss: Loss = LOSSES["non-saturating"]
    real_metrics: tuple[str, ...] = ("accuracy", "score")
    fake_metrics: tuple[str, ...] = ("accuracy", "score")
    generator_metrics: tuple[str, ...] = ("score",)

    def __init__(self, recipe: LatentRecipe, generator: keras.Model, discriminator: keras.Model) -> None:
        self._latents, self.generator, self.discriminator = recipe, generator, discriminator
        self.players = self.build_players(resolved(recipe.precision))
        self.reals_per_batch = recipe.batch_size // 2
        generator_phase = Phase("g", GENERATOR, "generator", self.on_generator, self.generator_metrics)
        self.turns = (Turn(self.discriminator_phases()), Turn((generator_phase,), reads=False))

    def build_players(self, precision: Precision) -> dict[str, Player]:
        """The players by name."""
        recipe: Any = self._latents
        return two_players(recipe, self.generator, self.discriminator, precision)

    def discriminator_phases(self) -> tuple[Phase, ...]:
        """The discriminator's phases of one turn."""
        return (
            Phase("d_real", DISCRIMINATOR, "discriminator", self.on_real, self.real_metrics),
            Phase("d_fake", DISCRIMINATOR, "discriminator", self.on_fake, self.fake_metrics),
        )

    def draw_inputs(self, draw: Draw, count: int) -> tuple[GeneratorInputs, tf.Tensor | None]:
        """This replica's share of `count` inputs of the generator, and the classes or codes in them, int32 (n,), or None."""
        return draw_latents(self._latents.latent, draw, count, self._latents.latent_size), None

    def labels_in(self, inputs: GeneratorInputs) -> tf.Tensor | None:
        """The classes in inputs of the generator, int32 (n,), or None where it takes none."""
        return inputs[1] if isinstance(inputs, list) else None

    def real_examples(self, batch: Batch) -> tf.Tensor:
        """The real examples of a batch as the networks take them, float32."""
        examples = self._latents.examples
        stored = batch[examples.feature]
        return to_range(stored, examples.range) if isinstance(examples, ImageConfig) else stored

    def fake_examples(self, inputs: GeneratorInputs, draw: Draw) -> tf.Tensor:
        """The examples that the discriminator learns from as fakes, float32."""
        return inference_pass(self.generator, inputs, draw)

    def augmented(self, examples: tf.Tensor, draw: Draw) -> tf.Tensor:
        """The examples, real or fake, as the discriminator sees them in training."""
        return examples

    def discriminator_inputs(self, examples: tf.Tensor, labels: tf.Tensor | None) -> Any:
        """The discriminator's input for examples and their labels."""
        return examples

    def score(self, outputs: Any) -> tf.Tensor:
        """The scores in the discriminator's output, float32 (n, 1)."""
        return outputs

    def target(self, source: Source, draw: Draw) -> Target:
        """The target of the discriminator's loss on real or on fake examples."""
        return REAL if source == "real" else FAKE

    def on_real(self, batch: Batch, draw: Draw) -> Outcome:
        """The discriminator's phase on real examples."""
        labels = batch.get("label")
        shown = self.discriminator_inputs(self.augmented(self.real_examples(batch), draw), labels)
        outputs = training_pass(self.discriminator, shown, draw, update_statistics=True)
        return self.discriminator_outcome(outputs, labels, "real", draw)

    def on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        """The discriminator's phase on fakes."""
        inputs, labels = self.draw_inputs(draw, self.reals_per_batch)
        shown = self.discriminator_inputs(self.augmented(self.fake_examples(inputs, draw), draw), labels)
        outputs = training_pass(self.discriminator, shown, draw, update_statistics=True)
        return self.discriminator_outcome(outputs, labels, "fake", draw)

    def on_generator(self, batch: Batch, draw: Draw) -> Outcome:
        """The generator's phase, through the discriminator, whose statistics stay as they are."""
        inputs, labels = self.draw_inputs(draw, self._latents.batch_size)
        examples = training_pass(self.generator, inputs, draw, update_statistics=True)
        shown = self.discriminator_inputs(self.augmented(examples, draw), labels)
        outputs = training_pass(self.discriminator, shown, draw, update_statistics=False)
        return self.generator_outcome(outputs, labels)

    def discriminator_outcome(self, outputs: Any, labels: tf.Tensor | None, source: Source, draw: Draw) -> Outcome:
        """Losses and metrics of the discriminator's output on real or on fake examples."""
        scores = self.score(outputs)
        return Outcome(self.discriminator_losses(scores, source, draw), self.score_metrics(scores, source))

    def discriminator_losses(self, scores: tf.Tensor, source: Source, draw: Draw) -> tf.Tensor:
        """The adversarial losses of the discriminator's scores, float32 (n,)."""
        return self.adversarial_loss.of_discriminator(scores, self.target(source, draw))

    def generator_outcome(self, outputs: Any, labels: tf.Tensor | None) -> Outcome:
        """Losses and metrics of the discriminator's output on the generator's examples."""
        scores = self.score(outputs)
        return Outcome(self.adversarial_loss.of_generator(scores), {"score": scores})

    def score_metrics(self, scores: tf.Tensor, source: Source) -> dict[str, tf.Tensor]:
        """The metrics of scores on real or on fake examples."""
        return score_metrics(scores, source, self.adversarial_loss.boundary)

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """The discriminator's accuracy on real and on generated examples; nothing for a critic, which has none."""
        if self.adversarial_loss.boundary is None:
            return {}
        fakes = inference_pass(self.sampler, inputs, picture_draw(self._latents.seed))
        on_real = inference_pass(self.discriminator, self.discriminator_inputs(self.real_examples(reals), reals.get("label")))
        on_fake = inference_pass(self.discriminator, self.discriminator_inputs(fakes, self.labels_in(inputs)))
        return {
            f"accuracy_{source}": tf.reduce_mean(self.score_metrics(self.score(outputs), source)["accuracy"])
            for source, outputs in _by_source(on_real, on_fake)
        }


def _by_source(on_real: Any, on_fake: Any) -> tuple[tuple[Source, Any], tuple[Source, Any]]:
    return ("real", on_real), ("fake", on_fake)
