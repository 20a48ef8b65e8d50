"""The command line that makes a dataset again."""

import math
from fractions import Fraction

from gan_core.names import shell_word, unescape_name
from gan_pipeline.dataset.catalogue import CHOSEN_OUT, MAX_FAILURE_RATE, dataset_info, flag
from gan_pipeline.dataset.manifest import Manifest

_FLAGGED = ("classes", "limit", "limit_per_class", "hold_out", "shards", "seed", "encoding")


def prepare_command(manifest: Manifest, out: str = "FOLDER") -> str:
    """The `gan-pipeline prepare` command that makes the dataset, with those options that differ from their defaults."""
    options = manifest.options
    info = dataset_info(options.dataset)
    usual = {**dict.fromkeys(_FLAGGED), "seed": 0, "encoding": "raw", **info.settings, **dict.fromkeys(info.choices)}
    words = ["gan-pipeline", "prepare", options.dataset, "--source", unescape_name(options.source)]
    if options.splits != info.default_splits:
        words += ["--split", ",".join(options.splits)]
    for name, default in usual.items():
        value = getattr(options, name)
        if value == default:
            continue
        words.append(flag(name))
        if value is not True:
            words.append(",".join(map(str, value)) if isinstance(value, tuple) else str(value))
    percent = _unusable_percent(manifest)
    if percent > 100 * MAX_FAILURE_RATE:
        words += ["--max-failure-rate", f"{percent / 100:g}"]
    return " ".join(map(shell_word, [*words, "-o", out]))


def _unusable_percent(manifest: Manifest) -> int:
    """The percentage of the inputs that could not be used, rounded up."""
    unusable = sum(count for reason, count in manifest.counts.dropped.items() if reason not in CHOSEN_OUT)
    return math.ceil(Fraction(100 * unusable, max(1, unusable + manifest.counts.kept)))
