"""gan-train report: what the page of a run says, of runs of every kind and in every state."""

import html
import json
import math
import random
import re
import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from gan_core.storage import open_folder
from gan_train.logs.verdict import Verdict
from gan_train.pages.charts import Traces, colours, metric_charts
from gan_train.pages.contents import PictureBook, read_contents
from gan_train.pages.embedded import MOST_GRIDS, embedded, evenly
from gan_train.pages.report import earlier_failures
from gan_train.recipe.document import load_recipe
from gan_train.runs.rollbacks import Rollback, write_rollbacks
from gan_train.runs.run_folder import write_record, write_status
from gan_train.runs.skipped import Skipped, write_skipped
from tests.support.image_files import encoded, noise
from tests.support.reports import COLLAPSED, STABLE, charts_of, copied, judge, score
from tests.support.runs import SMALL, gan_train

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "report.md"


def reported(run: Path) -> str:
    ran = gan_train("report", run)
    assert ran.code == 0, ran.err
    return (run / "report.html").read_text()


def test_a_run_ends_with_a_report_that_shows_its_last_grid(trained: Path) -> None:
    page = (trained / "report.html").read_text()
    assert "<strong>finished</strong>" in page and "step 6 of 6" in page
    assert page.count('<div class="slide"') == 2 and 'data-step="6"' in page
    assert "Between random latents" in page
    assert charts_of(page)["loss"]["series"][0]["all"][0] == [1, 2, 3, 4, 5, 6]


def test_the_command_answers_a_script_and_writes_elsewhere_too(trained: Path, tmp_path: Path) -> None:
    before = (trained / "report.html").read_bytes()
    ran = gan_train("report", trained, "-o", tmp_path / "first.html", "--json")
    told = json.loads(ran.out)
    assert (told["state"], told["step"], told["verdict"], told["quality"], told["scores"], told["grids"]) == (
        "finished",
        6,
        "warming-up",
        "not measured",
        {},
        2,
    )
    assert told["bytes"] == (tmp_path / "first.html").stat().st_size
    assert (trained / "report.html").read_bytes() == before


def test_a_name_that_is_no_page_and_a_folder_that_is_no_run_are_refused(trained: Path, tmp_path: Path) -> None:
    ran = gan_train("report", trained, "-o", tmp_path / "report.pdf")
    assert (ran.code, "ending in .html" in ran.err) == (2, True), ran.err
    ran = gan_train("report", tmp_path)
    assert (ran.code, "no recipe.yaml here" in ran.err, list(tmp_path.iterdir())) == (3, True, []), ran.err


