"""The line that shows the state of a run, for the progress of a training and for `gan-train watch`."""

from gan_core.progress import ProgressLine, time_left
from gan_train.logs.metrics_log import Row


def status_line(row: Row, steps: int, seconds_left: float | None, verdict: str = "") -> ProgressLine:
    """A row of metrics.jsonl as the progress of its run.

    Args:
        row: the newest.
        steps: to train to.
        seconds_left: until the last step, or None while it is unknown.
        verdict: on the training, in a few words; "" if it was not judged.
    """
    accuracies, estimate = named(row, ".accuracy", "{:.0%}"), named(row, ".estimate", "{:+.3f}")
    facts = (
        *([verdict] if verdict else []),
        f"loss {named(row, '.loss', '{:.3f}')}",
        *([f"accuracy {accuracies}"] if accuracies else []),
        *([f"estimate {estimate}"] if estimate else []),
        f"{row['images_per_second']:,.0f} images/s",
        f"input wait {row['input_wait']:.1%}",
        *([f"{row['input_skipped']:.1%} of the data left out"] if "input_skipped" in row else []),
        f"{row['memory.host'] / 2**20:,.0f} MB",
    )
    return ProgressLine(f"step {int(row['step'])}/{steps}", time_left(seconds_left), facts)


def named(row: Row, kind: str, form: str) -> str:
    """All values of a kind in one text, with short names: "d.accuracy_real" and "d_real.accuracy" are both "d_real".

    Args:
        row: a row of metrics.jsonl.
        kind: part of the names, such as ".accuracy".
        form: how a value is written, such as "{:.0%}".
    """
    found = {name.replace(kind, ""): value for name, value in row.items() if kind in name and not name.startswith("snapshot.")}
    return " ".join(f"{name} {form.format(value)}" for name, value in found.items())


def seconds_left(first: Row, last: Row, steps: int) -> float | None:
    """Seconds from a row to the last step, at the pace since an earlier row, with all stalls; None if no step lies between."""
    done = last["step"] - first["step"]
    if last["step"] >= steps:
        return 0.0
    return (last["elapsed"] - first["elapsed"]) / done * (steps - last["step"]) if done > 0 else None
