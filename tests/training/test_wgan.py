"""The Wasserstein recipes in a real run: the critic's estimate with its sign, which kernels are clipped and which are not."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.support.catalogue import CATALOGUE
from tests.support.runs import gan_train, saved_variables

STEPS = 4


@pytest.fixture(scope="module", params=["mnist-wgan", "mnist-wgan-gp"])
def run(request: pytest.FixtureRequest, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, str]:
    """A recipe, a small run of it, and what it said while it trained."""
    out = tmp_path_factory.mktemp("wgan") / request.param
    sets = [part for key in CATALOGUE[request.param].small for part in ("--set", key)]
    ran = gan_train("run", request.param, "--data", digits, "-o", out, *sets, "--steps", str(STEPS))
    assert ran.code == 0, ran.err
    return request.param, out, ran.err


def test_the_critics_estimate_is_its_score_on_real_minus_that_on_fake(run: tuple[str, Path, str]) -> None:
    """In the log, in the line of progress and in `watch`, with its sign."""
    name, out, said = run
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert len(rows) == STEPS
    for row in rows:
        if name == "mnist-wgan":
            real, fake, losses = row["d_real.score"], row["d_fake.score"], row["d_real.loss"] + row["d_fake.loss"]
        else:
            real, fake, losses = row["d.score_real"], row["d.score_fake"], row["d.loss"] - row["d.penalty"]
            assert row["d.penalty"] > 0
        assert row["critic.estimate"] == real - fake
        assert losses == pytest.approx(-row["critic.estimate"], abs=1e-4)
        assert not any("accuracy" in kind for kind in row)
    shown = f"estimate critic {rows[-1]['critic.estimate']:+.3f} | "
    assert shown in said.splitlines()[-1]
    assert shown in gan_train("watch", out, "--once").out


def test_clipped_kernels_stay_within_their_limit_and_nothing_else_does(run: tuple[str, Path, str]) -> None:
    """Five updates in each step; the dense kernel and the normalisation are free."""
    name, out, _ = run
    largest = {kind: np.abs(values).max() for kind, values in saved_variables(out, STEPS).items()}
    critic = {kind.removeprefix("discriminator/"): size for kind, size in largest.items() if kind.startswith("discriminator/")}
    convolutions = [critic["down_1/kernel"], critic["down_2/kernel"]]
    if name == "mnist-wgan":
        assert convolutions == [np.float32(0.01)] * 2
        assert critic["down_1_normalised/gamma"] > 0.01
    else:
        assert min(convolutions) > 0.02
        assert not any("normalised" in kind for kind in critic)
    assert critic["score/kernel"] > 0.01
    assert largest["generator/up_1/kernel"] > 0.02
