"""The pages of the documentation, as Markdown is parsed: their links, the anchors of their headings, their code."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")])


def tokens_of(text: str) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(text)


def links_of(text: str) -> list[str]:
    """Targets of all links and images."""
    inline = [child for token in tokens_of(text) for child in token.children or ()]
    return [str(one.attrs.get("href") or one.attrs.get("src")) for one in inline if one.type in ("link_open", "image")]


def anchors_of(text: str) -> set[str]:
    """Anchors of all headings, as they are made where repositories are browsed."""
    tokens, visited, found = tokens_of(text), Counter[str](), set()
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            plain = "".join(child.content for child in content.children or ())
            slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
            found.add(f"{slug}-{visited[slug]}" if visited[slug] else slug)
            visited[slug] += 1
    return found


@dataclass(frozen=True)
class Line:
    """A command of a page."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def commands_of(text: str, page: str) -> Iterator[Line]:
    """The commands of all shell blocks, each with its continuation lines as one."""
    for token in tokens_of(text):
        if token.type == "fence" and token.info.strip() in ("sh", "bash"):
            joined = re.sub(r"\\\n\s*", " ", token.content)
            for line in joined.splitlines():
                words = tuple(shlex.split(line, comments=True))
                if words:
                    yield Line(page, words)
