"""Residual GANs: parameter counts, every switch of BigGAN on its own, and what the papers say of the parts."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_core.errors import UsageError
from gan_train.networks.biggan import build_discriminator, build_generator
from gan_train.networks.gain import Gain
from gan_train.networks.layers import BatchNormalization, SpectralNormalization, inference_pass, plain_copy, training_pass
from gan_train.networks.standing import standing_copy
from gan_train.numerics.randomness import Draw
from gan_train.objectives.penalties import orthogonal
from gan_train.recipe.biggan import BigGANRecipe
from gan_train.recipe.document import check_recipe, load_recipe
from gan_train.systems.biggan import BigGAN
from gan_train.systems.build import build_system
from gan_train.systems.step import run_phase
from tests.support.catalogue import small

PAGE = Path(__file__).parents[2] / "docs" / "systems" / "biggan.md"
Keys = tuple[str, ...]


def trainable(network: keras.Model) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_variables)


def networks(recipe: Any) -> tuple[keras.Model, keras.Model]:
    """Both networks of a recipe, with initial kernels that cost little."""
    plain = recipe.model_dump(mode="json")
    for section in ("generator", "discriminator"):
        plain[section]["initializer"] = "normal_0.02"
    cheap = check_recipe(plain, recipe.name)
    assert isinstance(cheap, BigGANRecipe)
    generator = build_generator(cheap.generator, cheap.latent_size, cheap.classes, cheap.image, 0)
    return generator, build_discriminator(cheap.discriminator, cheap.classes, cheap.image, 0)


def small_system(*overrides: str) -> BigGAN:
    system = build_system(small("cifar10-biggan", *overrides))
    assert isinstance(system, BigGAN)
    return system


def draw(number: int = 0) -> Draw:
    return Draw(0, tf.constant(0, tf.int64), number, 0, 1)


def some_inputs(system: BigGAN, count: int = 6) -> list[tf.Tensor]:
    inputs, _ = system.draw_inputs(draw(9), count)
    return list(inputs)


def some_reals(system: BigGAN, count: int = 8) -> dict[str, tf.Tensor]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 28, 28, 1), np.uint8)
    return {"image": tf.constant(images), "label": tf.constant(random.integers(0, 10, count))}


HALF: Keys = ("generator.base=[4,4,128]", "generator.filters=[128,128,128]", "discriminator.filters=[128,128,128,128]")


@pytest.mark.parametrize(
    ("name", "overrides", "generator", "discriminator"),
    [
        ("cifar10-resgan", (), 4_304_387, 1_055_105),
        ("cifar10-biggan", (), 4_369_156, 4_289_282),
        ("cifar10-biggan", HALF, 1_230_852, 1_075_586),
        ("biggan64", (), 8_374_660, 4_894_306),
    ],
)
def test_parameters_are_those_of_the_layer_tables(name: str, overrides: Keys, generator: int, discriminator: int) -> None:
    assert tuple(map(trainable, networks(load_recipe(name, overrides)))) == (generator, discriminator)


@pytest.mark.evidence
@pytest.mark.parametrize(
    ("name", "generator", "discriminator"), [("biggan128", 70_433_988, 87_982_370), ("biggan256", 82_097_604, 99_225_890)]
)
def test_the_papers_sizes(name: str, generator: int, discriminator: int, tmp_path: Path) -> None:
    """The recipes of the page have the counts that it names; at 128 pixels they are those of the authors' own networks."""
    (document,) = (block for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if f"name: {name}" in block)
    (tmp_path / f"{name}.yaml").write_text(document)
    assert tuple(map(trainable, networks(load_recipe(str(tmp_path / f"{name}.yaml"))))) == (generator, discriminator)


def kinds(network: keras.Model) -> dict[str, int]:
    found = [type(layer).__name__ for layer in network.layers]
    return {kind: found.count(kind) for kind in ("SpectralNormalization", "Embedding", "Gain", "Cropping1D")}


