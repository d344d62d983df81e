"""Every relative link and every anchor of the documentation leads somewhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from support.pages import PAGES, ROOT, anchors_of, links_of


def broken(page: Path, text: str) -> list[str]:
    """Links of a page to files or headings that are not there."""
    found = []
    for target in links_of(text):
        address, _, anchor = unquote(target).partition("#")
        if ":" in address:
            continue
        file = (page.parent / address).resolve() if address else page
        if not file.exists():
            found.append(f"{target}: no such file")
        elif anchor and file.suffix == ".md" and anchor not in anchors_of(file.read_text(encoding="utf-8")):
            found.append(f"{target}: no such heading")
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    other = tmp_path / "other.md"
    other.write_text("# One `code` & *two*\n\n## Twice\n\n## Twice\n\n## Ọmọ 1.5 s\n", encoding="utf-8")
    good = "[a](other.md#one-code--two) [b](other.md#twice-1) [c](other.md#ọmọ-15-s) [d](https://a.org/x#y) `[e](z)`"
    bad = "[f](nothing.md) ![g](no.png) [h](other.md#three) [i](#here) [j](other.md#twice-2)"
    assert broken(tmp_path / "page.md", good) == []
    (tmp_path / "page.md").write_text(bad, encoding="utf-8")
    assert len(broken(tmp_path / "page.md", bad)) == 5
