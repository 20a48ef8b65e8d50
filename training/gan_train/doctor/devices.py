"""Checks of the devices: which there are, what `precision: auto` takes on them, and whether they compute rightly."""

import os
from pathlib import Path
from typing import Any

from gan_core.doctor.check import Result

_NVIDIA = Path("/dev/nvidiactl")
_SIDE = 256
"""Rows and columns of the matrices that are multiplied."""

_TOLERANCE = {"float32": 1e-3, "bfloat16": 2e-2}
"""Largest difference of a product to that of NumPy, as a share of its largest number."""


def check_devices() -> Result:
    """Import TensorFlow, and tell the devices it finds."""
    from gan_core.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    from gan_train.numerics.precision import bfloat16_flags, default_precision

    gpus = tf.config.list_physical_devices("GPU")
    flags = sorted(bfloat16_flags())
    processor = f"{os.cpu_count()} processors, {' and '.join(flags) if flags else 'neither AMX nor AVX512_BF16'}"
    found = f"TensorFlow {tf.__version__}; {', '.join(map(_words, gpus)) or 'no GPU'}; {processor}"
    found += f"; precision: auto takes {default_precision()}"
    if not gpus and _NVIDIA.exists():
        return Result(
            "warning",
            f"{found}; there is an NVIDIA driver ({_NVIDIA}), but TensorFlow finds no GPU",
            "install its libraries: pip install 'ganmill[gpu]'; then see nvidia-smi, and set TF_CPP_MIN_LOG_LEVEL=0",
        )
    return Result("ok", found)


def check_arithmetic() -> Result:
    """Multiply matrices on each device, in float32 and in what `precision: auto` takes, and compare them with NumPy's."""
    import numpy as np
    import tensorflow as tf

    from gan_train.numerics.precision import default_precision

    random = np.random.default_rng(0)
    left, right = (random.standard_normal((_SIDE, _SIDE), np.float32) for _ in range(2))
    expected, wrong = left @ right, []
    devices = [device.name for device in tf.config.list_logical_devices() if device.device_type in ("CPU", "GPU", "TPU")]
    for device in devices:
        for precision in dict.fromkeys(("float32", default_precision())):
            with tf.device(device):
                product = tf.cast(tf.cast(left, precision) @ tf.cast(right, precision), tf.float32).numpy()
            difference = float(np.max(np.abs(product - expected)) / np.max(np.abs(expected)))
            # A number that is not finite compares as false.
            if not difference <= _TOLERANCE[precision]:
                wrong.append(f"{device} in {precision} by {difference:.2g}")
    if wrong:
        return Result(
            "failed", f"products differ from NumPy's: {', '.join(wrong)}", "take another machine, driver or TensorFlow"
        )
    return Result("ok", f"matrices multiplied on {', '.join(devices)}: the same as NumPy's")


def _words(gpu: Any) -> str:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    capability = ".".join(map(str, details.get("compute_capability", ("unknown",))))
    return f"{details.get('device_name', gpu.name)} (compute capability {capability})"
