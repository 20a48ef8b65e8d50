"""The layers of the conditional family and of the curve GAN, and ways to build and run them.

Layers and parameter counts are those of Brownlee, Generative Adversarial Networks with Python, ch. 6 and 17 to 20.
"""

from functools import cache

import keras
import numpy as np
import tensorflow as tf

from gan_train.networks import acgan, conditional, curve, dcgan, infogan, sgan
from gan_train.networks.infogan import DiscriminatorNetworks
from gan_train.networks.layers import inference_pass, training_pass
from gan_train.numerics.precision import Precision
from gan_train.numerics.randomness import Draw
from gan_train.recipe.acgan import ACGANDiscriminatorConfig, ACGANGeneratorConfig
from gan_train.recipe.conditional import ConditionalDiscriminatorConfig, ConditionalGeneratorConfig
from gan_train.recipe.curve import CurveDiscriminatorConfig, CurveGeneratorConfig
from gan_train.recipe.document import load_recipe
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.infogan import InfoGANDiscriminatorConfig, InfoGANGeneratorConfig
from gan_train.recipe.network_config import BatchNormConfig
from gan_train.recipe.sgan import ClassifierConfig

CLASSES, BATCH = 10, 8
IMAGE, UNIT = (ImageConfig(shape=(28, 28, 1), range=kind) for kind in ("symmetric", "unit"))
NORM = BatchNormConfig()

# name: parameters, of those trainable, and chains of layers with the shapes they give, each fed by the one before.
LAYERS = {
    "curve/generator": (122, 122, ["latent 5, hidden 15, point 2"]),
    "curve/discriminator": (101, 101, ["point 2, hidden 25, score 1"]),
    "cgan/discriminator": (
        196_773,
        196_773,
        [
            "label, label_embedding 50, label_dense 784, label_map 28x28x1, with_label 28x28x2",
            "image 28x28x1, with_label 28x28x2, down_1 14x14x128, down_1_rectified 14x14x128, down_2 7x7x128, "
            "down_2_rectified 7x7x128, flatten 6272, flat_dropout 6272, score 1",
        ],
    ),
    "cgan/generator": (
        1_169_336,
        1_169_336,
        [
            "label, label_embedding 50, label_dense 49, label_map 7x7x1, with_label 7x7x129",
            "latent 100, project 6272, project_rectified 6272, reshape 7x7x128, with_label 7x7x129, up_1 14x14x128, "
            "up_1_rectified 14x14x128, up_2 28x28x128, up_2_rectified 28x28x128, image 28x28x1, image_range 28x28x1",
        ],
    ),
    "infogan/generator": (
        3_113_409,
        3_062_849,
        [
            "latent 72, project 25088, project_rectified 25088, project_normalised 25088, reshape 7x7x512, conv 7x7x128, "
            "conv_rectified 7x7x128, conv_normalised 7x7x128, up_1 14x14x64, up_1_rectified 14x14x64, "
            "up_1_normalised 14x14x64, up_2 28x28x1, image_range 28x28x1"
        ],
    ),
    "infogan/trunk": (
        658_368,
        657_600,
        [
            "image 28x28x1, down_1 14x14x64, down_1_rectified 14x14x64, down_2 7x7x128, down_2_rectified 7x7x128, "
            "down_2_normalised 7x7x128, down_3 7x7x256, down_3_rectified 7x7x256, down_3_normalised 7x7x256, flatten 12544"
        ],
    ),
    "infogan/score_head": (12_545, 12_545, ["features 12544, score 1"]),
    "infogan/code_head": (
        1_607_562,
        1_607_306,
        ["features 12544, code_hidden 128, code_hidden_normalised 128, code_hidden_rectified 128, code_logits 10"],
    ),
    "acgan/discriminator": (
        527_627,
        526_731,
        [
            "image 28x28x1, down_1 14x14x32, down_1_rectified 14x14x32, down_1_dropout 14x14x32, down_2 14x14x64, "
            "down_2_normalised 14x14x64, down_2_rectified 14x14x64, down_2_dropout 14x14x64, down_3 7x7x128, "
            "down_3_normalised 7x7x128, down_3_rectified 7x7x128, down_3_dropout 7x7x128, down_4 7x7x256, "
            "down_4_normalised 7x7x256, down_4_rectified 7x7x256, down_4_dropout 7x7x256, flatten 12544, score 1",
            "flatten 12544, class_logits 10",
        ],
    ),
    "acgan/generator": (
        3_757_176,
        3_756_792,
        [
            "label, label_embedding 50, label_dense 49, label_map 7x7x1, with_label 7x7x385",
            "latent 100, project 18816, project_rectified 18816, reshape 7x7x384, with_label 7x7x385, up_1 14x14x192, "
            "up_1_normalised 14x14x192, up_1_rectified 14x14x192, up_2 28x28x1, image_range 28x28x1",
        ],
    ),
    "sgan/classifier": (
        316_938,
        316_938,
        [
            "image 28x28x1, down_1 14x14x128, down_1_rectified 14x14x128, down_2 7x7x128, down_2_rectified 7x7x128, "
            "down_3 4x4x128, down_3_rectified 4x4x128, flatten 2048, flat_dropout 2048, class_logits 10"
        ],
    ),
    "sgan/generator": (
        1_164_289,
        1_164_289,
        [
            "latent 100, project 6272, project_rectified 6272, reshape 7x7x128, up_1 14x14x128, up_1_rectified 14x14x128, "
            "up_2 28x28x128, up_2_rectified 28x28x128, image 28x28x1"
        ],
    ),
}
KERNELS = {"curve": {}, "cgan": {"up": 4, "down": 3, "image": 7}, "infogan": {"conv": 4, "up": 4, "down": 4}}
KERNELS |= {"acgan": {"up": 5, "down": 3}, "sgan": {"up": 4, "down": 3, "image": 7}}
SLOPES = {"cgan": (0.2, 0.2), "infogan": (0.0, 0.1), "acgan": (0.0, 0.2), "sgan": (0.2, 0.2)}
DROPOUT = {"cgan/discriminator": 0.4, "acgan/discriminator": 0.5, "sgan/classifier": 0.4}
# Heads are Glorot uniform wherever the rest is N(0, 0.02).
HEADS = {"score", "class_logits", "code_logits", "code_hidden"}

