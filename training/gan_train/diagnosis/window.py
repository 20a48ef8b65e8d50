"""The input of the rules: the newest window of a run's log, and statistics of earlier windows."""

from collections.abc import Mapping
from dataclasses import dataclass

from gan_train.diagnosis.balance import Balance
from gan_train.recipe.opponents import LossKind


@dataclass(frozen=True)
class SampleScores:
    """The scores of the samples of a snapshot, which are made of the same latents every time.

    Attributes:
        step: step of the snapshot.
        diversity: mean distance of a sample to the one most like it, divided by that of the same number of real examples; near
            0 when all samples are alike. None where all real examples are equal.
        classes: number of classes that a classifier finds among the samples, or None where there is no classifier.
        classes_of_reals: the same number of the real examples.
        common: share of what sets samples apart from the mean real image that is the same in all of them, 0 to 1; None of
            points, and of runs of earlier versions, as those below.
        distance: mean distance of a sample to the nearest real image, divided by the spread of the real images; None also where
            all of these are equal.
        roughness: how much neighbouring pixels of the samples differ for their contrast, divided by the same of the reals.
        distinct_reals: number of different images among the real ones.
        reals: number of real images.
    """

    step: int
    diversity: float | None = None
    classes: int | None = None
    classes_of_reals: int | None = None
    common: float | None = None
    distance: float | None = None
    roughness: float | None = None
    distinct_reals: int | None = None
    reals: int | None = None


@dataclass(frozen=True)
class Window:
    """The newest window of a run.

    Attributes:
        step: the newest step.
        loss: the adversarial loss, or None for one that the rules know nothing of.
        generator_has_other_losses: whether generators learn from more than their discriminators.
        noise_size: numbers of noise in a latent; None if the generator takes no latents.
        sample_images: number of samples of a snapshot, and of real images beside them where the data has so many.
        steps: number of steps in the window.
        balances: each discriminator against its generator over the window.
        missing: names of losses that have no value in the newest row.
        samples: scores of the newest samples of the run, or None.
        samples_are_new: whether these samples were made in this window.
        earlier_samples: scores of the samples of the snapshot before, or None.
        previous: kind of the verdict before this one; "" for the first.
        long_losses: the first generator's adversarial losses over several windows, one for each row.
        calmest: for each generator by name, the least standard deviation of its adversarial loss over any window so far.
        estimates: a critic's estimates over the window, one for each row.
        estimate_level: size of a critic's largest estimate before the run was first judged, as the median of a window.
    """

    step: int
    loss: LossKind | None
    generator_has_other_losses: bool
    noise_size: int | None
    sample_images: int
    steps: int
    balances: tuple[Balance, ...]
    missing: tuple[str, ...]
    samples: SampleScores | None
    samples_are_new: bool
    earlier_samples: SampleScores | None
    previous: str
    long_losses: tuple[float, ...]
    calmest: Mapping[str, float]
    estimates: tuple[float, ...]
    estimate_level: float
