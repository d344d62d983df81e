"""The examples in docstrings and on pages give what they say they give.

Examples that need files of the reader's are marked with SKIP, or are on docs/python.md, whose own test makes the files.
"""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import earmark
from support.pages import PAGES, ROOT

SOURCE = Path(earmark.__file__).parents[1]
MODULES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name: str) -> None:
    module = importlib.import_module(name)
    examples = sum(len(test.examples) for test in doctest.DocTestFinder().find(module))
    assert examples, f"no docstring of {name} has the example that its file has"
    assert doctest.testmod(module, optionflags=OPTIONS).failed == 0


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name != "python.md" and ">>> " in page.read_text(encoding="utf-8")],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_pages(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8", optionflags=OPTIONS).failed == 0
