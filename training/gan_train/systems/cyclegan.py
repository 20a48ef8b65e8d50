"""CycleGAN (Zhu et al. 2017): translation between two domains without pairs.

One step. First both generators make fakes of this step's images, before anything moves, and the pools exchange some of
them for earlier ones. Then, each phase on the weights that the ones before it left:
    g_ba      the generator from B to A: adversarial and identity losses, and the cycles A-B-A and B-A-B
    d_a_real  the discriminator of A on real images of A
    d_a_fake  the discriminator of A on the fakes that its pool gave
    g_ab, d_b_real, d_b_fake   the same for the other direction; cycles lead through the other generator as it is by then
"""

import tensorflow as tf

from gan_train.networks.passes import inference_pass, training_pass
from gan_train.networks.patchgan import build_patchgan
from gan_train.networks.resnet import build_resnet
from gan_train.numerics.precision import resolved
from gan_train.numerics.randomness import Draw
from gan_train.objectives.image_pool import ImagePool
from gan_train.objectives.losses import FAKE, LOSSES, REAL
from gan_train.recipe.cyclegan import A_TO_B, B_TO_A, CycleGANRecipe
from gan_train.recipe.examples import A, B
from gan_train.recipe.translation import generator_kind
from gan_train.systems.base import DISCRIMINATOR, DISCRIMINATOR_SEEDS, Batch, Outcome, Phase, Turn, build_player
from gan_train.systems.metrics import score_metrics
from gan_train.systems.translation import (
    TranslationSystem,
    mean_absolute,
    patch_mean,
    patch_summary,
    training_images,
)

SECOND_SEEDS = 2 * DISCRIMINATOR_SEEDS
"""Distance of the initial seeds of the second generator and discriminator from those of the first."""

_POOLED = "pooled_fake_"
"""Prefix, before a domain, of the batch's name for the fakes that the domain's discriminator sees."""


class CycleGAN(TranslationSystem):
    """CycleGAN."""

    def __init__(self, recipe: CycleGANRecipe) -> None:
        self._recipe, self._loss, precision = recipe, LOSSES[recipe.loss], resolved(recipe.precision)
        seeds = {A_TO_B: recipe.seed, B_TO_A: recipe.seed + SECOND_SEEDS}
        self.generators = {
            way: build_resnet(recipe.generator, recipe.image, seed, precision, generator_kind(way))
            for way, seed in seeds.items()
        }
        seeds = {A: recipe.seed + DISCRIMINATOR_SEEDS, B: recipe.seed + DISCRIMINATOR_SEEDS + SECOND_SEEDS}
        self.discriminators = {
            domain: build_patchgan(recipe.discriminator, recipe.image, False, seed, precision, _discriminator(domain))
            for domain, seed in seeds.items()
        }
        networks = {generator_kind(way): network for way, network in self.generators.items()}
        optimizers = dict.fromkeys(networks, recipe.generator.optimizer)
        networks |= {_discriminator(domain): network for domain, network in self.discriminators.items()}
        optimizers |= dict.fromkeys(map(_discriminator, self.discriminators), recipe.discriminator.optimizer)
        self.players = {name: build_player(name, networks[name], optimizers[name], precision) for name in networks}
        self._pools = {domain: ImagePool(recipe.pool, recipe.image.shape, f"pool_{domain}") for domain in (A, B)}
        self.state = self._pools[A].variables + self._pools[B].variables
        self.reals_per_batch = recipe.batch_size
        self.turns = (Turn(self._phases("g_ba", B_TO_A, B, A) + self._phases("g_ab", A_TO_B, A, B), prepare=self._prepared),)

    @property
    def summary(self) -> dict[str, str]:
        return patch_summary(self._recipe.discriminator, self._recipe.image)

    def translated(self, direction: str, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        return inference_pass(self.generators[direction], images)

    def _prepared(self, batch: Batch, draw: Draw) -> Batch:
        """Images as the networks see them, and the fakes that the pools give for the ones made of these images."""
        (a,), (b,) = (training_images([batch[name]], self._recipe, draw) for name in (A, B))
        fakes = {A: inference_pass(self.generators[B_TO_A], b), B: inference_pass(self.generators[A_TO_B], a)}
        pooled = {_POOLED + domain: self._pools[domain].exchanged(fakes[domain], draw) for domain in (A, B)}
        return {A: a, B: b} | pooled

    def _phases(self, name: str, way: str, start: str, end: str) -> tuple[Phase, ...]:
        """The phases of the generator from one domain to another, and of the discriminator of its output."""

        def generator(batch: Batch, draw: Draw) -> Outcome:
            return self._through_discriminator(way, batch[start], batch[end], end, draw)

        def on_real(batch: Batch, draw: Draw) -> Outcome:
            scores = training_pass(self.discriminators[end], batch[end], draw, update_statistics=True)
            return self._weighted(self._loss.on_real(scores, REAL), score_metrics(scores, "real", self._loss.boundary))

        def on_fake(batch: Batch, draw: Draw) -> Outcome:
            scores = training_pass(self.discriminators[end], batch[_POOLED + end], draw, update_statistics=True)
            return self._weighted(self._loss.on_fake(scores, FAKE), score_metrics(scores, "fake", self._loss.boundary))

        identity = ("identity",) if self._recipe.identity_weight else ()
        terms = ("adversarial", *identity, "cycle", "cycle_back", "score")
        return (
            Phase(name, generator_kind(way), "generator", generator, terms),
            Phase(f"d_{end}_real", _discriminator(end), "discriminator", on_real, ("accuracy", "score")),
            Phase(f"d_{end}_fake", _discriminator(end), "discriminator", on_fake, ("accuracy", "score")),
        )

    def _through_discriminator(self, way: str, source: tf.Tensor, wanted: tf.Tensor, end: str, draw: Draw) -> Outcome:
        """The outcome of a generator on images of the domain it starts from, `source`, and of the domain it makes, `wanted`."""
        recipe = self._recipe
        there, back = self.generators[way], self.generators[B_TO_A if way == A_TO_B else A_TO_B]
        translations = training_pass(there, source, draw, update_statistics=True)
        scores = training_pass(self.discriminators[end], translations, draw, update_statistics=False)
        returned = training_pass(back, translations, draw, update_statistics=False)
        restored = training_pass(
            there, training_pass(back, wanted, draw, update_statistics=False), draw, update_statistics=False
        )
        terms = {
            "adversarial": patch_mean(self._loss.of_generator(scores)),
            "cycle": mean_absolute(returned, source),
            "cycle_back": mean_absolute(restored, wanted),
        }
        losses = recipe.adversarial_weight * terms["adversarial"] + recipe.cycle_weight * (terms["cycle"] + terms["cycle_back"])
        if recipe.identity_weight:
            terms["identity"] = mean_absolute(training_pass(there, wanted, draw, update_statistics=False), wanted)
            losses += recipe.identity_weight * terms["identity"]
        return Outcome(losses, terms | {"score": scores})

    def _weighted(self, losses: tf.Tensor, metrics: dict[str, tf.Tensor]) -> Outcome:
        """The outcome of a discriminator's phase, from one loss per patch."""
        return Outcome(self._recipe.discriminator_weight * patch_mean(losses), metrics)


def _discriminator(domain: str) -> str:
    """The player's name of the discriminator of a domain."""
    return f"{DISCRIMINATOR}-{domain}"


SYSTEM = CycleGAN