def test_nothing_scored_or_judged_yet_says_how(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    (run / "diagnosis.jsonl").unlink()
    page = reported(run)
    assert f"gan-train evaluate {run} --data" in page and f"gan-train diagnose {run}" in page


def test_verdict_and_scores_stand_on_top_with_the_best_step_marked(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    judge(run, Verdict(3, "saturation", True, 2, "saturation", ("The loss is 0.",)), COLLAPSED)
    for step, fid in ((2, 31.5), (4, 12.25), (6, 14.5)):
        score(run, step, fid=fid, kid=0.01 * step, kid_std=0.001, ms_ssim=0.3, ms_ssim_of_reals=0.25)
    score(run, 6, resizer="bicubic", fid=1.0)
    score(run, 6, fid=14.5, kid=0.06, kid_std=0.001, ms_ssim=0.3, ms_ssim_of_reals=0.25)
    page = reported(run)
    assert page.index("Mode collapse") < page.index("100 samples have 0.41") < page.index("A larger latent") < page.index("FID")
    assert "Steps 2 to 3: saturation. The loss is 0." in page
    assert "[digits-classifier 3fa9…, test 1000 vs 1000, EMA, none, step 6, data 77c1…]" in page
    assert "0.06 ± 0.001" in page
    series = charts_of(page)["score-fid"]["series"]
    assert [one["name"] for one in series] == ["FID", "best: 12.25 at step 4"]
    assert series[0]["all"] == [[2, 4, 6], [31.5, 12.25, 14.5]], "no score of another yardstick"
    assert [one["name"] for one in charts_of(page)["score-ms_ssim"]["series"]] == ["MS-SSIM", "MS-SSIM of reals"]


@pytest.mark.parametrize(
    ("kind", "failing", "lamp"),
    [
        ("stable", False, "good"),
        ("not-yet-like-data", False, "quiet"),
        ("warming-up", False, "quiet"),
        ("unlike-data", True, "bad"),
    ],
)
def test_only_a_stable_training_has_a_green_lamp_and_its_quality_stands_beside_it(
    trained: Path, tmp_path: Path, kind: str, failing: bool, lamp: str
) -> None:
    run = copied(trained, tmp_path / "run")
    judge(run, Verdict(6, kind, failing, 2, kind, ("The evidence.",)))
    page = reported(run)
    assert re.findall(r'<p class="verdict (\w+)"><strong>([^<]*)<', page) == [
        (lamp, kind.capitalize()),
        ("quiet", "Quality: not measured"),
    ]


@pytest.mark.parametrize(("state", "words"), [("diverged", "was not finite"), ("interrupted", "run the same command again")])
def test_a_run_that_did_not_end_well_says_so_and_what_to_do(trained: Path, tmp_path: Path, state: str, words: str) -> None:
    run = copied(trained, tmp_path / "run")
    write_status(open_folder(str(run)), state, 4, 6)
    page = reported(run)
    assert f'<p class="state bad">\n    <strong>{state}</strong>' in page
    trouble = page.partition('<p class="trouble" role="note">')[2].partition("</p>")[0]
    assert words in trouble


def test_a_run_whose_process_is_gone_is_told_to_have_died(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    status = json.loads((run / "status.json").read_text()) | {"state": "training", "pid": 2**22 - 1}
    (run / "status.json").write_text(json.dumps(status))
    assert "is gone without having finished" in reported(run)


def test_rollbacks_and_shards_left_out_are_told(trained: Path, tmp_path: Path) -> None:
    folder = open_folder(str(copied(trained, tmp_path / "run")))
    write_rollbacks(folder, (Rollback(5, "d.loss", "discriminator", "nan", 4),))
    write_skipped(folder, (Skipped("train-00001-of-00005.tfrecord", 2, "sha256 differs"),))
    page = reported(tmp_path / "run")
    assert "<td>d.loss (discriminator)</td><td>nan</td><td>4</td>" in page
    assert "train-00001-of-00005.tfrecord from step 2 on: sha256 differs" in page


def test_the_dataset_is_told_by_the_run_folder_alone(trained: Path) -> None:
    facts = json.loads((trained / "dataset.json").read_text())
    assert (facts["name"], facts["splits"], facts["read"]) == ("mnist", {"train": 300}, ["train"])
    assert facts["counts"] == {"read": 10_000, "kept": 300, "dropped": {"over the limit": 9_700}}
    page = (trained / "report.html").read_text()
    assert "train 300 (trained on)" in page and facts["digest"] in page
    assert "Preview of the dataset" in page


def test_dropped_inputs_are_told_by_their_reason(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    facts = json.loads((run / "dataset.json").read_text())
    facts["counts"] = {"read": 307, "kept": 300, "dropped": {"corrupt or cut off": 7}}
    (run / "dataset.json").write_text(json.dumps(facts))
    assert '<th scope="row">corrupt or cut off</th><td>7</td>' in reported(run)


def test_a_run_of_an_earlier_version_says_what_it_does_not_know(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    for name in ("dataset.json", "dataset-preview.png"):
        (run / name).unlink()
    page = reported(run)
    assert "wrote no dataset.json" in page and "gan-pipeline inspect" in page


def test_the_command_on_the_page_makes_the_run_again(trained: Path, digits: Path, tmp_path: Path) -> None:
    page = (trained / "report.html").read_text()
    found = page.partition('<h2 id="recipe-title">')[2].partition("<code>")[2].partition("</code>")[0]
    program, *arguments = shlex.split(html.unescape(found))
    arguments[arguments.index("-o") + 1] = str(tmp_path / "again")
    assert program == "gan-train"
    ran = gan_train(*arguments)
    assert ran.code == 0, ran.err
    for name in ("samples/step-00000006.png", "reals.png"):
        assert (tmp_path / "again" / name).read_bytes() == (trained / name).read_bytes()


def test_classes_codes_pairs_and_points_have_their_own_pictures(
    conditional: Path, infogan: Path, pix2pix_run: Path, sgan_run: Path
) -> None:
    assert "Each class, made by the generator of step 3." in (conditional / "report.html").read_text()
    assert "Each code, made by the generator of step 3." in (infogan / "report.html").read_text()
    page = (pix2pix_run / "report.html").read_text()
    assert "Between random latents" not in page and "measured" in charts_of(page)
    assert "accuracy" in charts_of((sgan_run / "report.html").read_text())


def test_pictures_of_the_generator_are_made_once(conditional: Path, tmp_path: Path) -> None:
    run = copied(conditional, tmp_path / "run")
    classes, between = sorted((run / "pictures").iterdir())
    assert (classes.name, between.name) == ("classes-step-00000003.png", "interpolation-step-00000003.png")
    classes.write_bytes(encoded(noise(1)))
    between.unlink()
    reported(run)
    assert classes.read_bytes() == encoded(noise(1))
    again, before = (np.asarray(Image.open(folder / "pictures" / between.name)) for folder in (run, conditional))
    np.testing.assert_array_equal(again, before)


def test_the_newest_neighbours_are_shown(trained: Path, tmp_path: Path) -> None:
    run = copied(trained, tmp_path / "run")
    (run / "scores").mkdir()
    for step in (3, 6):
        (run / "scores" / f"neighbours-step-{step:08d}.png").write_bytes(encoded(noise(step)))
    assert "Generated images of step 6, each beside its closest real image" in reported(run)


def test_a_run_that_was_only_claimed_has_a_page(digits: Path, tmp_path: Path) -> None:
    write_record(open_folder(str(tmp_path)), load_recipe("mnist-gan"), str(digits), "0" * 64)
    page = reported(tmp_path)
    assert "<strong>starting</strong>" in page and "There is no sample grid yet" in page and "No step is logged yet" in page


def test_hostile_names_stay_text(trained: Path, tmp_path: Path) -> None:
    run, evil = copied(trained, tmp_path / "<b>run</b>"), "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    document = yaml.safe_load((run / "recipe.yaml").read_text()) | {"about": evil}
    (run / "recipe.yaml").write_text(yaml.safe_dump(document))
    dataset = json.loads((run / "dataset.json").read_text()) | {"class_names": [evil], "name": evil}
    (run / "dataset.json").write_text(json.dumps(dataset))
    judge(run, Verdict(6, "stable", False, 1, evil, (evil,), (evil,)))
    with (run / "metrics.jsonl").open("a") as log:
        log.write(json.dumps({"step": 7, f"{evil}.loss": 1.0, **_costs()}) + "\n")
    page = reported(run)
    assert evil not in page and "<b>run</b>" not in page
    assert page.count("<script") == 2 and page.count("</script>") == 2


def _costs() -> dict[str, float]:
    return {"elapsed": 1.0, "images_per_second": 1.0, "input_wait": 0.0, "memory.host": 1.0}


@pytest.mark.parametrize("name", ["scores.jsonl", "diagnosis.jsonl", "dataset.json", "samples/step-00000003.png"])
def test_a_damaged_file_is_named(trained: Path, tmp_path: Path, name: str) -> None:
    run = copied(trained, tmp_path / "run")
    (run / name).write_bytes(b"\xff{\n")
    ran = gan_train("report", run)
    assert (ran.code, name in ran.err) == (3, True), ran.err


def test_a_page_that_cannot_be_made_costs_no_training(trained: Path, digits: Path, tmp_path: Path) -> None:
    """Somebody damaged scores.jsonl of a run that goes on."""
    run = copied(trained, tmp_path / "run")
    (run / "scores.jsonl").write_bytes(b"{\n")
    schedule = ("--steps", "9", "--set", "snapshot_every=3", "--set", "checkpoint_every=2")
    ran = gan_train("run", "mnist-dcgan", "--data", digits, "-o", run, *SMALL, *schedule)
    assert (ran.code, "warning: report.html was not written: DataError" in ran.err) == (0, True), ran.err
    assert (run / "checkpoints" / "step-00000009" / "COMMIT").exists()
    assert "step 6 of 6" in (run / "report.html").read_text(), "the page before"


def test_a_long_run_stays_below_ten_megabytes(trained: Path, tmp_path: Path) -> None:
    """100,000 logged steps, 200 sample grids of photographs, one peak."""
    run, numbers = copied(trained, tmp_path / "run"), random.Random(0)
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    picture = encoded(noise(0, 512, 512))
    assert len(picture) > 700_000
    for step in range(500, 100_001, 500):
        (run / "samples" / f"step-{step:08d}.png").write_bytes(picture)
    del last["step"], last["g.loss"]
    rests = [json.dumps({name: value * numbers.random() for name, value in last.items()})[1:] for _ in range(997)]
    with (run / "metrics.jsonl").open("w") as log:
        for step in range(1, 100_001):
            log.write(f'{{"step": {step}, "g.loss": {99.5 if step == 54_321 else 1.0}, {rests[step % 997]}\n')
    page = reported(run)
    assert len(page) < 10 * 2**20
    assert page.count('<div class="slide"') <= MOST_GRIDS and 'data-step="3"' in page and 'data-step="100000"' in page
    loss = next(one for one in charts_of(page)["loss"]["series"] if one["name"] == "g.loss")
    assert (54_321, 99.5) in zip(*loss["all"], strict=True)


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 64, 200, 10_000])
def test_grids_are_chosen_evenly_with_the_first_and_the_last(count: int) -> None:
    chosen = evenly(range(count))
    assert len(chosen) <= MOST_GRIDS and len(chosen) >= min(count, MOST_GRIDS // 2)
    assert chosen[:1] == list(range(count))[:1] and chosen[-1:] == list(range(count))[-1:]
    assert len({after - before for before, after in pairwise(chosen[:-1])}) <= 1


def test_small_pictures_stay_as_they_are_and_large_ones_fit() -> None:
    small, large = encoded(noise(0, 8, 8)), encoded(noise(0, 512, 512))
    assert embedded(small, 1000, "here").exact
    bounded = embedded(large, 20_000, "here")
    assert not bounded.exact and len(bounded.uri) < 20_000 * 4 / 3 + 100


def test_every_curve_of_a_chart_has_a_colour_and_reals_are_blue() -> None:
    assert colours(["d_real.loss", "d_fake.loss", "g.loss", "d.loss"], {"g"}) == [0, 1, 2, 3]
    assert colours(["d_real.accuracy", "snapshot.accuracy_real"], {"g"}) == [0, 0]
    assert colours(["d_real.loss", "d_real.class_loss"], {"g"}) == [0, 3]


def test_every_metric_is_in_one_chart() -> None:
    rows = [{"step": step, "g.loss": math.sin(step), "unheard_of": 1.0, "d.gradient_norm": 2.0} for step in range(1, 5)]
    charts = metric_charts(Traces(rows).curves(), {"g"})
    assert [(chart.key, [series.name for series in chart.series]) for chart in charts] == [
        ("loss", ["g.loss"]),
        ("gradients", ["d.gradient_norm"]),
        ("rest", ["unheard_of"]),
    ]


def test_failures_that_are_over_are_told_once() -> None:
    earlier = Verdict(4, "saturation", True, 2, "saturation", ("seen",))
    assert earlier_failures([Verdict(3, "saturation", True, 2, "saturation", ("seen",)), earlier, STABLE]) == [earlier]
    assert earlier_failures([earlier]) == [] == earlier_failures([])


def test_a_page_is_read_and_written_in_a_bucket(trained: Path, bucket: str) -> None:
    run = open_folder(f"{bucket}/reported")
    for path in trained.rglob("*"):
        if path.is_file() and ".work" not in path.parts:
            run.write(str(path.relative_to(trained)), path.read_bytes())
    run.remove("report.html")
    ran = gan_train("report", run.uri)
    assert (ran.code, ran.err) == (0, "")
    assert f"<code>{run.uri}</code>" in run.read("report.html").decode()
    assert read_contents(run, PictureBook(run)).standing.state == "finished"


def test_every_command_of_its_documentation_runs(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        copied(trained, tmp_path / "runs" / name)
    blocks = re.findall(r"```bash\n(.*?)```", DOCUMENTATION.read_text(), re.DOTALL)
    for line in "".join(blocks).splitlines():
        program, *arguments = shlex.split(line)
        ran = gan_train(*arguments)
        assert (program, ran.code) == ("gan-train", 0), (line, ran.err)
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["compare.html", "first.html", "two.html"]
