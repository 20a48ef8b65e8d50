"""The data is one image or a few, each many times: there is no distribution to learn.

All samples alike are then right, and the discriminator may know every image by heart; so no other rule can tell a good training
from a bad one.
"""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.window import Window

LITTLE_DATA = "too-little-data"

FEWEST_IMAGES = 10
"""Different images among the first that training reads, below which nothing can be learned but these images."""


def little_data(window: Window) -> Finding | None:
    """Fewer different real images than that, of at least as many."""
    samples = window.samples
    if samples is None or samples.distinct_reals is None or samples.distinct_reals >= min(FEWEST_IMAGES, samples.reals or 0):
        return None
    return Finding(
        LITTLE_DATA,
        True,
        "too little data",
        (
            f"The first {samples.reals} images that training reads are {samples.distinct_reals} different ones.",
            "A GAN learns what images have in common, and can only copy these.",
        ),
        ("More data: 'gan-pipeline inspect' shows copies, 'gan-pipeline prepare --dedupe' leaves them out.",),
    )
