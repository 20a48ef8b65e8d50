"""docs/architecture.md is true: the rooms it lists are the rooms there are, and imports keep its rules."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "architecture.md").read_text()
FOLDERS = {"gan_core": "core", "gan_pipeline": "pipelines", "gan_train": "training"}
"""The packages, the lowest first, and the folder that each stands in."""

ENTRANCES = {"__init__", "__main__", "api"}
"""The only modules of gan_pipeline and gan_train outside a room; all rooms stand below them."""

HEAVY = ("PIL", "apache_beam", "google", "jinja2", "keras", "kubernetes", "matplotlib", "mtcnn", "tensorboard", "tensorflow")


@dataclass(frozen=True)
class Room:
    """A line of a table of the page: the name of a room, and the heavy packages that it imports at once."""

    name: str
    heavy: frozenset[str]


@dataclass(frozen=True)
class Import:
    """One module that another one imports; `late` inside a function, or for the type checker alone."""

    importer: str
    imported: str
    late: bool


@cache
def rooms(package: str) -> list[Room]:
    """The rooms of a package as the page lists them, the highest first."""
    section = re.search(rf"^## `{package}`\n(.*?)(?=^## )", PAGE, re.DOTALL | re.MULTILINE)
    assert section, f"docs/architecture.md has no section on {package}"
    lines = re.findall(r"^\| `([\w/]+)` \|.*\| ([^|]*) \|$", section[1], re.MULTILINE)
    return [Room(name.rstrip("/"), frozenset(re.findall(r"`(\w+)`", heavy))) for name, heavy in lines]


def room_of(module: str) -> str:
    """The room of a module of ours: "dataset" for gan_pipeline.dataset.manifest, "" for an entrance."""
    room = module.split(".")[1:2]
    return room[0] if room and room[0] not in ENTRANCES else ""


@cache
def modules() -> dict[str, Path]:
    """Every module of the three packages by its dotted name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in (ROOT / folder / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT / folder).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports() -> list[Import]:
    """Every import of every module."""
    return [
        Import(name, imported, late)
        for name, path in modules().items()
        for imported, late in _imports_of(ast.parse(path.read_text()), late=False)
    ]


def _imports_of(node: ast.AST, late: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, late) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.module and not child.level, "relative imports hide where an arrow points"
            for alias in child.names:
                whole = f"{child.module}.{alias.name}"
                yield (whole if whole in modules() else child.module), late
        else:
            waits = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
                isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            )
            yield from _imports_of(child, late or waits)


def of_ours(imported: str) -> bool:
    return imported.partition(".")[0] in FOLDERS


