"""The devices that train, and the distribution strategy over them."""

import faulthandler
import signal
import threading
from contextlib import suppress
from functools import cache

import tensorflow as tf
from tensorflow.python.distribute.collective_all_reduce_strategy import CollectiveAllReduceExtended
from tensorflow.python.eager import context

from gan_core.command import end_at_once
from gan_core.errors import UsageError
from gan_train.distribution.cluster import Cluster, check_logical_cpus

_CONNECT_SECONDS = 120
"""TensorFlow connects to workers that are known to be there within seconds; after this long one of them is dead."""


def make_strategy(name: str, logical_cpus: int = 1, cluster: Cluster | None = None) -> tf.distribute.Strategy:
    """A distribution strategy. To be called before TensorFlow uses a device.

    Args:
        name: "mirrored" mirrors over all GPUs of this machine, or over all logical CPU devices where there is none;
            "tpu" takes the TPU that the environment names (TPU_NAME, "local" on a TPU VM); "default" is one device.
            "auto" and "multiworker" mirror over the devices of all workers of a cluster, all of which must call this;
            without a cluster they mirror over several GPUs and are "default" otherwise.
        logical_cpus: split the CPU into this many devices, to try a multi-device run without GPUs.
        cluster: as `find_cluster` found it; all its workers are known to be there.

    Raises:
        UsageError: there is no TPU, or logical CPUs do not go with the strategy.
    """
    check_logical_cpus(name, logical_cpus, cluster)
    if logical_cpus > 1:
        _split_cpu(logical_cpus)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        # Once this process has used a GPU, how its memory is allocated cannot be changed any more, and stays as it is.
        with suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(gpu, True)
    if cluster:
        return _multiworker()
    if name == "tpu":
        return _tpu()
    if name != "mirrored" and (name == "default" or len(gpus) < 2):
        return tf.distribute.get_strategy()
    return mirrored_strategy(*(device.name for device in tf.config.list_logical_devices("GPU" if gpus else "CPU")))


@cache
def mirrored_strategy(*devices: str) -> tf.distribute.MirroredStrategy:
    """The strategy that mirrors over these logical devices, such as "/device:CPU:0".

    A process has one for the same devices: TensorFlow numbers the collective operations of each strategy from the same start,
    and so takes those of a second strategy for those of the first.
    """
    return tf.distribute.MirroredStrategy(list(devices))


def compiles(jit: str, strategy: tf.distribute.Strategy) -> bool:
    """Whether XLA compiles the forward and backward passes of phases; "auto" is on on GPUs and off elsewhere.

    A TPU compiles whole steps itself. On CPUs it is slower: docs/measurements.md, "XLA".
    """
    if isinstance(strategy, tf.distribute.TPUStrategy):
        return False
    return jit == "on" or (jit == "auto" and bool(tf.config.list_physical_devices("GPU")))


def check_replicas(strategy: tf.distribute.Strategy, batch_size: int, reals_per_batch: int, parts: int = 1) -> None:
    """Check that every replica gets the same share of a batch, and every part of it (`accumulate`) the same share of that.

    Args:
        strategy: has the replicas.
        batch_size: the recipe's.
        reals_per_batch: real examples of a batch: all of it, or half of it where the other half is generated.
        parts: in which a replica computes its share, one after the other.

    Raises:
        UsageError: the replicas and parts cannot share the real examples evenly.
    """
    replicas = strategy.num_replicas_in_sync
    if reals_per_batch % (replicas * parts):
        sharers = f"{replicas} devices" if parts == 1 else f"{replicas} devices with accumulate={parts}"
        raise UsageError(
            f"a batch has {reals_per_batch} real examples, which {sharers} cannot share evenly; "
            f"set batch_size to a multiple of {replicas * parts * batch_size // reals_per_batch}"
        )


def abort_collectives(reason: str) -> None:
    """Make every collective operation of this process fail, also those that wait for another worker; from any thread."""
    context.context().abort_collective_ops(tf.errors.UNAVAILABLE, reason)


def _multiworker() -> tf.distribute.Strategy:
    # The connections of the workers notice losses sooner than TensorFlow's own service, which ends a run when a network fails
    # for seconds, and keeps processes alive for half a minute after the end. Setting it to none before TensorFlow does is the
    # only way to leave it out.
    context.context().configure_coordination_service(service_type="")
    # The probe that takes its place lets no Python run for ten seconds while it waits for a worker that is gone.
    CollectiveAllReduceExtended._enable_check_health = False
    end_at_once("TensorFlow waits for the connections of other workers, which may be gone")
    # A worker that dies in these few seconds would leave the others waiting inside a call that lets no Python run.
    faulthandler.dump_traceback_later(_CONNECT_SECONDS, exit=True)
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    finally:
        faulthandler.cancel_dump_traceback_later()
    # TensorFlow has just taken SIGTERM for a service of its own that nobody here asks; take it back.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM))
    return strategy


def _tpu() -> tf.distribute.Strategy:
    """The TPU strategy, written after TensorFlow's documentation; it was never tried on a TPU."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver()
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    # The search for a TPU asks services of Google Cloud, each of which has errors of its own.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"--strategy tpu: no TPU found ({reason}); on a TPU VM set TPU_NAME=local, elsewhere TPU_NAME to the TPU's name, "
            "or choose --strategy auto"
        ) from error
    return tf.distribute.TPUStrategy(resolver)


def _split_cpu(count: int) -> None:
    """Split the CPU into logical devices, unless this process has done so already.

    Raises:
        UsageError: TensorFlow has used the CPU in this process, as another number of devices.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    except RuntimeError as error:
        devices = len(tf.config.list_logical_devices("CPU"))
        if devices != count:
            raise UsageError(
                f"--logical-cpus {count}: this process uses the CPU as {devices} already, which TensorFlow cannot change; "
                "start a new process"
            ) from error
