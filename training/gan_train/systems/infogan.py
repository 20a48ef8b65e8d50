"""InfoGAN (Chen et al. 2016) with one categorical code, which the network Q reads back from the image.

The step is that of two_players.py, but the generator's phase also moves Q: the discriminator shall call the image real, and Q
find the code that it was made from. Q never sees a real image. The layers that Q shares with the discriminator move in the
discriminator's phases alone, unless the recipe sets `q_updates_trunk`.
"""

import keras
import tensorflow as tf

from gan_train.latents.codes import draw_classes, with_codes
from gan_train.latents.draws import draw_latents
from gan_train.networks.infogan import build_discriminator, build_generator, generator_player
from gan_train.networks.passes import inference_pass, training_pass
from gan_train.numerics.precision import Precision, resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.class_losses import class_cross_entropy, information
from gan_train.recipe.infogan import InfoGANRecipe
from gan_train.systems.base import DISCRIMINATOR_SEEDS, Batch, GeneratorInputs, Outcome, Player
from gan_train.systems.metrics import class_accuracy
from gan_train.systems.two_players import TwoPlayerGAN, two_players


class InfoGAN(TwoPlayerGAN):
    """InfoGAN."""

    generator_metrics = ("score", "code_loss", "code_accuracy", "information")

    def __init__(self, recipe: InfoGANRecipe) -> None:
        self._recipe, precision, seed = recipe, resolved(recipe.precision), recipe.seed
        of_g, of_d, codes, image = recipe.generator, recipe.discriminator, recipe.codes, recipe.image
        generator = build_generator(of_g, recipe.latent_size + codes, image, of_g.batch_norm, seed, precision)
        self._networks = build_discriminator(of_d, codes, image, of_d.batch_norm, seed + DISCRIMINATOR_SEEDS, precision)
        super().__init__(recipe, generator, self._networks.discriminator)

    def build_players(self, precision: Precision) -> dict[str, Player]:
        moved_with_generator = generator_player(self.generator, self._networks, self._recipe.q_updates_trunk)
        return two_players(self._recipe, moved_with_generator, self.discriminator, precision)

    @property
    def models(self) -> dict[str, keras.Model]:
        """The generator, and Q, which reads the code of an image."""
        return super().models | {"recognition": self._networks.recognition}

    def draw_inputs(self, draw: Draw, count: int) -> tuple[GeneratorInputs, tf.Tensor | None]:
        noise = draw_latents(self._recipe.latent, draw, count, self._recipe.latent_size)
        codes = draw_classes(draw, count, self._recipe.codes)
        return with_codes(noise, codes, self._recipe.codes), codes

    def on_generator(self, batch: Batch, draw: Draw) -> Outcome:
        """The phase of the generator and Q, through the discriminator's layers."""
        inputs, codes = self.draw_inputs(draw, self._recipe.batch_size)
        images = training_pass(self.generator, inputs, draw, update_statistics=True)
        # Of the moving averages on this side only Q's own follow this batch: the shared layers' are the discriminator's.
        features = training_pass(self._networks.trunk, images, draw, update_statistics=False)
        scores = training_pass(self._networks.score_head, features, draw, update_statistics=False)
        logits = training_pass(self._networks.code_head, features, draw, update_statistics=True)
        code_losses = class_cross_entropy(logits, codes)
        outcome = self.generator_outcome(scores, codes)
        metrics = {
            "code_loss": code_losses,
            "code_accuracy": class_accuracy(logits, codes),
            "information": information(logits, codes),
        }
        return Outcome(outcome.losses + self._recipe.information_weight * code_losses, outcome.metrics | metrics)

    def evaluate(self, reals: Batch, inputs: GeneratorInputs) -> dict[str, tf.Tensor]:
        """How often Q finds the code of a generated image."""
        one_hot = tf.convert_to_tensor(inputs)[:, self._recipe.latent_size :]
        codes = tf.argmax(one_hot, axis=1, output_type=tf.int32)
        logits = inference_pass(self._networks.recognition, inference_pass(self.generator, inputs))
        return {"code_accuracy": tf.reduce_mean(class_accuracy(logits, codes))}


SYSTEM = InfoGAN
