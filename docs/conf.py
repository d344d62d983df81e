"""The documentation as a site: 'make docs' builds it from these pages and from the docstrings.

The site needs no server and no network: fonts are the system's, and the search index is a script, so that it also works
where a page is opened from a folder.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "docs" / "_extensions")]

from pygments.lexers.special import TextLexer  # noqa: E402

import earmark  # noqa: E402

project = "Earmark"
author = "The Earmark authors"
copyright = "The Earmark authors"
version = release = earmark.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "accessible_pages",
    "command_reference",
]
exclude_patterns = ["_build", "_extensions"]
# Types are linked by their short names, of which some are in several modules; the index names pages by patterns, too.
suppress_warnings = ["ref.python", "toc.empty_glob"]

# Headings have the anchors that they have where the repository is browsed.
myst_heading_anchors = 4
myst_links_external_new_tab = False

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = "Earmark"
html_copy_source = False
html_show_sphinx = False
# Summaries of search results would be fetched, which a browser refuses to pages of a folder.
html_show_search_summary = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

# Pages that are files of the repository's top folder; in docs/ each is a link to its file.
FROM_THE_TOP = {"readme": "README.md", "changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}


def read_from_the_top(app: Any, page: str, source: list[str]) -> None:
    """Put a top-level file in its page's place, and let links to such files lead to the pages."""
    if page in FROM_THE_TOP:
        text = (ROOT / FROM_THE_TOP[page]).read_text(encoding="utf-8")
        text = re.sub(r"\]\((?!\w+:|#|docs/)", "](../", text)
        source[0] = re.sub(r"\]\(docs/", "](", text)
    for name, file in FROM_THE_TOP.items():
        source[0] = re.sub(rf"\]\((?:\.\./)+{re.escape(file)}", f"]({name}.md", source[0])
    source[0] = re.sub(r"\[([^]]*)\]\(((?:\.\./)+[^)#]*)[^)]*\)", _without_foreign_link, source[0])


def _without_foreign_link(link: re.Match[str]) -> str:
    """The text alone of a link to a folder, or to a page that is no part of the site."""
    target = ROOT / link[2].replace("../", "")
    return link[1] if target.is_dir() or (target.suffix == ".md" and target.parent.name != "docs") else link[0]


def delete_pages_of_modules_that_are_gone(app: Any, config: Any) -> None:
    """An earlier build has left a page of each module."""
    for page in (ROOT / "docs" / "reference" / "modules").glob("*.rst"):
        module = ROOT / "src" / page.stem.replace(".", "/")
        if not module.is_dir() and not module.with_suffix(".py").is_file():
            page.unlink()


def setup(app: Any) -> None:
    app.add_lexer("layers", TextLexer)
    app.connect("config-inited", delete_pages_of_modules_that_are_gone)
    app.connect("source-read", read_from_the_top)
