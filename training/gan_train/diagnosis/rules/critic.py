"""A Wasserstein critic's estimate of the distance: positive, and level or falling, in a run that converges (Arjovsky et al.
2017).

Estimates of different runs cannot be compared, so a run is measured by itself: by its largest estimate before it is first
judged, when the critic is ahead.
"""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.series import median, slope
from gan_train.diagnosis.window import Window

GROWN, FLIPPED = 2.0, -0.1
"""Shares of that largest estimate above and below which a run fails. Measured runs: docs/measurements.md, "Diagnosis"."""


def critic(window: Window) -> Finding | None:
    """An estimate that changed its sign, or that outgrew all earlier ones."""
    if not window.estimates or not window.estimate_level:
        return None
    estimate = median(window.estimates)
    share = estimate / window.estimate_level
    evidence = f"The estimated distance is {estimate:+.3g}, and was at most {window.estimate_level:.3g} in the warm-up."
    if share < FLIPPED:
        return Finding(
            "critic-flipped",
            True,
            "the critic takes generated for real",
            (evidence,),
            ("More discriminator_steps.", "penalties.gradient in place of clipping."),
        )
    if share > GROWN:
        trend = "grows" if slope(window.estimates) > 0 else "falls again"
        return Finding(
            "critic-runaway",
            True,
            "the critic's estimate has no bound",
            (evidence, f"It {trend}, by {abs(slope(window.estimates)):.2g} a row."),
            ("precision=float32.", "A smaller penalties.clip.limit, or penalties.gradient.", "A smaller learning rate."),
        )
    return None
