"""The public interface and its reference page say the same, and the page's examples run."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import earmark
from earmark.core.corpus import Corpus

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "python.md"

TYPED = """
from pathlib import Path
import numpy as np
import earmark

model: earmark.KeywordSpotter = earmark.load_model("model", device="cpu")
hits: list[earmark.Hit] = model.find("dog", ["a.wav"], top=3)
hits = model.find(["dog", "ball"], np.zeros(16_000), sample_rate=16_000)
located: earmark.Localisation = model.localise("dog", np.zeros(16_000), sample_rate=16_000)
start_s: float = hits[0].start_s
corpus: earmark.Corpus = earmark.read_corpus("corpus")
folder: Path = earmark.train("earmark", corpus, "out", keywords=["dog"])
first: earmark.Evaluation = earmark.evaluate(model, corpus, "test")
differences: dict[str, earmark.Difference] = earmark.compare(first, first)
with earmark.open_archive("archive") as archive:
    found: list[earmark.ArchiveHit] = archive.search("dog", top=3)
accuracy: float = earmark.metrics.oracle_accuracy([[0.5]], [(0, 0, 0.4, 0.6)])
names: list[str] = earmark.list_recipes()
"""
HEAVY = ("torch", "sqlalchemy", "pydantic", "accelerate", "scipy", "PIL", "av", "transformers", "safetensors")
WRONG = """
import earmark

model = earmark.load_model("model", device=1)
model.find("dog", ["a.wav"], best=3)
name: int = earmark.list_recipes()
"""


def page_names() -> list[str]:
    """The names in the first columns of the page's tables."""
    return re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_lists_what_dir_lists() -> None:
    assert sorted(page_names()) == dir(earmark) == sorted(earmark.__all__)


@pytest.mark.parametrize("name", earmark.__all__)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(earmark, name)
    if name != "__version__":
        assert re.match(r"[A-Z].+", inspect.getdoc(value) or "")


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serch'"):
        _ = earmark.serch  # type: ignore[attr-defined]


def test_importing_it_loads_no_network_library() -> None:
    code = (
        "import sys, earmark; dir(earmark); earmark.Hit; earmark.list_corpora(); earmark.list_recipes; "
        "print([m for m in ('torch', 'sqlalchemy', 'transformers', 'pandas', 'datasets') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_pages_examples_run(
    tiny_corpus: Corpus, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_run, tmp_path / "model")
    shutil.copytree(tiny_corpus.folder, tmp_path / "corpus")
    (tmp_path / "recordings").mkdir()
    for utterance in tiny_corpus.utterances("test"):
        shutil.copy(utterance.audio, tmp_path / "recordings")
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 20
    assert outcome.failed == 0


@pytest.mark.parametrize("module", ["earmark.core.types", "earmark.evaluation.arrays"])
def test_docstrings_run(module: str) -> None:
    __import__(module)
    outcome = doctest.testmod(sys.modules[module])
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_type_checkers_see_it(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    # Libraries beneath are not followed: they take a minute, and no public signature needs them.
    skipped = "".join(f"\n[mypy-{name}.*]\nfollow_imports = skip\n" for name in HEAVY)
    options = "[mypy]\nstrict = true\nignore_missing_imports = true\nfollow_imports = silent\n"
    (tmp_path / "mypy.ini").write_text(options + skipped, encoding="utf-8")
    (tmp_path / "right.py").write_text(TYPED, encoding="utf-8")
    (tmp_path / "wrong.py").write_text(WRONG, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache"), "right.py", "wrong.py"]
    environment = {**os.environ, "MYPYPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert re.findall(r"^(\w+)\.py:\d+: error", done.stdout, re.MULTILINE) == ["wrong"] * 3, done.stdout + done.stderr
