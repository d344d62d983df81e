"""Chunks, windows and their processing, against counts by hand and a slow version."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.frame_store import FrameStore
from earmark.archive.indexer import index
from earmark.archive.schema import chunks as chunk_rows
from earmark.archive.schema import recordings
from earmark.archive.waveform_overview import peaks, waveform_overview
from earmark.archive.worker import ChunkTask, process_chunk
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.localisation import windows as chunking
from earmark.localisation.peaks import non_max_suppression
from earmark.localisation.spotter import load_model
from earmark.localisation.windows import HOP_S, WINDOW_S, Timeline, window_of, window_starts
from support.long_sounds import SAMPLE_RATE, small_chunks, write_long
from support.small_archive import unindexed_archive


def starts_of(duration_s: float) -> list[int]:
    """First samples of all windows of a recording, chunk by chunk."""
    samples, found = round(duration_s * SAMPLE_RATE), []
    for number in range(Timeline(duration_s).chunks):
        start_s, end_s = Timeline(duration_s).chunk_bounds_s(number)
        first = round(start_s * SAMPLE_RATE)
        covered = min(samples, round((end_s + chunking.OVERLAP_S) * SAMPLE_RATE)) - first
        found += [first + start for start in window_starts(covered)]
    return found


@given(st.integers(min_value=1, max_value=3 * 320 * SAMPLE_RATE))
def test_windows_cover_every_sample_and_chunks_tile(samples: int) -> None:
    duration_s = samples / SAMPLE_RATE
    starts = starts_of(duration_s)
    # The same windows as if the recording were one.
    assert starts == list(range(0, max(samples - 2 * SAMPLE_RATE, 1), 2 * SAMPLE_RATE))
    assert starts[-1] + 4 * SAMPLE_RATE >= samples
    edges = [Timeline(duration_s).chunk_bounds_s(number) for number in range(Timeline(duration_s).chunks)]
    assert edges[0][0] == 0
    assert edges[-1][1] == duration_s
    assert all(one[1] == other[0] for one, other in itertools.pairwise(edges))
    assert Timeline(duration_s).windows == len(starts)


@pytest.mark.parametrize(
    ("duration_s", "bounds"),
    [
        (0.5, [(0, 0.5)]),
        (301.9, [(0, 301.9)]),  # what is left over holds no window of its own
        (302.0, [(0, 302.0)]),
        (302.5, [(0, 300.0), (300.0, 302.5)]),
        (900.0, [(0, 300.0), (300.0, 600.0), (600.0, 900.0)]),
    ],
)
def test_chunks_by_hand(duration_s: float, bounds: list[tuple[float, float]]) -> None:
    assert [Timeline(duration_s).chunk_bounds_s(n) for n in range(Timeline(duration_s).chunks)] == bounds


def test_window_of_is_the_one_whose_edges_are_farthest() -> None:
    times_s = np.arange(0, 12, 0.013)
    starts = np.arange(5) * HOP_S
    far = np.minimum(times_s[:, None] - starts, starts + WINDOW_S - times_s[:, None])
    numbers = window_of(times_s, 5)
    # But in the first and last seconds, which one window alone hears.
    inner = (times_s >= 2.0) & (times_s < 10)
    assert np.allclose(far[np.arange(len(times_s)), numbers][inner], far.max(axis=1)[inner])
    assert (numbers[times_s < 2] <= 1).all()
    assert (far[np.arange(len(times_s)), numbers] >= -1e-9).all()


def test_frames_of_stretches_across_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch)
    store = FrameStore(tmp_path, 0.04)
    counts = [300, 300, 345]  # the last chunk is longer: 13.8 s
    centres_s = []
    for number, count in enumerate(counts):
        at_s = number * 12 + (np.arange(count) + 0.5) * 0.04
        store.write("ab" * 32, 2, number, np.stack([at_s, -at_s], axis=1).astype(np.float16))
        centres_s += at_s.tolist()
    rng = np.random.default_rng(0)
    for start_s, length_s in [*rng.uniform(0, (39, 30), (200, 2)).tolist(), [36.5, 0.5], [12.0, 12.0], [37.0, 9.0]]:
        expected = [t for t in centres_s if start_s - 1e-6 <= t < start_s + length_s - 1e-6]
        found = store.segment("ab" * 32, Timeline(1000.0), 2, start_s, start_s + length_s)
        assert len(found) == len(expected)
        if expected:
            assert found.dtype == np.float32
            assert np.allclose(found[:, 0], np.float16(expected))
    assert store.segment("cd" * 32, Timeline(1000.0), 1, 0.0, 5.0).shape == (0, 0)
    store.forget("ab" * 32)
    assert not store.path("ab" * 32, 2, 0).exists()
    with pytest.raises(EarmarkError, match="missing or damaged"):
        store.read("ab" * 32, 2, 0)


def test_outline_by_a_slow_loop() -> None:
    waveform = np.random.default_rng(0).normal(0, 0.5, 2000).astype(np.float32)
    low, high = waveform_overview(waveform)
    assert len(low) == 7
    for i in range(7):
        part = waveform[320 * i : 320 * (i + 1)]
        assert low[i] == np.clip(np.rint(part.min() * 127), -127, 127)
        assert high[i] == np.clip(np.rint(part.max() * 127), -127, 127)
    assert waveform_overview(np.zeros(0, np.float32)).shape == (2, 0)


def test_peaks_of_stretches_by_a_slow_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_chunks(monkeypatch)
    archive = unindexed_archive(tmp_path / "archive")
    rng = np.random.default_rng(1)
    lengths = [600, 600, 655]
    whole = np.sort(rng.integers(-127, 128, (2, sum(lengths))).astype(np.int8), axis=0)
    with archive.writing() as connection:
        for number, part in enumerate(np.split(whole, np.cumsum(lengths)[:-1], axis=1)):
            row = {"recording": 1, "channel": 2, "number": number, "windows": 6, "peaks": part.tobytes()}
            connection.execute(insert(chunk_rows).values(row))
    padded = np.pad(whole, ((0, 0), (0, 2000)))
    recording = SimpleNamespace(id=1, duration_s=37.1, start_s=0.0)
    for _ in range(150):
        start_s, length_s, count = rng.uniform(0, 38), rng.uniform(0.01, 20), int(rng.integers(1, 300))
        found = peaks(archive, recording, 2, start_s, start_s + length_s, count)
        edges = np.rint(np.linspace(start_s, start_s + length_s, count + 1) * 50).astype(int)
        for column, (left, right) in enumerate(itertools.pairwise(edges)):
            part = padded[:, left : max(right, left + 1)]
            assert (found[0, column], found[1, column]) == (part[0].min(), part[1].max())
    assert not peaks(archive, recording, 1, 0.0, 10.0, 7).any()


@pytest.mark.parametrize("run", ["tiny_run", "tiny_pictured_run"])
def test_a_chunk_is_its_windows_one_by_one(
    run: str, tiny_corpus: Corpus, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch)
    spotter = load_model(request.getfixturevalue(run))
    path = write_long(tmp_path / "a.wav", tiny_corpus, 31.3, channels=2)
    samples = soundfile.read(str(path), dtype="float32")[0][:, 1]
    grid = spotter.model.grid
    for number in range(Timeline(31.3).chunks):
        result = process_chunk(spotter, ChunkTask(1, "", str(path), Timeline(31.3), 2, number))
        start_s, end_s = Timeline(31.3).chunk_bounds_s(number)
        first = round(start_s * SAMPLE_RATE)
        own = samples[first : round(end_s * SAMPLE_RATE)]
        sound = samples[first : round((end_s + 2) * SAMPLE_RATE)]
        starts = window_starts(len(sound))
        assert result.windows == len(starts)
        hits = [
            spotter.score_utterance(sound[s : s + 4 * SAMPLE_RATE], spotter.keywords, start_s=start_s + s / SAMPLE_RATE)
            for s in starts
        ]
        for word, name in enumerate(spotter.keywords):
            of_word = [candidates[word].hit for candidates in hits]
            columns = (np.array([getattr(h, c) for h in of_word]) for c in ("score", "start_s", "end_s"))
            expected = sorted(
                (of_word[i].score, of_word[i].time_s, of_word[i].start_s, of_word[i].end_s)
                for i in non_max_suppression(*columns)
            )
            mine = result.postings.queries == word
            columns = (getattr(result.postings, c)[mine] for c in ("scores", "times_s", "starts_s", "ends_s"))
            assert np.allclose(sorted(zip(*columns, strict=True)), expected, atol=1e-5), name
        # Every frame is one of the window that hears it best, in its place.
        assert len(result.frames) == round(len(own) / grid.stride)
        for i in range(0, len(result.frames), 17):
            centre = (i + 0.5) * grid.stride
            window = int(window_of(np.array([centre / SAMPLE_RATE]), len(starts))[0])
            features = spotter.features(sound[starts[window] :][: 4 * SAMPLE_RATE])[None]
            import torch

            with torch.no_grad():
                frames, _ = spotter.model.encode_speech(features, torch.tensor([features.shape[1]]))
            nearest = round((centre - starts[window] - grid.first_centre) / grid.stride)
            nearest = min(nearest, frames.shape[1] - 1)
            assert np.allclose(result.frames[i], frames[0, nearest].numpy(), rtol=1e-2, atol=1e-2)
        assert result.peaks.shape == (2, -(-len(own) // 320))


def test_silence_is_skipped_on_request(tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path) -> None:
    path = write_long(tmp_path / "a.wav", tiny_corpus, 20.0)
    samples = soundfile.read(str(path), dtype="float32")[0]
    samples[5 * SAMPLE_RATE : 15 * SAMPLE_RATE] = 0
    soundfile.write(str(path), samples, SAMPLE_RATE)
    spotter = load_model(tiny_run)
    every = process_chunk(spotter, ChunkTask(1, "", str(path), Timeline(20.0), 1, 0))
    some = process_chunk(spotter, ChunkTask(1, "", str(path), Timeline(20.0), 1, 0, skip_silence=True))
    assert every.windows == 9
    assert some.windows == 6  # those from 6, 8 and 10 s on are silent
    assert not some.frames[round(7.5 / spotter.model.grid.stride_s) : round(12.5 / spotter.model.grid.stride_s)].any()
    assert (some.postings.times_s[some.postings.scores > 0.5] < 16).any()
    soundfile.write(str(path), 0 * samples, SAMPLE_RATE)
    nothing = process_chunk(spotter, ChunkTask(1, "", str(path), Timeline(20.0), 1, 0, skip_silence=True))
    assert nothing.windows == 0
    assert nothing.frames.shape == every.frames.shape
    assert len(nothing.postings.queries) == 0


@pytest.mark.parametrize("seconds", [0.0001, 0.004, 0.02, 0.1, 1.9])
def test_recordings_of_no_length_to_speak_of(
    seconds: float, tiny_run: Path, tiny_corpus: Corpus, tmp_path: Path
) -> None:
    write_long(tmp_path / "media" / "a.wav", tiny_corpus, seconds)
    archive = make_archive(tmp_path / "archive", tiny_run)
    report = index(archive, [tmp_path / "media"], ThreadExecutor(1))
    assert report.problems == []
    with archive.reading() as connection:
        assert connection.execute(recordings.select()).one().status == "done"
