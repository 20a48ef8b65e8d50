"""The precision in which the layers of a network compute. Variables, statistics, scores, losses and optimizers are float32.

float32    layers compute in float32, too
bfloat16   layers compute in bfloat16, whose range is that of float32
float16    layers compute in float16, in which small gradients vanish: so the loss is scaled up, and its gradients down
auto       float32 or bfloat16, whichever `default_precision` chooses for this machine
"""

from pathlib import Path
from typing import Literal

import keras
import tensorflow as tf

Precision = Literal["float32", "bfloat16", "float16"]

_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


def layer_dtype(precision: Precision) -> str:
    """The `dtype` of Keras layers that compute in a precision and keep float32 variables."""
    return "float32" if precision == "float32" else f"mixed_{precision}"


class LossScale:
    """Dynamic loss scaling (Micikevicius et al. 2018, section 3.2): one for each player that computes in float16.

    The scale doubles after `growth_steps` updates in a row with finite gradients and halves, to no less than 1, after
    one without, which is skipped.

    Args:
        name: prefix of its variables.
        initial: first scale.
        growth_steps: see above.
    """

    def __init__(self, name: str, initial: float = 2.0**15, growth_steps: int = 2000) -> None:
        self._growth_steps = growth_steps
        with keras.name_scope(f"{name}_loss_scale"):
            self.scale = keras.Variable(
                initial, name="scale", dtype="float32", trainable=False, aggregation="only_first_replica"
            )
            self.good_steps = keras.Variable(
                0, name="good_steps", dtype="int64", trainable=False, aggregation="only_first_replica"
            )

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of a checkpoint."""
        return [self.scale, self.good_steps]

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss to differentiate, float32."""
        return loss * tf.convert_to_tensor(self.scale)

    def unscaled(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Gradients of the loss, from those of the scaled loss."""
        return [gradient / tf.convert_to_tensor(self.scale) for gradient in gradients]

    def follow(self, finite: tf.Tensor) -> None:
        """Adapt the scale to an update whose global gradients were finite, or were not: bool scalar."""
        scale, good = tf.convert_to_tensor(self.scale), tf.convert_to_tensor(self.good_steps) + 1
        grows = good >= self._growth_steps
        grown = tf.where(grows, scale * 2, scale)
        self.scale.assign(tf.where(finite, grown, tf.maximum(scale / 2, 1.0)))
        self.good_steps.assign(tf.where(finite & ~grows, good, tf.zeros_like(good)))


def resolved(choice: Literal["auto"] | Precision) -> Precision:
    """The precision that a recipe's choice means on this machine."""
    return default_precision() if choice == "auto" else choice


def default_precision(cpu_info: Path = Path("/proc/cpuinfo")) -> Precision:
    """The fastest precision of this machine's devices whose range is that of float32.

    bfloat16 on GPUs of compute capability 8.0 (Ampere) and above, the first whose tensor cores take it, and on
    processors with instructions for it, as Linux reports them; float32 on all others. Never float16: it needs a loss
    scale and gains nothing over bfloat16 where there is that.

    On such a processor a whole step in bfloat16 is 1.5 to 1.7 times as fast as in float32, and trains as well
    (docs/measurements.md, "bfloat16 beside float32").
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = (tf.config.experimental.get_device_details(gpu) for gpu in gpus)
        return "bfloat16" if all(detail.get("compute_capability", (0, 0)) >= (8, 0) for detail in details) else "float32"
    return "bfloat16" if bfloat16_flags(cpu_info) else "float32"


def bfloat16_flags(cpu_info: Path = Path("/proc/cpuinfo")) -> set[str]:
    """The names of the processor's instructions for bfloat16, as Linux reports them: "amx_bf16", "avx512_bf16"."""
    flags = set(cpu_info.read_text().split()) if cpu_info.exists() else set()
    return flags & _BFLOAT16_FLAGS
