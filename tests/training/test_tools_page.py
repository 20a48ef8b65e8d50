"""Every command of docs/tools.md and docs/scores.md runs, in its order."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.image_files import encoded, noise
from tests.support.runs import SMALL, gan_train

DOCS = Path(__file__).parents[2] / "docs"


def commands(page: str) -> list[list[str]]:
    """The arguments of every gan-train command of a page."""
    blocks = re.findall(r"```bash\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    words = [shlex.split(line) for line in "".join(blocks).splitlines()]
    assert all(line[0] == "gan-train" for line in words)
    return [line[1:] for line in words]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder runs/ in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory, digits: Path) -> Path:
    """A run of one step with latents of size 2."""
    out = tmp_path_factory.mktemp("plane") / "run"
    assert (
        gan_train("run", "mnist-dcgan", "--data", digits, "-o", out, *SMALL, "--steps", "1", "--set", "latent_size=2").code == 0
    )
    return out


@pytest.fixture(scope="module")
def curve(tmp_path_factory: pytest.TempPathFactory, points: Path) -> Path:
    """A run of two steps that makes points."""
    out = tmp_path_factory.mktemp("curve") / "run"
    assert gan_train("run", "curve-gan", "--data", points, "-o", out, "--steps", "2", "--set", "snapshot_every=2").code == 0
    return out


def test_the_commands_of_the_page_of_tools_run(
    trained: Path,
    conditional: Path,
    infogan: Path,
    plane: Path,
    curve: Path,
    pix2pix_run: Path,
    cyclegan_run: Path,
    classifier_run: Path,
    sgan_run: Path,
    held_out_digits: Path,
    runs: Path,
) -> None:
    own = {"maps": pix2pix_run, "horses": cyclegan_run, "digit-classifier": classifier_run, "sgan": sgan_run, "plane": plane}
    own |= {"first": trained, "clothes": conditional, "info": infogan, "curve": curve}
    for name, run in own.items():
        (runs / name).symlink_to(run)
    Path("data").mkdir()
    Path("data/digits").symlink_to(held_out_digits)
    Path("photos").mkdir()
    for name in ("photo.jpg", "photos/one.jpg", "photos/two.jpg"):
        Path(name).write_bytes(encoded(noise(len(name), 20, 36), "JPEG"))
    written = commands("tools.md")
    tools = {"sample", "codes", "interpolate", "arithmetic", "manifold", "translate", "classify", "export"}
    assert {words[0] for words in written} == tools
    for words in written:
        ran = gan_train(*words)
        assert ran.code == 0, (words, ran.err)
        assert "-o" not in words or Path(words[words.index("-o") + 1]).exists()


def test_the_commands_of_the_page_of_scores_run(
    trained: Path, digits: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANMILL_CACHE", str(runs / "cache"))
    shutil.copytree(trained, runs / "first")
    Path("data").mkdir()
    Path("data/digits").symlink_to(digits)
    for name, seed in (("generated", "1"), ("others", "2")):
        assert gan_train("sample", trained, "-o", name, "--count", "40", "--seed", seed).code == 0
    for words in commands("scores.md"):
        ran = gan_train(*words)
        assert ran.code == 0, (words, ran.err)
    assert (runs / "first" / "best" / "best.json").exists()
    assert list((runs / "first" / "scores").glob("neighbours-step-*.png"))
