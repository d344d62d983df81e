"""A chunk of a recording, encoded: the hits of queries in it and the frames with which later queries are scored.

`find` and the indexer share these functions, so that both give the same hits, scores and times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, FrameGrid, s_to_samples, samples_to_s
from earmark.localisation import LocalisationScores
from earmark.localisation.peaks import Extents, Floats, Ints, extents, non_max_suppression
from earmark.localisation.windows import OVERLAP_S, WINDOW_S, Timeline, window_of, window_starts
from earmark.media.arrays import Sound
from earmark.media.audio import Waveform, audio_info, read_span
from earmark.models import SpeechModel
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech
from earmark.models.padding import pad

HITS_PER_CHUNK = 30  # of a query, one in ten seconds: more than a person will listen to
BATCH = 15  # windows, a tenth of those of a chunk: more take more memory and are no faster
SILENCE = 10 ** (-50 / 20)  # of full scale; a window whose loudest 20 ms are below has no speech in it
LOUDNESS_S = 0.02
AROUND_S = 0.05
BLANK = 10 ** (-80 / 20)  # of full scale: recorders give less only where they record nothing
LONGEST_BLANK_S = 60.0  # of the beginning that is looked through for sound
CUT_SHORT_S = 0.5  # headers of lossy codecs are wrong by less

Single = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]


class SpeechLocaliser(Protocol):
    """What chunks need of a keyword spotter: its features, its encoder and its localisation method."""

    model: SpeechModel

    def features(self, waveform: Waveform) -> Tensor:
        """Features (T, F) of a waveform."""

    def window_features(self, waveform: Waveform, starts: Sequence[int], samples: int) -> list[Tensor]:
        """Features (T, F) of overlapping windows of a waveform."""

    def encode(self, features: Tensor, lengths: Tensor) -> EncodedSpeech:
        """Encode a padded batch of features (B, T, F) with lengths (B,)."""

    def localise_encoded(self, encoded: EncodedSpeech, queries: EncodedQueries) -> LocalisationScores:
        """Detection and localisation scores of encoded speech."""


@dataclass(frozen=True)
class ChunkHits:
    """The hits of all queries in a chunk, without those that overlap a better one of the same query.

    Attributes
    ----------
    queries, windows : numpy.ndarray, shape = (P,)
        Numbers of queries and of the chunk's windows.
    scores, times_s, starts_s, ends_s : numpy.ndarray, shape = (P,)
        Times from the start of the recording.
    """

    queries: Ints
    windows: Ints
    scores: Floats
    times_s: Floats
    starts_s: Floats
    ends_s: Floats


@dataclass(frozen=True)
class Curve:
    """The localisation curves of all Q queries in a window.

    Attributes
    ----------
    times_s : numpy.ndarray, shape = (C,)
        From the start of the window.
    curves : numpy.ndarray, shape = (Q, C)
        In [0, 1].
    """

    times_s: Floats
    curves: Single


@dataclass(frozen=True)
class EncodedChunk:
    """A chunk after the encoder.

    Attributes
    ----------
    windows : int
        Windows that were encoded; without the silent ones where `skip_silence` was set.
    hits : ChunkHits
        Of the queries; none where there were no queries.
    frames : numpy.ndarray, shape = (T', K), float16
        Each from the window that gives it the most context; zero in silence that was skipped. Frame i has its centre
        at ``(i + 0.5) * grid.stride_s`` seconds from the chunk's start.
    curves : dict
        By number of window; empty unless `return_curves` was set.
    """

    windows: int
    hits: ChunkHits
    frames: Half
    curves: dict[int, Curve]


def read_timeline(recording: Path | str | Sound) -> Timeline:
    """Where the chunks and windows of a recording lie: they begin with its first sample that is not blank.

    So the silence that a film, an encoder or an editor puts before a sound changes none of its hits.

    Raises
    ------
    EarmarkError
        If the recording can't be read.
    """
    if isinstance(recording, Sound):
        duration_s, start_s, read = recording.duration_s, 0.0, recording.span
    else:
        info = audio_info(recording)
        duration_s, start_s, read = info.duration_s, info.start_s, partial(read_span, recording)
    for begin_s in np.arange(start_s, min(start_s + LONGEST_BLANK_S, duration_s), 1.0).tolist():
        sounding = (np.abs(read(begin_s, begin_s + 1.0)) >= BLANK).any(axis=0)
        if sounding.any():
            return Timeline(duration_s, begin_s + samples_to_s(int(sounding.argmax())))
    return Timeline(duration_s, start_s)


def read_chunk(path: Path | str | Sound, number: int, timeline: Timeline) -> Waveform:
    """Read a chunk, and the part of the next one that its last window covers.

    Returns
    -------
    numpy.ndarray, shape = (channels, samples)

    Raises
    ------
    EarmarkError
        If the recording can't be read, or ends before it should.
    """
    start_s, end_s = timeline.chunk_bounds_s(number)
    read_to_s = min(end_s + OVERLAP_S, timeline.duration_s)
    if isinstance(path, Sound):
        return path.span(start_s, read_to_s)
    channels = read_span(path, start_s, read_to_s)
    read_s = samples_to_s(channels.shape[1])
    if read_s < end_s - start_s - CUT_SHORT_S:
        raise EarmarkError(f"{path} is cut short after {start_s + read_s:.2f} s: copy it again.")
    return channels


def encode_chunk(
    spotter: SpeechLocaliser,
    waveform: Waveform,
    start_s: float,
    end_s: float,
    queries: EncodedQueries | None = None,
    skip_silence: bool = False,
    return_curves: bool = False,
    stretches_s: Sequence[tuple[float, float]] | None = None,
) -> EncodedChunk:
    """Encode the windows of a chunk, each once, and localise queries in them.

    Parameters
    ----------
    spotter : SpeechLocaliser
    waveform : numpy.ndarray, shape = (samples,)
        One channel of the chunk, with the part of the next chunk that its last window covers.
    start_s, end_s : float
        The chunk's bounds in its recording.
    queries : EncodedQueries, optional
        None for a model that takes no keywords.
    skip_silence : bool
        Whether to leave windows out that have no sound.
    return_curves : bool
        Whether to return the localisation curves of all windows, too.
    stretches_s : sequence of (float, float), optional
        Starts and ends in the recording: windows that share no time with any of them are left out.
    """
    waveform = np.ascontiguousarray(waveform)
    starts = window_starts(len(waveform))
    windows = [waveform[start : start + s_to_samples(WINDOW_S)] for start in starts]
    numbers = [i for i, window in enumerate(windows) if not (skip_silence and is_silent(window))]
    if stretches_s is not None:
        begin_s = {i: start_s + samples_to_s(starts[i]) for i in numbers}
        numbers = [i for i in numbers if any(s < begin_s[i] + WINDOW_S and begin_s[i] < e for s, e in stretches_s)]
    frames: dict[int, Half] = {}
    best: list[Extents] = []
    curves: dict[int, Curve] = {}
    for first in range(0, len(numbers), BATCH):
        batch = numbers[first : first + BATCH]
        features = spotter.window_features(waveform, [starts[i] for i in batch], s_to_samples(WINDOW_S))
        lengths = torch.tensor([len(window) for window in features])
        encoded = spotter.encode(pad_sequence(features, batch_first=True), lengths)
        frames.update(zip(batch, _split(encoded), strict=True))
        if queries is not None:
            located = only_audible(spotter.localise_encoded(encoded, queries), [windows[i] for i in batch])
            best.append(extents(located, np.array([samples_to_s(len(windows[i])) for i in batch])))
            if return_curves:
                times_s, values = (part.cpu().numpy() for part in located.over_time())
                curves.update((i, Curve(times_s, value)) for i, value in zip(batch, values, strict=True))
    own_samples = min(len(waveform), s_to_samples(end_s - start_s))
    width = len(next(iter(frames.values()))[0]) if frames else _width(spotter)
    chunk_frames = _merge_windows(frames, starts, own_samples, spotter.model.grid, width)
    begins_s = np.array([start_s + samples_to_s(starts[i]) for i in numbers])
    return EncodedChunk(len(numbers), _best_hits(best, np.array(numbers, np.int64), begins_s), chunk_frames, curves)


def zero_where_blank(frames: Half, waveform: Waveform, stride_s: float) -> Half:
    """Frames (T', K) of a chunk, zero where its sound is blank for as long as a frame and :data:`AROUND_S` about it."""
    sounding = np.concatenate([[0], np.cumsum(np.abs(waveform) >= BLANK)])
    begins_s = np.arange(len(frames)) * stride_s
    first, end = (
        np.clip(np.round(edges_s * SAMPLE_RATE).astype(np.int64), 0, len(waveform))
        for edges_s in (begins_s - AROUND_S, begins_s + stride_s + AROUND_S)
    )
    zeroed = frames.copy()
    zeroed[sounding[end] == sounding[first]] = 0
    return zeroed


def localise_frames(
    spotter: SpeechLocaliser, frames: Sequence[Single], queries: EncodedQueries
) -> tuple[EncodedSpeech, LocalisationScores, Extents]:
    """Localise queries in the stored frames of some windows.

    Parameters
    ----------
    spotter : SpeechLocaliser
    frames : sequence of numpy.ndarray, each of shape = (t, K)
        The first frame of each begins with its window.
    queries : EncodedQueries

    Returns
    -------
    encoded : EncodedSpeech
    located : LocalisationScores
    best : Extents
        Times from the start of each window.
    """
    encoded = encoded_frames(spotter, frames)
    located = spotter.localise_encoded(encoded, queries)
    return encoded, located, extents(located, encoded.frame_lengths.cpu().numpy() * encoded.grid.stride_s)


def encoded_frames(spotter: SpeechLocaliser, frames: Sequence[Single]) -> EncodedSpeech:
    """Stored frames (t, K) of some windows as a batch for the model; the first of each begins at time 0."""
    padded, lengths = (part.to(spotter.model.device) for part in pad(frames))
    grid = spotter.model.grid
    return EncodedSpeech(padded, lengths, replace(grid, first_centre=grid.stride / 2))


def only_audible(located: LocalisationScores, windows: Sequence[Waveform]) -> LocalisationScores:
    """Localisation scores of what holds any sound: nothing is spoken where a recording is blank.

    Parameters
    ----------
    located : LocalisationScores
        Of B windows.
    windows : sequence of numpy.ndarray, each of shape = (samples,)

    Returns
    -------
    LocalisationScores
        Minus infinity for blank frames and segments, but in windows that have no others.
    """
    bounds_s = torch.stack([located.starts_s, located.ends_s]).double().cpu().numpy()
    bounds = np.rint(bounds_s * SAMPLE_RATE).astype(np.int64)
    exists = (located.scores > -torch.inf).any(dim=1).cpu().numpy()
    audible = np.ones(exists.shape, bool)
    for row, window in enumerate(windows):
        sounding = np.flatnonzero(np.abs(window) >= BLANK)
        if len(sounding) < len(window):
            first, end = bounds.clip(0, len(window))
            audible[row] = np.searchsorted(sounding, end) > np.searchsorted(sounding, first)
    audible[~(audible & exists).any(axis=1)] = True
    mask = torch.from_numpy(audible).to(located.scores.device)[:, None]
    return replace(located, scores=located.scores.masked_fill(~mask, -torch.inf))


def is_silent(window: Waveform) -> bool:
    """Whether no 20 ms of a waveform are louder than silence."""
    step = s_to_samples(LOUDNESS_S)
    power = np.square(window, dtype=np.float64)
    return bool((np.add.reduceat(power, np.arange(0, len(power), step)) / step < SILENCE**2).all())


def _split(encoded: EncodedSpeech) -> list[Half]:
    """The frames of each utterance as they are stored."""
    frames, counts = encoded.frames.cpu().numpy().astype(np.float16), encoded.frame_lengths.tolist()
    return [one[:count] for one, count in zip(frames, counts, strict=True)]


def _width(spotter: SpeechLocaliser) -> int:
    """K, of a model that has not encoded anything yet."""
    features = spotter.features(np.zeros(s_to_samples(WINDOW_S), np.float32))[None]
    return int(spotter.encode(features, torch.tensor([features.shape[1]])).frames.shape[2])


def _best_hits(best: Sequence[Extents], windows: Ints, begins_s: Floats) -> ChunkHits:
    """The best hits of each query, of those in overlapping windows the better one."""
    if not best:
        return ChunkHits(np.zeros(0, np.int64), np.zeros(0, np.int64), *(np.zeros(0) for _ in range(4)))
    scores = np.concatenate([some.scores for some in best])
    times_s, starts_s, ends_s = (
        np.concatenate([getattr(some, name) for some in best]) + begins_s[:, None]
        for name in ("times_s", "starts_s", "ends_s")
    )
    row, query = np.indices(scores.shape).reshape(2, -1)
    selected = non_max_suppression(scores.ravel(), starts_s.ravel(), ends_s.ravel(), query.tolist(), HITS_PER_CHUNK)
    row, query = row[selected], query[selected]
    at = (row, query)
    return ChunkHits(query, windows[row], scores[at], times_s[at], starts_s[at], ends_s[at])


def _merge_windows(frames: dict[int, Half], starts: Sequence[int], samples: int, grid: FrameGrid, width: int) -> Half:
    """The frames of a whole chunk, each from the window that gives it the most context; zero in skipped windows."""
    count = round(samples_to_s(samples) / grid.stride_s)
    centres_s = (np.arange(count, dtype=np.float64) + 0.5) * grid.stride_s
    window = window_of(centres_s, len(starts))
    in_window = centres_s * SAMPLE_RATE - np.array(starts)[window]
    number = np.rint((in_window - grid.first_centre) / grid.stride).astype(np.int64)
    merged = np.zeros((count, width), np.float16)
    for one, its_frames in frames.items():
        own = np.flatnonzero(window == one)
        merged[own] = its_frames[number[own].clip(0, len(its_frames) - 1)]
    return merged
