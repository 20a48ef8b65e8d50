"""The base class of every section of a recipe."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """An immutable section that refuses unknown keys and numbers that are not finite, which YAML writes as `.inf` and
    `.nan`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def section_key(recipe: Section, section: Section) -> str | None:
    """The key of a section of a recipe, such as "generator.optimizer", or None if the recipe does not hold this object."""
    for name in type(recipe).model_fields:
        value = getattr(recipe, name)
        if value is section:
            return name
        below = section_key(value, section) if isinstance(value, Section) else None
        if below:
            return f"{name}.{below}"
    return None
