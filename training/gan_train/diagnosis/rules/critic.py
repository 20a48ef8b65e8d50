"""A Wasserstein critic's estimate: positive and level or falling when all is well (spec C 1.8).

Estimates of different runs cannot be compared, so a run is measured by itself: by its largest estimate before it is first
judged, when the critic is ahead.
"""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.series import median, slope
from gan_train.diagnosis.window import Window

GROWN, FLIPPED = 2.0, -0.1
"""Shares of that largest estimate. Healthy runs of mnist-wgan and mnist-wgan-gp have -0.02 to 0.35 after warm-up; where
bfloat16 let weights run away it was 2.9 and more in the first window and went up to 17."""


def critic(seen: Window) -> Finding | None:
    """An estimate that changed its sign, or outgrew all it was before."""
    if not seen.estimates or not seen.estimate_level:
        return None
    estimate = median(seen.estimates)
    share = estimate / seen.estimate_level
    evidence = f"The estimated distance is {estimate:+.3g}, and was at most {seen.estimate_level:.3g} in the warm-up."
    if share < FLIPPED:
        return Finding(
            "critic-flipped",
            True,
            "the critic takes generated for real",
            (evidence,),
            ("More discriminator_steps.", "penalties.gradient in place of clipping."),
        )
    if share > GROWN:
        trend = "grows" if slope(seen.estimates) > 0 else "falls again"
        return Finding(
            "critic-runaway",
            True,
            "the critic's estimate has no bound",
            (evidence, f"It {trend}, by {abs(slope(seen.estimates)):.2g} a row."),
            ("precision=float32.", "A smaller penalties.clip.limit, or penalties.gradient.", "A smaller learning rate."),
        )
    return None
