"""A job of Dataflow: `gan-pipeline prepare` spreads its shards over Dataflow's machines, driven from a small machine of Batch.

The driver plans the shards before they are written and commits the dataset folder after that, so it has to live as long as the
Dataflow job. A template of Dataflow, which has no driver, could not do this.
"""

from dataclasses import replace
from typing import Any

from gan_core.errors import UsageError
from gan_core.jobs.google_cloud import labels, section
from gan_core.jobs.job import Job
from gan_core.jobs.spec import Resources, mebibytes

_DRIVER_MACHINE = "e2-standard-2"
"""It reads the list of the source and writes the manifest."""

_DRIVER_RESOURCES = Resources(cpus=2, memory="6Gi", disk="20Gi")
_MAX_LABEL = 63


def driver(job: Job) -> Job:
    """The job for Batch that starts the job of Dataflow and waits for it.

    Raises:
        UsageError: the command is not `prepare`, names a runner itself, or the job asks for what Dataflow does not have.
    """
    gcp = section(job, "dataflow")
    if job.command[:2] != ("gan-pipeline", "prepare"):
        raise UsageError("--target dataflow runs 'gan-pipeline prepare' alone; for other commands take --target gcp-batch")
    if any(argument.partition("=")[0] == "--runner" for argument in job.command) or "--" in job.command:
        raise UsageError("--target dataflow sets --runner and Beam's options itself; leave them out of the command")
    if job.spec.secrets or job.spec.resources.gpus or job.array:
        raise UsageError("--target dataflow has no secrets, GPUs or arrays; leave them out, or take --target gcp-batch")
    spec = job.spec.model_copy(
        update={
            "workers": 1,
            "resources": _DRIVER_RESOURCES,
            # The machines that cost are those of Dataflow, and it ends the job itself; the driver only waits.
            "maximum": job.spec.maximum.model_copy(update={"hours": job.seconds / 3600, "cost": None}),
            "spot": False,
            "retries": 0,
            "gcp": gcp.model_copy(update={"machine_type": _DRIVER_MACHINE}),
        }
    )
    command = (*job.command, "--runner", "DataflowRunner", "--", *beam_arguments(job))
    return replace(job, spec=spec, command=command)


def beam_arguments(job: Job) -> list[str]:
    """Beam's options for the job, checked by Beam itself and written as arguments."""
    from apache_beam.options.pipeline_options import (
        DebugOptions,
        GoogleCloudOptions,
        PipelineOptions,
        SetupOptions,
        WorkerOptions,
    )

    gcp = section(job, "dataflow")
    if gcp.staging is None:
        raise UsageError("--target dataflow needs gcp.staging, a gs:// folder for what Dataflow needs while it runs")
    chosen: dict[str, Any] = {
        "project": gcp.project,
        "region": gcp.region,
        "job_name": job.name,
        "temp_location": gcp.staging,
        "labels": [f"{key}={value[:_MAX_LABEL]}" for key, value in sorted(labels(job).items())],
        "dataflow_service_options": [f"max_workflow_runtime_walltime_seconds={job.seconds}"],
        "machine_type": gcp.machine_type,
        "disk_size_gb": 30 + -(-mebibytes(job.spec.resources.disk) // 1024),
        "max_num_workers": job.spec.workers,
        "sdk_container_image": job.spec.image,
        "sdk_location": "container",
        # Each thread opens the source for itself and decodes with threads of its own.
        "number_of_worker_harness_threads": 1,
    }
    optional = {
        "service_account_email": gcp.service_account,
        "network": gcp.network,
        "subnetwork": gcp.subnetwork,
        "flexrs_goal": "COST_OPTIMIZED" if job.spec.spot else None,
    }
    chosen |= {name: value for name, value in optional.items() if value is not None}
    if not gcp.external_ip:
        chosen["use_public_ips"] = False
    arguments = []
    for name, value in chosen.items():
        if name == "use_public_ips":
            arguments.append("--no_use_public_ips")
        else:
            arguments += [f"--{name}={one}" for one in (value if isinstance(value, list) else [value])]
    parsed = PipelineOptions(arguments)
    values: dict[str, Any] = {}
    for view in (GoogleCloudOptions, WorkerOptions, SetupOptions, DebugOptions):
        values |= parsed.view_as(view).get_all_options(drop_default=True)
    lost = [name for name, value in chosen.items() if values.get(name) != value]
    if lost:
        raise UsageError(
            f"--target dataflow: the installed Beam reads {lost[0]} in another way; install the versions of requirements.lock"
        )
    return arguments
