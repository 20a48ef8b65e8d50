"""The job that Dataflow would get, as its template: every field that decides machines, images and threads. Nothing is sent."""

import json
from pathlib import Path

import pytest
from apache_beam.portability.api import beam_runner_api_pb2

from gan_core.storage import open_folder
from tests.support.datasets import idx_files, run_cli, sample_arrays
from tests.support.storage_server import storage_server

pytestmark = pytest.mark.deploy

IMAGE = "europe-docker.pkg.dev/acme-vision/ganmill/beam:0.1.0"


def test_the_job_for_dataflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with storage_server() as storage:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", storage.local_url)
        source = storage.put_all("digits", idx_files(5000))
        template = tmp_path / "job.json"
        machines = ("--max_num_workers=40", "--worker_machine_type=n2-standard-4", "--number_of_worker_harness_threads=1")
        account = ("--service_account_email=beam@acme-vision.iam.gserviceaccount.com", "--no_use_public_ips")
        place = ("--project=acme-vision", "--region=europe-west4", f"--temp_location={storage.bucket}/temp", "--no_auth")
        chosen = (*place, *machines, *account, f"--sdk_container_image={IMAGE}", f"--template_location={template}")
        command = ("prepare", "mnist", "--source", source, "-o", f"{storage.bucket}/out", "--shards", "40")
        ran = run_cli(*command, "--runner", "DataflowRunner", "--", *chosen)
        assert (ran.code, "note: --runner DataflowRunner: the template of the job is written" in ran.err) == (0, True), ran.err

        job = json.loads(template.read_text())
        environment = job["environment"]
        assert job["type"] == "JOB_TYPE_BATCH"
        assert environment["serviceAccountEmail"] == "beam@acme-vision.iam.gserviceaccount.com"
        assert "use_runner_v2" in environment["experiments"]
        (pool,) = (one for one in environment["workerPools"] if one["kind"] == "harness")
        assert pool["machineType"] == "n2-standard-4"
        assert pool["autoscalingSettings"]["maxNumWorkers"] == 40
        assert pool["numThreadsPerWorker"] == 1
        assert pool["ipConfiguration"] == "WORKER_IP_PRIVATE"
        assert [image["containerImage"] for image in pool["sdkHarnessContainerImages"]] == [IMAGE]
        # All that the workers load is in the image: no package is installed when they start. Beam adds the names of the script.
        assert [package["name"] for package in pool["packages"]] == ["pickled_main_session"]
        options = environment["sdkPipelineOptions"]["options"]
        assert (options["region"], options["project"]) == ("europe-west4", "acme-vision")

        where = options["pipelineUrl"]
        pipeline = beam_runner_api_pb2.Pipeline.FromString(open_folder(where.rpartition("/")[0]).read(where.rpartition("/")[2]))
        content = pipeline.SerializeToString()
        print(f"| Dataflow | job {template.stat().st_size:,} B, graph {len(content):,} B | 40 shards, 5,000 digits |")
        # The tasks travel in the graph, the images do not.
        assert sample_arrays()[0][0].tobytes() not in content and len(content) < 120_000
        names = {step.unique_name for step in pipeline.components.transforms.values()}
        assert {"Shards", "WriteShards"} <= names and not any(
            "GroupByKey" in name and "Reshuffle" not in name for name in names
        )
