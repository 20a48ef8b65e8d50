"""Pages as people meet them: in the Chromium of this machine, from disk, with every fault and request noted."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PHONE = {"width": 390, "height": 844}
_DESK = {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Opened:
    """A page and what happened on it.

    Attributes:
        page: to click and look at.
        faults: errors and warnings of the console, exceptions of scripts.
        requests: everything it asked for but itself.
    """

    page: Page
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start it. Needs one of the usual commands on the path: `make browser` installs it on Debian and Ubuntu."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    assert path, f"none of {', '.join(_NAMES)} is on the path; run: make browser"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser, file: Path, *, colours: Literal["light", "dark"] = "light", phone: bool = False
) -> Iterator[Opened]:
    """Open a file, as a double click would, on a desk or a phone."""
    context = browser.new_context(
        viewport=_PHONE if phone else _DESK, color_scheme=colours, has_touch=phone, is_mobile=phone, offline=True
    )
    page = context.new_page()
    seen = Opened(page)
    address = file.resolve().as_uri()
    page.on("console", lambda said: seen.faults.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.faults.append(str(error)))
    page.on(
        "request",
        lambda one: (
            None
            if one.url.split("#")[0] in (address,) or one.url.startswith(("data:", "blob:"))
            else seen.requests.append(one.url)
        ),
    )
    page.goto(address)
    yield seen
    context.close()


def runs_no_script(page: Page) -> bool:
    """Whether the page's own policy keeps a script from running that somebody smuggled into it."""
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content") or ""
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'") and "script-src" not in policy
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'document.title = "smuggled"';
            document.body.append(script);
        }"""
    )
    return page.title() != "smuggled"
