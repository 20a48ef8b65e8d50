"""Every verdict on what real trainings logged, on losses that a book printed, and on rows made for one rule."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice

import pytest

from gan_train.diagnosis.history import stretches
from gan_train.diagnosis.judge import Diagnosis, diagnose, warm_up, window_steps
from gan_train.diagnosis.series import deviation, oscillation, slope
from gan_train.logs.metrics_log import Row
from gan_train.logs.verdict import Verdict
from gan_train.recipe.base import Recipe
from gan_train.recipe.document import load_recipe
from gan_train.recipe.gan import GANRecipe
from tests.support.confusion import confusion, endings, told
from tests.support.histories import histories, read_history

pytestmark = pytest.mark.quick

IMPAIRED = {
    "mnist-dcgan-collapse": "mode-collapse",
    "mnist-dcgan-mixed": "mixed-statistics",
    "mnist-dcgan-adam": "too-aggressive",
}


def recipe(name: str = "mnist-dcgan", *overrides: str) -> Recipe:
    return load_recipe(name, list(overrides))


def after_warm_up(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.kind != "warming-up"]


def kinds(verdicts: Iterable[Verdict]) -> list[str]:
    """The verdicts of a run after warm-up; a repeated one is listed once."""
    return [stretch.last.kind for stretch in stretches(after_warm_up(verdicts))]


# Real trainings


@pytest.mark.parametrize("name", histories("mnist-dcgan"))
def test_no_real_stable_run_is_accused_after_warm_up(name: str) -> None:
    assert kinds(diagnose(recipe(), read_history(name))) == ["stable"]


@pytest.mark.parametrize(("impaired", "kind"), IMPAIRED.items())
def test_every_real_impaired_run_has_its_own_name_from_the_first_judgement_to_the_last(impaired: str, kind: str) -> None:
    names = histories(impaired)
    assert len(names) > 1
    assert {name: kinds(diagnose(recipe(impaired), read_history(name))) for name in names} == {name: [kind] for name in names}


@pytest.mark.parametrize(
    ("history", "name", "steps", "expected"),
    [
        ("celeba-gan", "celeba-gan", 1500, ["stable"]),
        ("celeba-sngan", "celeba-sngan", 1000, ["stable"]),
        ("fashion-acgan", "fashion-acgan", 4000, ["stable"]),
        ("horse2zebra-cyclegan", "horse2zebra-cyclegan", 2000, ["stable"]),
        ("mnist-infogan", "mnist-infogan", 2000, ["stable"]),
        ("mnist-wgan", "mnist-wgan", 970, ["stable"]),
        ("mnist-wgan-gp", "mnist-wgan-gp", 970, ["stable"]),
        ("mnist-wgan-runaway", "mnist-wgan", 970, ["stable", "critic-runaway"]),
        ("cifar10-gan-cars", "cifar10-gan", 6000, ["too-aggressive"]),
        ("celeba-lsgan", "celeba-lsgan", 400, ["mode-collapse"]),
    ],
)
def test_real_runs_of_the_catalogue_are_called_what_they_were(history: str, name: str, steps: int, expected: list[str]) -> None:
    assert kinds(diagnose(recipe(name, f"steps={steps}"), read_history(history))) == expected


def test_a_run_that_recovers_in_warm_up_would_have_been_a_failure_without_it() -> None:
    """celeba-gan's discriminator leads to step 350: the quarter of its steps that is not judged is not too long."""
    verdicts = diagnose(recipe("celeba-gan", "steps=400"), read_history("celeba-gan"))
    assert kinds(verdicts) == ["too-aggressive", "stable"]


OTHER_DIGITS = {
    "beaten-threes": ("mnist-dcgan", 270, ["discriminator-beaten"]),
    "well-sevens-small": ("mnist-dcgan", 450, ["stable"]),
}
"""Trainings by which the limits of the rules on samples were chosen: the recipe, its steps, the verdicts after warm-up."""


@pytest.mark.parametrize("name", OTHER_DIGITS)
def test_trainings_of_other_digits_are_called_what_they_were(name: str) -> None:
    base, steps, expected = OTHER_DIGITS[name]
    assert kinds(diagnose(recipe(base, f"steps={steps}"), read_history(name))) == expected


