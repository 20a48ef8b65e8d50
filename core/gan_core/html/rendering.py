"""Filling in the templates of pages. Every page of both packages is made here and stands in the frame of base.html.j2.

The frame carries a Content-Security-Policy: a page loads nothing from outside its file, and runs no script unless its
template asks for that. Every text that is filled in is escaped.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def render(package: str, template: str, **values: Any) -> str:
    """The HTML of a template that stands beside the modules of a package.

    Args:
        package: dotted name of the package, such as "gan_pipeline.inspection"; or "PACKAGE/FOLDER" for a folder in it.
        template: file name of the template. It may extend and import those of gan_core/html/templates.
        values: by the names that the template uses.

    Raises:
        jinja2.UndefinedError: the template uses a name that `values` lacks.
    """
    return _environment(package).get_template(template).render(values)


@cache
def _environment(package: str) -> "Environment":
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    name, _, folder = package.partition("/")
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("gan_core.html", "templates"), PackageLoader(name, folder or ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = "{:,}".format
    return environment
