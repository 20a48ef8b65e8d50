"""Fuzz one target for some seconds: python -m fuzz TARGET SECONDS CORPUS. `make fuzz` does so for all.

Inputs that reach new code are kept in the folder CORPUS/TARGET, so that the next run begins where this one ended. One that
breaks the promise of harness.py is written into tests/data/fuzz/TARGET, where an ordinary test reads it, and ends the run.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

import atheris

# Only code of ours is watched for new paths; the libraries below it have fuzzers of their own.
with atheris.instrument_imports(include=["gan_core", "gan_pipeline", "gan_train"], enable_loader_override=False):
    from fuzz.harness import MEGABYTES, SECONDS, attempt
    from fuzz.targets import TARGETS

_FOUND = Path(__file__).parents[1] / "tests" / "data" / "fuzz"
_LARGEST_INPUT = 1 << 16
"""Bytes of the largest input that is tried."""

_BASE_MEGABYTES = 2048
"""Memory that TensorFlow and the libraries take before the first input."""


def main(name: str, seconds: int, corpus: Path) -> None:
    """Fuzz the target of this name. It ends the process: with 0 after so many seconds, with 77 or more at a fault."""
    target, found, seeds = TARGETS[name], _FOUND / name, corpus / name
    for place in (found, seeds):
        place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / f"seed-{number}").write_bytes(seed)
    folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    target.install(folder)

    def one(content: bytes) -> None:
        try:
            attempt(target, folder, content)
        except BaseException:
            (found / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)
            raise

    limits = [f"-timeout={SECONDS}", f"-rss_limit_mb={_BASE_MEGABYTES + MEGABYTES}", f"-max_len={_LARGEST_INPUT}"]
    # Seeds stay even where they reach no more of our code than an empty file: the parsers below are not watched.
    options = [*limits, "-keep_seed=1", "-print_final_stats=1", f"-max_total_time={seconds}", f"-artifact_prefix={found}/"]
    atheris.Setup([sys.argv[0], *options, str(seeds)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
