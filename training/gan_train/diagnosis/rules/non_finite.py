"""Numbers that are not finite. They are left out of the log, so a loss that every row had is missing from the newest."""

from gan_train.diagnosis.finding import Finding
from gan_train.diagnosis.window import Window

NON_FINITE = "non-finite"


def non_finite(seen: Window) -> Finding | None:
    """The losses of contests rest in no step, so one that is missing was not finite."""
    if not seen.missing:
        return None
    return found(f"{', '.join(seen.missing)} is not finite at step {seen.step}.")


def found(evidence: str) -> Finding:
    """The finding, however it was seen."""
    return Finding(
        NON_FINITE,
        True,
        "numbers that are not finite",
        (evidence,),
        (
            "A smaller learning rate.",
            "precision=float32, if the run computes in less.",
            "--on-divergence rollback goes on from the newest checkpoint with other random numbers.",
        ),
    )
