"""Any Beam runner writes the same bytes: what travels is small, needs only the wheel, and makes a graph of a few steps."""

import gc
import os
import pickle
import platform
import subprocess
import sys
import sysconfig
import weakref
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import grpc
import pytest
from apache_beam.internal import pickler
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from gan_core.errors import DataError, GanmillError, InterruptedRunError, UsageError, mark, unmark
from gan_core.storage import open_folder
from gan_pipeline.dataset.manifest import read_manifest
from gan_pipeline.dataset.sharding import ShardTask
from gan_pipeline.preparing.beam_job import CLUSTER, WriteShard
from gan_pipeline.preparing.claim import begin
from gan_pipeline.preparing.planning import Plan, make_plan
from gan_pipeline.preparing.request import options_of
from gan_pipeline.preparing.runners import runner_failure, wait_until_finished
from gan_pipeline.preparing.shard_writer import finished_shards
from gan_pipeline.sources.image_reader import THREADS_VARIABLE, decoding_threads
from gan_pipeline.sources.resolve import SourceSpec
from tests.support.datasets import idx_files, prepare, run_child, run_cli, shards, tree, write_files
from tests.support.image_files import encoded, noise, photograph, zipped

ROOT = Path(__file__).parents[2]
PHOTOGRAPHS = {f"{number}.jpg": photograph(number) for number in range(12)}


def planned(dataset: str, source: str, splits: str | None = None, **own: Any) -> Plan:
    return make_plan(options_of(dataset, source, splits, None, {"shards": 2}, own))


@pytest.fixture
def plans(tmp_path: Path) -> list[Plan]:
    """One of every kind of source."""
    halves = {f"{number}.png": encoded(noise(number, 8, 16)) for number in range(4)}
    folders = {
        "idx": idx_files(20),
        "images": {f"{title}/{name}": content for title in "ab" for name, content in PHOTOGRAPHS.items()},
        "pairs": halves,
        "domains": {f"{domain}/{name}": content for domain in ("A", "B") for name, content in PHOTOGRAPHS.items()},
        "faces": {name: photograph(number, 218, 178) for number, name in enumerate(PHOTOGRAPHS)},
    }
    at = {name: str(write_files(tmp_path / name, files)) for name, files in folders.items()}
    write_files(tmp_path, {"images.zip": zipped(folders["images"])})
    return [
        planned("mnist", "sample"),
        planned("mnist", at["idx"]),
        planned("images", at["images"], image_size=8),
        planned("images", str(tmp_path / "images.zip"), image_size=8),
        planned("pairs", at["pairs"], image_size=8),
        planned("unpaired", at["domains"], image_size=8),
        planned("celeba", at["faces"], faces="center", image_size=8),
        planned("curve", "auto"),
    ]


def functions(plans: list[Plan], out: Path) -> list[bytes]:
    """The bytes that Beam sends to a worker for each plan."""
    return [
        pickler.dumps(WriteShard(plan.spec, plan.source.signature, str(out / str(number)), 0.05, None))
        for number, plan in enumerate(plans)
    ]


def test_what_travels_to_a_worker_is_small(plans: list[Plan], tmp_path: Path) -> None:
    assert max(map(len, functions(plans, tmp_path))) < 4_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel holds, and nothing else of this repository."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_the_wheel_holds_the_trained_classifiers_and_what_they_are_made_of(wheel: Path) -> None:
    folder = Path("gan_train", "extractors", "classifiers")
    packaged = {path.name: path.read_bytes() for path in (ROOT / "training" / folder).iterdir() if path.is_file()}
    assert packaged.keys() >= {"digits.keras", "digits.json", "fashion.keras", "fashion.json", "ATTRIBUTION.md"}
    assert {path.name: path.read_bytes() for path in (wheel / folder).iterdir()} == packaged


WORKER = """
import pickle, sys
sys.path[:0] = sys.argv[1:3]
from apache_beam.internal import pickler
with open(sys.argv[3], "rb") as file:
    work = pickle.load(file)
for function, tasks in work:
    write = pickler.loads(function)
    write.setup()
    for task in pickler.loads(tasks):
        list(write.process(task))
import gan_pipeline
print(gan_pipeline.__file__)
"""


