"""Hearing one piece of a recording: sound in, all that the archive keeps of it out. A pure function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from earmark.archive.chunking import OVERLAP_S, WINDOW_S, bounds_s, window_of, window_starts
from earmark.archive.waveform_overview import WaveformOverview, waveform_overview
from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, FrameGrid, s_to_samples, samples_to_s
from earmark.localisation.peaks import Extents, extents, non_max_suppression
from earmark.localisation.spotter import KeywordSpotter
from earmark.media.audio import Waveform, read_span
from earmark.models.encoded import EncodedSpeech
from earmark.models.padding import pad

KEPT = 30  # postings of a keyword a piece, one in ten seconds: more than anybody will listen to
AT_ONCE = 32  # windows
SILENCE = 10 ** (-50 / 20)  # of full scale; a window whose loudest 20 ms are below has no speech in it
LOUDNESS_S = 0.02
CUT_SHORT_S = 0.5  # headers of lossy codecs are wrong by less

Floats = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class ChunkTask:
    """A piece to hear.

    Attributes
    ----------
    recording : int
    sha256, path : str
        Of the recording.
    duration_s : float
        Of the recording.
    channel, number : int
        From 1 and from 0 on.
    skip_silence : bool
    """

    recording: int
    sha256: str
    path: str
    duration_s: float
    channel: int
    number: int
    skip_silence: bool = False


@dataclass(frozen=True)
class Postings:
    """The hits of all keywords in a piece.

    Attributes
    ----------
    keywords : numpy.ndarray, shape = (P,)
        Numbers of keywords in the vocabulary.
    scores, times_s, starts_s, ends_s : numpy.ndarray, shape = (P,)
        Times from the start of the recording.
    """

    keywords: Ints
    scores: Floats
    times_s: Floats
    starts_s: Floats
    ends_s: Floats


@dataclass(frozen=True)
class ChunkResult:
    """What the archive keeps of a piece.

    Attributes
    ----------
    windows : int
        That were heard.
    postings : Postings
    frames : numpy.ndarray, shape = (T', K), float16
        Zero where silence was skipped.
    peaks : numpy.ndarray, shape = (2, n), int8
    """

    windows: int
    postings: Postings
    frames: Half
    peaks: WaveformOverview


def process_chunk(finder: KeywordSpotter, task: ChunkTask) -> ChunkResult:
    """Hear a piece with all keywords of a model.

    Raises
    ------
    EarmarkError
        If the recording can't be read, or ends before its header says.
    """
    start_s, end_s = bounds_s(task.number, task.duration_s)
    waveform = _read(task, start_s, end_s)
    starts = window_starts(len(waveform))
    windows = [waveform[start : start + s_to_samples(WINDOW_S)] for start in starts]
    speaking = [i for i, window in enumerate(windows) if not (task.skip_silence and is_silent(window))]
    kept = _hear_windows(finder, windows, speaking)
    own = waveform[: s_to_samples(end_s - start_s)]
    frames = _laid_out(kept, starts, len(own), finder.model.grid)
    return ChunkResult(len(speaking), _postings(kept, starts, start_s), frames, waveform_overview(own))


def is_silent(window: Waveform) -> bool:
    """Whether no 20 ms of a waveform are louder than silence."""
    step = s_to_samples(LOUDNESS_S)
    power = np.square(window, dtype=np.float64)
    return bool((np.add.reduceat(power, np.arange(0, len(power), step)) / step < SILENCE**2).all())


@dataclass(frozen=True)
class _Kept:
    """What was heard in the windows that were not skipped.

    Attributes
    ----------
    speaking : list of int
        Which windows, of all.
    best : list of Extents
        Of some of these windows after the other; times from the start of each window.
    frames : list of numpy.ndarray, shape = (T', K)
        Of each of these windows.
    width : int
        K.
    """

    speaking: list[int]
    best: list[Extents]
    frames: list[Single]
    width: int


@torch.no_grad()
def _hear_windows(finder: KeywordSpotter, windows: Sequence[Waveform], speaking: list[int]) -> _Kept:
    asked = finder.ask(finder.keywords) if finder.accepts_keywords else None
    best: list[Extents] = []
    frames: list[Single] = []
    for first in range(0, len(speaking), AT_ONCE):
        some = [windows[i] for i in speaking[first : first + AT_ONCE]]
        features, lengths = pad([finder.features(window).cpu().numpy() for window in some])
        encoded = finder.encode(features, lengths)
        frames += _frames(encoded)
        if asked is not None:
            durations_s = np.array([samples_to_s(len(window)) for window in some])
            best.append(extents(finder.localise(encoded, asked), durations_s))
    return _Kept(speaking, best, frames, frames[0].shape[1] if frames else _width(finder))


def _frames(encoded: EncodedSpeech) -> list[Single]:
    counts = encoded.frame_lengths.tolist()
    return [frames[:count].cpu().numpy() for frames, count in zip(encoded.frames, counts, strict=True)]


def _width(finder: KeywordSpotter) -> int:
    """K, of a model that has heard nothing yet."""
    features = finder.features(np.zeros(s_to_samples(WINDOW_S), np.float32))[None]
    return int(finder.encode(features, torch.tensor([features.shape[1]])).frames.shape[2])


def _postings(kept: _Kept, starts: Sequence[int], piece_s: float) -> Postings:
    """The best hits of each keyword, without doubles."""
    if not kept.best:
        return Postings(np.zeros(0, np.int64), *(np.zeros(0) for _ in range(4)))
    begins_s = np.array([piece_s + samples_to_s(starts[i]) for i in kept.speaking])[:, None]
    scores = np.concatenate([some.scores for some in kept.best])
    times_s = np.concatenate([some.times_s for some in kept.best]) + begins_s
    starts_s = np.concatenate([some.starts_s for some in kept.best]) + begins_s
    ends_s = np.concatenate([some.ends_s for some in kept.best]) + begins_s
    chosen = [
        (window, word)
        for word in range(scores.shape[1])
        for window in non_max_suppression(scores[:, word], starts_s[:, word], ends_s[:, word], KEPT)
    ]
    at = tuple(np.array(chosen, dtype=np.int64).T)
    return Postings(at[1], scores[at], times_s[at], starts_s[at], ends_s[at])


def _laid_out(kept: _Kept, starts: Sequence[int], samples: int, grid: FrameGrid) -> Half:
    """The frames of a whole piece, each from the window that hears it best; zero where silence was skipped."""
    count = round(samples_to_s(samples) / grid.stride_s)
    centres_s = (np.arange(count, dtype=np.float64) + 0.5) * grid.stride_s
    window = window_of(centres_s, len(starts))
    in_window = centres_s * SAMPLE_RATE - np.array(starts)[window]
    number = np.rint((in_window - grid.first_centre) / grid.stride).astype(np.int64)
    whole = np.zeros((len(centres_s), kept.width), np.float16)
    for heard, frames in zip(kept.speaking, kept.frames, strict=True):
        mine = np.flatnonzero(window == heard)
        whole[mine] = frames[number[mine].clip(0, len(frames) - 1)]
    return whole


def _read(task: ChunkTask, start_s: float, end_s: float) -> Waveform:
    """The sound of a piece, and what its last windows hear of the next one.

    Raises
    ------
    EarmarkError
        If the recording ends before it should.
    """
    stretch = read_span(task.path, start_s, min(end_s + OVERLAP_S, task.duration_s))
    if task.channel > len(stretch):
        raise EarmarkError(f"{task.path} has lost its channel {task.channel}: copy it again.")
    waveform = stretch[task.channel - 1]
    if samples_to_s(len(waveform)) < end_s - start_s - CUT_SHORT_S:
        raise EarmarkError(
            f"{task.path} is cut short after {start_s + samples_to_s(len(waveform)):.2f} s: copy it again."
        )
    return np.ascontiguousarray(waveform)
