"""The notebooks are valid, hold no outputs, and run from top to bottom without a network."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

import earmark

nbformat = pytest.importorskip("nbformat", reason="needs nbformat")

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
PRINTED = {  # what must be in the output of each
    "1-first-search": r"(\d+)% of the first 10 hits are right; guessing: (\d+)%",
    "2-localisation-method": r"gradient-times-input +oracle accuracy (\d+)%",
    "3-compare-models": r"oracle\.accuracy +[+-][\d.]+% .*(differs|could be chance)",
}


@pytest.fixture
def as_before() -> Iterator[None]:
    """Forget what a notebook registers."""
    yield
    earmark.unregister("localisation", "gradient-times-input")


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == list(PRINTED)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_holds_no_output(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
        assert not re.search(r"(/home|/root|/tmp|/Users|[A-Z]:\\)", cell.source)


@pytest.mark.usefixtures("no_network", "as_before")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.stem == "1-first-search":
        pytest.importorskip("espeakng_loader", reason="needs earmark[demo]")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{path.name}, cell {number}", "exec"), names)
    found = re.search(PRINTED[path.stem], printed.getvalue())
    assert found, printed.getvalue()
    if path.stem == "1-first-search":
        right, chance = map(int, found.groups())
        assert right > 5 * chance or find_spec("moonshine_voice") is None
    if path.stem == "2-localisation-method":
        assert int(found[1]) > 60  # guessing is right in about one of four
