"""The networks of the conditional family and of the curve GAN, layer by layer."""

import subprocess
import sys
from collections.abc import Callable
from itertools import combinations, pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from gan_train.networks import acgan, conditional, infogan
from gan_train.networks.infogan import generator_player
from gan_train.networks.layers import BatchNormalization, inference_pass, plain_copy, training_pass
from gan_train.numerics.optimizers import build_optimizer
from gan_train.numerics.precision import Precision
from gan_train.objectives.class_losses import class_cross_entropy, real_score
from gan_train.objectives.losses import REAL, cross_entropy
from gan_train.recipe.acgan import ACGANDiscriminatorConfig, ACGANGeneratorConfig
from gan_train.recipe.conditional import ConditionalDiscriminatorConfig, ConditionalGeneratorConfig
from gan_train.recipe.examples import ImageConfig
from gan_train.recipe.infogan import InfoGANDiscriminatorConfig, InfoGANGeneratorConfig
from gan_train.recipe.network_config import BatchNormConfig
from gan_train.recipe.optimizer_config import AdamConfig
from gan_train.testing import mirrored
from tests.support.catalogue_networks import (
    BATCH,
    CLASSES,
    DROPOUT,
    HEADS,
    IMAGE,
    KERNELS,
    LAYERS,
    LOW,
    NORM,
    SLOPES,
    UNIT,
    build,
    draw,
    judged,
    network,
    recognisers,
    some_inputs,
    trained,
)


def chain_of(text: str) -> list[tuple[str, tuple[int, ...]]]:
    parts = (part.split() for part in text.split(", "))
    return [(name, tuple(map(int, shape[0].split("x"))) if shape else ()) for name, *shape in parts]


def feeders(layer: keras.Layer) -> list[str]:
    return [tensor._keras_history.operation.name for tensor in keras.tree.flatten(layer.input)]


@pytest.mark.parametrize("name", LAYERS)
def test_layers_shapes_and_parameter_counts(name: str) -> None:
    parameters, trainable, chains = LAYERS[name]
    # In a copy every layer is called once; the networks of InfoGAN share theirs.
    copy = plain_copy(network(name))
    assert copy.count_params() == parameters
    assert sum(int(np.prod(variable.shape)) for variable in network(name).trainable_variables) == trainable
    layers = {layer.name: layer for layer in copy.layers}
    assert set(layers) == {layer for chain in chains for layer, _ in chain_of(chain)}
    for chain in map(chain_of, chains):
        for layer, shape in chain:
            assert tuple(layers[layer].output.shape[1:]) == shape, layer
        for (before, _), (after, _) in pairwise(chain):
            assert before in feeders(layers[after])
            assert len(feeders(layers[after])) == (2 if after == "with_label" else 1)


@pytest.mark.parametrize(
    ("name", "inputs", "joined"),
    [
        ("cgan/generator", ["latent", "label"], ["reshape", "label_map"]),
        ("cgan/discriminator", ["image", "label"], ["image", "label_map"]),
        ("acgan/generator", ["latent", "label"], ["reshape", "label_map"]),
    ],
)
def test_the_label_comes_last(name: str, inputs: list[str], joined: list[str]) -> None:
    assert [tensor.name for tensor in network(name).inputs] == inputs
    assert feeders(plain_copy(network(name)).get_layer("with_label")) == joined


def test_the_auxiliary_classifier_gives_its_score_first() -> None:
    score, logits = trained(network("acgan/discriminator"))
    assert score.shape == (BATCH, 1) and logits.shape == (BATCH, CLASSES)


@pytest.mark.parametrize("name", LAYERS)
def test_kernels_slopes_and_activations(name: str) -> None:
    family, part = name.split("/")
    for layer in network(name).layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose):
            kind = layer.name.split("_")[0]
            size = KERNELS[family][kind]
            assert isinstance(layer, keras.layers.Conv2DTranspose) == (kind == "up")
            assert layer.kernel_size == (size, size) and layer.padding == "same"
        if isinstance(layer, keras.layers.LeakyReLU):
            slope = SLOPES[family][part != "generator"]
            assert float(layer.negative_slope) == pytest.approx(slope), layer.name
        if isinstance(layer, keras.layers.Dense):
            assert layer.activation.__name__ == ("relu" if layer.name == "hidden" else "linear"), layer.name
        if "dropout" in layer.name:
            assert layer.rate == DROPOUT[name]
    if part == "generator" and family != "curve":
        assert network(name).layers[-1].activation.__name__ == "tanh"


