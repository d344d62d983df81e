"""Search by spoken examples: clips of a word, by whomever, are found in an archive that no model was trained for.

Every example is aligned with all frames of the archive (:mod:`earmark.localisation.spoken_queries`). Its scores are
brought to the scale of the archive: z is how many standard deviations a score is above the mean of what the example
reaches in stretches of two seconds. Examples of one query are fused by the mean of their z within a quarter of a
second; negative examples, of what is not meant, lower it. A hit's score is 1 / (1 + exp(3 - z)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sqlalchemy import select

from earmark.archive.archive import Archive, Position
from earmark.archive.rescoring import ChunkKey, Recordings, matching_recordings
from earmark.archive.results import ArchiveHit, Filters, merge_hits, recording_conditions
from earmark.archive.schema import chunks as chunk_table
from earmark.archive.spoken_frames import SpokenFrames
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress
from earmark.core.timing import FrameGrid, s_to_samples, samples_to_s
from earmark.core.types import Hit, SpokenQuery
from earmark.localisation.spoken_queries import Single, align, similarities, start_of
from earmark.localisation.spotter import KeywordSpotter
from earmark.localisation.windows import chunk_start_s
from earmark.media.audio import Waveform, read_audio

MIN_S, MAX_S = 0.15, 6.0  # of an example, once what is quiet around it is trimmed
QUIET_DB = 25.0  # below the loudest 20 ms: what is quieter before and after the word is trimmed
LOUDNESS_S = 0.02
OVERLAP_S = 3.0  # of the chunk that follows, for words across their border
BLOCK_S = 2.0
NEAR_S = 0.25  # how far apart the ends of the same word by two examples can be
PER_CHUNK = 30  # hits of a query in a chunk, at most
TRACED = 3  # times as many places are traced back as hits are wanted: some are of the same word
MIN_BLOCKS = 20  # as many blocks stand for what is typical of other archives
TYPICAL_MEAN, TYPICAL_STD = -0.15, 0.12  # of the best alignment in two seconds
MIDDLE_Z = 3.0  # at which a score is 0.5

Floats = npt.NDArray[np.float64]


def search_clips(
    archive: Archive, query: SpokenQuery, top: int, min_score: float = 0.0, filters: Filters | None = None
) -> list[ArchiveHit]:
    """Hits of a spoken query, by falling score.

    Parameters
    ----------
    archive : Archive
        Indexed with features alone or with a model of any kind.
    query : SpokenQuery
    top : int
        The largest number of hits.
    min_score : float
    filters : Filters, optional

    Raises
    ------
    EarmarkError
        If a clip can't be read, is silent or too long, or nothing is indexed.
    """
    examples, negatives = (
        [encode_clip(archive.spotter, clip) for clip in clips] for clips in (query.clips, query.not_clips)
    )
    return search_frames(archive, query.name, examples, negatives, top, min_score, filters)


def search_frames(
    archive: Archive,
    name: str,
    examples: Sequence[Single],
    negatives: Sequence[Single],
    top: int,
    min_score: float = 0.0,
    filters: Filters | None = None,
) -> list[ArchiveHit]:
    """Hits of examples that are given as frames (m, K) of the archive's kind; as :func:`search_clips`."""
    everything = matching_recordings(archive, recording_conditions(archive, Filters()))
    frames = SpokenFrames(archive, stored_chunks(archive, everything), everything)
    rows = matching_recordings(archive, recording_conditions(archive, filters or Filters()))
    wanted, unwanted = ([_Example(frames.space.project(one)) for one in some] for some in (examples, negatives))
    searched = [chunk for chunk in frames.chunks if chunk.recording in rows]
    step_s = archive.frames.step_s
    with progress(f"Searching for {name}, chunks", len(searched)) as advance:
        for chunk in searched:
            projected = _with_overlap(frames, chunk, step_s)
            for example in (*wanted, *unwanted):
                example.add(chunk, projected, step_s)
            advance()
    places = sorted(
        (place for chunk in searched for place in _places_in(chunk, wanted, unwanted, step_s)), reverse=True
    )
    hits = [_hit_at(place, name, wanted, frames, rows, step_s) for place in places[: TRACED * top]]
    return [hit for hit in merge_hits(hits) if hit.hit.score >= min_score][:top]


def encode_clip(spotter: KeywordSpotter, path: Path) -> Single:
    """Frames (m, K) of the loud part of a clip.

    Raises
    ------
    EarmarkError
        If it can't be read, is silent or too long.
    """
    waveform = read_audio(path)
    start_s, end_s = loud_part_s(waveform)
    if end_s - start_s < MIN_S:
        raise EarmarkError(f"The clip {path} holds no word: it has {end_s - start_s:.2f} s of sound; record it again.")
    if end_s - start_s > MAX_S:
        raise EarmarkError(
            f"The clip {path} has {end_s - start_s:.1f} s of speech, too much for a word: cut it to {MAX_S:g} s."
        )
    features = spotter.features(waveform)[None]
    encoded = spotter.encode(features, torch.tensor([features.shape[1]]))
    frames: Single = encoded.frames[0].float().cpu().numpy()
    return _between(frames, encoded.grid, start_s, end_s)


def loud_part_s(waveform: Waveform) -> tuple[float, float]:
    """Start and end of what is loud in a waveform; (0, 0) in silence."""
    step = s_to_samples(LOUDNESS_S)
    count = len(waveform) // step
    if count == 0 or not waveform.any():
        return 0.0, 0.0
    power = np.square(waveform[: count * step], dtype=np.float64).reshape(count, step).mean(axis=1)
    loudness = np.convolve(10 * np.log10(power + 1e-10), np.ones(3) / 3, "same") if count >= 3 else power
    loud = np.flatnonzero(loudness > loudness.max() - QUIET_DB)
    return samples_to_s(int(loud[0]) * step), samples_to_s((int(loud[-1]) + 1) * step)