def test_a_process_that_has_only_the_wheel_writes_the_same_shards(plans: list[Plan], wheel: Path, tmp_path: Path) -> None:
    sent = [pickler.dumps(list(plan.tasks)) for plan in plans]
    work = list(zip(functions(plans, tmp_path / "worker"), sent, strict=True))
    (tmp_path / "work.pickle").write_bytes(pickle.dumps(work))
    for number, plan in enumerate(plans):
        for place in ("worker", "here"):
            begin(open_folder(tmp_path / place / str(number)), plan.options, plan.source.fingerprint)
    (tmp_path / "empty").mkdir()
    # Isolated, and without the .pth files by which site-packages would lead back to this repository.
    command = [sys.executable, "-I", "-S", "-c", WORKER, wheel, sysconfig.get_path("purelib"), tmp_path / "work.pickle"]
    done = subprocess.run(command, cwd=tmp_path / "empty", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{wheel}/gan_pipeline/__init__.py\n"
    for number, plan in enumerate(plans):
        here = tmp_path / "here" / str(number)
        for task in plan.tasks:
            list(WriteShard(plan.spec, plan.source.signature, str(here), 0.05, None).process(task))
        assert shards(here) == shards(tmp_path / "worker" / str(number))
        assert len(shards(here)) == len(plan.tasks)


@pytest.fixture(scope="module")
def dask() -> Iterator[Any]:
    """A Dask cluster of two processes on this machine."""
    from dask.distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def test_dask_writes_the_same_folder(dask: Any, tmp_path: Path) -> None:
    arguments = ("prepare", "mnist", "--source", "sample", "--limit", "40", "--shards", "4", "-o")
    ran = run_child(
        *arguments, tmp_path / "dask", "--runner", "DaskRunner", "--", "--dask_client_address", dask.scheduler_address
    )
    assert ran.code == 0, ran.err
    assert [line for line in ran.err.splitlines() if "shards" not in line and not line.startswith("understood: ")] == []
    prepare(tmp_path / "here", "--limit", "40", "--shards", "4")
    assert tree(tmp_path / "dask") == tree(tmp_path / "here")
    # A piece of work for each shard: by Beam's own default all four would go to one process.
    assert dask.scheduler.task_prefixes["apply_dofn_to_bundle"].state_counts["memory"] == 4


def test_dask_says_in_one_line_what_is_wrong(dask: Any, tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", dict.fromkeys(PHOTOGRAPHS, b""))
    arguments = ("prepare", "images", "--source", source, "--runner", "DaskRunner", "-o")
    ran = run_child(*arguments, tmp_path / "out", "--", "--dask_client_address", dask.scheduler_address)
    assert ran.code == 3
    assert "12 of 12 inputs are unusable, more than --max-failure-rate 0.05 allows (12 empty" in ran.err
    told = [line for line in ran.err.splitlines() if "shards" not in line and not line.startswith("understood: ")]
    assert len(told) == 1
    # Nobody listens there.
    lost = ("--dask_client_address", "tcp://127.0.0.1:9", "--dask_connection_timeout", "1")
    ran = run_child(*arguments, tmp_path / "other", "--", *lost)
    assert ran.code == 75
    assert "interrupted: --runner DaskRunner: its cluster or job server cannot be reached, or was lost (" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dask_client_adress", "tcp://10.0.0.1:8786"], "Beam knows no option '--dask_client_adress'; check its spelling"),
        (["dask_client_address=tcp://10.0.0.1:8786"], "Beam knows no option 'dask_client_address=tcp://10.0.0.1:8786'"),
        (["--dask_npartitions", "many"], "argument --dask_npartitions: invalid int value: 'many'"),
    ],
)
def test_options_that_beam_would_ignore_are_refused(options: list[str], words: str, tmp_path: Path) -> None:
    ran = run_cli("prepare", "mnist", "--source", "sample", "-o", tmp_path / "out", "--runner", "dask", "--", *options)
    assert (ran.code, f"error: --runner dask: {words}" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "out").exists()