LOW: Precision = "bfloat16"


def draw(step: int = 0, replica: tf.Tensor | int = 0, replicas: int = 1) -> Draw:
    return Draw(0, tf.constant(step, tf.int64), 0, replica, replicas)


def build_recognisers(seed: int = 0, precision: Precision = "float32") -> DiscriminatorNetworks:
    return infogan.build_discriminator(InfoGANDiscriminatorConfig(), CLASSES, IMAGE, NORM, seed, precision)


def build(name: str, seed: int = 0, precision: Precision = "float32") -> keras.Model:
    """A network at its full size."""
    match name:
        case "curve/generator":
            return curve.build_generator(CurveGeneratorConfig(), 5, 2, seed, precision)
        case "curve/discriminator":
            return curve.build_discriminator(CurveDiscriminatorConfig(), 2, seed, precision)
        case "cgan/generator":
            return conditional.build_generator(ConditionalGeneratorConfig(), 100, CLASSES, IMAGE, seed, precision)
        case "cgan/discriminator":
            return conditional.build_discriminator(ConditionalDiscriminatorConfig(), CLASSES, IMAGE, seed, precision)
        case "infogan/generator":
            return infogan.build_generator(InfoGANGeneratorConfig(), 72, IMAGE, NORM, seed, precision)
        case "acgan/generator":
            return acgan.build_generator(ACGANGeneratorConfig(), 100, CLASSES, IMAGE, NORM, seed, precision)
        case "acgan/discriminator":
            return acgan.build_discriminator(ACGANDiscriminatorConfig(), CLASSES, IMAGE, NORM, seed, precision)
        case "sgan/classifier":
            return sgan.build_classifier(ClassifierConfig(), CLASSES, IMAGE, seed, precision)
        case "sgan/generator":
            recipe = load_recipe("mnist-gan", ["image.range=symmetric"])
            return dcgan.build_generator(recipe.generator, recipe.latent_size, recipe.image, seed, precision)
    return getattr(build_recognisers(seed, precision), name.removeprefix("infogan/"))


# Built once; only statistics may change.
recognisers, network = cache(build_recognisers), cache(build)


def some_inputs(model: keras.Model, count: int = BATCH) -> list[tf.Tensor]:
    """In the order of the network's inputs; labels are 0, 1, 2 ..."""
    random = np.random.default_rng(0)
    return [
        tf.range(count) % CLASSES
        if tensor.dtype == "int32"
        else tf.constant(random.normal(size=(count, *tensor.shape[1:])).astype(np.float32))
        for tensor in model.inputs
    ]


def trained(model: keras.Model, inputs: list[tf.Tensor] | None = None) -> list[tf.Tensor]:
    """Outputs of a training pass that moves statistics."""
    return keras.tree.flatten(training_pass(model, inputs or some_inputs(model), draw(), update_statistics=True))


def judged(model: keras.Model) -> list[tf.Tensor]:
    """Outputs of an inference pass."""
    return keras.tree.flatten(inference_pass(model, some_inputs(model)))
