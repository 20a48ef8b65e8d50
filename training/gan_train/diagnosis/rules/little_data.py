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
    """Fewer different real images than that, of at least as many, or of all that there are."""
    samples = window.samples
    if samples is None or samples.reals is None or samples.distinct_reals is None:
        return None
    # Beside the samples stand as many real images, unless the data has no more.
    are_all = samples.reals < window.sample_images
    if samples.distinct_reals >= (FEWEST_IMAGES if are_all else min(FEWEST_IMAGES, samples.reals)):
        return None
    shown = "All images of the data are" if are_all else f"The first {samples.reals} images that training reads are"
    one = samples.distinct_reals == 1
    return Finding(
        LITTLE_DATA,
        True,
        "too little data",
        (
            f"{shown} {'one and the same' if one else f'{samples.distinct_reals} different ones'}.",
            f"A GAN learns what images have in common, and can only copy {'this one' if one else 'these'}.",
        ),
        ("More data: 'gan-pipeline inspect' shows copies, 'gan-pipeline prepare --dedupe' leaves them out.",),
    )