SWITCHES: dict[str, Keys] = {
    "all": (),
    "no attention": ("generator.attention=null", "discriminator.attention=null"),
    "no shared vector": ("generator.shared_embedding=null",),
    "no skip-z": ("generator.skip_z=false",),
    "no SN in G": ("generator.spectral_norm=false",),
    "no SN in D": ("discriminator.spectral_norm=false",),
    "no projection": ("discriminator.projection=false",),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_each_part_of_the_networks_is_a_switch_of_its_own(switch: str) -> None:
    """Turning one off changes the layers that are its own and leaves the others."""
    recipe = small("cifar10-biggan", *SWITCHES[switch])
    assert isinstance(recipe, BigGANRecipe)
    of_g, of_d = recipe.generator, recipe.discriminator
    generator = build_generator(of_g, recipe.latent_size, recipe.classes, recipe.image, 0)
    discriminator = build_discriminator(of_d, recipe.classes, recipe.image, 0)
    attention, maps = 4 * bool(of_g.attention), 8 * bool(of_g.shared_embedding or of_g.skip_z)
    assert kinds(generator) == {
        # Dense, two blocks of three convolutions, attention, the image, and a map for each scale and shift.
        "SpectralNormalization": (1 + 6 + attention + 1 + maps) * of_g.spectral_norm,
        "Embedding": 1 if of_g.shared_embedding else 8,
        "Gain": bool(of_g.attention),
        "Cropping1D": 3 * of_g.skip_z,
    }
    layers = 3 + 3 + 2 + 4 * bool(of_d.attention) + 1
    assert kinds(discriminator) == {
        "SpectralNormalization": (layers + of_d.projection) * of_d.spectral_norm,
        "Embedding": of_d.projection and not of_d.spectral_norm,
        "Gain": bool(of_d.attention),
        "Cropping1D": 0,
    }
    inputs = [tf.random.stateless_normal((4, recipe.latent_size), (0, 0)), tf.constant([0, 1, 2, 3])]
    images = training_pass(generator, inputs, draw(), update_statistics=True)
    assert images.shape == (4, 28, 28, 1) and training_pass(discriminator, [images, inputs[1]], draw(), True).shape == (4, 1)
    made = inference_pass(generator, inputs)
    np.testing.assert_allclose(plain_copy(generator)(inputs), made, atol=1e-5)


def test_attention_starts_as_the_identity_and_looks_everywhere() -> None:
    system = small_system()
    discriminator, images = system.discriminator, tf.random.stateless_normal((2, 28, 28, 1), (0, 0))
    before = keras.Model(discriminator.inputs, discriminator.get_layer("attention").input[0])
    after = keras.Model(discriminator.inputs, discriminator.get_layer("attention").output)
    inputs = [images, tf.constant([0, 1])]
    np.testing.assert_array_equal(inference_pass(before, inputs), inference_pass(after, inputs))
    discriminator.get_layer("attention_gain").gamma.assign(1.0)
    changed = tf.concat([images[:, :2], tf.zeros((2, 26, 28, 1))], axis=1)
    corner = (inference_pass(after, [shown, inputs[1]])[:, 0, 0] for shown in (images, changed))
    assert not np.array_equal(*corner), "the first place does not depend on the last rows"


def test_the_parts_of_a_latent_reach_their_blocks_alone() -> None:
    """Latents of nine numbers for the dense layer and two blocks: the last three change nothing before the second block."""
    system = small_system()
    latents, classes = some_inputs(system)
    other = tf.concat([latents[:, :6], -latents[:, 6:]], axis=1)
    for layer, same in (("project", True), ("up_1", True), ("up_2", False)):
        model = keras.Model(system.generator.inputs, system.generator.get_layer(layer).output)
        assert np.array_equal(*(inference_pass(model, [z, classes]) for z in (latents, other))) == same, layer


def test_the_class_changes_scales_and_shifts_and_not_the_statistics() -> None:
    system = small_system("generator.shared_embedding=null", "generator.skip_z=false")
    latents, classes = some_inputs(system)
    generator = system.generator
    # Tables start at 0: all classes alike.
    np.testing.assert_array_equal(*(inference_pass(generator, [latents, c]) for c in (classes, tf.zeros_like(classes))))
    generator.get_layer("up_1_first_gain").embeddings.assign(tf.eye(10, 8))
    model = keras.Model(
        generator.inputs, [generator.get_layer(f"up_1_first_{part}").output for part in ("normalised", "shifted")]
    )
    one, other = (inference_pass(model, [latents, tf.fill((6,), number)]) for number in (1, 2))
    np.testing.assert_array_equal(one[0], other[0])
    factors = np.ones((6, 1, 1, 8))
    factors[..., 1] = 2
    np.testing.assert_allclose(one[1], one[0] * factors, rtol=1e-5, atol=1e-6)


def test_the_score_is_a_projection_on_the_class() -> None:
    """w h + b + <v, h>, with h summed over places: the paper's formula, written down anew."""
    system = small_system("discriminator.spectral_norm=false")
    discriminator, inputs = system.discriminator, [tf.random.stateless_normal((3, 28, 28, 1), (0, 0)), tf.constant([4, 4, 7])]
    maps = inference_pass(keras.Model(discriminator.inputs, discriminator.get_layer("last_rectified").output), inputs)
    features = np.sum(maps, axis=(1, 2))
    kernel, bias = discriminator.get_layer("score").get_weights()
    vectors = discriminator.get_layer("class_vector").get_weights()[0][inputs[1]]
    expected = features @ kernel + bias + np.sum(vectors * features, axis=1, keepdims=True)
    np.testing.assert_allclose(inference_pass(discriminator, inputs), expected, rtol=1e-4, atol=1e-5)


def test_kernels_start_orthogonal_and_the_penalty_leaves_norms_free() -> None:
    generator = small_system().generator
    for name in ("up_1_first", "project", "up_2_second_gain"):
        layer = generator.get_layer(name)
        kernel = np.asarray(layer.kernel).reshape(-1, layer.kernel.shape[-1])
        gram = kernel.T @ kernel if kernel.shape[0] >= kernel.shape[1] else kernel @ kernel.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)
    scaled = [3.0 * generator.get_layer("up_1_first").kernel]
    assert float(orthogonal(scaled, free_norms=True)) == pytest.approx(0, abs=1e-5)
    assert float(orthogonal(scaled, free_norms=False)) == pytest.approx(8 * 64, rel=1e-4)


