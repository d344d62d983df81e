"""The site, built with warnings as errors and opened from a folder: search, keyboard, screen readers, no network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VISITED = (
    "index.html",
    "linguists.html",
    "corpora.html",
    "results.html",
    "architecture.html",
    "reference/commands.html",
    "reference/api.html",
    "reference/modules/earmark.core.costs.html",
)

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(2400)]

for needed in ("sphinx", "furo", "myst_parser"):
    pytest.importorskip(needed, reason="the site is built by Sphinx (earmark[docs])")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site. A warning of the generator is an error, broken references are among them."""
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--keep-going", "--builder", "html"]
    done = subprocess.run(
        [*command, "--doctree-dir", str(out / "doctrees"), str(ROOT / "docs"), str(out / "html")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.fixture(scope="module", params=["light", "dark"])
def page(site: Path, request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A page of a browser without a network, in one colour scheme; what it requested was all in the folder."""
    context = browser.new_context(offline=True, color_scheme=request.param)
    opened = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    opened.on("request", lambda sent: requests.append(sent.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    assert [url for url in requests if not url.startswith((site.parent.as_uri(), "data:"))] == []
    assert errors == []
    context.close()


def test_the_search_finds_pages_from_a_folder(site: Path, page: Any) -> None:
    page.goto((site / "index.html").as_uri())
    page.fill("input[name=q]", "matchmap")
    page.press("input[name=q]", "Enter")
    page.wait_for_selector("#search-results li a[href*='image-queries.html']")  # found as one after the other is read
    page.click("#search-results li a")
    page.wait_for_selector("h1")


def test_axe_finds_nothing(site: Path, page: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    found = {}
    for name in (*VISITED, "search.html?q=attention"):
        page.goto(f"{site.as_uri()}/{name}")
        page.wait_for_selector("h1")
        # Without preloading, which a browser refuses to pages of a folder.
        violations = axe.run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
        found[name] = [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations]
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_every_module_and_command_has_its_place(site: Path) -> None:
    modules = {
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "src" / "earmark").rglob("*.py")
        if not any(part.startswith("_") and part != "__init__.py" for part in path.parts)
    }
    pages = {path.stem for path in (site / "reference" / "modules").glob("*.html")}
    assert modules - {"earmark"} <= pages
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for name in ("earmark train", "earmark corpus yfacc", "earmark tagger train", "earmark doctor"):
        assert f"<h2>{name}<" in commands
