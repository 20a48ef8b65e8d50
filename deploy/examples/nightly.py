"""The job of every night: prepare what is new, train on from the best run, score, keep the best, write a report.

    python nightly.py images gs://acme/photos gs://acme/nightly --recipe celeba-sngan --steps 5000

Started again in the same night it goes on where it was, and a finished night is left as it is; so a scheduler may simply repeat
it after the exit codes 5 and 75. All that it knows of other nights stands in STORE/nights.json.
"""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

import gan_pipeline
import gan_train
from gan_core.command import run_command
from gan_core.storage import Folder, open_folder

_NIGHTS = "nights.json"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("dataset", help="a name that gan-pipeline list shows, such as images")
    parser.add_argument("source", help="where the raw images are, local or gs://")
    parser.add_argument("store", help="the folder for all that is made, local or gs://")
    parser.add_argument("--recipe", required=True, help="a recipe by name or file")
    parser.add_argument("--steps", type=int, required=True, help="how many steps each night trains")
    parser.add_argument("--count", type=int, default=10_000, help="how many images are compared for the score")
    parser.add_argument(
        "--night", default=f"{datetime.now(UTC):%Y-%m-%d}", help="the name of this night; by default the date in UTC"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a change of the recipe")
    return parser.parse_args()


def read_nights(store: Folder) -> dict[str, Any]:
    """The finished nights by name, the best run, and the dataset that all runs are scored against."""
    if not store.exists(_NIGHTS):
        return {"nights": {}, "best": None, "reference": None}
    found: dict[str, Any] = json.loads(store.read(_NIGHTS))
    return found


def night() -> None:
    given = arguments()
    store = open_folder(given.store)
    before = read_nights(store)
    if given.night in before["nights"]:
        print(f"{given.night}: already done")
        return

    # A folder for each content of the source: an unchanged source is found finished.
    data = gan_pipeline.prepare(given.dataset, f"{given.store}/data/{{content}}", source=given.source, progress=True)
    # Scores are comparable only beside the same real images: those of the first night.
    reference = before["reference"] or data.uri
    best = before["best"]
    run = gan_train.train(
        given.recipe,
        data.uri,
        f"{given.store}/runs/{given.night}",
        overrides=given.set,
        steps=given.steps,
        init_from=best and best["run"],
        progress=True,
    )
    scored = run.evaluate(reference, count=given.count)
    report = run.report(f"{given.store}/report.html")

    tonight = {"run": run.uri, "fid": scored.values["fid"], "data": data.uri, "new_images": not data.already_done}
    kept = best is None or tonight["fid"] < best["fid"]
    after = {
        "nights": {**before["nights"], given.night: {**tonight, "kept": kept}},
        "best": tonight if kept else best,
        "reference": reference,
    }
    # Written whole or not at all, and last: before it, this night is not done and can be repeated.
    store.write(_NIGHTS, json.dumps(after, indent=2).encode())
    print(
        f"{given.night}: FID {tonight['fid']:.2f}, {'the best so far' if kept else 'not better than ' + best['run']}; {report}"
    )


if __name__ == "__main__":
    run_command(night)
