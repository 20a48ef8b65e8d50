"""What the rules look at: the newest window of a run's log, and what earlier ones left behind."""

from collections.abc import Mapping
from dataclasses import dataclass

from gan_train.diagnosis.balance import Contest


@dataclass(frozen=True)
class Snapshot:
    """What a look at the fixed samples measured.

    Attributes:
        step: of the look.
        diversity: mean distance of a sample to the one most like it, by the same of real examples; near 0 when all are alike.
        classes: how many classes a classifier finds among the samples, or None where none looked.
        classes_of_reals: the same of the real examples.
    """

    step: int
    diversity: float
    classes: int | None = None
    classes_of_reals: int | None = None


@dataclass(frozen=True)
class Window:
    """A run at a step.

    Attributes:
        step: the newest.
        loss: name of the loss, as in objectives/losses.py.
        translates: whether its generators make images from images, and learn from more than the discriminator.
        latent_size: of the recipe; None if the generator takes no latents.
        window: steps that the contests tell of.
        contests: each discriminator against its generator over the newest window.
        missing: names of losses that have no value in the newest row.
        snapshot: the newest of the run, or None.
        is_new: whether that is of this window.
        standing: kind of the verdict before, "" without one.
        swings: the generator's adversarial losses over several windows, one for each row.
        calmest: least deviation of a generator's adversarial loss over any window judged so far, by its name.
        estimates: a critic's estimates over the window, one for each row.
        estimate_level: size of a critic's largest estimate before it was first judged, as the median of a window.
    """

    step: int
    loss: str
    translates: bool
    latent_size: int | None
    window: int
    contests: tuple[Contest, ...]
    missing: tuple[str, ...]
    snapshot: Snapshot | None
    is_new: bool
    standing: str
    swings: tuple[float, ...]
    calmest: Mapping[str, float]
    estimates: tuple[float, ...]
    estimate_level: float