def test_workers_elsewhere_do_not_each_download(tmp_path: Path) -> None:
    ran = run_cli("prepare", "mnist", "--source", "tfds", "-o", tmp_path / "out", "--runner", "DaskRunner")
    assert ran.code == 2
    assert "--runner DaskRunner: every worker would download --source tfds; download it once" in ran.err


def test_a_worker_that_does_not_see_the_folder_says_so_before_it_works(tmp_path: Path) -> None:
    plan = planned("mnist", "sample")
    write = WriteShard(plan.spec, plan.source.signature, str(tmp_path / "elsewhere"), 0.05, None)
    with pytest.raises(RuntimeError) as raised:
        list(write.process(plan.tasks[0]))
    error = unmark(str(raised.value))
    assert isinstance(error, UsageError)
    assert f"{tmp_path}/elsewhere: the worker on host {platform.node()} does not see this folder; give -o on gs://" in str(
        error
    )
    assert not shards(tmp_path / "elsewhere")


def test_threads_and_copies_of_a_worker_share_one_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster works on several shards at once in one process, and may make a copy of the function for each."""
    source = write_files(tmp_path / "in", PHOTOGRAPHS)
    plan = planned("images", str(source), image_size=8)
    begin(open_folder(tmp_path / "out"), plan.options, plan.source.fingerprint)
    opened, open_here = [], SourceSpec.open
    monkeypatch.setattr(SourceSpec, "open", lambda spec: opened.append(open_here(spec)) or opened[-1])
    for variable in ("TF_NUM_INTRAOP_THREADS", THREADS_VARIABLE):
        # So that it is removed again after the test.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    sent = pickler.dumps(WriteShard(plan.spec, plan.source.signature, str(tmp_path / "out"), 0.05, CLUSTER, "first"))

    def work(task: ShardTask) -> None:
        write = pickler.loads(sent)
        write.setup()
        list(write.process(task))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, plan.tasks))
    work(plan.tasks[0])
    assert len(opened) == 1
    # One thread for each shard: the cluster fills the cores of a host with shards.
    assert (os.environ["TF_NUM_INTRAOP_THREADS"], decoding_threads()) == ("1", 1)
    gone = weakref.ref(opened.pop())
    other = WriteShard(plan.spec, plan.source.signature, str(tmp_path / "out"), 0.05, None, "second")
    list(other.process(plan.tasks[0]))
    assert len(opened) == 1
    gc.collect()
    assert gone() is None


def test_two_attempts_at_a_shard_on_a_bucket_end_well(bucket: str) -> None:
    """Clusters start slow work a second time; both attempts write the same object at the same time."""
    plan, out = planned("mnist", "sample"), f"{bucket}/attempts"
    folder = open_folder(out)
    begin(folder, plan.options, plan.source.fingerprint)
    write = WriteShard(plan.spec, plan.source.signature, out, 0.05, None)
    with ThreadPoolExecutor(4) as pool:
        written = list(pool.map(lambda task: list(write.process(task)), [*plan.tasks, *plan.tasks]))
    assert sorted(name for (name,) in written) == sorted(task.file for task in [*plan.tasks, *plan.tasks])
    once = finished_shards(folder, list(plan.tasks))
    assert once.keys() == set(plan.tasks)
    ran = run_cli("prepare", "mnist", "--source", "sample", "--shards", "2", "-o", out)
    assert ran.code == 0, ran.err
    manifest = read_manifest(folder)
    # An attempt that ends after the commit writes the same bytes again, and leaves no more than the notes of its shard.
    list(write.process(plan.tasks[0]))
    assert read_manifest(folder) == manifest
    assert run_cli("verify", out).code == 0


class LostClient:
    """A Dask client whose scheduler never comes back."""

    status = "connecting"
    scheduler = mock.Mock(address="tcp://10.0.0.1:8786")


class LostResult:
    """The result of a job on a cluster that is gone: it never ends."""

    client = LostClient()
    cancelled = False

    def wait_until_finish(self, duration: int) -> None:
        raise TimeoutError

    def cancel(self) -> None:
        self.cancelled = True


def test_a_cluster_that_is_gone_is_not_waited_for_for_ever() -> None:
    result = LostResult()
    with pytest.raises(InterruptedRunError, match="has had no scheduler or no worker for a minute"):
        wait_until_finished(result, "DaskRunner")
    assert result.cancelled


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError("refused"), InterruptedRunError),
        (TimeoutError(), InterruptedRunError),
        (grpc.FutureTimeoutError(), InterruptedRunError),
        (RuntimeError(mark(DataError("a shard"))), DataError),
        (ValueError("no such region"), UsageError),
    ],
)
def test_a_failed_runner_says_whether_to_try_again(error: Exception, kind: type[GanmillError]) -> None:
    told = runner_failure("SomeRunner", error)
    assert type(told) is kind
    assert not str(told).endswith(": ")


class TemplateResult:
    """The result that Dataflow's runner returns when it wrote a template."""

    has_job = False


