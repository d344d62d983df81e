"""Search by spoken examples: clips of a word, by whomever, are found in an archive that no model was trained for.

Every example is aligned with the frames of the archive (:mod:`earmark.localisation.spoken_queries`): with all of a few
hours, in larger archives with those near places that small vectors choose (:mod:`earmark.archive.spoken_index`). Scores
are brought to the scale of the archive as z (:mod:`earmark.archive.spoken_alignment`). A hit's score is
1 / (1 + exp(3 - z)).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sqlalchemy import select

from earmark.archive.archive import Archive, Position
from earmark.archive.encoding import chunks_of
from earmark.archive.rescoring import ChunkKey, Recordings, matching_recordings
from earmark.archive.results import ArchiveHit, Filters, merge_hits, recording_conditions
from earmark.archive.schema import timeline_of
from earmark.archive.spoken_alignment import Extent, Place, SpokenExamples, apart
from earmark.archive.spoken_frames import SpokenFrames
from earmark.archive.spoken_index import SpokenIndex
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress
from earmark.core.threads import on_all_cores
from earmark.core.timing import SAMPLE_RATE, FrameGrid, s_to_samples, samples_to_s
from earmark.core.types import Hit, SpokenQuery
from earmark.localisation.spoken_queries import Single
from earmark.localisation.spotter import KeywordSpotter
from earmark.media.audio import Waveform, read_audio

MIN_S, MAX_S = 0.15, 6.0  # of an example, once what is quiet around it is trimmed
TIGHT_S, SILENCE_S = 0.2, 1.0  # with less quiet around its word a clip is encoded with so much silence on both sides
QUIET_DB = 25.0  # below the loudest 20 ms: what is quieter before and after the word is trimmed
LOUDNESS_S = 0.02
TRACED = 3  # times as many places are traced back as hits are wanted: some are of the same word
FEW_CHUNKS = 48  # four hours: all of them are aligned
CANDIDATES, CANDIDATES_A_HIT = 1000, 4  # that small vectors choose, and at least for each hit that is wanted
MIDDLE_Z = 3.0  # at which a score is 0.5


def search_clips(
    archive: Archive, query: SpokenQuery, top: int, min_score: float = 0.0, filters: Filters | None = None
) -> list[ArchiveHit]:
    """Hits of a spoken query, by falling score.

    Parameters
    ----------
    archive : Archive
        Indexed with features, with a model of any kind, or with both.
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
        [encode_clip(archive.spoken.spotter, clip) for clip in clips] for clips in (query.clips, query.not_clips)
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
    exhaustive: bool | None = None,
) -> list[ArchiveHit]:
    """Hits of examples that are given as frames (m, K) of the archive's kind; as :func:`search_clips`.

    Parameters
    ----------
    exhaustive : bool, optional
        Align with all frames, or with those alone that small vectors choose; by default all where these are few.
    """
    everything = matching_recordings(archive, recording_conditions(archive, Filters()))
    frames = SpokenFrames(archive, stored_chunks(archive, everything), everything)
    rows = matching_recordings(archive, recording_conditions(archive, filters or Filters()))
    searched = [chunk for chunk in frames.chunks if chunk.recording in rows]
    if not searched:
        return []
    wanted, unwanted = (on_all_cores(frames.space.project, some) for some in (examples, negatives))
    query = SpokenExamples(wanted, unwanted, frames)
    if exhaustive or (exhaustive is None and len(searched) <= FEW_CHUNKS):
        places = _all_places(query, searched, TRACED * top, name)
    else:
        places = _likely_places(query, wanted, searched, SpokenIndex(frames, archive), top)
    chosen = apart(places, query.apart)[: TRACED * top]
    extents = query.extents_at(chosen)
    hits = [_hit(place, extent, name, rows, frames.step_s) for place, extent in zip(chosen, extents, strict=True)]
    return [hit for hit in merge_hits(hits) if hit.hit.score >= min_score][:top]