def test_stripes_that_differ_as_much_as_real_images_are_unlike_the_data_by_themselves() -> None:
    """The samples of a discriminator that learns nothing, of which only the samples are known: diversity is 0.97 to 1.06."""
    measured = ("step", "snapshot.diversity", "snapshot.common", "snapshot.distance")
    rows = [{name: row[name] for name in measured if name in row} for row in read_history("beaten-threes")]
    last = diagnose(recipe("mnist-dcgan", "steps=270"), rows)[-1]
    assert (last.kind, last.failing, last.since) == ("unlike-data", True, 135)
    assert last.evidence == (
        "89% of what sets the samples of step 270 apart from the mean real image is the same in all of them.",
        "A sample of step 270 is 2.6 times as far from the nearest real image as a real image is from the mean of all.",
    )


# Losses printed in Brownlee, Generative Adversarial Networks with Python, ch. 10


def printed(*rows: tuple[float, ...]) -> list[Row]:
    """Printed rows (d_real, d_fake, g, accuracy_real, accuracy_fake), in percent; or (d, g, accuracy) of a mixed batch."""
    return [_mixed(row) if len(row) == 3 else _separate(row) for row in rows]


def _mixed(row: Sequence[float]) -> Row:
    loss, of_generator, right = row
    return {"d.loss": loss, "g.loss": of_generator, "d.accuracy_real": right / 100, "d.accuracy_fake": right / 100}


def _separate(row: Sequence[float]) -> Row:
    on_real, on_fake, of_generator, right_real, right_fake = row
    accuracies = {"d_real.accuracy": right_real / 100, "d_fake.accuracy": right_fake / 100}
    return {"d_real.loss": on_real, "d_fake.loss": on_fake, "g.loss": of_generator} | accuracies


STABLE = printed(
    (0.593, 0.546, 1.330, 76, 82), (0.551, 0.739, 0.981, 82, 39), (0.628, 0.505, 1.420, 79, 89), (0.641, 0.533, 1.381, 60, 85)
)
STABLE_FIRST = printed(
    (0.859, 0.664, 0.872, 37, 59), (0.190, 1.429, 0.555, 100, 10), (0.094, 1.467, 0.597, 100, 4), (0.097, 1.315, 0.686, 100, 9)
)
COLLAPSED = printed((0.277, 0.261, 0.684, 95, 100), (0.201, 0.247, 0.713, 96, 100), (0.351, 0.467, 1.184, 92, 81))
MIXED = printed((0.0, 0.001, 100))
AGGRESSIVE = printed((0.0, 0.0, 10.410, 100, 100), (0.0, 0.0, 10.427, 100, 100))


