"""CycleGAN (Zhu et al. 2017): translation between two domains without pairs, spec E 7.

One step. First both generators make fakes of this step's images, before anything moves, and the pools exchange some of
them for earlier ones. Then, each phase on the weights its predecessors left:
    g_ba      the generator from B to A: adversarial, identity, and the ways A-B-A and B-A-B
    d_a_real  the discriminator of A on real images of A
    d_a_fake  the same on what its pool gave
    g_ab, d_b_real, d_b_fake   the same the other way round; the ways lead through the other generator as it is by now
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
from gan_train.recipe.translation import A, B, generator_kind
from gan_train.systems.base import DISCRIMINATOR, DISCRIMINATOR_SEEDS, Batch, Outcome, Phase, Turn, build_player
from gan_train.systems.score_metrics import judged
from gan_train.systems.translation import (
    TranslationSystem,
    mean_absolute,
    patch_facts,
    patch_mean,
    training_images,
)

SECOND_SEEDS = 2 * DISCRIMINATOR_SEEDS
"""Distance of the initial seeds of the second generator and discriminator from the first ones'."""

_POOLED = "pooled_fake_"
"""Before the name of a domain: what its discriminator is shown for fakes."""


class CycleGAN(TranslationSystem):
    """Build inside the strategy's scope, so that the variables are mirrored."""

    def __init__(self, recipe: CycleGANRecipe) -> None:
        self._recipe, self._loss, precision = recipe, LOSSES[recipe.loss], resolved(recipe.precision)
        seeds = {A_TO_B: recipe.seed, B_TO_A: recipe.seed + SECOND_SEEDS}
        self.generators = {
            way: build_resnet(recipe.generator, recipe.image, seed, precision, generator_kind(way))
            for way, seed in seeds.items()
        }
        seeds = {A: recipe.seed + DISCRIMINATOR_SEEDS, B: recipe.seed + DISCRIMINATOR_SEEDS + SECOND_SEEDS}
        self.discriminators = {
            domain: build_patchgan(recipe.discriminator, recipe.image, False, seed, precision, _judge(domain))
            for domain, seed in seeds.items()
        }
        networks = {generator_kind(way): network for way, network in self.generators.items()}
        optimizers = dict.fromkeys(networks, recipe.generator.optimizer)
        networks |= {_judge(domain): network for domain, network in self.discriminators.items()}
        optimizers |= dict.fromkeys(map(_judge, self.discriminators), recipe.discriminator.optimizer)
        self.players = {name: build_player(name, networks[name], optimizers[name], precision) for name in networks}
        self._pools = {domain: ImagePool(recipe.pool, recipe.image.shape, f"pool_{domain}") for domain in (A, B)}
        self.state = self._pools[A].variables + self._pools[B].variables
        self.reals_per_batch = recipe.batch_size
        self.turns = (Turn(self._phases("g_ba", B_TO_A, B, A) + self._phases("g_ab", A_TO_B, A, B), prepare=self._prepared),)

    @property
    def facts(self) -> dict[str, str]:
        return patch_facts(self._recipe.discriminator, self._recipe.image)

    def translated(self, direction: str, images: tf.Tensor, draw: Draw) -> tf.Tensor:
        return inference_pass(self.generators[direction], images)

    def _prepared(self, batch: Batch, draw: Draw) -> Batch:
        """Images as the networks see them, and what the pools give for the fakes made of them."""
        (a,), (b,) = (training_images([batch[name]], self._recipe, draw) for name in (A, B))
        fakes = {A: inference_pass(self.generators[B_TO_A], b), B: inference_pass(self.generators[A_TO_B], a)}
        pooled = {_POOLED + domain: self._pools[domain].exchanged(fakes[domain], draw) for domain in (A, B)}
        return {A: a, B: b} | pooled

    def _phases(self, name: str, way: str, start: str, end: str) -> tuple[Phase, ...]:
        """A generator from one domain to the other, then the discriminator of what it makes."""

        def generator(batch: Batch, draw: Draw) -> Outcome:
            return self._through_discriminator(way, batch[start], batch[end], end, draw)

        def on_real(batch: Batch, draw: Draw) -> Outcome:
            scores = training_pass(self.discriminators[end], batch[end], draw, update_statistics=True)
            return self._judged(self._loss.on_real(scores, REAL), judged(scores, "real", self._loss.boundary))

        def on_fake(batch: Batch, draw: Draw) -> Outcome:
            scores = training_pass(self.discriminators[end], batch[_POOLED + end], draw, update_statistics=True)
            return self._judged(self._loss.on_fake(scores, FAKE), judged(scores, "fake", self._loss.boundary))

        identity = ("identity",) if self._recipe.identity_weight else ()
        terms = ("adversarial", *identity, "cycle", "cycle_back", "score")
        return (
            Phase(name, generator_kind(way), generator, terms),
            Phase(f"d_{end}_real", _judge(end), on_real, ("accuracy", "score")),
            Phase(f"d_{end}_fake", _judge(end), on_fake, ("accuracy", "score")),
        )

    def _through_discriminator(self, way: str, source: tf.Tensor, wanted: tf.Tensor, end: str, draw: Draw) -> Outcome:
        """The loss of a generator on images of the domain it starts from and of the domain it makes (spec E 7.3)."""
        recipe = self._recipe
        there, back = self.generators[way], self.generators[B_TO_A if way == A_TO_B else A_TO_B]
        made = training_pass(there, source, draw, update_statistics=True)
        scores = training_pass(self.discriminators[end], made, draw, update_statistics=False)
        returned = training_pass(back, made, draw, update_statistics=False)
        remade = training_pass(there, training_pass(back, wanted, draw, update_statistics=False), draw, update_statistics=False)
        terms = {
            "adversarial": patch_mean(self._loss.of_generator(scores)),
            "cycle": mean_absolute(returned, source),
            "cycle_back": mean_absolute(remade, wanted),
        }
        losses = recipe.adversarial_weight * terms["adversarial"] + recipe.cycle_weight * (terms["cycle"] + terms["cycle_back"])
        if recipe.identity_weight:
            terms["identity"] = mean_absolute(training_pass(there, wanted, draw, update_statistics=False), wanted)
            losses += recipe.identity_weight * terms["identity"]
        return Outcome(losses, terms | {"score": scores})

    def _judged(self, losses: tf.Tensor, metrics: dict[str, tf.Tensor]) -> Outcome:
        return Outcome(self._recipe.discriminator_weight * patch_mean(losses), metrics)


def _judge(domain: str) -> str:
    return f"{DISCRIMINATOR}-{domain}"
