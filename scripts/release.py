"""Build what a release is made of: wheel, sdist, software bill of materials and checksums.

    python scripts/release.py dist

Two builds of one commit give the same bytes, on any machine: every time stamp is that of the commit, and only files that git
tracks are packed. `sha256sum --check SHA256SUMS` in the output folder checks a download.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKSUMS = "SHA256SUMS"


def main() -> None:
    """Read the command line and build. Ends with exit code 1 and a message if the checkout is not a clean commit."""
    parser = argparse.ArgumentParser(description="Build wheel, sdist, SBOM and checksums of this commit.")
    parser.add_argument("out", type=Path, help="folder for the files; it must be empty or absent")
    out = parser.parse_args().out.resolve()
    root = Path(__file__).resolve().parents[1]
    if out.exists() and any(out.iterdir()):
        sys.exit(f"error: {out} is not empty; remove it, or name another folder")
    changed = _output(root, "git", "status", "--porcelain")
    if changed:
        sys.exit(f"error: {root} has changes that are not committed ({changed.splitlines()[0].strip()}); commit them first")
    for path in build(root, out):
        print(path)


def build(root: Path, out: Path) -> list[Path]:
    """Write the files of a release of the commit that is checked out in `root`; return their paths, sorted by name.

    Raises:
        CalledProcessError: git or a builder failed; what it printed says why.
    """
    environment = os.environ | {"SOURCE_DATE_EPOCH": _output(root, "git", "log", "-1", "--format=%ct")}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # A tree of its own: whatever else lies in the checkout, and the permissions its files have there, cannot get in.
        tree = Path(folder, "tree")
        tree.mkdir()
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=root, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "--no-same-permissions", "-C", tree], input=archive, check=True)
        targets = ("-t", "wheel", "-t", "sdist", "-d", str(out))
        subprocess.run([sys.executable, "-m", "hatchling", "build", *targets], cwd=tree, env=environment, check=True)
        (wheel,) = out.glob("*.whl")
        bill = out / f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json"
        options = ("--pyproject", "pyproject.toml", "--output-reproducible", "--output-format", "JSON", "-o", str(bill))
        command = [sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", *options, "requirements.lock"]
        subprocess.run(command, cwd=tree, env=environment, check=True)
    files = sorted(out.iterdir())
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (out / CHECKSUMS).write_text(sums)
    return sorted(out.iterdir())


def _output(root: Path, *command: str) -> str:
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
