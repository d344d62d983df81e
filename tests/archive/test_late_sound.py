"""The same sound has the same hits wherever it begins in its film; their times are those that players show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.rescoring import localisation_curve
from earmark.archive.schema import recordings
from earmark.archive.search import SearchOptions, search
from earmark.archive.search_by_example import search_like
from earmark.archive.waveform_overview import peaks
from earmark.core.corpus import Corpus
from earmark.core.types import Hit
from earmark.localisation.chunks import read_timeline
from earmark.localisation.spotter import load_model
from earmark.localisation.windows import WINDOW_S, Timeline
from support.long_sounds import small_chunks
from support.media import write_tracks

DELAY_S = 1.537
SECONDS = 15.0  # two chunks


def bursts(rate: int, seed: int = 0) -> np.ndarray:
    sound = np.random.default_rng(seed).normal(0, 0.1, round(SECONDS * rate)).clip(-0.9, 0.9).astype(np.float32)
    sound[np.arange(len(sound)) / rate % 1 < 0.4] = 0
    return sound


def columns(hits: list[Hit]) -> np.ndarray:
    return np.array(sorted((hit.start_s, hit.score, hit.time_s, hit.end_s) for hit in hits)).reshape(-1, 4)


# The writer of mp4 puts what warms the decoder up into a film that begins late, and leaves it out of another.
@pytest.mark.parametrize(
    ("ending", "codec", "rate", "tracks", "near"),
    [
        ("mkv", "flac", 16_000, 1, 1e-6),
        ("mkv", "flac", 44_100, 2, 1e-6),
        ("mkv", "libopus", 48_000, 1, 2e-3),
        ("mp4", "aac", 16_000, 1, 2e-3),
        ("mov", "pcm_s16le", 16_000, 1, 1e-6),
    ],
)
def test_hits_of_a_film_whose_sound_begins_late(
    ending: str,
    codec: str,
    rate: int,
    tracks: int,
    near: float,
    tiny_corpus: Corpus,
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_chunks(monkeypatch)
    archive = make_archive(tmp_path / "archive", tiny_run)
    paths = {}
    for name, delay_s in (("sync", 0.0), ("late", DELAY_S)):
        (tmp_path / name).mkdir()
        sounds = [(bursts(rate, seed), delay_s, rate) for seed in range(tracks)]
        paths[name] = write_tracks(tmp_path / name / f"{name}.{ending}", sounds, codec, film=True)
    assert index(archive, [path.parent for path in paths.values()], ThreadExecutor(1)).problems == []
    spotter = load_model(tiny_run)
    for word in tiny_corpus.keywords[:2]:
        searched = [hit.hit for hit in search(archive, word, SearchOptions(1000))]
        found = {name: spotter.find(word, path, 1000) for name, path in paths.items()}
        for name, path in paths.items():
            in_archive = columns([hit for hit in searched if hit.recording == str(path)])
            np.testing.assert_allclose(columns(found[name]), in_archive, atol=1e-6)
        shift = columns(found["late"]) - columns(found["sync"])
        np.testing.assert_allclose(shift, np.broadcast_to([DELAY_S, 0, DELAY_S, DELAY_S], shift.shape), atol=near)
    with archive.reading() as connection:
        late, sync = (
            connection.execute(recordings.select().where(recordings.c.path == str(paths[name]))).one()
            for name in ("late", "sync")
        )
    curves = [
        localisation_curve(archive, [tiny_corpus.keywords[0]], row, 1, row.start_s + 2, row.start_s + 9)
        for row in (late, sync)
    ]
    assert curves[0] is not None
    assert curves[1] is not None
    np.testing.assert_allclose(curves[0].values, curves[1].values, atol=2e-3)
    np.testing.assert_allclose(curves[0].times_s - curves[1].times_s, DELAY_S, atol=near)
    _, highest = peaks(archive, late, 1, 0.0, 4.0, 200)
    assert not highest[: round(50 * (DELAY_S + 0.3))].any()
    assert highest[round(50 * (DELAY_S + 0.5)) :].max() > 10
    example = search(archive, tiny_corpus.keywords[0], SearchOptions(1))[0].position
    assert search_like(archive, example, top=3)


def test_windows_begin_with_the_sound(tmp_path: Path) -> None:
    path = write_tracks(
        tmp_path / "a.mkv", [(bursts(16_000), 0.25, 16_000), (bursts(16_000), 2.0, 16_000)], "flac", True
    )
    assert read_timeline(path) == Timeline(17.0, 0.25 + 0.4)


def test_a_timeline_is_shifted_as_a_whole() -> None:
    plain, shifted = Timeline(700.0), Timeline(701.25, 1.25)
    assert (plain.chunks, plain.windows) == (shifted.chunks, shifted.windows)
    for number in range(plain.chunks):
        assert shifted.chunk_bounds_s(number) == tuple(edge_s + 1.25 for edge_s in plain.chunk_bounds_s(number))
        assert shifted.chunk_windows(number) == plain.chunk_windows(number)
    for time_s in np.random.default_rng(0).uniform(0, 700, 50):
        assert shifted.chunk_at(time_s + 1.25) == plain.chunk_at(time_s)
        around = shifted.windows_around(time_s + 1.25, time_s + 2.0)
        assert around == plain.windows_around(time_s, time_s + 0.75)
        for number in range(plain.windows):
            begin_s = plain.window_start_s(number)
            assert (number in around) == (begin_s + WINDOW_S > time_s and begin_s <= time_s + 0.75)
    assert shifted.chunk_at(0.0) == 0
