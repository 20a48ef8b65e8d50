"""The unconditional GAN (Goodfellow et al. 2014) with any of the losses and practices that a recipe can choose.

One step takes the discriminator's turn `discriminator_steps` times, then the generator's. By `discriminator_batch` the former
is
    mixed      one phase on real and fake images stacked in one batch
    separate   a phase on real images, then one on fakes
    joint      one phase on real and fake images, each batch with its own statistics, and one loss with its penalties
The discriminator sees half a batch of each kind; the generator then moves through it on a full batch of fresh latents. Fakes
for the discriminator are made in inference mode, or by `fakes: training` as in the generator's own updates.
"""

from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from gan_core.errors import UsageError
from gan_train.networks.dcgan import build_discriminator, build_generator
from gan_train.networks.passes import training_pass
from gan_train.numerics.moving_average import MovingAverage
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.augmentation import augment
from gan_train.objectives.labels import LabelNoise, Source, targets
from gan_train.objectives.losses import LOSSES, Loss, Target
from gan_train.objectives.penalties import Critic, clip_weights, dragan, gradient_penalty, orthogonal, r1
from gan_train.recipe.gan import GANRecipe
from gan_train.recipe.practice_config import ZeroCentredConfig, ZeroCentredName
from gan_train.systems.base import DISCRIMINATOR, DISCRIMINATOR_SEEDS, Batch, GeneratorInputs, Outcome, Phase, Turn
from gan_train.systems.two_players import TwoPlayerGAN