def _between(frames: Single, grid: FrameGrid, start_s: float, end_s: float) -> Single:
    centres_s = np.asarray(grid.centre_s(np.arange(len(frames))))
    inside = frames[(centres_s >= start_s) & (centres_s <= end_s)]
    return inside if len(inside) >= 2 else frames


class _Example:
    """One example, with its scores in all chunks."""

    def __init__(self, query: Single) -> None:
        self.query = query
        self.scores: dict[ChunkKey, Single] = {}
        self.spoken: dict[ChunkKey, npt.NDArray[np.bool_]] = {}
        self._blocks: list[Single] = []

    def add(self, chunk: ChunkKey, projected: Single, step_s: float) -> None:
        """Align the example with a chunk."""
        scores = align(similarities(self.query, projected))
        self.scores[chunk], self.spoken[chunk] = scores, np.asarray(projected.any(axis=1))
        audible = np.where(self.spoken[chunk], scores, -np.inf)
        self._blocks.append(np.maximum.reduceat(audible, np.arange(0, len(scores), max(1, round(BLOCK_S / step_s)))))

    def normalised(self, chunk: ChunkKey) -> Floats:
        """z of each frame at which an alignment ends."""
        mean, std = self._background
        return (self.scores[chunk].astype(np.float64) - mean) / std

    @cached_property
    def _background(self) -> tuple[float, float]:
        """Mean and deviation of the best scores in stretches of two seconds, steadied where there are few."""
        best = np.concatenate(self._blocks)
        best = best[np.isfinite(best)]
        weight = len(best) / (len(best) + MIN_BLOCKS)
        mean = weight * (float(np.median(best)) if len(best) else 0.0) + (1 - weight) * TYPICAL_MEAN
        std = weight * (float(best.std()) if len(best) else 0.0) + (1 - weight) * TYPICAL_STD
        return mean, max(std, 1e-3)


class _Place(NamedTuple):
    """Where an example may end: its z, the chunk, and the frame there."""

    z: float
    chunk: ChunkKey
    frame: int


def _places_in(
    chunk: ChunkKey, examples: Sequence[_Example], negatives: Sequence[_Example], step_s: float
) -> Iterator[_Place]:
    """The best places of a chunk, apart from one another."""
    near = max(1, round(NEAR_S / step_s))
    fused = np.mean([_highest_near(example.normalised(chunk), near) for example in examples], axis=0)
    if negatives:
        against = np.max([_highest_near(negative.normalised(chunk), near) for negative in negatives], axis=0)
        fused = fused - np.maximum(0.0, against - fused) - np.maximum(0.0, against) / 2
    fused[~examples[0].spoken[chunk]] = -np.inf
    before, after = min(len(one.query) for one in examples), max(len(one.query) for one in examples) // 2
    for _ in range(PER_CHUNK):
        best = int(fused.argmax())
        if not np.isfinite(fused[best]):
            return
        yield _Place(float(fused[best]), chunk, best)
        # Alignments that end near it are of the same place; another utterance of the word ends a word later.
        fused[max(0, best - max(before, 2 * near)) : best + max(after, 2 * near) + 1] = -np.inf


def _hit_at(
    place: _Place, name: str, examples: Sequence[_Example], frames: SpokenFrames, rows: Recordings, step_s: float
) -> ArchiveHit:
    """The hit at a place, with the extent of the example that fits best there."""
    chunk, near = place.chunk, max(1, round(NEAR_S / step_s))
    row, begin_s = rows[chunk.recording], chunk_start_s(chunk.number)
    window = slice(max(0, place.frame - near), place.frame + near + 1)
    example = max(examples, key=lambda one: one.scores[chunk][window].max())
    end = window.start + int(example.scores[chunk][window].argmax())
    first = max(0, end - 2 * (len(example.query) - 1))
    projected = frames.read(chunk)
    if end >= len(projected):
        projected = _with_overlap(frames, chunk, step_s)
    aligned = similarities(example.query, projected[first : end + 1])
    start = first + start_of(aligned, end - first)
    start_s, end_s = (min(begin_s + frame * step_s, row.duration_s) for frame in (start, end + 1))
    hit = Hit(row.path, name, float(1 / (1 + np.exp(MIDDLE_Z - place.z))), (start_s + end_s) / 2, start_s, end_s)
    return ArchiveHit(Position(row.id, chunk.channel, hit.time_s), hit, row.speaker, row.date, row.language)


def _highest_near(values: Floats, near: int) -> Floats:
    """At each place the highest value within `near` places."""
    padded = np.pad(values, near, constant_values=-np.inf)
    highest: Floats = np.lib.stride_tricks.sliding_window_view(padded, 2 * near + 1).max(axis=1)
    return highest


def _with_overlap(frames: SpokenFrames, chunk: ChunkKey, step_s: float) -> Single:
    """The projected frames of a chunk, and the beginning of the next one's."""
    following = chunk._replace(number=chunk.number + 1)
    parts = [frames.read(chunk)]
    if following in frames.known:
        parts.append(frames.read(following)[: round(OVERLAP_S / step_s)])
    return np.concatenate(parts)


def stored_chunks(archive: Archive, rows: Recordings) -> list[ChunkKey]:
    """All chunks of some recordings."""
    with archive.reading() as connection:
        columns = (chunk_table.c.recording, chunk_table.c.channel, chunk_table.c.number)
        found = [ChunkKey(*row) for row in connection.execute(select(*columns))]
    return sorted(chunk for chunk in found if chunk.recording in rows)
