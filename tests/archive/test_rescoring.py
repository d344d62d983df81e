"""Windows are scored from their stored frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.archive.archive import Archive
from earmark.archive.rescoring import (
    ChunkKey,
    EncodedQuery,
    Window,
    all_windows,
    frames_of,
    matching_recordings,
    score_windows,
    windows_around,
    windows_from,
)
from earmark.localisation.windows import HOP_S, WINDOW_S, Timeline
from earmark.recipe import Recipe
from support.synthetic_tables import add_recording, made_up_archive, pictured

DURATION_S = 311.3  # two chunks


@pytest.fixture(params=["keywords", "misa", "max", "localising-attention"])
def archive(request: pytest.FixtureRequest, tiny_pictured_recipe: Recipe, tmp_path: Path) -> Archive:
    made = made_up_archive(tmp_path, pictured(tiny_pictured_recipe, request.param))
    add_recording(made, 1, DURATION_S, channels=2, silent_s=(20.0, 30.0))
    add_recording(made, 2, 2.5)
    return made


def encode_query(archive: Archive) -> EncodedQuery:
    rng = torch.Generator().manual_seed(3)
    with torch.no_grad():
        encoded = archive.spotter.model.build_queries([torch.randn(2, 3, 3, 16, generator=rng)])
    return EncodedQuery("a picture", archive.spotter, encoded)


def whole(archive: Archive, number: int, channel: int, chunks: int) -> np.ndarray:
    """All frames of a recording."""
    return np.concatenate([archive.frames.read(f"{number:064x}", channel, chunk) for chunk in range(chunks)])


@torch.no_grad()
def test_each_window_is_scored_as_one_utterance_by_hand(archive: Archive) -> None:
    rows, query = matching_recordings(archive, []), encode_query(archive)
    step_s = archive.frames.step_s
    for window in [Window(1, 1, 0), Window(1, 2, 74), Window(1, 1, 149), Window(1, 1, 154), Window(2, 1, 0)]:
        frames = whole(archive, window.recording, window.channel, 2 if window.recording == 1 else 1)
        centres_s = (np.arange(len(frames)) + 0.5) * step_s
        start_s = window.number * HOP_S
        inside = frames[(centres_s >= start_s - 1e-9) & (centres_s < start_s + WINDOW_S - 1e-9)].astype(np.float32)
        speech = torch.from_numpy(inside)[None], torch.tensor([len(inside)])
        detection, curve = query.spotter.model.score(speech, query.encoded)
        (found,) = score_windows(archive, query, [window], rows)
        assert found.hit.score == pytest.approx(float(detection.sigmoid()), abs=1e-6)
        assert found.hit.time_s == pytest.approx(start_s + (int(curve[0, 0].argmax()) + 0.5) * step_s, abs=1e-6)
        assert start_s <= found.hit.start_s <= found.hit.time_s <= found.hit.end_s
        assert found.hit.end_s <= min(start_s + WINDOW_S, DURATION_S) + 1e-6
        assert (found.position.recording, found.position.channel) == (window.recording, window.channel)
        assert found.hit.query == "a picture"


def test_many_windows_are_scored_as_one_by_one(archive: Archive) -> None:
    rows, query = matching_recordings(archive, []), encode_query(archive)
    windows = [window for window in all_windows(rows.values()) if window.number % 2 == 0]  # that do not overlap
    together = score_windows(archive, query, windows, rows)
    alone = [found for window in windows for found in score_windows(archive, query, [window], rows)]
    assert [f.hit.score for f in together] == sorted((f.hit.score for f in together), reverse=True)
    assert {f.position for f in together} == {f.position for f in alone}
    assert sorted(f.hit.score for f in together) == pytest.approx(sorted(f.hit.score for f in alone), abs=1e-5)


def test_silence_and_what_was_not_indexed_have_no_hit(archive: Archive) -> None:
    add_recording(archive, 3, DURATION_S, stored=[1])
    rows, query = matching_recordings(archive, []), encode_query(archive)
    assert score_windows(archive, query, [Window(1, 1, 12), Window(1, 2, 12), Window(3, 1, 5)], rows) == []
    assert len(score_windows(archive, query, [Window(1, 1, 8), Window(3, 1, 152)], rows)) == 2
    assert score_windows(archive, query, [], rows) == []
    assert frames_of(archive, Window(1, 1, 0), rows).shape == (100, 16)


@pytest.mark.parametrize("archive", ["keywords"], indirect=True)
@pytest.mark.parametrize("duration_s", [0.4, 2.0, 5.9, 300.0, 302.0, 302.1, 611.0])
def test_each_window_starts_in_one_chunk(archive: Archive, duration_s: float) -> None:
    add_recording(archive, 9, duration_s, channels=2)
    rows = {9: matching_recordings(archive, [])[9]}
    chunks = [ChunkKey(9, channel, n) for channel in (1, 2) for n in range(Timeline(duration_s).chunks)]
    assert [window for chunk in chunks for window in windows_from(chunk, rows)] == list(all_windows(rows.values()))


@pytest.mark.parametrize("archive", ["keywords"], indirect=True)
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 0.2), (3.9, 4.1), (4.0, 4.2), (309.0, 311.3), (299.0, 301.0)])
def test_windows_around_a_stretch_are_those_that_overlap_it(archive: Archive, start_s: float, end_s: float) -> None:
    rows = matching_recordings(archive, [])
    numbers = [window.number for window in windows_around(1, 2, start_s, end_s, rows)]
    every = range(Timeline(DURATION_S).windows)
    assert numbers == [n for n in every if n * HOP_S <= end_s and start_s < n * HOP_S + WINDOW_S]
