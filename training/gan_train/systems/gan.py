"""The unconditional GAN (Goodfellow et al. 2014) with any of the losses, as a recipe says.

One step (spec B section 0, spec C 1.0 and 1.8), the discriminator's turn `discriminator_steps` times:
    mixed      D on real and fake stacked · G
    separate   D on real · D on fake · G
    joint      D on real and fake, one loss with its penalties · G
D sees half a batch of real and half a batch of fake images; G then moves through the updated D on a full batch of
fresh latents. Fakes for D are made in inference mode, with the dropout that the recipe keeps in sampling, or as in G's own
updates: `fakes`.
"""

from collections.abc import Mapping

import keras
import tensorflow as tf

from gan_core.errors import UsageError
from gan_train.data.pixels import to_range
from gan_train.latents.draws import draw_latents
from gan_train.networks.dcgan import build_discriminator, build_generator
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.moving_average import MovingAverage
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw, picture_draw
from gan_train.objectives.augmentation import augment
from gan_train.objectives.labels import LabelNoise, Truth, targets
from gan_train.objectives.losses import FAKE, LOSSES, REAL, Target
from gan_train.objectives.penalties import Critic, clip_weights, dragan, gradient_penalty, orthogonal, r1
from gan_train.recipe.gan import GANRecipe
from gan_train.systems.base import (
    DISCRIMINATOR,
    DISCRIMINATOR_SEEDS,
    GENERATOR,
    Batch,
    GeneratorInputs,
    Outcome,
    Phase,
    SamplingSystem,
    Turn,
    build_player,
)
from gan_train.systems.score_metrics import judged