def glorot_limit(kernel: NDArray[np.float32]) -> float:
    receptive = int(np.prod(kernel.shape[:-2]))
    return float(np.sqrt(6 / (receptive * (kernel.shape[-2] + kernel.shape[-1]))))


@pytest.mark.parametrize("name", LAYERS)
def test_initial_weights(name: str) -> None:
    """Kernels are N(0, 0.02) in InfoGAN and AC-GAN but for the heads, Keras' defaults elsewhere."""
    for layer in network(name, seed=3).layers:
        if isinstance(layer, keras.layers.Embedding):
            table = layer.embeddings.numpy()
            assert table.shape == (CLASSES, 50) and 0.049 < np.abs(table).max() <= 0.05
        if not hasattr(layer, "kernel"):
            continue
        assert not np.any(layer.bias.numpy())
        kernel = np.asarray(layer.kernel)
        if name.split("/")[0] in ("infogan", "acgan") and layer.name not in HEADS:
            assert abs(kernel.std() - 0.02) < 0.001, layer.name
            assert np.abs(kernel).max() > 0.05, layer.name
            continue
        rule = keras.initializers.HeUniform if layer.name == "hidden" else keras.initializers.GlorotUniform
        assert type(layer.kernel_initializer) is rule, layer.name
        limit = np.sqrt(6 / kernel.shape[0]) if layer.name == "hidden" else glorot_limit(kernel)
        assert 0.8 * limit < np.abs(kernel).max() <= limit, layer.name


