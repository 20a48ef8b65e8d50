"""`inspect --html`: the numbers are the truth, the page opens anywhere, and nothing of it is run or fetched."""

import json
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from gan_core.storage import open_folder
from tests.pipeline.test_celeba import CENTER, FOLDER, TEXT_TABLES
from tests.support.browser import opened, runs_no_script
from tests.support.datasets import examples, images_of, labels_of, prepare, run_child, run_cli, tree, write_files
from tests.support.image_files import BROKEN, encoded, noise, zipped

HOSTILE = '<img src=x onerror="document.title=1">'
LARGEST = 10_000_000


def inspected(folder: Path | str, page: Path) -> dict[str, Any]:
    ran = run_cli("inspect", folder, "--html", "-o", page, "--json")
    assert ran.code == 0, ran.err
    answer: dict[str, Any] = json.loads(ran.out)
    assert answer["bytes"] == page.stat().st_size < LARGEST
    return answer


def rows(page: Page, section: str) -> dict[str, list[str]]:
    """Every row of the tables of a section, by its heading."""
    read = """all => all.map(row => [
        row.querySelector('th').innerText, [...row.querySelectorAll('td.number')].map(one => one.innerText)])"""
    return dict(page.locator(f"section[aria-labelledby={section}] tbody tr").evaluate_all(read))


def checked(browser: Browser, file: Path, look: Callable[[Page], None] = lambda page: None) -> None:
    """Open a page at a desk and on a phone, in light and dark, and check what holds for every page."""
    backgrounds = set()
    for colours, phone in (("light", False), ("dark", False), ("light", True)):
        with opened(browser, file, colours=colours, phone=phone) as seen:
            page = seen.page
            assert (seen.faults, seen.requests) == ([], [])
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            if not phone and colours == "light":
                _accessible(page)
                look(page)
                assert runs_no_script(page)
    assert len(backgrounds) == 2


def _accessible(page: Page) -> None:
    assert page.locator("html").get_attribute("lang") == "en"
    assert [page.locator(name).count() for name in ("h1", "main", "header", "footer", "script")] == [1, 1, 1, 1, 0]
    assert page.locator("img:not([alt])").count() == 0
    # An image without words is part of a group that has them.
    assert page.locator('img[alt=""]').count() == page.locator('[role=img] img[alt=""]').count()
    assert page.locator("[role=img]:not([aria-label]), [role=region]:not([aria-label]), [aria-label='']").count() == 0
    assert page.locator("img").evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 0)")
    levels = [int(name[1]) for name in page.locator("h1, h2, h3").evaluate_all("all => all.map(one => one.tagName)")]
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
    links = page.locator("nav a").evaluate_all("all => all.map(one => one.hash)")
    assert links == [
        f"#{name}"
        for name in page.locator("section").evaluate_all("all => all.map(one => one.getAttribute('aria-labelledby'))")
    ]
    assert page.locator(", ".join(links)).count() == len(links)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.hash") == "#content"
    ids = page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
    assert len(ids) == len(set(ids))