def run_of(*parts: tuple[list[Row], int], diversity: float | None = 1.0, every: int = 45, log_every: int = 1) -> Iterator[Row]:
    """Rows repeated up to a step, then others up to the next; with snapshots, if they measure diversity."""
    step = 0
    for rows, last in parts:
        for row in islice(cycle(rows), (last - step) // log_every):
            step += log_every
            looked = {"snapshot.diversity": diversity} if diversity is not None and step % every == 0 else {}
            yield {"step": step} | row | looked


@pytest.mark.parametrize(
    ("rows", "diversity", "kind"),
    [
        (STABLE, 0.9, "stable"),
        (COLLAPSED, 0.02, "mode-collapse"),
        (MIXED, 1.0, "mixed-statistics"),
        (AGGRESSIVE, 0.3, "too-aggressive"),
        (AGGRESSIVE, 0.0, "too-aggressive"),
    ],
)
def test_printed_losses_get_the_verdicts_of_the_book(rows: list[Row], diversity: float, kind: str) -> None:
    assert kinds(diagnose(recipe(), run_of((rows, 450), diversity=diversity))) == [kind]


def test_the_first_rows_of_the_stable_run_are_not_judged() -> None:
    verdicts = diagnose(recipe(), run_of((STABLE_FIRST, 50), (STABLE, 450)))
    assert [verdict.kind for verdict in verdicts if verdict.step < 100] == ["warming-up"] * 2
    assert kinds(verdicts) == ["stable"]


# One rule at a time


class OtherLossRecipe(GANRecipe):
    """A recipe whose loss the rules know nothing of."""

    @property
    def loss_kind(self) -> None:
        return None


def test_a_loss_that_the_rules_do_not_know_is_not_judged_by_its_size() -> None:
    """Losses near zero and losses that swing widely after they had settled; samples that are alike still decide."""
    other = OtherLossRecipe.model_validate(recipe().model_dump())
    settled, swinging = [STABLE[0]], [STABLE[0] | {"g.loss": 9.0}, STABLE[0] | {"g.loss": 0.1}]
    unsettled = [(settled, 270), (swinging, 450)]
    assert kinds(diagnose(recipe(), run_of(*unsettled))) == ["stable", "late-instability"]
    assert kinds(diagnose(other, run_of(*unsettled))) == ["stable"]
    assert kinds(diagnose(recipe(), run_of((AGGRESSIVE, 450)))) == ["too-aggressive"]
    assert kinds(diagnose(other, run_of((AGGRESSIVE, 450)))) == ["stable"]
    assert kinds(diagnose(other, run_of((AGGRESSIVE, 450), diversity=0.0))) == ["mode-collapse"]


def test_samples_that_are_alike_decide_and_accuracy_supports_in_words() -> None:
    last = diagnose(recipe("mnist-dcgan-collapse"), run_of((COLLAPSED, 135), diversity=0.02))[-1]
    assert str(last) == (
        "mode collapse since step 135: Samples of step 135 have 0.02 of the real diversity. The discriminator finds out 94% of "
        "them. Try: A larger latent_size than 1. discriminator_batch=separate, where it is joint or mixed. loss=wasserstein "
        "with penalties.gradient, or discriminator.spectral_norm=true. Another seed, or --on-failure rollback."
    )


def test_collapse_tells_of_classes_where_a_classifier_looked() -> None:
    rows = [row | {"snapshot.classes": 3, "snapshot.classes_of_reals": 10} for row in run_of((COLLAPSED, 135), diversity=0.1)]
    assert "3 of 10 classes appear." in diagnose(recipe(), rows)[-1].evidence


def test_without_a_look_at_the_samples_no_collapse_is_claimed() -> None:
    assert kinds(diagnose(recipe(), run_of((COLLAPSED, 450), diversity=None))) == ["stable"]


def test_a_look_before_it_could_be_judged_accuses_nobody_later() -> None:
    rows = [row | {"snapshot.diversity": 0.05} if row["step"] == 60 else row for row in run_of((STABLE, 450), diversity=None)]
    assert kinds(diagnose(recipe(), rows)) == ["stable"]


def test_collapse_stands_until_a_look_finds_the_samples_varied() -> None:
    looks = {150: 0.05, 300: 0.6}
    rows = [
        row | ({"snapshot.diversity": looks[row["step"]]} if row["step"] in looks else {})
        for row in run_of((STABLE, 450), diversity=None)
    ]
    collapsed, well = list(stretches(after_warm_up(diagnose(recipe(), rows))))[1:]
    assert (collapsed.last.kind, collapsed.first.step, collapsed.last.step) == ("mode-collapse", 150, 270)
    assert (well.last.kind, well.first.step) == ("stable", 300)


def test_alike_samples_with_both_losses_at_zero_are_a_collapse() -> None:
    rows = printed((0.03, 0.03, 0.02, 100, 100))
    assert kinds(diagnose(recipe(), run_of((rows, 450), diversity=0.04))) == ["mode-collapse"]
    assert kinds(diagnose(recipe(), run_of((rows, 450), diversity=1.0))) == ["mixed-statistics"]


def test_a_failure_keeps_its_name_until_the_discriminator_loses_its_lead() -> None:
    swinging, lost = printed((0.1, 0.1, 0.3, 96, 96)), printed((0.3, 0.2, 3.0, 88, 88))
    verdicts = diagnose(recipe(), run_of((AGGRESSIVE, 180), (swinging, 270), (lost, 360)))
    assert kinds(verdicts) == ["too-aggressive", "stable"]
    assert [verdict.since for verdict in verdicts if verdict.kind == "too-aggressive"] == [135] * 4


def test_a_discriminator_that_is_fooled_for_a_whole_window_is_beaten_until_it_finds_some_again() -> None:
    fooled, chance = printed((0.9, 5.0, 0.005, 40, 0)), printed((0.7, 0.7, 0.8, 60, 45))
    scored = [row | {"d_real.score": -0.3, "d_fake.score": 5.0} for row in fooled]
    verdicts = diagnose(recipe(), run_of((scored, 270), (chance, 450)))
    assert kinds(verdicts) == ["discriminator-beaten", "stable"]
    biased = [row | {"d_real.score": 1.6, "d_fake.score": 1.1} for row in fooled]
    assert kinds(diagnose(recipe(), run_of((biased, 450)))) == ["stable"]
    assert verdicts[2].failing
    assert verdicts[2].evidence[0].startswith("d's loss is 0.900 and 5.000, it is right on 40% and 0% of real and generated")


def test_samples_that_come_closer_to_the_data_are_no_failure_and_not_stable() -> None:
    """One that stands still is; one that is like the data is neither. Between looks a verdict stays."""
    distances = {135: 2.0, 180: 1.8, 225: 1.6, 270: 1.6, 315: 0.9}
    rows = [
        row | ({"snapshot.common": 0.1, "snapshot.distance": distances[row["step"]]} if row["step"] in distances else {})
        for row in run_of((STABLE, 315))
    ]
    verdicts = after_warm_up(diagnose(recipe(), rows))
    named = [(verdict.step, verdict.kind, verdict.failing) for verdict in verdicts]
    assert named == [
        (135, "unlike-data", True),
        (180, "not-yet-like-data", False),
        (225, "not-yet-like-data", False),
        (270, "unlike-data", True),
        (315, "stable", False),
    ]


def test_noise_with_the_brightness_of_the_data_is_unlike_it_by_its_roughness() -> None:
    scores = {"snapshot.common": 0.5, "snapshot.distance": 1.1, "snapshot.roughness": 2.3}
    rows = [row | (scores if row["step"] % 45 == 0 else {}) for row in run_of((STABLE, 180))]
    last = diagnose(recipe(), rows)[-1]
    assert (last.kind, last.failing, last.since) == ("unlike-data", True, 135)
    assert last.evidence == (
        "Neighbouring pixels of the samples of step 180 differ 2.3 times as much, for their contrast, as those of real images.",
    )


@pytest.mark.parametrize(
    ("sample_images", "distinct", "reals", "kind"),
    [
        (100, 1, 100, "too-little-data"),
        (100, 9, 100, "too-little-data"),
        (100, 10, 100, "stable"),
        (100, 1, 1, "too-little-data"),
        (100, 9, 9, "too-little-data"),
        (100, 10, 10, "stable"),
        (9, 2, 9, "too-little-data"),
        (9, 9, 9, "stable"),
        (1, 1, 1, "stable"),
    ],
)
def test_data_of_a_few_images_is_never_called_stable(sample_images: int, distinct: int, reals: int, kind: str) -> None:
    """Fewer real images than samples are all that there are. One image has no diversity, so that none is logged."""
    counts = {"snapshot.distinct_reals": distinct, "snapshot.reals": reals}
    rows = [row | (counts if row["step"] % 45 == 0 else {}) for row in run_of((STABLE, 450), diversity=None)]
    assert kinds(diagnose(recipe("mnist-dcgan", f"sample_images={sample_images}"), rows)) == [kind]


def test_the_swinging_lead_alone_accuses_nobody() -> None:
    assert kinds(diagnose(recipe(), run_of((printed((0.1, 0.1, 3.0, 96, 96)), 450)))) == ["stable"]


@pytest.mark.parametrize("loss", ["minimax", "least-squares", "hinge"])
def test_a_loss_that_falls_silent_is_saturated(loss: str) -> None:
    rows = printed((0.001, 0.001, -0.001, 100, 100))
    last = diagnose(recipe("mnist-dcgan", f"loss={loss}"), run_of((rows, 450)))[-1]
    assert (last.kind, last.failing) == ("saturation", True)
    assert f"loss={loss}" in last.evidence[1]


def test_lone_large_peaks_of_least_squares_are_normal() -> None:
    calm, peak = printed((0.2, 0.2, 1.0, 80, 80)), printed((20.0, 30.0, 40.0, 80, 80))
    assert kinds(diagnose(recipe("mnist-lsgan", "steps=450"), run_of((calm * 44 + peak, 450)))) == ["stable"]


def test_a_translators_discriminator_that_leads_is_worth_knowing_and_no_failure() -> None:
    calm = {"d_b_real.loss": 0.1, "d_b_fake.loss": 0.1, "d_b_real.accuracy": 0.6, "d_b_fake.accuracy": 0.6}
    sure = {"d_a_real.loss": 0.001, "d_a_fake.loss": 0.002, "d_a_real.accuracy": 1.0, "d_a_fake.accuracy": 1.0}
    generators = {f"g_{way}.{name}": 1.0 for way in ("ab", "ba") for name in ("loss", "adversarial")}
    last = diagnose(recipe("horse2zebra-cyclegan", "steps=450"), run_of(([calm | sure | generators], 450), diversity=None))[-1]
    assert (last.kind, last.failing) == ("saturation", False)
    assert last.evidence[0].startswith("d_a's loss is 0.001 and 0.002")
    assert last.evidence[1].startswith("g_ba learns")


def test_late_instability_is_measured_by_the_calmest_window() -> None:
    wild = printed((0.6, 0.6, 0.2, 70, 70), (0.6, 0.6, 3.0, 70, 70))
    verdicts = diagnose(recipe(), run_of((STABLE, 225), (wild, 450)))
    assert kinds(verdicts) == ["stable", "late-instability"]
    assert verdicts[-1].failing
    assert verdicts[-1].evidence[0] == "g's loss deviates by 1.40 over 45 steps, in its calmest ones by 0.17."
    assert kinds(diagnose(recipe(), run_of((wild, 450)))) == ["stable"]


def critic_rows(*values: float) -> list[Row]:
    return [{"d_real.loss": 0.0, "d_fake.loss": 0.0, "g.loss": 0.0, "critic.estimate": value} for value in values]


@pytest.mark.parametrize(
    ("estimate", "kind"),
    [(9.0, "stable"), (31.0, "stable"), (-0.5, "stable"), (-4.0, "critic-flipped"), (70.0, "critic-runaway")],
)
def test_a_critic_is_measured_by_its_own_lead(estimate: float, kind: str) -> None:
    rows = run_of((critic_rows(31.0), 225), (critic_rows(estimate), 450))
    assert diagnose(recipe("mnist-wgan"), rows)[-1].kind == kind


def test_a_loss_that_is_missing_was_not_finite() -> None:
    rows = list(run_of((STABLE, 180)))
    del rows[-1]["g.loss"]
    last = diagnose(recipe(), rows)[-1]
    assert (last.kind, last.failing, last.evidence) == ("non-finite", True, ("g.loss is not finite at step 180.",))


def test_a_run_without_a_discriminator_is_stable() -> None:
    assert kinds(diagnose(recipe(), run_of(([{"c.loss": 0.3, "c.accuracy": 0.9}], 450), diversity=None))) == ["stable"]


# Windows and histories


def test_windows_grow_where_rows_are_seldom() -> None:
    assert [window_steps(log_every) for log_every in (1, 5, 10, 100)] == [45, 45, 90, 900]
    assert [warm_up(recipe("mnist-gan", f"steps={steps}")) for steps in (20, 450, 1500, 90000)] == [100, 112, 375, 500]
    assert warm_up(recipe("mnist-gan", "log_every=100")) == 900


@pytest.mark.parametrize(("log_every", "last"), [(10, 450), (100, 4500)])
def test_a_log_of_fewer_rows_is_judged_alike(log_every: int, last: int) -> None:
    rows = run_of((AGGRESSIVE, last), every=9 * log_every, log_every=log_every)
    assert kinds(diagnose(recipe("mnist-dcgan", f"log_every={log_every}"), rows)) == ["too-aggressive"]


def test_failing_since_spans_kinds_and_ends_with_them() -> None:
    diagnosis = Diagnosis(recipe())
    seen = {}
    alike = [
        row | {"snapshot.diversity": 0.1} if 200 < row["step"] <= 270 and "snapshot.diversity" in row else row
        for row in run_of((STABLE, 135), (AGGRESSIVE, 180), (COLLAPSED, 270), (STABLE, 450))
    ]
    for row in alike:
        if diagnosis.add(row):
            seen[row["step"]] = (diagnosis.failing_since, diagnosis.well_at)
    assert seen == {
        45: (None, 0),
        90: (None, 0),
        135: (None, 135),
        180: (180, 135),
        225: (180, 135),
        270: (180, 135),
        315: (None, 315),
        360: (None, 360),
        405: (None, 405),
        450: (None, 450),
    }


def test_an_oscillation_is_found_with_its_period() -> None:
    found = oscillation([1 + 0.5 * math.sin(2 * math.pi * step / 25) for step in range(180)])
    assert found is not None
    assert found.period == 25
    assert found.correlation > 0.8
    assert found.swing == pytest.approx(0.5 / math.sqrt(2), rel=0.05)
    assert oscillation([1.0] * 180) is None
    assert oscillation([2.0 + step**2 for step in range(180)]) is None
    assert oscillation([1.0, 2.0] * 45) is None


def test_signals_are_what_their_names_say() -> None:
    assert slope([1.0, 3.0, 5.0]) == pytest.approx(2)
    assert slope([1.0]) == 0
    assert deviation([1.0, 3.0]) == 1


def test_a_confusion_table_counts_judgements_and_endings() -> None:
    runs = {"mnist-dcgan": [diagnose(recipe(), run_of((STABLE, 225), (AGGRESSIVE, 450)))]}
    assert confusion(runs)["mnist-dcgan"] == {"stable": 3, "too-aggressive": 5}
    assert endings(runs)["mnist-dcgan"] == {"too-aggressive": 1}
    assert told("at the end", endings(runs)) == "at the end   too-aggressive\nmnist-dcgan               1"
