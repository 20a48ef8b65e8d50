"""Numbers that are not finite. The log leaves them out, so a loss that every row had is missing from the newest one."""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.window import Window

NON_FINITE = "non-finite"


def non_finite(window: Window) -> Finding | None:
    """The losses of opponents that the newest row lacks. Their phases run in every step, so a missing loss was not finite."""
    if not window.missing:
        return None
    return non_finite_finding(f"{', '.join(window.missing)} is not finite at step {window.step}.")


def non_finite_finding(evidence: str, player: str = "") -> Finding:
    """The finding, for any evidence of it, with advice for the player whose number it is; "" where that is not known."""
    return Finding(
        NON_FINITE,
        True,
        "numbers that are not finite",
        (evidence,),
        (
            f"A smaller learning rate of the {player}." if player else "A smaller learning rate.",
            "precision=float32, if the run computes in less.",
            "--on-divergence rollback goes on from the newest checkpoint with other random numbers, --max-rollbacks times.",
        ),
    )
