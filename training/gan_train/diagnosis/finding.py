"""What a rule found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A verdict without its place in time; verdict.py says what the attributes are."""

    kind: str
    failing: bool
    words: str
    evidence: tuple[str, ...]
    advice: tuple[str, ...] = ()
