"""The job of every night: prepare what is new, train on from the best run, score, keep the best, write a report.

    python nightly.py images gs://acme/photos gs://acme/nightly --recipe celeba-sngan --steps 5000

Started again in the same night it goes on where it was, and a finished night is left as it is; so a scheduler may simply repeat
it after the exit codes 5 and 75. All that it knows of other nights stands in STORE/nights.json.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

import gan_pipeline
import gan_train
from gan_core.command import run_command
from gan_core.storage import Folder, open_folder

_NIGHTS = "nights.json"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def read_nights(store: Folder) -> dict[str, Any]:
    """The finished nights by name, the best run, and the dataset that all runs are scored against."""
    if not store.exists(_NIGHTS):
        return {"nights": {}, "best": None, "reference": None}
    found: dict[str, Any] = json.loads(store.read(_NIGHTS))
    return found


@app.command()
def night(
    dataset: Annotated[str, typer.Argument(help="A name that gan-pipeline list shows, such as images.")],
    source: Annotated[str, typer.Argument(help="Where the raw images are, local or gs://.")],
    store: Annotated[str, typer.Argument(help="The folder for all that is made, local or gs://.")],
    recipe: Annotated[str, typer.Option(help="A recipe by name or file.")],
    steps: Annotated[int, typer.Option(help="How many steps each night trains.")],
    count: Annotated[int, typer.Option(help="How many images are compared for the score.")] = 10_000,
    tonight: Annotated[str, typer.Option("--night", help="The name of this night.  [default: the date in UTC]")] = "",
    changes: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A change of the recipe.")] = None,
) -> None:
    """Prepare what is new, train on from the best run, score, keep the best, write a report."""
    name = tonight or f"{datetime.now(UTC):%Y-%m-%d}"
    folder = open_folder(store)
    before = read_nights(folder)
    if name in before["nights"]:
        print(f"{name}: already done")
        return

    # A folder for each content of the source: an unchanged source is found finished.
    data = gan_pipeline.prepare(dataset, f"{store}/data/{{content}}", source=source, progress=True)
    # Scores are comparable only beside the same real images: those of the first night.
    reference = before["reference"] or data.uri
    best = before["best"]
    run = gan_train.train(
        recipe,
        data.uri,
        f"{store}/runs/{name}",
        overrides=changes or [],
        steps=steps,
        init_from=best and best["run"],
        progress=True,
    )
    scored = run.evaluate(reference, count=count)
    report = run.report(f"{store}/report.html")

    # A night that is repeated finds its own data finished, so earlier nights tell whether the images are new.
    new = all(earlier["data"] != data.uri for earlier in before["nights"].values())
    made = {"run": run.uri, "fid": scored.values["fid"], "data": data.uri, "new_images": new}
    kept = best is None or made["fid"] < best["fid"]
    after = {
        "nights": {**before["nights"], name: {**made, "kept": kept}},
        "best": made if kept else best,
        "reference": reference,
    }
    # Written whole or not at all, and last: before it, this night is not done and can be repeated.
    folder.write(_NIGHTS, json.dumps(after, indent=2).encode())
    verdict = "the best so far" if kept else f"not better than {best['run']}"
    print(f"{name}: FID {made['fid']:.2f}, {verdict}; {report}")


if __name__ == "__main__":
    run_command(app)
