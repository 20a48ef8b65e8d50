"""InfoGAN (Chen et al. 2016) with one categorical code, spec D 3: Q, with the discriminator's eyes, reads the code back.

One step: D on real · D on fake, with random codes · G and Q together, so that D holds the image for real and Q finds the
code it was made from. Q never sees a real image. What Q shares with D moves in D's phases alone, unless the recipe says
`q_updates_trunk`. D sees half a batch of each; the last phase works on a full batch. Fakes for D are made in inference mode.
"""

import keras
import tensorflow as tf

from gan_train.data.pixels import to_range
from gan_train.latents.codes import draw_classes, with_codes
from gan_train.latents.draws import draw_latents
from gan_train.networks.infogan import build_discriminator, build_generator, generator_player
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy, information
from gan_train.objectives.losses import FAKE, REAL, cross_entropy
from gan_train.recipe.infogan import InfoGANRecipe
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
from gan_train.systems.score_metrics import judged, right_class


class InfoGAN(SamplingSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: InfoGANRecipe) -> None:
        self._recipe, precision = recipe, resolved(recipe.precision)
        of_generator, of_discriminator = recipe.generator, recipe.discriminator
        self.generator = build_generator(
            of_generator, recipe.latent_size + recipe.codes, recipe.image, of_generator.batch_norm, recipe.seed, precision
        )
        self._networks = build_discriminator(
            of_discriminator,
            recipe.codes,
            recipe.image,
            of_discriminator.batch_norm,
            recipe.seed + DISCRIMINATOR_SEEDS,
            precision,
        )
        self.discriminator = self._networks.discriminator
        moved_with_generator = generator_player(self.generator, self._networks, recipe.q_updates_trunk)
        self.players = {
            GENERATOR: build_player(GENERATOR, moved_with_generator, of_generator.optimizer, precision),
            DISCRIMINATOR: build_player(DISCRIMINATOR, self.discriminator, of_discriminator.optimizer, precision),
        }
        self.reals_per_batch = recipe.batch_size // 2
        on_real = Phase("d_real", DISCRIMINATOR, self._on_real, ("accuracy", "score"))
        on_fake = Phase("d_fake", DISCRIMINATOR, self._on_fake, ("accuracy", "score"))
        g = Phase("g", GENERATOR, self._generator_and_q, ("score", "code_loss", "code_accuracy", "information"))
        self.turns = (Turn((on_real, on_fake)), Turn((g,), reads=False))

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and Q, which reads the code of an image."""
        return super().models | {"recognition": self._networks.recognition}

    def _on_real(self, batch: Batch, draw: Draw) -> Outcome:
        images = to_range(batch["image"], self._recipe.image.range)
        scores = training_pass(self.discriminator, images, draw, update_statistics=True)
        return Outcome(cross_entropy(scores, REAL), judged(scores, "real"))

    def _on_fake(self, batch: Batch, draw: Draw) -> Outcome:
        latents, _ = self._inputs(draw, self.reals_per_batch)
        images = inference_pass(self.generator, latents)
        scores = training_pass(self.discriminator, images, draw, update_statistics=True)
        return Outcome(cross_entropy(scores, FAKE), judged(scores, "fake"))

    def _generator_and_q(self, batch: Batch, draw: Draw) -> Outcome:
        latents, codes = self._inputs(draw, self._recipe.batch_size)
        images = training_pass(self.generator, latents, draw, update_statistics=True)
        # Of the averages on this side only Q's own follow: the trunk's are the discriminator's.
        seen = training_pass(self._networks.trunk, images, draw, update_statistics=False)
        scores = training_pass(self._networks.score_head, seen, draw, update_statistics=False)
        logits = training_pass(self._networks.code_head, seen, draw, update_statistics=True)
        of_code = class_cross_entropy(logits, codes)
        metrics = {
            "score": scores,
            "code_loss": of_code,
            "code_accuracy": right_class(logits, codes),
            "information": information(logits, codes),
        }
        return Outcome(cross_entropy(scores, REAL) + self._recipe.information_weight * of_code, metrics)

    def _inputs(self, draw: Draw, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """The generator's input, noise and one-hot code, and the codes: this replica's share of `count`."""
        recipe = self._recipe
        noise = draw_latents(recipe.latent, draw, count, recipe.latent_size)
        codes = draw_classes(draw, count, recipe.codes)
        return with_codes(noise, codes, recipe.codes), codes

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """How often Q finds the code of a generated image."""
        one_hot = tf.convert_to_tensor(inputs)[:, self._recipe.latent_size :]
        codes = tf.argmax(one_hot, axis=1, output_type=tf.int32)
        logits = inference_pass(self._networks.recognition, inference_pass(self.generator, inputs))
        return {"code_accuracy": tf.reduce_mean(right_class(logits, codes))}
