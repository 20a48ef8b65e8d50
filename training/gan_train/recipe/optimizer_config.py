"""The sections of an optimizer and of its learning rate.

optimizer: {learning_rate: 0.0002, beta_1: 0.5}
optimizer: {kind: rmsprop, learning_rate: 0.00005, clip_norm: 10.0}
optimizer: {kind: sgd, learning_rate: 0.1, schedule: {shape: linear, start: 1000, steps: 1000}}
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from gan_train.recipe.section import Section

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
"""A decay rate or momentum, in [0, 1)."""


class ScheduleConfig(Section):
    """The learning rate as a function of the step, in factors of its base value.

    Attributes:
        shape: "constant" stays at 1; "linear" falls to 0 at start + steps; "cosine" falls to 0 along half a cosine
            (Loshchilov and Hutter 2017); "exponential" is rate ** ((step - start) / steps) and does not end.
        warm_up: number of first steps in which the rate rises linearly to the full value; 0 for none.
        start: step at which the fall begins.
        steps: length of the fall in steps; required unless constant.
        rate: factor of "exponential" over `steps`.
    """

    shape: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    warm_up: Annotated[int, Field(ge=0)] = 0
    start: Annotated[int, Field(ge=0)] = 0
    steps: Annotated[int, Field(ge=1)] | None = None
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.5

    @model_validator(mode="after")
    def _a_fall_has_a_length(self) -> Self:
        if self.shape != "constant" and self.steps is None:
            raise ValueError(f"shape={self.shape} needs steps, from the full rate to its end")
        return self


class _OptimizerConfig(Section):
    """The keys that all optimizers share.

    Attributes:
        learning_rate: base value, multiplied by the schedule.
        schedule: the factor by step.
        clip_norm: largest norm of the gradient of all variables together, to which it is scaled down; None for no limit.
        clip_value: largest size of each number of the gradient, to which it is clipped; None for no limit.
    """

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: ScheduleConfig = ScheduleConfig()
    clip_norm: Positive | None = None
    clip_value: Positive | None = None

    @model_validator(mode="after")
    def _one_way_to_clip(self) -> Self:
        if self.clip_norm is not None and self.clip_value is not None:
            raise ValueError("clip_norm and clip_value exclude each other; set one of them to null")
        return self


class AdamConfig(_OptimizerConfig):
    """Adam (Kingma and Ba 2015) as Keras computes it; `epsilon` is the paper's "epsilon hat"."""

    kind: Literal["adam"] = "adam"
    beta_1: Share
    beta_2: Share = 0.999
    epsilon: Positive = 1e-7


class RMSpropConfig(_OptimizerConfig):
    """RMSprop (Hinton 2012) as Keras computes it; the defaults are Keras'."""

    kind: Literal["rmsprop"]
    rho: Share = 0.9
    momentum: Share = 0.0
    epsilon: Positive = 1e-7


class SGDConfig(_OptimizerConfig):
    """Gradient descent with momentum, as Keras computes it."""

    kind: Literal["sgd"]
    momentum: Share = 0.0


_KINDS: dict[str, type[_OptimizerConfig]] = {"adam": AdamConfig, "rmsprop": RMSpropConfig, "sgd": SGDConfig}


def _of_its_kind(value: Any) -> Any:
    # A tagged union of pydantic would want the kind written out, and put it into the path of every error.
    if isinstance(value, _OptimizerConfig):
        return value
    if not isinstance(value, Mapping):
        raise ValueError("not a mapping of keys to values, such as {learning_rate: 0.0002, beta_1: 0.5}")
    kind = value.get("kind", "adam")
    if str(kind) not in _KINDS:
        raise ValueError(f"unknown kind {kind!r}; choose one of: {', '.join(_KINDS)}")
    others = {key for config in _KINDS.values() for key in config.model_fields} - _KINDS[kind].model_fields.keys()
    foreign = sorted(others & value.keys())
    if foreign:
        raise ValueError(
            f"kind={kind} has no {foreign[0]}; set this whole section at once, as {{kind: {kind}, learning_rate: 0.01}}"
        )
    return _KINDS[kind].model_validate(value)


OptimizerConfig = Annotated[AdamConfig | RMSpropConfig | SGDConfig, BeforeValidator(_of_its_kind)]
"""The section of an optimizer, of the kind that its key `kind` says; "adam" where it is absent."""
