"""The score that good trainings of a recipe are known to reach, beside which that of a run is shown."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gan_train.recipe.section import Section


class KnownScore(Section):
    """A measured score. It decides nothing of a run.

    Attributes:
        score: name of the score in scores.jsonl; lower is better.
        extractor: name of the extractor, such as "digits-classifier".
        images: number of real and of generated images, on which the value depends.
        range: the best and the worst value of a training that drew good images.
        of: the trainings, in words: data, steps.
    """

    score: Literal["fid", "kid"] = "fid"
    extractor: str
    images: Annotated[int, Field(ge=2)]
    range: tuple[float, float]
    of: str

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        if self.range[0] > self.range[1]:
            raise ValueError(f"known_score.range={list(self.range)}: give the best value first, which is the lower one")
        return self