def test_a_template_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FnApiRunner, "run_pipeline", lambda *arguments: TemplateResult())
    ran = run_cli("prepare", "mnist", "--source", "sample", "-o", tmp_path / "out", "--json", "--runner", "FnApiRunner")
    assert (ran.code, ran.out) == (0, "")
    assert "note: --runner FnApiRunner: the template of the job is written" in ran.err
    assert not (tmp_path / "out" / "manifest.json").exists()


def dataflow_graph(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Any:
    """The pipeline that would be sent to Dataflow; `--dry_run` ends Beam before it contacts anybody."""
    from apache_beam.runners.dataflow.internal import apiclient

    built, make_job = [], apiclient.Job.__init__

    def keep(job: Any, options: Any, pipeline: Any) -> None:
        built.append(pipeline)
        make_job(job, options, pipeline)

    monkeypatch.setattr(apiclient.Job, "__init__", keep)
    cloud = ("--project=my-project", "--region=europe-west1", "--temp_location=gs://ganmill-test/temp", "--dry_run=True")
    ran = run_cli(*arguments, "--runner", "DataflowRunner", "--", *cloud)
    assert (ran.code, "the runner ended without writing it; run the same command again" in ran.err) == (3, True), ran.err
    return built[0]


def test_the_graph_for_dataflow_is_small_and_has_two_steps(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = dataflow_graph(monkeypatch, "prepare", "mnist", "--source", "sample", "-o", f"{bucket}/dataflow")
    transforms = graph.components.transforms
    (root,) = graph.root_transform_ids
    steps = [transforms[step] for step in transforms[root].subtransforms]
    assert [step.unique_name for step in steps] == ["Shards", "WriteShards"]
    write = steps[1]
    assert write.spec.urn == "beam:transform:pardo:v1"
    assert len(write.spec.payload) < 4_000
    # Between the steps the tasks are shared out among the workers: without that one worker would write every shard.
    inside = [transforms[step].unique_name for step in steps[0].subtransforms]
    assert any("Reshuffle" in name for name in inside)
    # 10,000 ids and everything around them; no image.
    assert len(graph.SerializeToString()) < 100_000


def test_dataflow_needs_what_its_workers_can_see(bucket: str, tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", idx_files(9))
    for out in (str(tmp_path / "out"), f"{bucket}/out"):
        for name in ("DataflowRunner", "dataflow"):
            ran = run_cli("prepare", "mnist", "--source", source, "-o", out, "--runner", name)
            assert ran.code == 2
            assert f"--runner {name}: its workers cannot see this machine's disk; give -o and --source on gs://" in ran.err


def test_a_runner_nobody_knows(tmp_path: Path) -> None:
    for runner in ("Nope", "no.such.Runner", "os.path.Runner"):
        ran = run_cli("prepare", "mnist", "--source", "sample", "--limit", "9", "-o", tmp_path / "out", "--runner", runner)
        assert (ran.code, f"error: --runner {runner}: " in ran.err) == (2, True)


def test_another_runner_of_beam_on_this_machine(tmp_path: Path) -> None:
    """The one that keeps the graph in Python and knows nothing of Fn API."""
    arguments = ("--limit", "40", "--shards", "4")
    prepare(tmp_path / "other", *arguments, "--runner", "BundleBasedDirectRunner")
    prepare(tmp_path / "here", *arguments)
    assert tree(tmp_path / "other") == tree(tmp_path / "here")