def test_digits(browser: Browser, tmp_path: Path) -> None:
    data = tmp_path / "digits"
    manifest = prepare(data, "--limit", "300", "--hold-out", "100", "--shards", "2")
    before = tree(data)
    answer = inspected(data, tmp_path / "page.html")
    assert (answer["digest"], tree(data)) == (manifest.digest, before)
    counts = {split: Counter(labels_of(data, split)) for split in ("train", "held-out")}
    images = {split: np.stack(list(images_of(data, split).values())).astype(float) for split in counts}

    def look(page: Page) -> None:
        assert page.locator("h1").inner_text() == "Dataset mnist"
        assert manifest.digest in page.locator("header").inner_text()
        sizes = {name: sum(shard.bytes for shard in split.shards) for name, split in manifest.splits.items()}
        assert rows(page, "splits") == {
            name: [str(sum(counts[name].values())), "2", f"{sizes[name]:,}"] for name in ("train", "held-out")
        }
        for digit, row in rows(page, "classes").items():
            train, held_out = counts["train"][int(digit)], counts["held-out"][int(digit)]
            inside = np.concatenate(
                [pixels[np.asarray(labels_of(data, split)) == int(digit)] for split, pixels in images.items()]
            )
            light, contrast = inside.mean(), inside.std(axis=(1, 2, 3)).mean()
            assert row == [
                *(str(train), f"{train / 3:.1f} %", str(held_out), f"{held_out:.1f} %"),
                *(f"{light:.1f}", f"{contrast:.1f}"),
            ]
        for split, pixels in images.items():
            for title, values in (
                ("brightness", pixels.mean(axis=(1, 2, 3))),
                ("contrast", pixels.std(axis=(1, 2, 3))),
            ):
                expected = [values.mean(), values.min(), *np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), values.max()]
                assert rows(page, "brightness")[f"{title}, {split}"] == [f"{value:,.1f}" for value in expected]
                bars = page.get_by_label(f"Histogram: {title} of {split};").locator("title").all_text_contents()
                width = 8 if title == "brightness" else 4
                shares = Counter((values // width).astype(int).tolist())
                assert bars == [f"{place * width} to {(place + 1) * width}: {shares[place]}" for place in sorted(shares)]
        assert rows(page, "dropped") == {"read": ["10,000"], "kept": ["400"], "over the limit": ["9,600"]}
        assert "--limit 300 --hold-out 100 --shards 2" in page.locator("pre").inner_text()
        assert page.get_by_label("16 examples of class 7").locator("img").count() == 16
        assert page.locator("section[aria-labelledby=made]").get_by_role("row", name="numpy").count() == 1

    checked(browser, tmp_path / "page.html", look)
    again = inspected(data, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "page.html").read_bytes()
    assert {**again, "page": answer["page"]} == answer


def photographs(seed: int) -> np.ndarray:
    """Coarse noise in the darker half."""
    return np.kron(noise(seed, 12, 12) // 2, np.ones((5, 5, 1), np.uint8))


def test_injected_duplicates_blank_images_and_hostile_names(browser: Browser, tmp_path: Path) -> None:
    files = {f"train/cats/{number}.png": encoded(photographs(number)) for number in range(5)}
    files |= {f"train/{HOSTILE.replace('/', '')}/{number}.png": encoded(photographs(10 + number)) for number in range(3)}
    # The same as cats/1 in another class and in another split; cats/2 made lighter; and a flat one.
    copy, near = encoded(photographs(1)), encoded(photographs(2) + np.uint8(20))
    files |= {"train/dogs/copy.png": copy, "test/cats/leak.png": copy, "test/cats/lighter.png": near}
    files |= {"train/dogs/flat.png": encoded(np.full((60, 60, 3), (10, 20, 60), np.uint8)), "train/dogs/text.png": b"text"}
    files |= {"train/dogs/<b>cut.jpg": BROKEN["cut.jpg"][0]}
    data = tmp_path / "out"
    options = ("--image-size", "60", "--split", "train,test", "--shards", "2", "--max-failure-rate", "0.5")
    prepare(data, *options, source=write_files(tmp_path / "in", files), dataset="images")
    answer = inspected(data, tmp_path / "page.html")
    assert answer["warnings"] == [
        "1 image of test is also in train, to the pixel.",
        "There is one image that is there several times, with different classes.",
        "1 image is blank: a single colour, or nearly.",
    ]
    assert answer["notes"] == [
        "1 pair that looks the same is in different splits.",
        "2 images are copies of an earlier one, to the pixel.",
        "Class cats has 3.5 times the examples of class dogs.",
        "2 of 14 inputs could not be used, see Dropped inputs.",
    ]

    def look(page: Page) -> None:
        assert page.title() == "Dataset images"
        assert page.locator("[onerror], main b").count() == 0
        assert page.get_by_role("heading", name=f"Class {HOSTILE}").count() == 1
        found = {name: values[0] for name, values in rows(page, "duplicates").items()}
        assert found == {
            "different images": "10",
            "copies of an earlier image": "2",
            "sets of equal images with different classes": "1",
            "images of test that are in train too": "1",
            "pairs of near-duplicates": "1",
            "of these, in different splits": "1",
        }
        equal, nearly = page.locator(".alike").all()
        names = [text.split("\n")[0] for text in equal.locator("figcaption").all_inner_texts()]
        assert sorted(names) == ["test/cats/leak.png", "train/cats/1.png", "train/dogs/copy.png"]
        shown = nearly.locator("figcaption").all_inner_texts()
        assert shown == ["train/cats/2.png\ntrain, class cats", "test/cats/lighter.png\ntest, class cats"]
        assert page.get_by_alt_text("train/dogs/flat.png, train, class dogs").count() >= 1
        text = page.locator("section[aria-labelledby=dropped]").inner_text()
        assert "corrupt or cut off (decode), 1: train/dogs/<b>cut.jpg" in text
        assert "How large the source images were is not recorded" in page.locator("main").inner_text()

    checked(browser, tmp_path / "page.html", look)


def test_a_pair_is_shown_side_by_side(browser: Browser, tmp_path: Path) -> None:
    files = {f"maps/train/{number}.png": encoded(noise(number, 200, 400)) for number in range(4)}
    source = write_files(tmp_path, {"maps.zip": zipped(files)}) / "maps.zip"
    prepare(tmp_path / "out", "--image-size", "200", "--shards", "2", source=source, dataset="pairs")
    inspected(tmp_path / "out", tmp_path / "page.html")
    pixels = {name: np.stack(list(images_of(tmp_path / "out", name=name).values())) for name in ("source", "target")}

    def look(page: Page) -> None:
        figures = page.locator("section[aria-labelledby=samples] figure").all()
        assert len(figures) == 4
        for figure in figures:
            (left, right), name = [image.bounding_box() for image in figure.locator("img").all()], figure.locator("figcaption")
            assert left and right and left["y"] == right["y"] and left["x"] + left["width"] <= right["x"]
            assert figure.locator("img").first.get_attribute("alt") == f"source of {name.inner_text()}"
        table = page.get_by_role("region", name="source: levels of 255 in numbers").locator("tbody tr").first
        assert table.locator("td").first.inner_text() == f"{pixels['source'].mean():.1f}"

    checked(browser, tmp_path / "page.html", look)


def test_points(browser: Browser, tmp_path: Path) -> None:
    prepare(tmp_path / "out", "--limit", "200", "--shards", "2", source="auto", dataset="curve")
    inspected(tmp_path / "out", tmp_path / "page.html")
    values = np.stack([np.asarray(one.values["point"]) for one in examples(tmp_path / "out")])

    def look(page: Page) -> None:
        expected = {
            name: [values[:, at].min(), values[:, at].mean(dtype=float), values[:, at].max()] for at, name in enumerate("xy")
        }
        assert rows(page, "points") == {name: [f"{value:.4f}" for value in three] for name, three in expected.items()}
        assert page.get_by_label("200 points of train").locator("circle").count() == 200
        assert page.locator("#samples, #duplicates, #brightness, #classes").count() == 0

    checked(browser, tmp_path / "page.html", look)


def face(name: str, confidence: float, side: int) -> dict[str, Any]:
    points = [[10, 10], [30, 10], [20, 20], [12, 30], [28, 30]]
    box = {"box": [0, 0, side, side + 9], "window": [0, 0, side, side + 9], "landmarks": points}
    apart = {"celeba_landmarks": [[x + 3, y + 4] for x, y in points]}
    return {"id": name, "found": 1, "confidence": confidence, "rule": "exact", **box, **apart}


def test_the_faces_audit_and_attributes(browser: Browser, tmp_path: Path) -> None:
    """The detector's lines are written by hand; tests of the detector look at what it writes."""
    source = write_files(tmp_path / "in", FOLDER | TEXT_TABLES) / "img_align_celeba"
    prepare(tmp_path / "out", *CENTER, "--shards", "2", source=source, dataset="celeba")
    stored = [example.id for example in examples(tmp_path / "out")]
    lines = [face(name, 0.9 + number / 100, 70 + 5 * number) for number, name in enumerate(stored)]
    lines.append({"id": "gone.jpg", "found": 0, "rule": "exact"})
    (tmp_path / "out" / "faces.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    answer = inspected(tmp_path / "out", tmp_path / "page.html")
    assert answer["notes"] == ["2 of 5 faces had fewer than 80 pixels and were enlarged."]

    def look(page: Page) -> None:
        found = rows(page, "faces")
        assert (found["one face"], found["no face: dropped"]) == (["5", "83.3 %"], ["1", "16.7 %"])
        assert (found["0.8 to 0.9"][0], found["0.9 to 0.95"][0]) == ("0", "5")
        assert found["nose"] == ["5.0 px", "5.0 px"]
        assert found["shorter side"] == ["80.0", "70.0", "71.0", "75.0", "80.0", "85.0", "89.0", "90.0"]
        lowest = page.locator("section[aria-labelledby=faces] figcaption").all_inner_texts()
        assert lowest == [f"{name}\n{0.9 + number / 100:.4f}" for number, name in enumerate(stored)]
        totals = np.sum([one.values["attributes"] for one in examples(tmp_path / "out")], axis=0)
        names = ("Bald", "Smiling", "Young")
        assert rows(page, "attributes") == {
            name: [str(count), f"{20 * count:.1f} %"] for name, count in zip(names, totals, strict=True)
        }

    checked(browser, tmp_path / "page.html", look)
    with (tmp_path / "out" / "faces.jsonl").open("a") as file:
        file.write("not a line\n")
    ran = run_cli("inspect", tmp_path / "out", "--html", "-o", tmp_path / "other.html")
    assert (ran.code, "faces.jsonl: line 7 is damaged" in ran.err, (tmp_path / "other.html").exists()) == (3, True, False)


def test_two_domains_by_their_names(tmp_path: Path) -> None:
    files = {
        f"h/{domain}/{number}.png": encoded(noise(ord(domain[-1]) + number))
        for domain in ("trainA", "trainB")
        for number in range(3)
    }
    source = write_files(tmp_path, {"h.zip": zipped(files)}) / "h.zip"
    prepare(tmp_path / "out", "--image-size", "16", "--shards", "1", source=source, dataset="unpaired")
    # B begins one further, so that it shares two images with A.
    answer = inspected(tmp_path / "out", tmp_path / "page.html")
    assert answer["warnings"] == ["2 images of trainB are also in trainA, to the pixel."]
    text = (tmp_path / "page.html").read_text()
    assert 'aria-label="3 examples of split trainA"' in text and 'alt="Mean image of trainB"' in text


def test_from_a_bucket_into_a_bucket(digits: Path, bucket: str, tmp_path: Path) -> None:
    for name, content in tree(digits).items():
        open_folder(f"{bucket}/inspected/digits").write(name, content)
    ran = run_cli("inspect", f"{bucket}/inspected/digits", "--html", "-o", f"{bucket}/inspected/page.html")
    assert (ran.code, f"look at {bucket}/inspected/page.html" in ran.out) == (0, True), ran.err
    inspected(digits, tmp_path / "page.html")
    local, cloud = (tmp_path / "page.html").read_text(), open_folder(f"{bucket}/inspected").read("page.html").decode()
    assert cloud.replace(f"{bucket}/inspected/digits", str(digits)) == local


def test_without_a_name_it_is_written_here_and_the_dataset_stays_as_it_was(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data" / "digits"))
    monkeypatch.chdir(tmp_path)
    before = tree(data)
    ran = run_cli("inspect", "data/digits/", "--html")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "look at digits-inspect.html"), ran.err
    assert (tree(data), sorted(path.name for path in tmp_path.iterdir())) == (before, ["data", "digits-inspect.html"])
    monkeypatch.chdir(data)
    assert run_cli("inspect", ".", "--html", "-o", "../here.html").code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-o", "page.html"), "add --html"),
        (("--html", "-o", "manifest.json"), "ends in .html"),
        (("--html", "-o", "faces_report.html"), "faces_report.html is another one"),
        (("--html", "-o", ""), "ends in .html"),
    ],
)
def test_a_wrong_name_costs_nothing(
    digits: Path, options: tuple[str, ...], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(digits)
    before = tree(digits)
    ran = run_cli("inspect", digits, *options)
    assert (ran.code, words in ran.err, tree(digits) == before) == (2, True, True), ran.err


def test_a_damaged_dataset_gives_no_page(digits: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(digits, tmp_path / "data"))
    shard = data / "train-00002-of-00008.tfrecord"
    whole = shard.read_bytes()
    page = tmp_path / "page.html"
    for content, words in (
        (whole[:100] + bytes([whole[100] ^ 1]) + whole[101:], "corrupt record at byte 0"),
        (whole[: len(whole) // 50 * 49], "49 records where the manifest says 50"),
        (whole + whole[: len(whole) // 50], "more than the 50 records"),
    ):
        shard.write_bytes(content)
        ran = run_cli("inspect", data, "--html", "-o", page)
        assert (ran.code, f"{shard}: " in ran.err, words in ran.err, page.exists()) == (3, True, True, False), ran.err
        assert f"gan-pipeline verify {data}" in ran.err


def test_it_neither_loads_tensorflow_nor_beam(digits: Path, tmp_path: Path) -> None:
    ran = run_child("inspect", digits, "--html", "-o", tmp_path / "page.html", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert ran.code == 0, ran.err
    loaded = {line.rpartition("|")[2].strip() for line in ran.err.splitlines()}
    assert "gan_pipeline.inspection.dataset_page" in loaded
    assert not {"tensorflow", "apache_beam"} & loaded


def test_the_commands_of_its_page_in_the_documentation_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (Path(__file__).parents[2] / "docs" / "inspect.md").read_text()
    for command in "".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).splitlines():
        smaller = ("--limit", "50") if "prepare" in command else ()
        assert run_cli(*shlex.split(command)[1:], *smaller).code == 0, command
    assert (tmp_path / "measured-inspect.html").exists() and (tmp_path / "pages" / "digits.html").exists()


def test_the_page_names_nothing_outside(digits: Path, tmp_path: Path) -> None:
    inspected(digits, tmp_path / "page.html")
    assert not re.findall(r'(?:src|href|url\()="?(?!data:|#)[^">]+', (tmp_path / "page.html").read_text())
