"""The recipes of the package with their known parameter counts, and how to make each small enough for a test."""

from dataclasses import dataclass

from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from tests.support.runs import SMALL_KEYS

HALVES = ("d_real", "d_fake", "g")
"""The order of a step wherever the discriminator has an update for each half."""

CRITIC = ("d",) * 5 + ("g",)
"""Five turns of it."""
JOINT = ("d", "g")
"""The same wherever it has one update for both."""


@dataclass(frozen=True)
class Entry:
    """One recipe.

    Attributes:
        parameters: of every network, by its name, as the books and papers that describe it count them. Those of residual
            networks contain the statistics of batches, and not the one gain of attention, which is a constant in a plain copy.
        phases: of one step, in order.
        small: overrides for tiny networks.
        data: which dataset of conftest.py its full size takes.
        calm: overrides besides, without which a difference in rounding grows a thousandfold in a step.
    """

    parameters: dict[str, int]
    phases: tuple[str, ...] = HALVES
    small: tuple[str, ...] = SMALL_KEYS
    data: str = "digits"
    calm: tuple[str, ...] = ()


_SCHEDULE = ("batch_size=16", "sample_images=9", "steps_per_call=3", "precision=float32")
_GENERATOR = ("generator.base=[7,7,8]", "generator.filters=[8,8]", *_SCHEDULE)

_TRANSLATED = ("image.shape=[16,16,3]", "discriminator.filters=4", "discriminator.layers=2", "batch_size=2", *_SCHEDULE[1:])
_PIX2PIX = ("generator.filters=[4,8,8]", "generator.bottleneck=8", *_TRANSLATED)
_CLASSIFIER = ("image.shape=[28,28,1]", "classifier.filters=[4,8]", "classifier.features=8", *_SCHEDULE)
_RESIDUAL = (*_GENERATOR, "image.shape=[28,28,1]", "discriminator.filters=[8,8,8]", "discriminator.halvings=2")
_ONE_TURN = "discriminator_steps=1"
_ATTENTIVE = (
    _ONE_TURN,
    "generator.attention=14",
    "discriminator.attention=14",
    "generator.shared_embedding=4",
    "latent_size=9",
)
_PAIRED = {"generator": 54_429_315, "discriminator": 6_968_257}

CATALOGUE = {
    "biggan64": Entry(
        {"generator": 8_379_523, "discriminator": 4_894_305},
        phases=JOINT,
        small=(*_RESIDUAL, *_ATTENTIVE),
        data="labelled_64",
    ),
    "celeba-gan": Entry({"generator": 1_381_891, "discriminator": 1_651_841}, data="pictures_80"),
    "celeba-lsgan": Entry(
        {"generator": 6_950_531, "discriminator": 4_318_337},
        phases=JOINT,
        small=(*SMALL_KEYS, "generator.filters=[8,8,8]", "generator.strides=[2,1,2]"),
        data="pictures_64",
    ),
    "celeba-sngan": Entry({"generator": 3_845_315, "discriminator": 2_764_737}, phases=CRITIC, data="pictures_64"),
    "cifar10-biggan": Entry(
        {"generator": 4_372_739, "discriminator": 4_289_281},
        phases=JOINT,
        small=(*_RESIDUAL, *_ATTENTIVE),
        data="labelled_32",
    ),
    "cifar10-classifier": Entry({"classifier": 670_234}, phases=("c",), small=_CLASSIFIER, data="labelled_32"),
    "cifar10-gan": Entry({"generator": 1_466_115, "discriminator": 522_497}, data="pictures_32"),
    "cifar10-resgan": Entry(
        {"generator": 4_307_971, "discriminator": 1_055_105}, phases=CRITIC, small=_RESIDUAL, data="labelled_32"
    ),
    "cifar10-sngan": Entry({"generator": 3_813_251, "discriminator": 2_764_737}, phases=CRITIC, data="pictures_32"),
    "curve-gan": Entry({"generator": 122, "discriminator": 101}, small=_SCHEDULE, data="points"),
    "digit-classifier": Entry({"classifier": 151_322}, phases=("c",), small=_CLASSIFIER),
    "fashion-acgan": Entry(
        {"generator": 3_757_176, "discriminator": 527_627},
        small=(*_GENERATOR, "generator.filters=[8]", "discriminator.filters=[8,8,8]"),
    ),
    "fashion-cgan": Entry(
        {"generator": 1_169_336, "discriminator": 196_773}, small=(*_GENERATOR, "discriminator.filters=[8,8]")
    ),
    "fashion-classifier": Entry({"classifier": 151_322}, phases=("c",), small=_CLASSIFIER, data="clothes"),
    "fashion-gan": Entry({"generator": 1_164_289, "discriminator": 155_137}),
    "horse2zebra-cyclegan": Entry(
        {"generator-a-to-b": 35_276_553, "generator-b-to-a": 35_276_553}
        | {"discriminator-a": 6_962_369, "discriminator-b": 6_962_369},
        phases=("g_ba", "d_a_real", "d_a_fake", "g_ab", "d_b_real", "d_b_fake"),
        small=("generator.filters=4", "generator.blocks=1", "pool=3", *_TRANSLATED),
        data="pairs_64",
        calm=("generator.output_norm=false",),
    ),
    "maps-pix2pix": Entry(_PAIRED, small=_PIX2PIX, data="pairs_128"),
    "maps-pix2pix-reverse": Entry(_PAIRED, small=_PIX2PIX, data="pairs_128"),
    "mnist-dcgan": Entry({"generator": 851_713, "discriminator": 70_337}),
    "mnist-dcgan-adam": Entry({"generator": 851_713, "discriminator": 70_337}),
    "mnist-dcgan-collapse": Entry({"generator": 544_385, "discriminator": 70_337}),
    "mnist-dcgan-mixed": Entry({"generator": 851_713, "discriminator": 70_337}, phases=JOINT),
    "mnist-gan": Entry({"generator": 1_164_289, "discriminator": 40_705}, phases=JOINT),
    "mnist-infogan": Entry(
        {"generator": 3_113_409, "discriminator": 670_913, "recognition": 2_265_930},
        small=(*_GENERATOR, "discriminator.filters=[8,8,8]", "discriminator.code_units=8"),
    ),
    "mnist-lsgan": Entry({"generator": 1_976_577, "discriminator": 139_329}),
    "mnist-sgan": Entry(
        {"generator": 1_164_289, "classifier": 316_938, "discriminator": 316_938},
        phases=("c", *HALVES),
        small=(*_GENERATOR, "classifier.filters=[8,8,8]", "labels=20"),
    ),
    "mnist-wgan": Entry({"generator": 851_713, "discriminator": 70_337}, phases=("d_real", "d_fake") * 5 + ("g",)),
    "mnist-wgan-gp": Entry({"generator": 851_713, "discriminator": 69_825}, phases=CRITIC),
}


def small(name: str, *overrides: str) -> Recipe:
    """A recipe with tiny networks, for digits or points, alike on all machines."""
    return load_recipe(name, [*CATALOGUE[name].small, *overrides])
