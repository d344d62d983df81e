"""Mends the theme's pages for screen readers and keyboards, after they have been written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MENDED = (
    # A heading of no level.
    (r'role="heading">', 'role="heading" aria-level="2">'),
    # What scrolls sideways must be reached by keyboard.
    (r"<pre>", '<pre tabindex="0">'),
    (r'<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    # Two landmarks of one kind need names.
    (r'<aside class="sidebar-drawer"', '<aside aria-label="Pages" class="sidebar-drawer"'),
    (r'<aside class="toc-drawer', '<aside aria-label="On this page" class="toc-drawer'),
    # A header that heads nothing.
    (r'<th class="head([^"]*)"><p></p></th>', r'<td class="head\1"></td>'),
    # The page of search results has no heading before there are results.
    (r'<div id="search-results"', '<h1>Search</h1>\n<div id="search-results"'),
)
MARK = "<!-- mended -->\n"


def mend(text: str) -> str:
    for pattern, replacement in MENDED:
        text = re.sub(pattern, replacement, text)
    return text


def mend_pages(app: Any, problem: Exception | None) -> None:
    if problem is None and app.builder.format == "html":
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text(encoding="utf-8")
            if MARK not in text:  # a page that this build did not write anew is mended already
                page.write_text(mend(text) + MARK, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True}