class GAN(TwoPlayerGAN):
    """The unconditional GAN. A subclass may override `build_generator`, `build_discriminator` and `loss`."""

    def __init__(self, recipe: GANRecipe) -> None:
        self._recipe = recipe
        self.adversarial_loss = self.loss()
        if self.adversarial_loss.boundary is None:
            self.real_metrics = self.fake_metrics = ("score",)
        super().__init__(recipe, self.build_generator(), self.build_discriminator())
        if recipe.average:
            self.average = MovingAverage(self.generator, self.build_generator(), recipe.average, recipe.batch_size)
        discriminator, generator = self.turns
        self.turns = (Turn(discriminator.phases, times=recipe.discriminator_steps), generator)

    def build_generator(self) -> keras.Model:
        """A generator with fresh weights: latents, float32 (n, latent_size), to images in the recipe's range."""
        recipe = self._recipe
        return build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed, resolved(recipe.precision))

    def build_discriminator(self) -> keras.Model:
        """A discriminator with fresh weights: images in the recipe's range to scores, float32 (n, 1)."""
        recipe = self._recipe
        seed = recipe.seed + DISCRIMINATOR_SEEDS
        return build_discriminator(recipe.discriminator, recipe.image, seed, resolved(recipe.precision))

    def loss(self) -> Loss:
        """The loss of both players' scores."""
        return LOSSES[self._recipe.loss]

    def discriminator_phases(self) -> tuple[Phase, ...]:
        recipe, after = self._recipe, self._clipping()
        both = tuple(f"{metric}_{source}" for metric in self.real_metrics for source in ("real", "fake"))
        match recipe.discriminator_batch:
            case "mixed":
                return (Phase("d", DISCRIMINATOR, "discriminator", self._on_mixed, both, after),)
            case "separate":
                real = Phase("d_real", DISCRIMINATOR, "discriminator", self.on_real, self.real_metrics, after)
                fake = Phase("d_fake", DISCRIMINATOR, "discriminator", self.on_fake, self.fake_metrics, after)
                return (real, fake)
        ranked = ("pair_accuracy",) if self.adversarial_loss.paired else ()
        joint = Phase("d", DISCRIMINATOR, "discriminator", self._on_both, (*both, *ranked, "penalty"), after)
        return (joint, *(self._lazy_penalty(name, config, after) for name, config in recipe.penalties.lazy))

    def _lazy_penalty(self, name: ZeroCentredName, config: ZeroCentredConfig, after: Callable[[Outcome], None] | None) -> Phase:
        """The phase of a zero-centred penalty that is an update of its own."""

        def loss(batch: Batch, draw: Draw) -> Outcome:
            images = self._seen_reals(batch, draw) if name == "r1" else self._seen_fakes(draw)
            return Outcome(config.every * config.gamma * r1(self._critic(draw), images), {})

        return Phase(name, DISCRIMINATOR, "penalty", loss, (), after, every=config.every, partial=True)

    def _clipping(self) -> Callable[[Outcome], None] | None:
        """The clipping after each update of a critic, or None."""
        clip = self._recipe.penalties.clip
        if clip is None:
            return None
        kernels, limit = self._kernels(clip.layers), clip.limit
        return lambda _: clip_weights([kernel for kernel in kernels if kernel.trainable], limit)

    def _kernels(self, layers: tuple[str, ...]) -> list[keras.Variable]:
        known = {layer.name: layer for layer in self.discriminator.layers if hasattr(layer, "kernel")}
        unknown = [name for name in layers if name not in known]
        if unknown:
            raise UsageError(f"penalties.clip.layers: no layer {unknown[0]!r}; there are: {', '.join(known)}")
        return [known[name].kernel for name in layers]

    def _on_mixed(self, batch: Batch, draw: Draw) -> Outcome:
        images = tf.concat([self._seen_reals(batch, draw), self._seen_fakes(draw)], axis=0)
        scores = training_pass(self.discriminator, images, draw, update_statistics=True, parts=2)
        on_real, on_fake = tf.split(scores, 2)
        losses = [self.discriminator_losses(on_real, "real", draw), self.discriminator_losses(on_fake, "fake", draw)]
        return Outcome(tf.concat(losses, axis=0), self._metrics_of_both(on_real, on_fake))

    def _on_both(self, batch: Batch, draw: Draw) -> Outcome:
        real, fake = self._seen_reals(batch, draw), self._seen_fakes(draw)
        on_real = training_pass(self.discriminator, real, draw, update_statistics=True)
        on_fake = training_pass(self.discriminator, fake, draw, update_statistics=True)
        penalty = self._penalty(real, fake, draw)
        metrics = self._metrics_of_both(on_real, on_fake) | {"penalty": penalty}
        if self.adversarial_loss.paired:
            margins = on_real - on_fake
            ranked = {"pair_accuracy": tf.cast(margins > 0, tf.float32)}
            return Outcome(self.adversarial_loss.on_real(margins) + penalty, metrics | ranked)
        on_both = self.discriminator_losses(on_real, "real", draw) + self.discriminator_losses(on_fake, "fake", draw)
        return Outcome(on_both + penalty, metrics)

    def on_generator(self, batch: Batch, draw: Draw) -> Outcome:
        outcome = super().on_generator(batch, draw)
        if not self.adversarial_loss.paired:
            return outcome
        on_real = training_pass(self.discriminator, self._seen_reals(batch, draw), draw, update_statistics=False)
        # A batch has half as many real examples as the generator makes, so each is compared with two.
        margins = outcome.metrics["score"] - tf.repeat(on_real, 2, axis=0)
        return Outcome(self.adversarial_loss.of_generator(margins), outcome.metrics)

    def _penalty(self, real: tf.Tensor, fake: tf.Tensor, draw: Draw) -> tf.Tensor:
        """The sum of all penalties of a joint update, float32 (n,)."""
        chosen = self._recipe.penalties
        penalty = tf.zeros(tf.shape(real)[0])
        if chosen.gradient:
            config, mix = chosen.gradient, draw.uniform(self.reals_per_batch, 1)[:, 0]
            between = gradient_penalty(self._critic(draw), real, fake, mix, config.one_sided, config.target)
            penalty += config.weight * between
        if chosen.dragan:
            config, mix = chosen.dragan, draw.uniform(self.reals_per_batch, 1)[:, 0]
            around = dragan(self._critic(draw), real, draw.uniform_like(real), mix, config.one_sided, config.target)
            penalty += config.weight * around
        for centred, images in ((chosen.r1, real), (chosen.r2, fake)):
            if centred and centred.every == 1:
                penalty += centred.gamma * r1(self._critic(draw), images)
        if chosen.orthogonal:
            kernels = [layer.kernel for layer in self.discriminator.layers if hasattr(layer, "kernel")]
            penalty += chosen.orthogonal.weight * orthogonal(kernels, chosen.orthogonal.free_norms)
        return penalty

    def _critic(self, draw: Draw) -> Critic:
        """The discriminator as a function of images that leaves its moving averages alone."""
        return lambda images: training_pass(self.discriminator, images, draw, update_statistics=False)

    def _seen_reals(self, batch: Batch, draw: Draw) -> tf.Tensor:
        return self.augmented(self.real_examples(batch), draw)

    def _seen_fakes(self, draw: Draw) -> tf.Tensor:
        inputs, _ = self.draw_inputs(draw, self.reals_per_batch)
        return self.augmented(self.fake_examples(inputs, draw), draw)

    def _metrics_of_both(self, on_real: tf.Tensor, on_fake: tf.Tensor) -> dict[str, tf.Tensor]:
        real, fake = self.score_metrics(on_real, "real"), self.score_metrics(on_fake, "fake")
        return {f"{name}_real": value for name, value in real.items()} | {f"{name}_fake": value for name, value in fake.items()}

    def target(self, source: Source, draw: Draw) -> Target:
        labels = self._recipe.labels
        if labels.plain:
            return super().target(source, draw)
        return targets(source, LabelNoise(labels.real, labels.fake, labels.flip), draw, self.reals_per_batch)

    def fake_examples(self, inputs: GeneratorInputs, draw: Draw) -> tf.Tensor:
        if self._recipe.fakes == "training":
            return training_pass(self.generator, inputs, draw, update_statistics=False)
        return super().fake_examples(inputs, draw)

    def augmented(self, examples: tf.Tensor, draw: Draw) -> tf.Tensor:
        """Images, real or fake, as the discriminator sees them: augmented, and with instance noise that fades."""
        recipe = self._recipe
        if recipe.augment:
            examples = augment(examples, recipe.augment, recipe.image.range, draw)
        if recipe.instance_noise:
            left = tf.maximum(0.0, 1.0 - tf.cast(draw.step, tf.float32) / recipe.instance_noise.steps)
            examples += recipe.instance_noise.stddev * left * draw.normal_like(examples)
        return examples

    def derived_metrics(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """A critic's estimate of the Wasserstein distance: its mean score on real images minus that on fakes."""
        if self.adversarial_loss.boundary is not None or self.adversarial_loss.paired:
            return {}
        real, fake = ("d_real.score", "d_fake.score") if "d_real.score" in metrics else ("d.score_real", "d.score_fake")
        return {"critic.estimate": metrics[real] - metrics[fake]}

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """The discriminator's accuracy on real and on generated images.

        Nothing for a critic, nor for a discriminator with batch normalisation: its moving averages mix real and fake batches,
            so
        in inference mode it judges neither as it does in training.
        """
        return {} if self._recipe.discriminator.batch_norm else super().evaluate(reals, inputs)


SYSTEM = GAN
