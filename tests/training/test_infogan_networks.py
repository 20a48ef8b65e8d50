"""InfoGAN's discriminator and code head are one trunk with two heads (Chen et al. 2016), and move as its phases say."""

import keras
import numpy as np
import pytest

from gan_train.networks.infogan import generator_player
from gan_train.networks.layers import inference_pass, plain_copy, training_pass
from gan_train.numerics.precision import Precision
from tests.support.catalogue_networks import (
    LOW,
    build_recognisers,
    draw,
    network,
    recognisers,
    some_inputs,
)


def identities(*models: keras.Model) -> set[int]:
    return {id(variable) for model in models for variable in model.variables}


def test_the_two_networks_of_infogan_share_the_trunk_and_nothing_else() -> None:
    parts = recognisers()
    assert plain_copy(parts.discriminator).count_params() == 670_913
    assert plain_copy(parts.recognition).count_params() == 2_265_930
    assert identities(parts.discriminator) == identities(parts.trunk, parts.score_head)
    assert identities(parts.recognition) == identities(parts.trunk, parts.code_head)
    assert identities(parts.discriminator) & identities(parts.recognition) == identities(parts.trunk)


@pytest.mark.parametrize("precision", ["float32", LOW])
def test_the_whole_is_the_trunk_and_then_the_head(precision: Precision) -> None:
    parts = build_recognisers(4, precision)
    (images,) = some_inputs(parts.trunk)
    for whole, head in ((parts.discriminator, parts.score_head), (parts.recognition, parts.code_head)):
        features = training_pass(parts.trunk, images, draw(), update_statistics=False)
        stepwise = training_pass(head, features, draw(), update_statistics=False)
        np.testing.assert_array_equal(training_pass(whole, images, draw(), update_statistics=False), stepwise)
    before = [inference_pass(model, images).numpy() for model in (parts.discriminator, parts.recognition)]
    parts.trunk.get_layer("down_2").kernel.assign(parts.trunk.get_layer("down_2").kernel * 1.5)
    for model, earlier in zip((parts.discriminator, parts.recognition), before, strict=True):
        assert np.any(inference_pass(model, images).numpy() != earlier)


def test_the_generators_phase_moves_the_generator_and_the_code_head() -> None:
    """The generator's player trains 4,670,155 numbers, or 5,327,755 where the code head's update moves the trunk too."""
    generator, parts = network("infogan/generator"), recognisers()
    for q_updates_trunk, numbers, moved in (
        (False, 4_670_155, (generator, parts.code_head)),
        (True, 5_327_755, (generator, parts.recognition)),
    ):
        player = generator_player(generator, parts, q_updates_trunk)
        assert identities(player) == identities(*moved)
        assert sum(int(np.prod(variable.shape)) for variable in player.trainable_variables) == numbers
        # A checkpoint keeps them by these names.
        assert len({variable.path for variable in player.variables}) == len(player.variables)


def test_in_the_generators_phase_only_the_code_heads_averages_follow() -> None:
    parts = build_recognisers(5)
    (images,) = some_inputs(parts.trunk)
    before = {id(variable): variable.numpy() for variable in (*parts.trunk.variables, *parts.code_head.variables)}
    features = training_pass(parts.trunk, images, draw(), update_statistics=False)
    training_pass(parts.code_head, features, draw(), update_statistics=True)
    changed = {id(variable) for variable in parts.recognition.variables if np.any(variable.numpy() != before[id(variable)])}
    assert changed == {id(variable) for variable in parts.code_head.non_trainable_variables}
