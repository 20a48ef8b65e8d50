"""A page as one HTML file: templates with their style, script and data inlined."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from gan_core.html.rendering import render as render_template
from gan_train.pages.charts import Chart

_FOLDER = files("gan_train.pages") / "assets"


def render(template: str, title: str, page_charts: Sequence[Chart], **facts: Any) -> bytes:
    """Fill in a template of assets/ and return the page, UTF-8. Every text in it is escaped.

    Args:
        template: name of the file.
        title: of the page.
        page_charts: all charts of the page; its script draws them.
        facts: the other variables of the template.
    """
    from markupsafe import Markup

    page = render_template(
        "gan_train.pages/assets",
        template,
        title=title,
        styles=Markup(_text("uplot.min.css") + _text("page.css")),
        scripts=Markup(_text("uplot.min.js") + _text("page.js")),
        charts_json=Markup(_script_json({chart.key: chart.document() for chart in page_charts})),
        version=version("ganmill"),
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **facts,
    )
    return page.encode(errors="replace")


def _script_json(document: Any) -> str:
    """JSON inside of a script element, with "<" escaped so that no value can end the element."""
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text()