@pytest.mark.parametrize("package", FOLDERS)
def test_the_page_lists_every_room(package: str) -> None:
    folder = ROOT / FOLDERS[package] / package
    there = {path.name for path in folder.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    loose = {path.stem for path in folder.glob("*.py")} - ENTRANCES
    listed = [room.name for room in rooms(package)]
    # Only the ground floor has rooms of a single module.
    assert set(listed) == (there | loose if package == "gan_core" else there)
    assert len(listed) == len(set(listed))
    assert package == "gan_core" or not loose


def test_every_import_points_down() -> None:
    upward = []
    for one in imports():
        if not of_ours(one.imported):
            continue
        (package, own), (other, room) = ((name.partition(".")[0], room_of(name)) for name in (one.importer, one.imported))
        if package != other:
            down = list(FOLDERS).index(package) > list(FOLDERS).index(other)
        elif own == room or not own:
            down = True
        elif not room:
            # The command stands on the public API; nothing else knows of it.
            down = own == "cli" and one.imported == f"{package}.api"
        else:
            order = [listed.name for listed in rooms(package)]
            down = order.index(own) < order.index(room)
        if not down:
            upward.append(f"{one.importer} imports {one.imported}")
    assert not upward, "these point up or into a room that the page forbids: " + "; ".join(upward)


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph: dict[str, set[str]] = {name: set() for name in modules()}
    for one in imports():
        if one.imported in graph and one.imported != one.importer:
            graph[one.importer].add(one.imported)
    assert list(TopologicalSorter(graph).static_order())


def test_the_trainer_knows_of_the_pipeline_only_what_the_page_says() -> None:
    permitted = {"dataset": None, "sources": "tools", "transforms": "tools"}
    for name, only in permitted.items():
        assert f"`gan_pipeline.{name}`" in PAGE and (only is None or f"`{only}/`" in PAGE)
    for one in imports():
        if one.importer.startswith("gan_train") and one.imported.startswith("gan_pipeline"):
            room = room_of(one.imported)
            assert room in permitted, f"{one.importer} imports {one.imported}"
            assert permitted[room] in (None, room_of(one.importer)), f"{one.importer} imports {one.imported}"


@pytest.mark.parametrize("package", FOLDERS)
def test_heavy_packages_are_imported_at_once_only_where_the_page_says(package: str) -> None:
    found: dict[str, set[str]] = {room.name: set() for room in rooms(package)}
    for one in imports():
        top = one.imported.partition(".")[0]
        if one.importer.partition(".")[0] == package and top in HEAVY and not one.late:
            assert room_of(one.importer), f"{one.importer} imports {one.imported} at once"
            found[room_of(one.importer)].add(top)
    assert {room.name: found[room.name] - room.heavy for room in rooms(package) if found[room.name] - room.heavy} == {}


@pytest.mark.parametrize(
    "start",
    [
        "import gan_core, gan_core.command, gan_core.storage, gan_core.progress",
        "import gan_pipeline, gan_pipeline.cli.commands",
        "import gan_train, gan_train.cli.main",
    ],
)
def test_starting_loads_nothing_heavy(start: str) -> None:
    assert _loaded(start) == []


def test_reading_a_dataset_loads_nothing_that_prepares_one(digits_folder: Path) -> None:
    read = (
        "from gan_core.storage import open_folder\n"
        "from gan_pipeline.dataset.manifest import read_manifest\n"
        "from gan_pipeline.dataset.records import decode_example\n"
        "from gan_pipeline.dataset.shards import stored_records\n"
        "from gan_pipeline.dataset.verify import check_shard\n"
        f"folder = open_folder({str(digits_folder)!r})\n"
        "manifest = read_manifest(folder)\n"
        "split = manifest.splits['train']\n"
        "check_shard(folder, split.shards[0])\n"
        "assert len([decode_example(one, manifest.features) for one in stored_records(folder, split)]) == 20\n"
    )
    assert _loaded(read) == []


def test_the_trainer_loads_nothing_that_prepares_a_dataset() -> None:
    assert not {"apache_beam", "mtcnn", "gan_pipeline.sources", "gan_pipeline.transforms"} & set(
        _loaded("import gan_core.quiet; gan_core.quiet.import_tensorflow(); import gan_train.loop.run")
    )


def _loaded(code: str) -> list[str]:
    """Names of the heavy packages and of the preparing rooms that are loaded after the code has run, in a new process."""
    # "google" alone is a namespace that installed packages share.
    watched = (
        *(name for name in HEAVY if name != "google"),
        "google.cloud.storage",
        *(f"gan_pipeline.{room}" for room in ("preparing", "inspection", "sources", "transforms")),
    )
    script = f"{code}\nimport json, sys\nprint(json.dumps([name for name in {watched!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [name for name in watched if f'"{name}"' in done.stdout.splitlines()[-1]]


@pytest.fixture(scope="module")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 20 digits, in one shard."""
    from tests.support.datasets import prepare

    folder = tmp_path_factory.mktemp("digits") / "data"
    prepare(folder, "--limit", "20", "--shards", "1")
    return folder


def test_nothing_cites_a_document_that_is_not_in_the_repository() -> None:
    citing = re.compile(r"\bthe specification\b|\bspec(ification)? [A-F]\b", re.IGNORECASE)
    folders = [ROOT / FOLDERS[package] / package for package in ("gan_core", "gan_pipeline")]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".j2", ".md")]
    assert len(files) > 80
    assert [str(path.relative_to(ROOT)) for path in files if citing.search(path.read_text())] == []
