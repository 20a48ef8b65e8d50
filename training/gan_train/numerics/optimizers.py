"""Optimizers that compute the same as those of Keras, with fewer operations, and that clip the global gradient.

The `apply` of Keras adds the gradients of the replicas itself, one by one, so that nothing can be done with the sum. Here the
gradients of all variables are added in one all-reduce; then every replica clips the same sum and applies it to its own copy
of the variables. Slots, their names and the count of updates are those of a Keras optimizer, so that a checkpoint of one
loads in the other.

optimizer = build_optimizer(AdamConfig(learning_rate=2e-4, beta_1=0.5), "generator", network.trainable_variables)
norm = optimizer.apply(gradients, variables, learning_rate(config.schedule, config.learning_rate, step))
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import keras
import tensorflow as tf

from gan_train.numerics.precision import LossScale, Precision
from gan_train.numerics.replicas import assign_own, global_norm, own_handle, read, subtract_own, sum_over_replicas
from gan_train.recipe.optimizer_config import AdamConfig, OptimizerConfig, RMSpropConfig, SGDConfig

Slots = tuple[keras.Variable, ...]
Config = TypeVar("Config", bound=AdamConfig | RMSpropConfig | SGDConfig)


class Optimizer(Protocol):
    """Updates the variables of a player."""

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of a checkpoint: the count of updates, slots, and the loss scale if there is one."""

    @property
    def iterations(self) -> keras.Variable:
        """Number of updates so far, int64 scalar."""

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss whose gradients `apply` takes: scaled up in float16, else the loss itself."""

    def dense(self, gradients: Sequence[tf.Tensor | None], variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
        """The gradients as `apply` takes them, of the shapes of their variables, none of them as slices.

        Raises:
            ValueError: a gradient is missing or a variable unknown; the message names it.
        """

    def apply(
        self, gradients: Sequence[tf.Tensor | None], variables: Sequence[keras.Variable], learning_rate: tf.Tensor
    ) -> tf.Tensor:
        """One update, called in replica context by every replica.

        Args:
            gradients: of this replica's share of the scaled loss, one for each variable.
            variables: those to update; all or some of those that the optimizer was built for.
            learning_rate: float32 scalar.

        Returns:
            Norm of the global gradient before clipping, float32 scalar. In float16 an update whose norm is not finite is
            skipped.

        Raises:
            ValueError: a gradient is missing or a variable unknown; the message names it.
        """


def build_optimizer(
    config: OptimizerConfig, name: str, variables: Sequence[keras.Variable], precision: Precision = "float32"
) -> Optimizer:
    """An optimizer whose slots exist already, so that a checkpoint can restore them.

    Args:
        config: the rule and its numbers.
        name: prefix of the names of its variables.
        variables: all that it may ever update.
        precision: of the layers of the player's network.
    """
    loss_scale = LossScale(name) if precision == "float16" else None
    if isinstance(config, AdamConfig):
        return Adam(config, name, variables, loss_scale)
    if isinstance(config, RMSpropConfig):
        return RMSprop(config, name, variables, loss_scale)
    return SGD(config, name, variables, loss_scale)


class _InReplica(ABC, Generic[Config]):
    """Everything of an update except its rule, which a subclass has; see `Optimizer`."""

    def __init__(self, config: Config, name: str, variables: Sequence[keras.Variable], loss_scale: LossScale | None) -> None:
        self._config = config
        self._loss_scale = loss_scale
        self._keras = self._keras_optimizer(name)
        self._keras.build(list(variables))
        self._slots = {id(variable): self._slots_of(index) for index, variable in enumerate(variables)}

    @property
    def variables(self) -> list[keras.Variable]:
        return [*self._keras.variables, *(self._loss_scale.variables if self._loss_scale else ())]

    @property
    def iterations(self) -> keras.Variable:
        return self._keras.iterations

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        return self._loss_scale.scaled(loss) if self._loss_scale else loss

    def apply(
        self, gradients: Sequence[tf.Tensor | None], variables: Sequence[keras.Variable], learning_rate: tf.Tensor
    ) -> tf.Tensor:
        total = sum_over_replicas(self.dense(gradients, variables))
        if self._loss_scale:
            total = self._loss_scale.unscaled(total)
        norm = global_norm(total)

        def update() -> None:
            step = tf.cast(read(self.iterations) + 1, tf.float32)
            for variable, gradient in zip(variables, self._clipped(total, norm), strict=True):
                self._update(variable, self._slots[id(variable)], gradient, learning_rate, step)
            tf.raw_ops.AssignAddVariableOp(resource=own_handle(self.iterations), value=tf.constant(1, tf.int64))

        if self._loss_scale is None:
            update()
        else:
            finite = tf.math.is_finite(norm)
            tf.cond(finite, update, lambda: None)
            self._loss_scale.follow(finite)
        return norm

    @abstractmethod
    def _keras_optimizer(self, name: str) -> keras.optimizers.Optimizer:
        """The Keras optimizer of the same rule; it owns the slots."""

    @abstractmethod
    def _slots_of(self, index: int) -> Slots:
        """The slots that the Keras optimizer has for the variable of this index."""

    @abstractmethod
    def _update(self, variable: keras.Variable, slots: Slots, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        """Update this replica's copy of a variable and of its slots.

        Args:
            variable: to update.
            slots: of the variable.
            gradient: the global one, clipped; of the variable's shape.
            rate: learning rate, float32 scalar.
            step: number of this update, counted from 1, float32 scalar.
        """

    def dense(self, gradients: Sequence[tf.Tensor | None], variables: Sequence[keras.Variable]) -> list[tf.Tensor]:
        for gradient, variable in zip(gradients, variables, strict=True):
            if id(variable) not in self._slots:
                raise ValueError(f"{variable.path} is not among the variables that {self._keras.name} was built for")
            if gradient is None:
                raise ValueError(
                    f"{variable.path} has no gradient: the loss of this phase does not depend on it; "
                    "if that is meant, give the phase partial=True"
                )
        # An embedding's gradient comes as slices.
        return [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _clipped(self, gradients: list[tf.Tensor], norm: tf.Tensor) -> list[tf.Tensor]:
        if self._config.clip_norm is not None:
            return tf.clip_by_global_norm(gradients, self._config.clip_norm, use_norm=norm)[0]
        if self._config.clip_value is not None:
            return [tf.clip_by_value(gradient, -self._config.clip_value, self._config.clip_value) for gradient in gradients]
        return gradients


class Adam(_InReplica[AdamConfig]):
    """Adam (Kingma and Ba 2015), in one fused operation for each variable. Like Keras it takes the paper's "epsilon hat"."""

    def _keras_optimizer(self, name: str) -> keras.optimizers.Optimizer:
        config = self._config
        return keras.optimizers.Adam(config.learning_rate, config.beta_1, config.beta_2, config.epsilon, name=f"{name}_adam")

    def _slots_of(self, index: int) -> Slots:
        return self._keras._momentums[index], self._keras._velocities[index]

    def _update(self, variable: keras.Variable, slots: Slots, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        config = self._config
        tf.raw_ops.ResourceApplyAdam(
            var=own_handle(variable),
            m=own_handle(slots[0]),
            v=own_handle(slots[1]),
            beta1_power=tf.pow(config.beta_1, step),
            beta2_power=tf.pow(config.beta_2, step),
            lr=rate,
            beta1=config.beta_1,
            beta2=config.beta_2,
            epsilon=config.epsilon,
            grad=gradient,
        )


class RMSprop(_InReplica[RMSpropConfig]):
    """RMSprop (Tieleman and Hinton 2012), not centred."""

    def _keras_optimizer(self, name: str) -> keras.optimizers.Optimizer:
        config = self._config
        return keras.optimizers.RMSprop(
            config.learning_rate, config.rho, config.momentum, config.epsilon, name=f"{name}_rmsprop"
        )

    def _slots_of(self, index: int) -> Slots:
        velocity = self._keras._velocities[index]
        return (velocity, self._keras._momentums[index]) if self._config.momentum else (velocity,)

    def _update(self, variable: keras.Variable, slots: Slots, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        config = self._config
        squares = config.rho * read(slots[0]) + (1 - config.rho) * tf.square(gradient)
        assign_own(slots[0], squares)
        change = rate * gradient / tf.sqrt(squares + config.epsilon)
        if config.momentum:
            change += config.momentum * read(slots[1])
            assign_own(slots[1], change)
        subtract_own(variable, change)


class SGD(_InReplica[SGDConfig]):
    """Stochastic gradient descent with momentum, not Nesterov's."""

    def _keras_optimizer(self, name: str) -> keras.optimizers.Optimizer:
        return keras.optimizers.SGD(self._config.learning_rate, self._config.momentum, name=f"{name}_sgd")

    def _slots_of(self, index: int) -> Slots:
        return (self._keras.momentums[index],) if self._config.momentum else ()

    def _update(self, variable: keras.Variable, slots: Slots, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        change = rate * gradient
        if self._config.momentum:
            change -= self._config.momentum * read(slots[0])
            assign_own(slots[0], -change)
        subtract_own(variable, change)
