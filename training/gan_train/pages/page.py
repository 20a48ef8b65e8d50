"""A page as one HTML file: templates with their style, script and data inlined."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gan_train.pages.charts import Chart

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = files("gan_train.pages") / "assets"


def render(template: str, title: str, drawn: Sequence[Chart], **facts: Any) -> bytes:
    """A page of a template in assets/, UTF-8. Every text in it is escaped.

    Args:
        template: name of the file.
        title: of the page.
        drawn: every chart that the template shows.
        facts: what else the template asks for.
    """
    from markupsafe import Markup

    page = _environment().get_template(template)
    whole = page.render(
        title=title,
        styles=Markup(_text("uplot.min.css") + _text("page.css")),
        scripts=Markup(_text("uplot.min.js") + _text("page.js")),
        charts_json=Markup(_script_json({chart.key: chart.document() for chart in drawn})),
        version=version("ganmill"),
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **facts,
    )
    return whole.encode(errors="replace")


def _script_json(document: Any) -> str:
    """JSON that no HTML parser takes for the end of the script it stands in."""
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text()


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    return Environment(
        loader=FunctionLoader(_text), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