def test_orthogonal_regularisation_is_added_to_the_loss_of_the_generator() -> None:
    """The same phase with and without it differs by the penalty of all kernels and of no table."""
    with_it, without = small_system("generator.orthogonal.weight=0.5"), small_system("generator.orthogonal=null")
    kernels = [layer.kernel for layer in with_it.generator.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 1 + 6 + 4 + 1 + 8
    penalty = 0.5 * float(orthogonal(kernels))
    one, other = (system.on_generator({}, draw(3)).losses for system in (with_it, without))
    assert penalty > 0.01
    np.testing.assert_allclose(one - other, np.full(16, penalty), rtol=1e-4)


def test_the_hinge_loss_is_two_and_zero_where_all_scores_are_zero() -> None:
    system = small_system("generator.orthogonal=null", "discriminator.projection=false", "discriminator.spectral_norm=false")
    system.discriminator.get_layer("score").set_weights([np.zeros((8, 1)), np.zeros(1)])
    (phase,) = system.turns[0].phases
    np.testing.assert_array_equal(phase.loss(some_reals(system), draw(1)).losses, np.full(8, 2.0))
    np.testing.assert_array_equal(system.on_generator({}, draw(2)).losses, np.zeros(16))


def test_standing_statistics_are_means_over_batches() -> None:
    """Every layer gets the means of the moments of each batch, whatever its statistics were in training."""
    system = small_system()
    batches = [some_inputs(system, 8)] + [list(system.draw_inputs(draw(number), 8)[0]) for number in (20, 21)]
    copy = standing_copy(system.generator, batches)
    before = keras.Model(copy.inputs, copy.get_layer("up_1_first_normalised").input)
    maps = [np.asarray(before(batch)) for batch in batches]
    layer = copy.get_layer("up_1_first_normalised")
    np.testing.assert_allclose(layer.moving_mean, np.mean([m.mean((0, 1, 2)) for m in maps], 0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, np.mean([m.var((0, 1, 2)) for m in maps], 0), rtol=1e-4, atol=1e-6)
    assert layer.momentum == 0.9
    original = next(one for one in system.generator.layers if isinstance(one, BatchNormalization))
    assert not np.any(original.moving_mean.numpy()), "the network in training has moved"


def test_settling_shows_standing_statistics_and_moves_no_variable() -> None:
    system = small_system("standing_statistics=2")
    assert system.average is not None and system.sampler is system.average.network
    before = [value.numpy() for player in system.players.values() for value in player.network.variables]
    averaged = system.average.network.get_weights()
    system.settle()
    shown = system.sampler
    assert not any(isinstance(layer, SpectralNormalization | Gain) for layer in shown.layers)
    after = [value.numpy() for player in system.players.values() for value in player.network.variables]
    for old, new in zip([*before, *averaged], [*after, *system.average.network.get_weights()], strict=True):
        np.testing.assert_array_equal(old, new)
    system.settle()
    np.testing.assert_array_equal(*(inference_pass(one, some_inputs(system)) for one in (shown, system.sampler)))
    plain = small_system("standing_statistics=0")
    plain.settle()
    assert plain.average is not None and plain.sampler is plain.average.network


@pytest.mark.parametrize(("start", "kept"), [(3, False), (0, True)])
def test_the_average_equals_the_generator_until_its_start(start: int, kept: bool) -> None:
    system = small_system(f"average={{half_life_images: 16, warm_up: null, start: {start}}}")
    assert system.average is not None
    live, shown = system.generator.trainable_variables[0], system.average.network.trainable_variables[0]
    old = live.numpy()
    live.assign(old + 2.0)
    system.average.follow(tf.constant(2, tf.int64))
    # A batch of 16 halves the share of the old weights.
    np.testing.assert_allclose(shown.numpy(), old + (1.0 if kept else 2.0), rtol=1e-5)


def test_the_discriminator_takes_its_turns_on_batches_of_their_own() -> None:
    recipe = load_recipe("cifar10-biggan")
    assert isinstance(recipe, BigGANRecipe) and recipe.discriminator_steps == 4
    system = build_system(small("cifar10-biggan", "discriminator_steps=4"))
    assert [(turn.times, turn.reads) for turn in system.turns] == [(4, True), (1, False)]
    assert system.batches_per_step == 4


def test_the_discriminator_without_projection_ignores_the_class() -> None:
    images = tf.random.stateless_normal((3, 28, 28, 1), (0, 0))
    for projects in (True, False):
        discriminator = small_system(f"discriminator.projection={str(projects).lower()}").discriminator
        scores = (inference_pass(discriminator, [images, tf.fill((3,), number)]).numpy() for number in (1, 2))
        assert np.array_equal(*scores) != projects


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("latent_size=10",), "splits the latent into 3 equal parts, but latent_size is 10"),
        (("generator.attention=16",), "generator.attention=16: its blocks give heights of 14, 28"),
        (("discriminator.attention=28",), "discriminator.attention=28: its blocks give heights of 14, 7"),
        (("discriminator.halvings=3",), r"discriminator.halvings=3: \(28, 28\) cannot be halved that often"),
        (("discriminator.halvings=4",), "halvings=4, but filters has 3 blocks"),
        (("loss=wasserstein",), "loss"),
    ],
)
def test_recipes_that_do_not_fit_are_refused(overrides: Keys, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        small("cifar10-biggan", *overrides)


def test_a_frozen_generator_is_left_alone_by_the_discriminator() -> None:
    """Fakes with the statistics of their batch move none of the generator's, in the discriminator's phase."""
    system = small_system()
    before = [value.numpy() for value in system.generator.variables]
    (phase,) = system.turns[0].phases
    run_phase(system, phase, some_reals(system), draw(1), tf.constant(0, tf.int64))
    for old, variable in zip(before, system.generator.variables, strict=True):
        np.testing.assert_array_equal(old, variable.numpy())
