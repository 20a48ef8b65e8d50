"""Numbers that are not finite: found on the device, named, and answered as `--on-divergence` says.

stop       the run ends, exit 4
rollback   the run returns to its newest checkpoint (to its beginning, if it has none) and goes on with other random
           numbers, at most --max-rollbacks times in its life, then ends with exit 4; rollbacks.py remembers them
warn       the run goes on, and says so at most once per logging interval; numbers that are not finite are left out of
           the log; weights that are not finite are never saved, so a run that ends with such ends with exit 4

Every loss, metric, gradient norm and weight norm of every step is looked at after each call of the device, before any
of it is logged; every variable before it is saved. What float16 skips is no divergence.
"""

import sys
from dataclasses import asdict, dataclass

import keras
import numpy as np
import tensorflow as tf

from gan_core.errors import DivergenceError
from gan_core.storage import Folder
from gan_train.numerics.precision import Precision
from gan_train.runs.checkpoint import named_variables
from gan_train.runs.layout import committed_steps, step_name
from gan_train.runs.operation import Operation
from gan_train.runs.rollbacks import Rollback, Rollbacks, write_rollbacks
from gan_train.runs.run_folder import write_status
from gan_train.systems.base import System
from gan_train.systems.step import metric_names, phase_metrics


@dataclass(frozen=True)
class Divergence:
    """What was not finite.

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


class DivergedError(Exception):
    """Ends an attempt at training; `fit` answers it by the policy."""

    def __init__(self, divergence: Divergence) -> None:
        super().__init__(str(divergence))
        self.divergence = divergence


class FiniteCheck:
    """Looks for numbers that are not finite.

    Args:
        system: what trains.
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
        """The first number of a call that is not finite.

        Args:
            values: float32 (steps, metrics), as `build_steps` returns them.
            last: step of the last row.
        """
        place = int(_first(~tf.math.is_finite(values) & self._watched))
        if place < 0:
            return None
        row, column = divmod(place, len(self._names))
        name = self._names[column]
        return Divergence(last - len(values) + 1 + row, name, self._players[name], str(float(values[row, column])))

    def variables(self, step: int) -> Divergence | None:
        """The first variable that is not finite: a weight, an average or an optimizer's slot."""
        named = [(name, values) for name, values in named_variables(self._system).items() if _is_floating(values)]
        place = int(_first(tf.stack([~tf.reduce_all(tf.math.is_finite(values)) for _, values in named])))
        return Divergence(step, named[place][0], named[place][0].partition("/")[0], "not finite") if place >= 0 else None


class Warnings:
    """Says on stderr that a run goes on, at most once in `every` steps."""

    def __init__(self, every: int) -> None:
        self._every, self._silent_until = every, 0

    def say(self, divergence: Divergence) -> None:
        """Warn of it, unless the interval has had its warning."""
        if divergence.step >= self._silent_until:
            self._silent_until = divergence.step + self._every
            print(f"warning: {divergence}; going on, as --on-divergence=warn says", file=sys.stderr, flush=True)


def rolled_back(run: Folder, steps: int, operation: Operation, rollbacks: Rollbacks, divergence: Divergence) -> Rollbacks:
    """Record one more rollback. Raises DivergenceError if the policy allows none.

    Args:
        run: its folder.
        steps: the run's last step.
        operation: the policy.
        rollbacks: those so far.
        divergence: what happened now.
    """
    if operation.on_divergence != "rollback" or len(rollbacks) >= operation.max_rollbacks:
        raise diverged(run, steps, rollbacks, divergence)
    restored = max(committed_steps(run), default=0)
    rollbacks = (*rollbacks, Rollback(**asdict(divergence), restored=restored))
    write_rollbacks(run, rollbacks)
    count = f"rollback {len(rollbacks)} of {operation.max_rollbacks}"
    print(f"warning: {divergence}; back to step {restored} with other random numbers ({count})", file=sys.stderr, flush=True)
    return rollbacks


def diverged(run: Folder, steps: int, rollbacks: Rollbacks, divergence: Divergence) -> DivergenceError:
    """The end of a diverged run, in words and in its status; see `rolled_back` for the arguments."""
    saved = committed_steps(run)
    kept = f"the newest checkpoint is {step_name(saved[-1])}" if saved else "no checkpoint was written yet"
    places = ", ".join(f"from {one.step} to {one.restored}" for one in rollbacks)
    tried = f" after {len(rollbacks)} rollback{'s' * (len(rollbacks) > 1)} ({places})" if rollbacks else ""
    other = "more --max-rollbacks" if rollbacks else "--on-divergence rollback"
    write_status(run, "diverged", divergence.step, steps)
    return DivergenceError(
        f"{run.uri}: {divergence}{tried}; {kept}. Try {other}, or a smaller learning rate in a new folder, such as "
        "--set generator.optimizer.learning_rate=1e-4"
    )


def _first(wrong: tf.Tensor) -> tf.Tensor:
    """Place of the first True in row order, or -1: int64 scalar, all that leaves the device."""
    flat = tf.cast(tf.reshape(wrong, [-1]), tf.int32)
    return tf.where(tf.reduce_any(wrong), tf.argmax(flat), tf.constant(-1, tf.int64))


def _is_floating(variable: keras.Variable) -> bool:
    return np.issubdtype(np.dtype(variable.dtype), np.floating)
