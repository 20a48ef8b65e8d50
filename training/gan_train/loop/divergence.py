"""Numbers that are not finite: found on the device, named, and answered by --on-divergence.

stop, rollback   the attempt at training ends, as fault.py says
warn             the run goes on with a warning, at most one per logging interval. Numbers that are not finite are left out
                 of the log, and weights that are not finite are not saved: a run that ends with such has exit code 4

Every loss, metric, gradient norm and weight norm of every step is checked after each call of the device, before any of it is
logged, and every variable before it is saved. An update that float16 skips is no divergence.
"""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from gan_core.notices import warn
from gan_train.diagnosis.live import LiveDiagnosis
from gan_train.loop.fault import Fault, FaultError
from gan_train.numerics.precision import Precision
from gan_train.runs.checkpoint import named_variables
from gan_train.runs.operation import OnDivergence
from gan_train.systems.base import System
from gan_train.systems.step import metric_names, phase_metrics


@dataclass(frozen=True)
class Divergence:
    """A number that is not finite.

    Attributes:
        step: after which it was found.
        name: of a metric, such as "d.loss", or of a variable.
        player: whose update, or whose variable, it is of.
        value: "nan", "inf" or "-inf"; of a variable "not finite".
    """

    step: int
    name: str
    player: str
    value: str

    def __str__(self) -> str:
        return f"{self.name} ({self.player}) is {self.value} at step {self.step}"

    @property
    def fault(self) -> Fault:
        """The fault that ends an attempt; every checkpoint so far is sound, since none is saved unless all is finite."""
        return Fault("divergence", self.step, self.name, self.player, self.value, str(self), str(self), self.step)


class FiniteCheck:
    """Finds numbers that are not finite.

    Args:
        system: the networks and optimizers in training.
        precision: of its layers.
    """

    def __init__(self, system: System, precision: Precision) -> None:
        self._system, self._names = system, metric_names(system)
        # In float16 an update whose gradient is not finite is skipped.
        skips = precision == "float16"
        self._watched = tf.constant([not (skips and name.endswith(".gradient_norm")) for name in self._names])
        of_phases = {metric: phase.player for phase in system.phases for metric in phase_metrics(phase)}
        self._players = of_phases | {name: name.partition(".")[0] for name in self._names if name not in of_phases}

    def metrics(self, values: tf.Tensor, last: int) -> Divergence | None:
        """The first number of a call of the device that is not finite, or None.

        Args:
            values: float32 (steps, metrics), as `build_steps` returns them.
            last: step of the last row.
        """
        position = int(_first(~tf.math.is_finite(values) & self._watched))
        if position < 0:
            return None
        row, column = divmod(position, len(self._names))
        name = self._names[column]
        return Divergence(last - len(values) + 1 + row, name, self._players[name], str(float(values[row, column])))

    def variables(self, step: int) -> Divergence | None:
        """The first variable that is not finite, or None: a weight, an average or an optimizer's slot."""
        named = [(name, values) for name, values in named_variables(self._system).items() if _is_floating(values)]
        position = int(_first(tf.stack([~tf.reduce_all(tf.math.is_finite(values)) for _, values in named])))
        if position < 0:
            return None
        name = named[position][0]
        return Divergence(step, name, name.partition("/")[0], "not finite")


class DivergenceGuard:
    """Applies --on-divergence to what a check finds.

    Args:
        check: finds numbers that are not finite.
        policy: the value of --on-divergence.
        warn_every: steps between two warnings.
        diagnosis: records the number that ends the attempt, which the log cannot hold.
    """

    def __init__(self, check: FiniteCheck, policy: OnDivergence, warn_every: int, diagnosis: LiveDiagnosis) -> None:
        self._check, self._policy, self._warn_every, self._diagnosis = check, policy, warn_every, diagnosis
        self._silent_until = 0
        self._newest: tuple[int, Divergence | None] = (-1, None)

    def metrics(self, values: tf.Tensor, last: int) -> None:
        """Check the metrics of a call of the device; see `FiniteCheck.metrics`.

        Raises:
            FaultError: one is not finite, and the policy is not to warn.
        """
        self._apply(self._check.metrics(values, last))

    def variables(self, step: int) -> Divergence | None:
        """Check all variables after a step, once for each step.

        Returns:
            The variable that is not finite, if the policy is to warn: it must not be saved. None if all are finite.

        Raises:
            FaultError: something is not finite, and the policy is another.
        """
        if self._newest[0] != step:
            found = self._check.variables(step)
            self._apply(found)
            self._newest = (step, found)
        return self._newest[1]

    def _apply(self, divergence: Divergence | None) -> None:
        if divergence is None:
            return
        if self._policy != "warn":
            self._diagnosis.not_finite(divergence.step, f"{divergence}.", divergence.player)
            raise FaultError(divergence.fault)
        if divergence.step >= self._silent_until:
            self._silent_until = divergence.step + self._warn_every
            warn(f"{divergence}; going on, as --on-divergence=warn says")


def _first(wrong: tf.Tensor) -> tf.Tensor:
    """Position of the first True in row order, or -1: an int64 scalar is all that leaves the device."""
    flat = tf.cast(tf.reshape(wrong, [-1]), tf.int32)
    return tf.where(tf.reduce_any(wrong), tf.argmax(flat), tf.constant(-1, tf.int64))


def _is_floating(variable: keras.Variable) -> bool:
    return np.issubdtype(np.dtype(variable.dtype), np.floating)
