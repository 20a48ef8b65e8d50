"""The discriminator takes nearly all generated images for real: it does not learn, or is far behind.

It then tells the generator nothing of the data: the generator finds whatever pattern fools it, the same for every latent. A
discriminator that learns is not fooled for a whole window, however good the images are: chance is one half. In its first steps
it may call everything real; but even then its scores of real images are the higher ones.
"""

from gan_train.diagnosis.balance import Balance
from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.window import Window

BEATEN = "discriminator-beaten"

FEWEST_FOUND, KEEP_FEWEST_FOUND = 0.1, 0.2
"""Mean accuracy on generated images over a window up to which a discriminator is beaten, and up to which the verdict stays.
Measured runs: docs/measurements.md, "Diagnosis"."""


def beaten(window: Window) -> Finding | None:
    """The finding on the first discriminator that is fooled nearly always and scores fakes higher than reals, or None.

    A critic, which has no accuracies, is never beaten by this rule.
    """
    limit = KEEP_FEWEST_FOUND if window.previous == BEATEN else FEWEST_FOUND
    fooled = (balance for balance in window.balances if balance.accuracies and balance.accuracies[-1] <= limit)
    found = (balance for balance in fooled if len(balance.scores) == 2 and balance.scores[0] < balance.scores[1])
    return next((_finding(balance) for balance in found), None)


def _finding(balance: Balance) -> Finding:
    return Finding(
        BEATEN,
        True,
        "the discriminator is beaten",
        (balance.text, f"It tells {balance.generator} nothing of the data: whatever is generated passes for real."),
        (
            "A larger learning rate for the discriminator, or a smaller one for the generator.",
            "A discriminator with more filters, or more discriminator_steps.",
        ),
    )
