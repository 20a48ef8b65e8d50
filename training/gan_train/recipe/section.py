"""The base class of every section of a recipe."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """An immutable section that refuses unknown keys and numbers that are not finite, which YAML writes as `.inf` and
    `.nan`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
