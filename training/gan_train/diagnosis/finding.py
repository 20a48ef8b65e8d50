"""The result of a rule."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A verdict without its place in time; `Verdict` in logs/verdict.py describes the attributes."""

    kind: str
    failing: bool
    words: str
    evidence: tuple[str, ...]
    advice: tuple[str, ...] = ()
