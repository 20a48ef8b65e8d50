"""gan-train compare on runs that differ in nothing but their seeds: mean, deviation, places, bands, and a page that opens."""

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest
from playwright.sync_api import Browser

from gan_core.storage import open_folder
from gan_train.pages.bands import band
from tests.support.browser import opened
from tests.support.reports import charts_of, copied, score
from tests.support.runs import gan_train

FIDS = {"plain": (10.0, 12.0, 14.0), "wide": (13.0, 14.0, 15.0), "bad": (30.0, 31.0, 35.0)}


def repeated(trained: Path, folder: Path, variant: str, seed: int, **changes: object) -> Path:
    """A run like another one, but with another seed, other keys, and other losses in its log."""
    run = copied(trained, folder / f"{variant}-seed-{seed}")
    recipe = (run / "recipe.yaml").read_text()
    for key, value in ({"seed": seed} | changes).items():
        before = next(line for line in recipe.splitlines() if line.startswith(f"{key}: "))
        recipe = recipe.replace(f"{before}\n", f"{key}: {value}\n", 1)
    (run / "recipe.yaml").write_text(recipe)
    rows = [json.loads(line) | {"g.loss": float(seed)} for line in (run / "metrics.jsonl").read_text().splitlines()]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run


@pytest.fixture
def sweep(trained: Path, tmp_path: Path) -> Path:
    """Three variants with three seeds each, scored."""
    folder = tmp_path / "sweep"
    for size, (variant, fids) in enumerate(FIDS.items(), 20):
        for seed, fid in enumerate(fids):
            score(repeated(trained, folder, variant, seed, latent_size=size), 6, fid=fid)
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("no run")
    return folder


def compared(*arguments: str | Path) -> dict[str, Any]:
    ran = gan_train("compare", *arguments, "--json")
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


def test_variants_are_ranked_by_means_where_the_seeds_tell_them_apart(sweep: Path, tmp_path: Path) -> None:
    """Plain and wide differ by 2, which is the deviation of plain and so not more; bad is far from both."""
    document = compared(sweep, "-o", tmp_path / "page.html")
    places = {place["run"]: place for place in document["rankings"]["fid"]}
    assert list(places) == ["plain", "wide", "bad"]
    assert [place["place"] for place in places.values()] == [1, 1, 3]
    for variant, fids in FIDS.items():
        assert places[variant]["value"] == pytest.approx(mean(fids))
        assert places[variant]["deviation"] == pytest.approx(stdev(fids))
        assert places[variant]["runs"] == 3
    assert {(run["variant"], run["seed"]) for run in document["runs"]} == {(name, seed) for name in FIDS for seed in range(3)}
    assert document["differences"] == {"latent_size": {"plain": "20", "wide": "21", "bad": "22"}}
    told = gan_train("compare", sweep, "-o", tmp_path / "page.html").out
    assert "1. 12 ± 2           plain over 3 seeds at step 6 (best of any 10 at step 6)" in told
    assert "the same place: the means differ by no more than the standard deviation" in told


def test_a_difference_beyond_both_deviations_gives_places(trained: Path, tmp_path: Path) -> None:
    for variant, size, fids in (("a", 20, (10.0, 12.0)), ("b", 21, (12.5, 14.0))):
        for seed, fid in enumerate(fids):
            score(repeated(trained, tmp_path / "sweep", variant, seed, latent_size=size), 6, fid=fid, recall=0.5)
    document = compared(tmp_path / "sweep", "-o", tmp_path / "page.html")
    assert [place["place"] for place in document["rankings"]["fid"]] == [1, 2]
    assert [place["place"] for place in document["rankings"]["recall"]] == [1, 1]


def test_a_single_run_is_judged_by_the_deviation_of_the_other(trained: Path, tmp_path: Path) -> None:
    runs = [repeated(trained, tmp_path, "many", seed) for seed in (0, 1)]
    single = [repeated(trained, tmp_path, name, 4, latent_size=size) for name, size in (("near", 20), ("far", 21))]
    for run, fid in zip([*runs, *single], (10.0, 14.0, 10.0, 4.0), strict=True):
        score(run, 6, fid=fid)
    ranking = compared(*runs, *single, "-o", tmp_path / "page.html")["rankings"]["fid"]
    found = [(place["run"], place["place"], place["deviation"]) for place in ranking]
    assert found == [("far-seed-4", 1, None), ("near-seed-4", 2, None), ("many", 2, pytest.approx(2 * 2**0.5))]


