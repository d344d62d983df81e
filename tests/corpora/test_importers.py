"""What every importer in earmark/corpora promises, whatever its corpus."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from earmark import corpora
from earmark.core.errors import EarmarkError


@pytest.mark.parametrize("name", corpora.names())
def test_an_importer_says_what_its_corpus_is(name: str) -> None:
    said = inspect.getdoc(corpora.importer(name))
    assert said is not None
    first, *_ = said.splitlines()
    assert first.endswith(".")
    assert [part for part in ("Origin:", "Size:", "Licence:", "Citation:") if part not in said] == []


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
