"""What every section of a recipe obeys."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Does not change, knows all its keys, and holds finite numbers only: YAML also writes `.inf` and `.nan`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
