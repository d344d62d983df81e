"""A speaker takes the consent back."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.corpus import read_corpus
from earmark.core.errors import EarmarkError
from earmark.corpora.table import prepare
from earmark.studio.speakers import add_consent, add_speaker, note_withdrawal, speakers
from earmark.studio.takes import TakeStore
from earmark.studio.withdrawal import complete_withdrawals, withdraw
from support.take_writer import new_take, send, wav


@pytest.fixture
def store(tmp_path: Path) -> TakeStore:
    """A project with three takes each of two speakers, their corpus, and exports."""
    store = TakeStore(tmp_path)
    for name in ("Ọlá", "Adé"):
        speaker = add_speaker(tmp_path, name)
        add_consent(tmp_path, speaker.id, "speech", content=wav(0), suffix=".wav")
        for number in range(3):
            content = wav(number)
            send(store, new_take(content, speaker.id, number), content)
    prepare(tmp_path / "utterances.csv", tmp_path / "corpus")
    (tmp_path / "exports").mkdir()
    gone = store.takes("s01")[0].name
    (tmp_path / "exports" / "hits.csv").write_text(f"recording\n{gone}.wav\n", encoding="utf-8")
    (tmp_path / "exports" / f"{gone}.eaf").write_text("<x/>", encoding="utf-8")
    (tmp_path / "exports" / "others.csv").write_text("speaker\ns02\ns010\nxs01\n", encoding="utf-8")
    return store


def test_everything_of_the_speaker_is_deleted_and_the_rest_is_named(store: TakeStore) -> None:
    folder = store.folder
    others = [take.id for take in store.takes("s02")]
    gone = store.takes("s01")[0]
    derived = [folder / "corpus/features/mfcc/train.json", folder / "jobs/learn/utterances.csv"]
    other = folder / "jobs/learn/keywords.txt"
    for path in (*derived, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mtoto\n" if path == other else f"audio\n../../{gone.file}\n", encoding="utf-8")
    done = withdraw(store, "s01")
    assert (done.takes, done.utterances) == (3, 3)
    assert done.exports == ("exports/hits.csv", next(p for p in done.exports if p.endswith(".eaf")))
    assert (done.model_learned, done.has_archive) == (False, False)
    assert [take.id for take in store.takes()] == others
    assert [speaker.id for speaker in speakers(folder)] == ["s02"]
    corpus = read_corpus(folder / "corpus")
    assert {utterance.speaker for split in corpus.splits() for utterance in corpus.utterances(split)} == {"s02"}
    assert not any(path.exists() for path in derived)
    assert other.exists()
    left = [path for path in folder.rglob("*") if path.is_file() and "exports" not in path.parts]
    for path in left:
        assert "s01" not in path.name
        content = path.read_bytes()
        assert "Ọlá".encode() not in content
        assert b"s01" not in content or path.name == "withdrawn.jsonl"


def test_nothing_more_of_the_speaker_is_stored(store: TakeStore) -> None:
    other = TakeStore(store.folder)
    withdraw(store, "s01")
    content = wav(7)
    with pytest.raises(EarmarkError, match=r"no such speaker|took the consent back"):
        send(other, new_take(content, "s01", 7), content)
    assert {take.speaker for take in other.takes()} == {"s02"}
    with pytest.raises(EarmarkError, match="no speaker s01"):
        withdraw(store, "s01")
    assert add_speaker(store.folder).id == "s03"


def test_a_withdrawal_that_was_interrupted_is_completed(store: TakeStore) -> None:
    note_withdrawal(store.folder, "s01")
    again = TakeStore(store.folder)
    assert {take.speaker for take in again.takes()} == {"s02"}
    assert "s01" not in (store.folder / "utterances.csv").read_text(encoding="utf-8")
    complete_withdrawals(again)
    assert not (store.folder / "takes/s01").exists()
    assert not (store.folder / "speakers/s01").exists()


def test_a_model_and_an_archive_are_named(store: TakeStore) -> None:
    for name in ("model", "archive"):
        (store.folder / name).mkdir()
        (store.folder / name / "x").write_text("x", encoding="utf-8")
    done = withdraw(store, "s02")
    assert (done.model_learned, done.has_archive) == (True, True)