def test_one_variant_alone_is_shown_and_a_copy_of_a_run_repeats_nothing(trained: Path, tmp_path: Path) -> None:
    for seed in (0, 3):
        score(repeated(trained, tmp_path / "alone", "run", seed), 6, fid=10.0 + seed)
    (place,) = compared(tmp_path / "alone", "-o", tmp_path / "page.html")["rankings"]["fid"]
    assert (place["run"], place["runs"], place["value"]) == ("run", 2, 11.5)
    copy = copied(tmp_path / "alone" / "run-seed-3", tmp_path / "copy")
    ranking = compared(tmp_path / "alone", copy, "-o", tmp_path / "page.html")["rankings"]["fid"]
    assert [(place["run"], place["runs"]) for place in ranking] == [("run", 2), ("copy", 1)]


def test_the_page_has_bands_seeds_and_every_score(sweep: Path, tmp_path: Path, browser: Browser) -> None:
    compared(sweep, "-o", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    chart = charts_of(page)["metric-g.loss"]["series"]
    assert [series["name"] for series in chart] == ["bad", "plain", "wide"]
    for series in chart:
        # The losses of the three runs are their seeds at every step: mean 1, deviation 1.
        assert [series[part][1] for part in ("low", "all", "high")] == [[level] * 6 for level in (0.0, 1.0, 2.0)]
    assert charts_of(page)["score-fid"]["series"][1]["high"][1] == [14.0]
    with opened(browser, tmp_path / "page.html") as seen:
        assert seen.page.get_by_role("heading", level=1).inner_text() == "9 runs of 3 variants side by side"
        table = seen.page.get_by_role("group", name="Runs", exact=True)
        assert table.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts()[:2] == ["bad", "0"]
        seen.page.get_by_text("Scores of every run").click()
        scores = seen.page.get_by_role("group", name="Scores of every run").get_by_role("row")
        assert scores.nth(9).get_by_role("cell").all_inner_texts() == ["2", "15 (few images)"]
        figure = seen.page.locator('[data-chart="metric-g.loss"]')
        figure.scroll_into_view_if_needed()
        figure.locator("canvas").wait_for()
        figure.locator(".plot").focus()
        seen.page.keyboard.press("ArrowRight")
        assert "bad 1 ± 1, plain 1 ± 1, wide 1 ± 1" in figure.locator("[aria-live]").inner_text()
        drawn = "document.querySelector('[data-chart=\"metric-g.loss\"] canvas').toDataURL()"
        before = seen.page.evaluate(drawn)
        figure.get_by_label("bad").uncheck()
        seen.page.wait_for_function(f"before => {drawn} !== before", arg=before)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (seen.faults, seen.requests) == ([], [])


def test_of_more_variants_than_colours_the_best_are_drawn_and_all_are_ranked(trained: Path, tmp_path: Path) -> None:
    for size in range(1, 11):
        score(repeated(trained, tmp_path / "sweep", f"size-{size}", 0, latent_size=size), 6, fid=100.0 - size)
    document = compared(tmp_path / "sweep", "-o", tmp_path / "page.html")
    assert len(document["rankings"]["fid"]) == 10
    page = (tmp_path / "page.html").read_text()
    drawn = {series["name"] for series in charts_of(page)["metric-g.loss"]["series"]}
    assert drawn == {f"size-{size}-seed-0" for size in range(3, 11)}
    assert "those of 8 variants, the best by FID" in page


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er" / "run").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "run" / "recipe.yaml").write_text("")
    ran = gan_train("compare", tmp_path / "deep", "-o", tmp_path / "page.html")
    assert ran.code == 3 and "no recipe.yaml here, nor in a folder directly below" in ran.err


def test_a_sweep_on_gs_is_compared(trained: Path, tmp_path: Path, bucket: str) -> None:
    for seed in (0, 1):
        run = repeated(trained, tmp_path, "plain", seed)
        score(run, 6, fid=10.0 + seed)
        stored = open_folder(f"{bucket}/compared/{run.name}")
        for name in open_folder(run).names():
            stored.write(name, (run / name).read_bytes())
    (place,) = compared(f"{bucket}/compared", "-o", f"{bucket}/compared/page.html")["rankings"]["fid"]
    assert (place["run"], place["value"], place["runs"]) == ("plain", 10.5, 2)
    assert open_folder(f"{bucket}/compared").exists("page.html")


def test_a_band_is_of_the_curves_that_have_the_step() -> None:
    found = band([[(0, 1.0), (4, 5.0)], [(0, 3.0), (2, 3.0)]])
    assert found.mean == [(0, 2.0), (2, 3.0), (4, 5.0)]
    deviation = 2**0.5
    assert [value for _, value in found.high] == pytest.approx([2.0 + deviation, 3.0, 5.0])
    assert [value for _, value in found.low] == pytest.approx([2.0 - deviation, 3.0, 5.0])


def test_a_report_names_the_seed(trained: Path, tmp_path: Path) -> None:
    run = repeated(trained, tmp_path, "run", 7)
    ran = gan_train("report", run, "--json")
    assert json.loads(ran.out)["seed"] == 7
    assert "<span>seed 7</span>" in (run / "report.html").read_text()