class GAN(SamplingSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: GANRecipe) -> None:
        self._recipe, self._loss, self._precision = recipe, LOSSES[recipe.loss], resolved(recipe.precision)
        self.generator = self._build_generator()
        self.discriminator = build_discriminator(
            recipe.discriminator, recipe.image, recipe.seed + DISCRIMINATOR_SEEDS, self._precision
        )
        self.players = {
            GENERATOR: build_player(GENERATOR, self.generator, recipe.generator.optimizer, self._precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.discriminator, recipe.discriminator.optimizer, self._precision),
        }
        if recipe.average:
            self.average = MovingAverage(self.generator, self._build_generator(), recipe.average, recipe.batch_size)
        self.reals_per_batch = recipe.batch_size // 2
        generator_phase = Phase("g", GENERATOR, self._generator_through_discriminator, ("score",))
        self.turns = (
            Turn(self._discriminator_phases(), times=recipe.discriminator_steps),
            Turn((generator_phase,), reads=False),
        )

    def _build_generator(self) -> keras.Model:
        recipe = self._recipe
        return build_generator(recipe.generator, recipe.latent_size, recipe.image, recipe.seed, self._precision)

    def _discriminator_phases(self) -> tuple[Phase, ...]:
        recipe, after = self._recipe, None
        if recipe.penalties.clip:
            kernels, limit = self._kernels(recipe.penalties.clip.layers), recipe.penalties.clip.limit

            def after() -> None:
                clip_weights(kernels, limit)

        one = ("score",) if self._loss.boundary is None else ("accuracy", "score")
        both = tuple(f"{metric}_{truth}" for metric in one for truth in ("real", "fake"))
        match recipe.discriminator_batch:
            case "mixed":
                return (Phase("d", DISCRIMINATOR, self._on_mixed, both, after),)
            case "separate":
                real = Phase("d_real", DISCRIMINATOR, self._on_real, one, after)
                fake = Phase("d_fake", DISCRIMINATOR, self._on_fake, one, after)
                return (real, fake)
        joint = Phase("d", DISCRIMINATOR, self._on_both, (*both, "penalty"), after)
        lazy = recipe.penalties.r1
        if lazy and lazy.every > 1:
            return (joint, Phase("r1", DISCRIMINATOR, self._lazy_r1, (), after, every=lazy.every, partial=True))
        return (joint,)

    def _kernels(self, layers: tuple[str, ...]) -> list[keras.Variable]:
        known = {layer.name: layer for layer in self.discriminator.layers if hasattr(layer, "kernel")}
        unknown = [name for name in layers if name not in known]
        if unknown:
            raise UsageError(f"penalties.clip.layers: no layer {unknown[0]!r}; there are: {', '.join(known)}")
        return [known[name].kernel for name in layers]

    def _on_mixed(self, batch: Batch, draw: Draw) -> Outcome:
        images = tf.concat([self._real_images(batch, draw), self._fake_images(draw)], axis=0)
        scores = training_pass(self.discriminator, images, draw, update_statistics=True, parts=2)
        on_real, on_fake = tf.split(scores, 2)
        losses = [self._real_losses(on_real, draw), self._fake_losses(on_fake, draw)]
        return Outcome(tf.concat(losses, axis=0), self._both_judged(on_real, on_fake))

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        scores = training_pass(self.discriminator, self._real_images(batch, draw), draw, update_statistics=True)
        return Outcome(self._real_losses(scores, draw), self._judged(scores, "real"))

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        scores = training_pass(self.discriminator, self._fake_images(draw), draw, update_statistics=True)
        return Outcome(self._fake_losses(scores, draw), self._judged(scores, "fake"))

    def _on_both(self, batch: Batch, draw: Draw) -> Outcome:
        real, fake = self._real_images(batch, draw), self._fake_images(draw)
        on_real = training_pass(self.discriminator, real, draw, update_statistics=True)
        on_fake = training_pass(self.discriminator, fake, draw, update_statistics=True)
        penalty = self._penalty(real, fake, draw)
        losses = self._real_losses(on_real, draw) + self._fake_losses(on_fake, draw) + penalty
        return Outcome(losses, self._both_judged(on_real, on_fake) | {"penalty": penalty})

    def _penalty(self, real: tf.Tensor, fake: tf.Tensor, draw: Draw) -> tf.Tensor:
        """All penalties of a joint update, float32 (n,)."""
        chosen = self._recipe.penalties
        penalty = tf.zeros(tf.shape(real)[0])
        if chosen.gradient:
            config, mix = chosen.gradient, draw.uniform(self.reals_per_batch, 1)[:, 0]
            of_gradient = gradient_penalty(self._critic(draw), real, fake, mix, config.one_sided, config.target)
            penalty += config.weight * of_gradient
        if chosen.dragan:
            config, mix = chosen.dragan, draw.uniform(self.reals_per_batch, 1)[:, 0]
            around = dragan(self._critic(draw), real, draw.uniform_like(real), mix, config.one_sided, config.target)
            penalty += config.weight * around
        if chosen.r1 and chosen.r1.every == 1:
            penalty += chosen.r1.gamma * r1(self._critic(draw), real)
        if chosen.orthogonal:
            kernels = [layer.kernel for layer in self.discriminator.layers if hasattr(layer, "kernel")]
            penalty += chosen.orthogonal.weight * orthogonal(kernels, chosen.orthogonal.free_norms)
        return penalty

    def _lazy_r1(self, batch: Batch, draw: Draw) -> Outcome:
        config = self._recipe.penalties.r1
        assert config is not None
        return Outcome(config.every * config.gamma * r1(self._critic(draw), self._real_images(batch, draw)), {})

    def _critic(self, draw: Draw) -> Critic:
        """The discriminator as a function of images, its averages left alone."""
        return lambda images: training_pass(self.discriminator, images, draw, update_statistics=False)

    def _generator_through_discriminator(self, batch: Batch, draw: Draw) -> Outcome:
        latents = draw_latents(self._recipe.latent, draw, self._recipe.batch_size, self._recipe.latent_size)
        images = training_pass(self.generator, latents, draw, update_statistics=True)
        scores = training_pass(self.discriminator, self._shown(images, draw), draw, update_statistics=False)
        return Outcome(self._loss.of_generator(scores), {"score": scores})

    def derived(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """A critic's estimate of the Wasserstein distance, mean score on real minus mean score on fake (spec C 1.8)."""
        if self._loss.boundary is not None:
            return {}
        real, fake = ("d_real.score", "d_fake.score") if "d_real.score" in metrics else ("d.score_real", "d.score_fake")
        return {"critic.estimate": metrics[real] - metrics[fake]}

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """Accuracy of the discriminator on real and on generated images, as spec B 1.8 reports it.

        Nothing for a critic, nor for a discriminator with batch normalisation: its moving averages mix real and fake
        batches, so in inference mode it judges neither as it does in training.
        """
        if self._recipe.discriminator.batch_norm or self._loss.boundary is None:
            return {}
        on_real = inference_pass(self.discriminator, to_range(reals["image"], self._recipe.image.range))
        fakes = inference_pass(self.sampler, inputs, picture_draw(self._recipe.seed))
        on_fake = inference_pass(self.discriminator, fakes)
        judged = self._both_judged(on_real, on_fake)
        return {name: tf.reduce_mean(judged[name]) for name in ("accuracy_real", "accuracy_fake")}

    def _both_judged(self, on_real: tf.Tensor, on_fake: tf.Tensor) -> dict[str, tf.Tensor]:
        real, fake = self._judged(on_real, "real"), self._judged(on_fake, "fake")
        return {f"{name}_real": value for name, value in real.items()} | {f"{name}_fake": value for name, value in fake.items()}

    def _judged(self, scores: tf.Tensor, truth: Truth) -> dict[str, tf.Tensor]:
        return judged(scores, truth, self._loss.boundary)

    def _real_losses(self, scores: tf.Tensor, draw: Draw) -> tf.Tensor:
        return self._loss.on_real(scores, self._targets("real", REAL, draw))

    def _fake_losses(self, scores: tf.Tensor, draw: Draw) -> tf.Tensor:
        return self._loss.on_fake(scores, self._targets("fake", FAKE, draw))

    def _targets(self, truth: Truth, plain: float, draw: Draw) -> Target:
        labels = self._recipe.labels
        if labels.plain:
            return plain
        return targets(truth, LabelNoise(labels.real, labels.fake, labels.flip), draw, self.reals_per_batch)

    def _real_images(self, batch: Batch, draw: Draw) -> tf.Tensor:
        return self._shown(to_range(batch["image"], self._recipe.image.range), draw)

    def _fake_images(self, draw: Draw) -> tf.Tensor:
        latents = draw_latents(self._recipe.latent, draw, self.reals_per_batch, self._recipe.latent_size)
        if self._recipe.fakes == "training":
            return self._shown(training_pass(self.generator, latents, draw, update_statistics=False), draw)
        return self._shown(inference_pass(self.generator, latents, draw), draw)

    def _shown(self, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        """What the discriminator sees of images: augmented and noisy, real and fake alike."""
        recipe = self._recipe
        if recipe.augment:
            images = augment(images, recipe.augment, recipe.image.range, draw)
        if recipe.instance_noise:
            left = tf.maximum(0.0, 1.0 - tf.cast(draw.step, tf.float32) / recipe.instance_noise.steps)
            images += recipe.instance_noise.stddev * left * draw.normal_like(images)
        return images
