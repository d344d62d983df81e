"""An archive with a model and features: either is added to the other, and what there was stays as it was."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import soundfile

from conftest import PITCHES
from earmark.archive.archive import Archive, open_archive
from earmark.archive.creation import make_archive, make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import judge, judgements
from earmark.archive.lexicon import add_word
from earmark.archive.search import SearchOptions, search
from earmark.archive.search_by_clip import search_clips
from earmark.archive.search_lexicon import search_lexicon, stored_hits
from earmark.archive.worker import ChunkResult, ChunkTask
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import SpokenQuery
from earmark.recipe import Recipe, feature_settings
from support.command_line import command_line
from support.long_sounds import contents, small_chunks
from support.small_archive import indexed_archive, write_run
from support.spoken_tones import WORDS, tones, tones_archive, write_recording


class StoppedError(Exception):
    """What ends an indexing in the middle."""


class Stopping(ThreadExecutor):
    """An executor that is stopped after some chunks."""

    def __init__(self, after: int) -> None:
        super().__init__(1)
        self.after = after

    def process(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        for number, outcome in enumerate(super().process(archive, tasks)):
            if number == self.after:
                raise StoppedError
            yield outcome


@pytest.fixture
def media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_chunks(monkeypatch)
    write_recording(tmp_path / "media" / "one.flac", {"mbwa": (2.2, 14.3), "ọmọ": (8.8,)}, 20.0)
    write_recording(tmp_path / "media" / "two.flac", {"mbwa": (5.5,)}, 11.0, seed=1)
    return tmp_path / "media"


@pytest.fixture
def run(tmp_path: Path, tiny_recipe: Recipe) -> Path:
    return write_run(tmp_path / "run", tiny_recipe, list(PITCHES))


@pytest.fixture
def query(tmp_path: Path) -> SpokenQuery:
    soundfile.write(tmp_path / "mbwa.wav", tones(WORDS["mbwa"]), SAMPLE_RATE)
    return SpokenQuery("mbwa", (tmp_path / "mbwa.wav",))


def feature_files(archive: Archive) -> dict[str, int]:
    files = sorted((archive.folder / "feature-frames").rglob("*.npy"))
    return {path.name + path.parent.name: path.stat().st_mtime_ns for path in files}


def test_a_model_is_added_to_an_archive_of_features(tmp_path: Path, media: Path, run: Path, query: SpokenQuery) -> None:
    archive = tones_archive(tmp_path / "archive", media)
    found = search_clips(archive, query, 5)
    word = add_word(archive, "mbwa", clips=query.clips)
    search_lexicon(archive)
    judge(archive, word.key, found[0], "yes", found[0].hit.start_s, found[0].hit.end_s)
    judged, files = judgements(archive), feature_files(archive)
    archive.close()

    with pytest.raises(StoppedError):
        index(make_archive(tmp_path / "archive", run), [], Stopping(2))
    halfway = open_archive(tmp_path / "archive")
    assert search_clips(halfway, query, 5) == found  # spoken queries go on meanwhile
    assert len(contents(halfway)["chunks"]) == 2
    halfway.close()

    archive = make_archive(tmp_path / "archive", run)
    report = index(archive, [], ThreadExecutor(1))
    assert report.problems == []
    alone = indexed_archive(tmp_path / "alone", run, media)
    assert contents(archive) == contents(alone)  # as if the features had never been
    assert search(archive, "dog", SearchOptions(5)) == search(alone, "dog", SearchOptions(5))
    assert search_clips(archive, query, 5) == found
    assert feature_files(archive) == files
    assert judgements(archive) == judged
    best = stored_hits(archive, word)[0]
    assert (best.position, best.verdict) == (found[0].position, "yes")


def test_features_are_added_to_the_archive_of_a_model(
    tmp_path: Path, media: Path, run: Path, query: SpokenQuery
) -> None:
    archive = indexed_archive(tmp_path / "archive", run, media)
    before, dogs = contents(archive), search(archive, "dog", SearchOptions(5))
    by_model = search_clips(archive, query, 5)
    archive.close()
    with pytest.raises(StoppedError):
        index(make_features_archive(tmp_path / "archive", feature_settings("mfcc")), [], Stopping(2))
    archive = make_features_archive(tmp_path / "archive", feature_settings("mfcc"))
    stored = feature_files(archive)
    assert len(stored) == 2
    index(archive, [], ThreadExecutor(1))
    alone = tones_archive(tmp_path / "alone", media)
    assert stored.items() <= feature_files(archive).items()
    assert feature_files(archive).keys() == feature_files(alone).keys()
    assert contents(archive) == before
    assert search(archive, "dog", SearchOptions(5)) == dogs
    assert search_clips(archive, query, 5) == search_clips(alone, query, 5) != by_model


def test_new_recordings_are_indexed_both_ways(tmp_path: Path, media: Path, run: Path, query: SpokenQuery) -> None:
    tones_archive(tmp_path / "archive", media).close()
    index(make_archive(tmp_path / "archive", run), [], ThreadExecutor(1))
    write_recording(media / "three.flac", {"mbwa": (3.3,)}, 8.0, seed=2)
    archive = tones_archive(tmp_path / "archive", media)
    assert contents(archive)["frames"] == contents(indexed_archive(tmp_path / "alone", run, media))["frames"]
    assert {Path(hit.hit.recording).name for hit in search_clips(archive, query, 4)} == {
        "one.flac",
        "two.flac",
        "three.flac",
    }
    media.joinpath("three.flac").unlink()
    index(archive, [media], ThreadExecutor(1), forget=True)
    assert feature_files(archive).keys() == feature_files(tones_archive(tmp_path / "two", media)).keys()


def test_the_command_line_adds_a_model_and_features(
    tmp_path: Path,
    media: Path,
    run: Path,
    query: SpokenQuery,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    earmark = command_line(monkeypatch, capsys)
    archive = tmp_path / "archive"
    assert f"'earmark search {archive} --clip CLIP'" in earmark(
        "index", "--features", "mfcc", media, "--archive", archive
    )
    added = earmark("index", run, "--archive", archive)
    assert "Indexed 0.01 hours" in added
    assert f"'earmark search {archive} WORD'" in added
    assert "Indexed" not in earmark("index", "--features", "mfcc", "--archive", archive)
    found = json.loads(earmark("search", archive, "dog", "--clip", query.clips[0], "--top", 3, "--json"))
    assert [one["query"] for one in found] == ["dog"] * 3 + ["mbwa"] * 3


def test_another_model_is_refused(tmp_path: Path, media: Path, run: Path, tiny_recipe: Recipe) -> None:
    tones_archive(tmp_path / "archive", media).close()
    make_archive(tmp_path / "archive", run).close()
    other = write_run(tmp_path / "other", tiny_recipe, list(PITCHES)[:1])
    with pytest.raises(EarmarkError, match=r"another model \(run\)"):
        make_archive(tmp_path / "archive", other)
