"""One night of a training that looks after itself: new images become a dataset, a run, scores and a report, all in one folder.

    python nightly.py --source gs://acme-vision/digits --folder gs://acme-vision/nightly --dataset mnist --recipe mnist-dcgan

It calls the commands as a person would, and ends with the exit code of the first that fails. Killed at any moment and started
again with the same --night it goes on where it was; a night without new images trains nothing. FOLDER then holds:

    data/NIGHT             a dataset for each night with new images
    runs/NIGHT             the run that was trained on it
    reports/NIGHT.html     its report
    state.json             the best run so far, with its score; written last
"""

import argparse
import datetime
import json
import subprocess
import sys
from dataclasses import asdict, dataclass

from pydantic import TypeAdapter

from gan_core.documents import read_json
from gan_core.storage import open_folder

WRONG_COMMAND = 2
"""The exit code of `prepare` on a finished folder whose source has changed since, and of a wrong command line."""

STATE = "state.json"


@dataclass(frozen=True)
class State:
    """The state that the night before left.

    Attributes:
        data: the dataset that was trained on last.
        best: the run with the best score so far.
        fid: its Fréchet distance to the real images of `data`; lower is better.
    """

    data: str
    best: str
    fid: float


STATE_TYPE = TypeAdapter(State)


def main() -> None:
    """Do the work of one night."""
    parser = argparse.ArgumentParser(description="Prepare new images, train on them, score, keep the best, report.")
    parser.add_argument("--source", required=True, help="folder or archive of images, local or gs://")
    parser.add_argument("--folder", required=True, help="where everything is kept, local or gs://")
    parser.add_argument("--dataset", default="images", help="what 'gan-pipeline prepare' is told that the source is")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--night", default=datetime.datetime.now(datetime.UTC).date().isoformat(), help="name of this night")
    parser.add_argument("--count", default="1000", help="images that are scored")
    asked, options = parser.parse_known_args()
    home = asked.folder.rstrip("/")
    before = read_state(home)
    data = prepare(asked.dataset, asked.source, f"{home}/data/{asked.night}", before)
    if before and data == before.data:
        print(f"no new images; the best run is {before.best}, FID {before.fid:.4g}")
        return
    run = f"{home}/runs/{asked.night}"
    call("gan-train", "run", asked.recipe, "--data", data, "-o", run, *options)
    # Scores compare only on the same images, so the best run so far is scored on those of tonight, too.
    scores = {candidate: fid(candidate, data, asked.count) for candidate in {run, before.best if before else run}}
    best = min(scores, key=lambda candidate: scores[candidate])
    call("gan-train", "report", run, "-o", f"{home}/reports/{asked.night}.html")
    open_folder(home).write(STATE, json.dumps(asdict(State(data, best, scores[best]))).encode())
    print(f"the best run is {best}, FID {scores[best]:.4g}")


def read_state(home: str) -> State | None:
    """The state that the night before left, None in the first night."""
    folder = open_folder(home)
    return read_json(folder, STATE, STATE_TYPE, "remove it to begin anew") if folder.exists(STATE) else None


def prepare(dataset: str, source: str, new: str, before: State | None) -> str:
    """The dataset of the source as it is tonight: that of the night before if nothing has changed, else a new one."""
    command = ("gan-pipeline", "prepare", dataset, "--source", source, "-o")
    if before is not None:
        # A finished folder whose source is unchanged is done already; any other is refused.
        code = subprocess.run([*command, before.data], stdout=sys.stderr).returncode
        if code == 0:
            return before.data
        if code != WRONG_COMMAND:
            sys.exit(code)
    call(*command, new)
    return new


def fid(run: str, data: str, count: str) -> float:
    """The Fréchet distance of the newest generator of a run to the images of a dataset."""
    printed = call("gan-train", "evaluate", run, "--data", data, "--count", count, "--json")
    return float(json.loads(printed)[-1]["scores"]["fid"])


def call(*command: str) -> str:
    """Run a command and return what it printed. Ends this program with its exit code if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