@pytest.mark.parametrize("name", LAYERS)
def test_the_seed_decides_the_initial_weights_and_each_layer_has_its_own(name: str) -> None:
    one, same, other = (build(name, seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    drawn = [(a, b) for a, b in zip(one, other, strict=True) if a.ndim > 1]
    assert drawn and not any(np.array_equal(a, b) for a, b in drawn)
    for (a, _), (b, _) in combinations(drawn, 2):
        # The same numbers in another shape and scale would correlate.
        count = min(a.size, b.size)
        assert np.corrcoef(a.ravel()[:count], b.ravel()[:count])[0, 1] < 0.9


@pytest.mark.parametrize("image", [IMAGE, UNIT], ids=["symmetric", "unit"])
def test_images_fill_their_range_and_no_more(image: ImageConfig) -> None:
    generators = [
        conditional.build_generator(ConditionalGeneratorConfig(filters=(4, 4)), 20, CLASSES, image, 0),
        infogan.build_generator(InfoGANGeneratorConfig(base=(7, 7, 8), filters=(4, 4)), 20, image, NORM, 0),
        acgan.build_generator(ACGANGeneratorConfig(base=(7, 7, 8), filters=(4,)), 20, CLASSES, image, NORM, 0),
    ]
    low, high = (-1, 1) if image is IMAGE else (0, 1)
    for generator in generators:
        for variable in generator.trainable_variables:
            variable.assign(20 * variable)
        (images,) = trained(generator)
        assert images.shape == (BATCH, 28, 28, 1) and images.dtype == tf.float32
        assert low <= np.min(images) < low + 0.1 and high - 0.1 < np.max(images) <= high


def test_all_normalisation_is_as_configured() -> None:
    config = BatchNormConfig(momentum=0.7, epsilon=1e-4, bias_correction=False, synchronized=True)
    parts = infogan.build_discriminator(InfoGANDiscriminatorConfig(filters=(4, 4)), CLASSES, IMAGE, config, 0)
    models = {
        infogan.build_generator(InfoGANGeneratorConfig(base=(7, 7, 8), filters=(4, 4)), 20, IMAGE, config, 0): 3,
        parts.discriminator: 1,
        parts.recognition: 2,
        acgan.build_generator(ACGANGeneratorConfig(base=(7, 7, 8), filters=(4,)), 20, CLASSES, IMAGE, config, 0): 1,
        acgan.build_discriminator(ACGANDiscriminatorConfig(filters=(4, 4)), CLASSES, IMAGE, config, 0): 1,
    }
    for model, expected in models.items():
        layers = [layer for layer in model.layers if isinstance(layer, BatchNormalization)]
        assert len(layers) == expected
        for layer in layers:
            assert (layer.momentum, layer.epsilon) == (config.momentum, config.epsilon)
            assert layer.synchronized and not layer.bias_correction


def test_points_are_of_any_size() -> None:
    generator = build("curve/generator")
    generator.get_layer("point").bias.assign([40.0, -40.0])
    points = trained(generator)[0].numpy()
    assert (points[:, 0] > 30).all() and (points[:, 1] < -30).all()


def test_a_generator_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="grows to 14x14x1, but images are 28x28x1"):
        conditional.build_generator(ConditionalGeneratorConfig(filters=(8,)), 100, CLASSES, IMAGE, 0)
    with pytest.raises(ValueError, match="grows to 56x56x1"):
        acgan.build_generator(ACGANGeneratorConfig(filters=(8, 8)), 100, CLASSES, IMAGE, NORM, 0)
    with pytest.raises(ValueError, match="grows to 14x14x1"):
        infogan.build_generator(InfoGANGeneratorConfig(base=(7, 7, 8), filters=(8,)), 72, IMAGE, NORM, 0)


@pytest.mark.parametrize("name", ["cgan/generator", "cgan/discriminator", "acgan/generator"])
def test_the_label_matters_and_may_be_of_either_integer_type(name: str) -> None:
    model = network(name)
    first, labels = some_inputs(model)
    outputs = inference_pass(model, [first, labels])
    np.testing.assert_array_equal(outputs, inference_pass(model, [first, tf.cast(labels, tf.int64)]))
    changed = inference_pass(model, [first, (labels + 1) % CLASSES]).numpy()
    assert all(np.any(one != other) for one, other in zip(outputs.numpy(), changed, strict=True))


def test_the_players_of_the_conditional_gan_embed_labels_on_their_own() -> None:
    tables = [network(f"cgan/{part}").get_layer("label_embedding").embeddings for part in ("generator", "discriminator")]
    assert tables[0] is not tables[1]


def assert_all_learn(loss_of: Callable[[], tf.Tensor], *players: keras.Model) -> None:
    """Every variable has a gradient, and every kernel and table one that is not zero."""
    variables = [variable for player in players for variable in player.trainable_variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch([variable.value for variable in variables])
        loss = tf.reduce_mean(loss_of())
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    assert np.isfinite(loss)
    for variable, gradient in zip(variables, gradients, strict=True):
        assert gradient is not None, variable.path
        values = tf.convert_to_tensor(gradient)
        assert values.dtype == tf.float32 and np.isfinite(values).all(), variable.path
        if variable.path.endswith(("kernel", "embeddings")):
            assert np.abs(values).max() > 0, variable.path


@pytest.mark.parametrize("precision", ["float32", LOW])
def test_gradients_reach_every_variable_of_the_players(precision: Precision) -> None:
    """Each family's generator through its discriminator, and each discriminator, by their losses."""

    def run(model: keras.Model, inputs: object) -> list[tf.Tensor]:
        return keras.tree.flatten(training_pass(model, inputs, draw(), update_statistics=False))

    generator, discriminator = (network(f"curve/{part}", 0, precision) for part in ("generator", "discriminator"))
    latents = some_inputs(generator)
    assert_all_learn(lambda: cross_entropy(*run(discriminator, run(generator, latents)), REAL), generator, discriminator)

    generator, discriminator = (network(f"cgan/{part}", 0, precision) for part in ("generator", "discriminator"))
    latents, labels = some_inputs(generator)
    assert_all_learn(
        lambda: cross_entropy(*run(discriminator, [*run(generator, [latents, labels]), labels]), REAL), generator, discriminator
    )

    generator, auxiliary = (network(f"acgan/{part}", 0, precision) for part in ("generator", "discriminator"))

    def of_acgan() -> tf.Tensor:
        score, logits = run(auxiliary, run(generator, [latents, labels]))
        return cross_entropy(score, REAL) + class_cross_entropy(logits, labels)

    assert_all_learn(of_acgan, generator, auxiliary)

    generator, parts = network("infogan/generator", 0, precision), recognisers(0, precision)
    coded = some_inputs(generator)

    def of_infogan() -> tf.Tensor:
        (features,) = run(parts.trunk, run(generator, coded))
        score, code = run(parts.score_head, features) + run(parts.code_head, features)
        return cross_entropy(score, REAL) + class_cross_entropy(code, labels)

    for q_updates_trunk in (False, True):
        assert_all_learn(of_infogan, generator_player(generator, parts, q_updates_trunk))
    assert_all_learn(lambda: cross_entropy(*run(parts.discriminator, run(generator, coded)), REAL), parts.discriminator)

    classifier = network("sgan/classifier", 0, precision)
    images = some_inputs(classifier)
    assert_all_learn(lambda: cross_entropy(real_score(*run(classifier, images)), REAL), classifier)
    assert_all_learn(lambda: class_cross_entropy(*run(classifier, images), labels), classifier)


@pytest.mark.parametrize("name", LAYERS)
def test_below_float32_networks_are_the_same_up_to_rounding(name: str) -> None:
    exact, rounded = network(name), network(name, 0, LOW)
    assert [(v.path, v.shape, v.dtype) for v in exact.variables] == [(v.path, v.shape, v.dtype) for v in rounded.variables]
    for one, other in zip(trained(exact), trained(rounded), strict=True):
        assert one.dtype == tf.float32
        assert other.dtype == (tf.bfloat16 if name.endswith("trunk") else tf.float32)
        error = tf.norm(one - tf.cast(other, tf.float32)) / tf.norm(one)
        assert error < 0.05
        assert error > 0 or name == "infogan/score_head"


PLAIN = """
import sys; sys.modules['gan_train'] = sys.modules['gan_pipeline'] = None
import keras, numpy as np
from pathlib import Path
for path in sorted(Path().glob('*.keras')):
    with np.load(path.with_suffix('.npz')) as inputs:
        model = keras.models.load_model(path)
        assert {layer.compute_dtype for layer in model.layers if layer.name != 'label'} == {'float32'}
        outputs = keras.tree.flatten(model([keras.ops.convert_to_tensor(inputs[tensor.name]) for tensor in model.inputs]))
        np.savez(path.with_suffix('.out.npz'), *outputs)
"""


def test_plain_copies_load_in_keras_alone(tmp_path: Path) -> None:
    """With several inputs and outputs, of networks that share layers and of a joined player, from both precisions."""
    parts = recognisers(6, LOW)
    models = {name.replace("/", "-"): network(name, 6, LOW) for name in LAYERS}
    models |= {"infogan-discriminator": parts.discriminator, "infogan-recognition": parts.recognition}
    models |= {"infogan-player": generator_player(models["infogan-generator"], parts)}
    models |= {f"exact-{name.replace('/', '-')}": network(name, 6) for name in ("cgan/generator", "acgan/discriminator")}
    for model in models.values():
        trained(model)
    for name, model in models.items():
        plain_copy(model).save(tmp_path / f"{name}.keras")
        inputs = zip(model.inputs, some_inputs(model), strict=True)
        np.savez(tmp_path / f"{name}.npz", **{tensor.name: value for tensor, value in inputs})
    subprocess.run([sys.executable, "-c", PLAIN], cwd=tmp_path, check=True, capture_output=True)
    for name, model in models.items():
        with np.load(tmp_path / f"{name}.out.npz") as archive:
            loaded = list(archive.values())
        for one, other in zip(judged(model), loaded, strict=True):
            difference = np.linalg.norm(tf.cast(one, tf.float32) - other)
            assert difference <= (1e-5 if name.startswith("exact") else 0.05) * np.linalg.norm(other), name


def updated_weights(replicas: int) -> list[NDArray[np.float32]]:
    """Weights of a small conditional discriminator after one update on the same global batch."""
    config, strategy = ConditionalDiscriminatorConfig(embedding=4, filters=(4,)), mirrored(replicas)
    with strategy.scope():
        model = conditional.build_discriminator(config, CLASSES, IMAGE, 0)
        optimizer = build_optimizer(AdamConfig(learning_rate=0.01, beta_1=0.5), "discriminator", model.trainable_variables)
    before = model.get_weights()

    def in_replica() -> None:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        mine = [tf.gather(tf.split(values, replicas), replica) for values in some_inputs(model)]
        variables = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            scores = training_pass(model, mine, draw(0, replica, replicas), update_statistics=True)
            loss = tf.reduce_sum(cross_entropy(scores, REAL)) / BATCH
        optimizer.apply(tape.gradient(loss, variables), model.trainable_variables, tf.constant(0.01))

    tf.function(lambda: strategy.run(in_replica))()
    after: list[NDArray[np.float32]] = model.get_weights()
    assert all(np.any(one != other) for one, other in zip(before, after, strict=True))
    return after


def test_two_replicas_update_a_conditional_network_as_one_does() -> None:
    """Its embedding too, whose gradient comes as slices."""
    for one, two in zip(updated_weights(1), updated_weights(2), strict=True):
        np.testing.assert_allclose(one, two, atol=2e-5)
