"""gan-train compare: runs side by side, ranked where they were measured alike, refused where not."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from gan_train.pages.compare import short_names
from tests.support.browser import opened
from tests.support.reports import COLLAPSED, STABLE, charts_of, copied, judge, score
from tests.support.runs import gan_train


@pytest.fixture
def pair(trained: Path, infogan: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two runs of their own, unscored."""
    return copied(trained, tmp_path / "plain"), copied(infogan, tmp_path / "info")


def compared(*arguments: str | Path) -> dict[str, Any]:
    ran = gan_train("compare", *arguments, "--json")
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(ran.out)
    return document


def test_runs_are_ranked_by_every_score_they_share(pair: tuple[Path, Path], tmp_path: Path) -> None:
    plain, info = pair
    score(plain, 3, fid=10.0, recall=0.5)
    score(plain, 6, fid=20.0, recall=0.75, kid=0.1)
    score(info, 3, fid=15.0, recall=0.25)
    ran = gan_train("compare", plain, info, "-o", tmp_path / "both.html")
    assert ran.code == 0, ran.err
    told = ran.out.splitlines()
    assert told[1].startswith("FID, lower is better") and "1. 15" in told[2] and "info at step 3" in told[2]
    assert "2. 20" in told[3] and "(best 10 at step 3)" in told[3]
    assert "recall, higher is better" in told[4] and "plain" in told[5]
    assert "KID" not in ran.out
    document = compared(plain, info, "-o", tmp_path / "both.html")
    assert [place["run"] for place in document["rankings"]["fid"]] == ["info", "plain"]


def test_equal_scores_share_a_place(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for run in pair:
        score(run, 3, fid=10.0)
    document = compared(*pair, "-o", tmp_path / "both.html")
    assert [place["place"] for place in document["rankings"]["fid"]] == [1, 1]


def test_runs_measured_differently_are_refused_with_what_differs(pair: tuple[Path, Path], tmp_path: Path) -> None:
    plain, info = pair
    score(plain, 6, fid=20.0)
    score(info, 3, fid=15.0, resizer="bicubic", fakes=500)
    ran = gan_train("compare", plain, info, "-o", tmp_path / "both.html")
    assert ran.code == 2
    for words in ("resizer none (plain), bicubic (info)", "number of fakes 1000 (plain), 500 (info)", "gan-train evaluate"):
        assert words in ran.err
    assert "dataset" not in ran.err and not (tmp_path / "both.html").exists()


def test_an_older_score_by_the_same_yardstick_is_enough(pair: tuple[Path, Path], tmp_path: Path) -> None:
    plain, info = pair
    score(plain, 3, fid=10.0)
    score(plain, 6, fid=5.0, resizer="bicubic")
    score(info, 3, fid=15.0)
    document = compared(plain, info, "-o", tmp_path / "both.html")
    assert [(place["run"], place["value"]) for place in document["rankings"]["fid"]] == [("plain", 10.0), ("info", 15.0)]


def test_runs_without_scores_are_shown_but_not_ranked(pair: tuple[Path, Path], tmp_path: Path) -> None:
    plain, info = pair
    score(plain, 6, fid=20.0)
    ran = gan_train("compare", plain, info, "-o", tmp_path / "both.html")
    assert (ran.code, "nothing ranks them" in ran.out) == (0, True), ran.err


def test_the_page_tells_what_differs_in_their_recipes(pair: tuple[Path, Path], tmp_path: Path) -> None:
    judge(pair[0], STABLE)
    judge(pair[1], COLLAPSED)
    document = compared(*pair, "-o", tmp_path / "both.html")
    differences = document["differences"]
    assert differences["name"] == {"plain": "mnist-dcgan", "info": "mnist-infogan"}
    assert "batch_size" not in differences
    page = (tmp_path / "both.html").read_text()
    assert "mode collapse since step 3" in page and "stable since step 2" in page
    assert page.count("<td>not measured; &#39;gan-train evaluate&#39; scores the images.</td>") == 2
    assert [run["quality"] for run in document["runs"]] == ["not measured", "not measured"]
    assert [one["name"] for one in charts_of(page)["metric-g.loss"]["series"]] == ["plain", "info"]


def test_too_few_runs_or_one_twice_are_refused(trained: Path, tmp_path: Path) -> None:
    for runs, words in (
        ((trained,), "no comparison"),
        ((trained, trained), "named twice"),
        ((trained, "x") * 5, "named twice"),
    ):
        ran = gan_train("compare", *runs, "-o", tmp_path / "both.html")
        assert (ran.code, words in ran.err) == (2, True), ran.err


def test_runs_go_by_short_names_that_tell_them_apart() -> None:
    assert short_names(["runs/a", "gs://bucket/b"]) == ["a", "b"]
    assert short_names(["one/run", "two/run"]) == ["one/run", "two/run"]


@pytest.mark.parametrize("phone", [False, True])
def test_the_page_opens_whole(pair: tuple[Path, Path], tmp_path: Path, browser: Browser, phone: bool) -> None:
    for run in pair:
        score(run, 3, fid=15.0)
    compared(*pair, "-o", tmp_path / "both.html")
    with opened(browser, tmp_path / "both.html", phone=phone) as seen:
        figure = seen.page.locator('[data-chart="metric-g.loss"]')
        figure.scroll_into_view_if_needed()
        figure.locator("canvas").wait_for()
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (seen.faults, seen.requests) == ([], [])
