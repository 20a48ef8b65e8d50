"""Pix2Pix and CycleGAN in plain Keras, by `predict` and `train_on_batch`.

Source: Brownlee, Generative Adversarial Networks with Python, ch. 22 to 25.

In Keras 3 those loops silently leave the discriminators untrained; here each is traced before it is frozen, so that it
does the work it is meant to do. The networks are ours, in Keras' own layers.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from gan_train.networks.layers import plain_copy
from gan_train.networks.translating import plain_translator
from gan_train.recipe.translation import TranslationRecipe
from gan_train.systems.build import build_system

Images = NDArray[np.float32]
"""(n, height, width, channels) in [-1, 1]."""

_POOL = 50


def _adam() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(2e-4, beta_1=0.5)


def pix2pix_loop(recipe: TranslationRecipe, sources: Images, targets: Images) -> Callable[[], None]:
    """One step of Pix2Pix on a random pair."""
    system, random = build_system(recipe), np.random.default_rng(0)
    generator = plain_translator(plain_copy(system.players["generator"].network))
    scores = plain_copy(system.players["discriminator"].network)
    inputs = [keras.Input(image.shape[1:]) for image in (sources, targets)]
    discriminator = keras.Model(inputs, keras.layers.Activation("sigmoid")(scores(inputs)))
    discriminator.compile(loss="binary_crossentropy", optimizer=_adam(), loss_weights=[0.5])
    patches = (1, *discriminator.output_shape[1:])
    ones, zeros = np.ones(patches, np.float32), np.zeros(patches, np.float32)
    discriminator.train_on_batch([sources[:1], targets[:1]], ones)
    discriminator.trainable = False
    source = keras.Input(sources.shape[1:])
    made = generator(source)
    composite = keras.Model(source, [discriminator([source, made]), made])
    composite.compile(loss=["binary_crossentropy", "mae"], optimizer=_adam(), loss_weights=[1, 100])

    def step() -> None:
        place = random.integers(len(sources))
        real, wanted = sources[place : place + 1], targets[place : place + 1]
        fake = generator.predict(real, verbose=0)
        discriminator.train_on_batch([real, wanted], ones)
        discriminator.train_on_batch([real, fake], zeros)
        composite.train_on_batch(real, [ones, wanted])

    return step


def cyclegan_loop(recipe: TranslationRecipe, a: Images, b: Images) -> Callable[[], None]:
    """One step of CycleGAN on random images of both domains."""
    system, random = build_system(recipe), np.random.default_rng(0)
    networks = {name: plain_copy(player.network) for name, player in system.players.items()}
    judges = {domain: networks[f"discriminator-{domain}"] for domain in "ab"}
    generators = {"a": networks["generator-b-to-a"], "b": networks["generator-a-to-b"]}
    images, pools = {"a": a, "b": b}, {"a": list[Images](), "b": list[Images]()}
    patches = (1, *judges["a"].output_shape[1:])
    ones, zeros = np.ones(patches, np.float32), np.zeros(patches, np.float32)
    for domain, judge in judges.items():
        judge.compile(loss="mse", optimizer=_adam(), loss_weights=[0.5])
        judge.train_on_batch(images[domain][:1], ones)
        judge.trainable = False
    composites = {end: _composite(generators[end], generators[start], judges[end]) for end, start in (("a", "b"), ("b", "a"))}

    def step() -> None:
        real = {domain: many[place : place + 1] for domain, many in images.items() for place in [random.integers(len(many))]}
        fake = {end: generators[end].predict(real[start], verbose=0) for end, start in (("a", "b"), ("b", "a"))}
        for end, start in (("a", "b"), ("b", "a")):
            shown = _exchanged(pools[end], fake[end], random)
            composites[end].train_on_batch([real[start], real[end]], [ones, real[end], real[start], real[end]])
            judges[end].train_on_batch(real[end], ones)
            judges[end].train_on_batch(shown, zeros)

    return step


def _composite(there: keras.Model, back: keras.Model, judge: keras.Model) -> keras.Model:
    """Trains `there` alone, on adversarial, identity and both cycle losses."""
    there.trainable, back.trainable = True, False
    source, wanted = keras.Input(there.input_shape[1:]), keras.Input(there.input_shape[1:])
    made = there(source)
    composite = keras.Model([source, wanted], [judge(made), there(wanted), back(made), there(back(wanted))])
    composite.compile(loss=["mse", "mae", "mae", "mae"], loss_weights=[1, 5, 10, 10], optimizer=_adam())
    return composite


def _exchanged(pool: list[Images], fake: Images, random: Any) -> Images:
    if len(pool) < _POOL:
        pool.append(fake)
        return fake
    if random.random() < 0.5:
        return fake
    place = random.integers(_POOL)
    pool[place], old = fake, pool[place]
    return old
