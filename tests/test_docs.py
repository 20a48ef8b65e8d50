"""Every recipe fragment of the documentation is a recipe, and every link leads to a file."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_train.recipe.document import check_recipe, load_recipe

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "docs" / "recipes.md"
FRAGMENTS = re.findall(r"```yaml\n(.*?)```", RECIPES.read_text(), re.DOTALL)


def laid_over(base: dict[str, Any], fragment: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in fragment.items():
        below = base.get(key)
        merged[key] = laid_over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_fragment_laid_over_a_recipe_is_a_recipe(fragment: str) -> None:
    base = load_recipe("mnist-gan").model_dump(mode="json")
    chosen = check_recipe(laid_over(base, yaml.safe_load(fragment)), str(RECIPES))
    assert chosen != load_recipe("mnist-gan")
    assert chosen.warnings == ()


def test_every_practice_of_a_recipe_is_told() -> None:
    text = RECIPES.read_text()
    practices = ("loss", "latent", "labels", "penalties", "discriminator_steps", "augment", "instance_noise", "average")
    fields = load_recipe("mnist-gan").model_dump()["penalties"]
    for key in (*practices, *fields):
        assert re.search(rf"\b{key}\b", text), key


LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
PAGES = sorted(page for place in ("*.md", "docs/**/*.md", "deploy/*.md", "examples/**/*.md") for page in ROOT.glob(place))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    missing = [link for link in LINK.findall(prose) if not (page.parent / link).exists()]
    assert not missing
