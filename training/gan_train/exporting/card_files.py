"""MODEL_CARD.md and model_card.json: the cards of all exports of a folder, for people and for programs."""

from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from pydantic import TypeAdapter

from gan_core.documents import read_json
from gan_core.storage import Folder
from gan_core.text import printable
from gan_pipeline.dataset.manifest import dump_json
from gan_train.exporting.card import ModelCard

if TYPE_CHECKING:
    from jinja2 import Template

PAGE, DOCUMENT = "MODEL_CARD.md", "model_card.json"

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#~"})


@dataclass(frozen=True)
class CardDocument:
    """The content of model_card.json: a card for each export by the name of its file."""

    exports: dict[str, ModelCard]
    version: Literal[1] = 1


_DOCUMENT = TypeAdapter(CardDocument)


def read_cards(folder: Folder) -> dict[str, ModelCard]:
    """The cards in a folder by file name; none if there is no model_card.json. Raises DataError if it is damaged."""
    if not folder.exists(DOCUMENT):
        return {}
    return read_json(folder, DOCUMENT, _DOCUMENT, "move it away, or export into another folder").exports


def write_cards(folder: Folder, cards: dict[str, ModelCard]) -> None:
    """Write both files of a folder anew, with the cards in the order of their file names."""
    ordered = dict(sorted(cards.items()))
    folder.write(DOCUMENT, dump_json(asdict(CardDocument(ordered))))
    folder.write(PAGE, _template().render(cards=list(ordered.values())).encode(errors="replace"))


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("gan_train.exporting", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["text"] = _as_text
    return environment.get_template("MODEL_CARD.md.j2")


def _as_text(value: object) -> str:
    """A value as Markdown that shows it as it is, in one line."""
    return printable(" ".join(str(value).split())).translate(_SPECIAL)
