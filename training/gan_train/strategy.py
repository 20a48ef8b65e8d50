"""Which devices train, and how they share the work."""

from typing import Literal, get_args

import tensorflow as tf

from gan_pipeline.errors import UsageError

StrategyName = Literal["auto", "default", "mirrored"]


def make_strategy(name: str, logical_cpus: int = 1) -> tf.distribute.Strategy:
    """A distribution strategy over this machine's devices. Call it before TensorFlow has used a device.

    Args:
        name: "auto" mirrors over several GPUs and is "default", one device, otherwise; "mirrored" mirrors over all
            GPUs, or over all logical CPU devices where there is none.
        logical_cpus: split the CPU into this many devices, to try a multi-device run without GPUs.

    Raises:
        UsageError: unknown name.
    """
    if name not in get_args(StrategyName):
        raise UsageError(f"--strategy {name!r} is unknown; choose one of: {', '.join(get_args(StrategyName))}")
    if logical_cpus > 1:
        _split_cpu(logical_cpus)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if name == "default" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    devices = [device.name for device in tf.config.list_logical_devices("GPU" if gpus else "CPU")]
    return tf.distribute.MirroredStrategy(devices)


def check_replicas(strategy: tf.distribute.Strategy, reals_per_batch: int) -> None:
    """Raise UsageError unless every replica gets the same share of a batch."""
    replicas = strategy.num_replicas_in_sync
    if reals_per_batch % replicas:
        raise UsageError(
            f"half a batch is {reals_per_batch} examples, which {replicas} devices cannot share evenly; "
            f"set batch_size to a multiple of {2 * replicas}"
        )


def _split_cpu(count: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
