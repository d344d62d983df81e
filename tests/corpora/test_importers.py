"""What every importer in earmark/corpora promises, whatever its corpus."""

from __future__ import annotations

import inspect
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from earmark import corpora
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.corpora._assemble import Entry, assemble
from earmark.corpora._import_log import ImportLog
from support.media import write_picture, write_tone


@pytest.mark.parametrize("name", corpora.names())
def test_an_importer_says_what_its_corpus_is(name: str) -> None:
    docstring = inspect.getdoc(corpora.importer(name))
    assert docstring is not None
    first, *_ = docstring.splitlines()
    assert first.endswith(".")
    assert [part for part in ("Origin:", "Size:", "Licence:", "Citation:") if part not in docstring] == []


@pytest.mark.parametrize("name", corpora.names())
def test_an_importer_prepares_into_a_folder(name: str) -> None:
    prepare = corpora.importer(name).prepare
    signature = inspect.signature(prepare, eval_str=True)
    *sources, out = (p for p in signature.parameters.values() if p.kind is not inspect.Parameter.KEYWORD_ONLY)
    assert out.name == "out"
    assert [parameter.name for parameter in sources] in ([], ["source"])
    assert signature.return_annotation.__name__ == "Corpus"


@pytest.mark.parametrize("name", corpora.names())
def test_an_importer_is_a_command_and_light_to_import(name: str) -> None:
    code = f"import sys; import earmark.corpora.{name}; print([m for m in ('torch', 'lhotse') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    command = [sys.executable, "-m", "earmark", "corpus", name.replace("_", "-"), "--help"]
    assert "out" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_an_unknown_corpus_is_refused() -> None:
    with pytest.raises(EarmarkError, match=r"choose from .*flickr8k_audio, .*picturebook, .*table"):
        corpora.importer("flickr9k")


def test_every_importer_warns_of_pictures_in_two_splits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever its lists say: most importers end in `assemble`."""
    write_picture(tmp_path / "p.png")
    for name in "abc":
        write_tone(tmp_path / f"{name}.wav")
    entries = [
        Entry(row, name, tmp_path / f"{name}.wav", tmp_path / "p.png", None, "text", split)
        for row, (name, split) in enumerate((("a", "train"), ("b", "dev"), ("c", "test")), 1)
    ]
    ledger = ImportLog()
    ledger.read("utterances", 3)
    with caplog.at_level(logging.WARNING):
        assemble(Corpus(tmp_path / "out", "pictures"), entries, {}, ledger)
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        assert f"1 image file is in {one} and in {other}" in caplog.text