def prepare(archive: Archive) -> None:
    """Compute what spoken queries need of all that is indexed, so that the first search need not."""
    everything = matching_recordings(archive, recording_conditions(archive, Filters()))
    chunks = stored_chunks(archive, everything)
    if chunks:
        SpokenIndex(SpokenFrames(archive, chunks, everything), archive).prepare()


def _all_places(query: SpokenExamples, chunks: Sequence[ChunkKey], limit: int, name: str) -> list[Place]:
    """The best places of each chunk, at most so many."""
    with progress(f"Searching for {name}, chunks", len(chunks)) as advance:
        places: list[Place] = []
        for chunk in chunks:
            places += query.places_in(chunk, limit)
            advance()
        return places


def _likely_places(
    query: SpokenExamples, examples: Sequence[Single], chunks: Sequence[ChunkKey], index: SpokenIndex, top: int
) -> list[Place]:
    """Places that small vectors choose, scored exactly."""
    index.prepare()
    limit = max(CANDIDATES, CANDIDATES_A_HIT * top) // len(examples)
    candidates = [one for example in examples for one in index.candidates(example, chunks, limit)]
    return query.places_at(candidates)


def encode_clip(spotter: KeywordSpotter, path: Path) -> Single:
    """Frames (m, K) of the loud part of a clip.

    Raises
    ------
    EarmarkError
        If it can't be read, is silent or too long.
    """
    waveform, (start_s, end_s) = read_clip(path)
    is_tight = len(waveform) / SAMPLE_RATE - (end_s - start_s) < TIGHT_S
    before_s = SILENCE_S if is_tight else 0.0  # without it, what a network makes of the first and last sounds is unlike
    features = spotter.features(np.pad(waveform, s_to_samples(before_s)))[None]
    encoded = spotter.encode(features, torch.tensor([features.shape[1]]))
    frames: Single = encoded.frames[0].float().cpu().numpy()
    return _between(frames, encoded.grid, before_s + start_s, before_s + end_s)


def read_clip(path: Path) -> tuple[Waveform, tuple[float, float]]:
    """The sound of a clip, and start and end of its loud part in seconds.

    Raises
    ------
    EarmarkError
        As :func:`encode_clip`.
    """
    waveform = read_audio(path)
    start_s, end_s = loud_part_s(waveform)
    if end_s - start_s < MIN_S:
        sentence = f"The clip {path} holds no word: it has {end_s - start_s:.2f} s of sound; record it again."
        raise EarmarkError(sentence, code="noWordInClip")
    if end_s - start_s > MAX_S:
        raise EarmarkError(
            f"The clip {path} has {end_s - start_s:.1f} s of speech, too much for a word: cut it to {MAX_S:g} s.",
            code="clipTooLong",
        )
    return waveform, (start_s, end_s)


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


def _hit(place: Place, extent: Extent, name: str, rows: Recordings, step_s: float) -> ArchiveHit:
    row = rows[place.chunk.recording]
    begin_s = timeline_of(row).chunk_start_s(place.chunk.number)
    start_s, end_s = (
        min(max(0.0, begin_s + frame * step_s), row.duration_s) for frame in (extent.first, extent.last + 1)
    )
    hit = Hit(row.path, name, float(1 / (1 + np.exp(MIDDLE_Z - place.z))), (start_s + end_s) / 2, start_s, end_s)
    return ArchiveHit(Position(row.id, place.chunk.channel, hit.time_s), hit, row.speaker, row.date, row.language)


def stored_chunks(archive: Archive, rows: Recordings) -> list[ChunkKey]:
    """All chunks of some recordings that spoken queries can be compared with."""
    table = chunks_of(archive.spoken.kind, archive.settings())
    with archive.reading() as connection:
        columns = (table.c.recording, table.c.channel, table.c.number)
        found = [ChunkKey(*row) for row in connection.execute(select(*columns))]
    return sorted(chunk for chunk in found if chunk.recording in rows)
