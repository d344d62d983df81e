"""A folder of models belongs to one corpus."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from earmark.core.corpus import Corpus, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.reproduce.results import FILE, check_provenance


def test_a_corpus_is_known_again_wherever_it_lies(own_corpus: Corpus, tmp_path: Path) -> None:
    check_provenance(tmp_path / "out", own_corpus)
    recorded = (tmp_path / "out" / FILE).read_bytes()
    shutil.move(own_corpus.folder, tmp_path / "moved")
    check_provenance(tmp_path / "out", read_corpus(tmp_path / "moved"))
    assert (tmp_path / "out" / FILE).read_bytes() == recorded
    assert str(tmp_path) not in recorded.decode()


@pytest.mark.parametrize("split", ["train", "dev"])
def test_a_corpus_with_other_utterances_is_refused(own_corpus: Corpus, tmp_path: Path, split: str) -> None:
    check_provenance(tmp_path / "out", own_corpus)
    splits = {name: own_corpus.utterances(name) for name in own_corpus.splits()}
    write_corpus(own_corpus, {**splits, split: splits[split][1:]})
    with pytest.raises(EarmarkError, match="from the corpus 'tiny', with other utterances in train or dev: choose"):
        check_provenance(tmp_path / "out", own_corpus)


def test_what_is_measured_on_may_change(own_corpus: Corpus, tmp_path: Path) -> None:
    check_provenance(tmp_path / "out", own_corpus)
    splits = {name: own_corpus.utterances(name) for name in own_corpus.splits()}
    write_corpus(own_corpus, {**splits, "test": splits["test"][1:]})
    check_provenance(tmp_path / "out", own_corpus)


def test_a_corpus_of_another_name_is_refused(tiny_corpus: Corpus, tmp_path: Path) -> None:
    check_provenance(tmp_path, tiny_corpus)
    with pytest.raises(EarmarkError, match="from the corpus 'tiny', not from 'other': choose another --out"):
        check_provenance(tmp_path, dataclasses.replace(tiny_corpus, name="other"))


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"name": '])
def test_damage_is_one_sentence(tiny_corpus: Corpus, tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content, encoding="utf-8")
    with pytest.raises(EarmarkError, match=rf"{FILE} is damaged .*delete it if "):
        check_provenance(tmp_path, tiny_corpus)
