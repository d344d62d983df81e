from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import earmark
import twins


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    earmark.register("corpus", "twins", twins)
    yield
    earmark.unregister("corpus", "twins")


def test_a_folder_becomes_a_corpus(tmp_path: Path) -> None:
    source = tmp_path / "my söunds"
    source.mkdir()
    spoken = earmark.prepare_corpus("tones", tmp_path / "tones", size=12).utterances("train")
    for one in spoken:
        shutil.copy(one.audio, source)
        assert one.image is not None
        shutil.copy(one.image, source)
        (source / f"{one.id}.txt").write_text(one.text or "", encoding="utf-8")
    (source / f"{spoken[0].id}.png").unlink()
    corpus = earmark.prepare_corpus("twins", str(source), str(tmp_path / "corpus"), language="xx")
    assert corpus == earmark.read_corpus(tmp_path / "corpus")
    assert [len(corpus.utterances(split)) for split in ("train", "dev", "test")] == [10, 1, 1]
    known = {one.id: one for one in spoken}
    for split in corpus.splits():
        for one in corpus.utterances(split):
            same = known[one.id]
            assert (one.text, one.duration_s) == (same.text, same.duration_s)
            assert (one.image is None) == (one.id == spoken[0].id)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(earmark.EarmarkError, match="holds no recordings"):
        earmark.prepare_corpus("twins", tmp_path, tmp_path / "out")


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"] == {"earmark.corpora": {"twins": twins.__name__}}
