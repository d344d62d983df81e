"""An archive that gets another model: what people made stays, at the same places."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from conftest import PITCHES
from earmark.archive.archive import Archive, open_archive
from earmark.archive.creation import make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import judge, judgements
from earmark.archive.lexicon import add_word, lexicon
from earmark.archive.renewal import index_with
from earmark.archive.schema import feature_chunks
from earmark.archive.search import SearchOptions, search
from earmark.core.errors import EarmarkError
from earmark.recipe import Recipe, feature_settings
from support.live_server import write_media
from support.small_archive import write_run


class StoppedError(Exception):
    """What ends an indexing in the middle."""


@pytest.fixture
def runs(tmp_path: Path, tiny_recipe: Recipe) -> list[Path]:
    """Two models with the same words: their weights differ."""
    other = tiny_recipe.model_copy(update={"training": tiny_recipe.training.model_copy(update={"seed": 7})})
    write_media(tmp_path / "field")
    words = list(PITCHES)
    return [
        write_run(tmp_path / "one", tiny_recipe, words),
        write_run(tmp_path / "two", other, [words[1], words[0], *words[2:]]),
    ]


def test_another_model_keeps_what_people_made(tmp_path: Path, runs: list[Path]) -> None:
    folder = tmp_path / "archive"

    def into(archive: Archive) -> None:
        index(archive, [tmp_path / "field"], ThreadExecutor())

    archive = index_with(folder, runs[0], into)
    archive.set(licence="CC BY")
    best = search(archive, "dog", SearchOptions())[0]
    judge(archive, "dog", best, "yes", best.hit.start_s, best.hit.end_s)
    add_word(archive, "mbwa")
    before, model = judgements(archive), archive.setting("model")
    archive.close()

    def stopped(archive: Archive) -> None:
        into(archive)
        raise StoppedError

    with pytest.raises(StoppedError):
        index_with(folder, runs[1], stopped)
    old = open_archive(folder)  # is searched until the new one is whole
    assert old.setting("model") == model
    late = search(old, "ball", SearchOptions())[0]
    judge(old, "ball", late, "no", late.hit.start_s, late.hit.end_s)
    old.close()

    renewed = index_with(folder, runs[1], into)
    assert renewed.setting("model") != model
    assert renewed.vocabulary.words[0] == list(PITCHES)[1]
    assert [one for one in judgements(renewed) if one.query == "dog"] == before
    assert {one.query: one.verdict for one in judgements(renewed)} == {"dog": "yes", "ball": "no"}
    assert [word.word for word in lexicon(renewed)] == ["mbwa"]
    assert renewed.setting("licence") == "CC BY"
    [found] = [one for one in search(renewed, "dog", SearchOptions()) if one.verdict == "yes"]
    assert found.position.recording == best.position.recording
    renewed.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "field", "one", "two"]


def test_a_cut_between_the_exchange_is_mended(tmp_path: Path, runs: list[Path]) -> None:
    def into(archive: Archive) -> None:
        index(archive, [tmp_path / "field"], ThreadExecutor())

    index_with(tmp_path / "archive", runs[0], into).close()
    (tmp_path / "archive").rename(tmp_path / "archive-former")
    archive = index_with(tmp_path / "archive", runs[0], into)
    assert search(archive, "dog", SearchOptions())
    archive.close()


def test_features_beside_the_model_stay(tmp_path: Path, runs: list[Path]) -> None:
    def into(archive: Archive) -> None:
        index(archive, [tmp_path / "field"], ThreadExecutor())

    index_with(tmp_path / "archive", runs[0], into).close()
    both = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    index(both, [], ThreadExecutor())
    before = both.settings()
    both.close()
    renewed = index_with(tmp_path / "archive", runs[1], into)
    assert renewed.setting("features") == before["features"]
    assert renewed.setting("model") != before["model"]
    with renewed.reading() as connection:
        assert connection.execute(select(feature_chunks.c.recording)).first() is not None
    renewed.close()


def test_what_waits_for_the_exchange_is_refused_and_nothing_is_lost(tmp_path: Path, runs: list[Path]) -> None:
    """A judgement is either in the new archive, or whoever judged is told to do so again."""
    folder = tmp_path / "archive"
    stored: list[float] = []
    problems: list[str] = []

    def into(archive: Archive) -> None:
        index(archive, [tmp_path / "field"], ThreadExecutor())

    index_with(folder, runs[0], into).close()
    stale = open_archive(folder)
    hits = search(stale, "dog", SearchOptions())
    ended = threading.Event()

    def judge_on() -> None:
        for number in itertools.count():
            start_s = 0.0001 * number
            try:
                judge(stale, "dog", hits[0], "yes", start_s, start_s + 0.5)
            except EarmarkError as problem:
                problems.append(str(problem))
                break
            stored.append(start_s)
        ended.set()

    judging = threading.Thread(target=judge_on)
    judging.start()
    renewed = index_with(folder, runs[1], into)
    assert ended.wait(60)
    assert problems == [f"The archive {folder} was indexed anew with another model meanwhile: open it again."]
    [last] = judgements(renewed)  # each replaced the one before: they are of one hit
    assert last.start_s == stored[-1]
    with pytest.raises(EarmarkError, match="indexed anew"):
        judge(stale, "dog", hits[0], "no")
    renewed.close()
