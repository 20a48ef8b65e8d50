"""The page of a run as people meet it: in a browser, from disk, with a pointer, a finger or the keyboard."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.browser import Opened, opened
from tests.support.reports import COLLAPSED, copied, judge, score
from tests.support.runs import gan_train

AXE = Path(__file__).parents[1] / "data" / "axe" / "axe.min.js"

WIDER = "document.documentElement.scrollWidth - innerWidth"
DRAWN = "document.querySelector('[data-chart=\"loss\"] canvas').toDataURL()"
STEPS_SHOWN = "[...document.querySelectorAll('.slide')].filter(slide => slide.offsetParent).map(slide => slide.dataset.step)"


@pytest.fixture(scope="module")
def report(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run that was scored and judged."""
    run = copied(trained, tmp_path_factory.mktemp("report") / "run")
    judge(run, COLLAPSED)
    for step, fid in ((2, 31.5), (4, 12.25), (6, 14.5)):
        score(run, step, fid=fid, ms_ssim=0.3, ms_ssim_of_reals=0.25)
    ran = gan_train("report", run)
    assert ran.code == 0, ran.err
    return run / "report.html"


@pytest.fixture
def seen(browser: Browser, report: Path) -> Iterator[Opened]:
    """The page, open on a desk; in the end nothing of it failed and nothing was asked for."""
    with opened(browser, report) as one:
        yield one
        assert (one.faults, one.requests) == ([], [])


def unfold(page: Page) -> None:
    """Everything folded away is shown, and every chart is built."""
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    for figure in page.locator("[data-chart]").all():
        figure.scroll_into_view_if_needed()
        figure.locator("canvas").wait_for()


def build_loss_chart(page: Page) -> None:
    """It is built when it comes into sight."""
    page.locator('[data-chart="loss"]').scroll_into_view_if_needed()
    page.locator('[data-chart="loss"] canvas').wait_for()


def pixels(page: Page) -> str:
    """The points that the chart of the loss shows."""
    drawn: str = page.evaluate(DRAWN)
    return drawn


def test_the_slider_changes_the_picture_by_keyboard_too(seen: Opened) -> None:
    page = seen.page
    assert page.evaluate(STEPS_SHOWN) == ["6"]
    page.get_by_label("Step", exact=False).and_(page.locator("input[type=range]")).focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(STEPS_SHOWN) == ["3"]
    assert page.locator("#step").get_attribute("aria-valuetext") == "step 3, grid 1 of 2"
    page.keyboard.press("End")
    assert page.evaluate(STEPS_SHOWN) == ["6"]


def test_play_shows_one_grid_after_the_other_and_stops(seen: Opened) -> None:
    page = seen.page
    page.get_by_role("button", name="Play").click()
    assert page.evaluate(STEPS_SHOWN) == ["3"]
    page.get_by_role("button", name="Play").wait_for()
    assert page.evaluate(STEPS_SHOWN) == ["6"]


def test_a_chart_zooms_by_drag_and_keyboard_and_shows_all_again(seen: Opened) -> None:
    page = seen.page
    build_loss_chart(page)
    whole = pixels(page)
    box = page.locator('[data-chart="loss"] .u-over').bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 50, steps=4)
    page.mouse.up()
    page.mouse.move(0, 0)
    page.wait_for_function(f"before => {DRAWN} !== before", arg=whole)
    page.locator('[data-chart="loss"]').get_by_role("button", name="Show all").click()
    same = f"before => {DRAWN} === before"
    page.wait_for_function(same, arg=whole)
    page.locator('[data-chart="loss"] .plot').focus()
    page.keyboard.press("+")
    page.wait_for_function(same.replace("===", "!=="), arg=whole)
    page.keyboard.press("0")
    page.wait_for_function(same, arg=whole)


def test_on_paper_every_chart_that_is_not_folded_away_is_drawn(seen: Opened) -> None:
    page = seen.page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    shown = [figure for figure in page.locator("[data-chart]").all() if figure.is_visible()]
    assert shown and all(figure.locator("canvas").count() == 1 for figure in shown)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert all(figure.locator("canvas").count() == 1 for figure in shown)


def test_arrows_read_a_chart_aloud(seen: Opened) -> None:
    page = seen.page
    build_loss_chart(page)
    page.locator('[data-chart="loss"] .plot').focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    said = page.locator('[data-chart="loss"] [aria-live]').inner_text()
    assert said.startswith("step 3: d_real.loss ")


def test_the_logarithmic_scale_and_the_names_switch_what_is_drawn(seen: Opened) -> None:
    page = seen.page
    build_loss_chart(page)
    plain = pixels(page)
    log = page.locator('[data-chart="loss"]').get_by_role("button", name="Log scale")
    log.click()
    changed = f"before => {DRAWN} !== before"
    page.wait_for_function(changed, arg=plain)
    assert log.get_attribute("aria-pressed") == "true"
    logarithmic = pixels(page)
    page.locator('[data-chart="loss"]').get_by_label("g.loss").uncheck()
    page.wait_for_function(changed, arg=logarithmic)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_nothing_is_wider_than_the_screen_and_no_rule_of_accessibility_is_broken(
    browser: Browser, report: Path, colours: str, phone: bool
) -> None:
    with opened(browser, report, colours="dark" if colours == "dark" else "light", phone=phone) as seen:
        unfold(seen.page)
        assert seen.page.evaluate(WIDER) <= 0
        seen.page.evaluate(AXE.read_text())
        result = seen.page.evaluate("axe.run()")
        assert [(broken["id"], broken["nodes"][0]["html"]) for broken in result["violations"]] == []
        assert len(result["passes"]) > 30
        assert (seen.faults, seen.requests) == ([], [])


def test_landmarks_headings_and_words_for_pictures_are_in_order(seen: Opened) -> None:
    page = seen.page
    for landmark in ("banner", "navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1, landmark
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(heading => Number(heading.tagName[1]))")
    assert levels[0] == 1 and all(after <= before + 1 for before, after in pairwise(levels))
    assert page.evaluate(
        "[...document.images].every(image => image.alt.length > 10 && image.complete && image.naturalWidth > 0)"
    )
    for link in page.get_by_role("navigation").get_by_role("link").all():
        assert page.locator(str(link.get_attribute("href"))).count() == 1


def test_without_scripts_every_grid_and_every_number_is_there(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    assert page.locator(".slide:visible").count() == 2
    assert page.get_by_text("Mode collapse").is_visible()
    page.locator('[data-chart="loss"] summary').click()
    assert page.locator('[data-chart="loss"] td:visible').count() == 15
    context.close()
