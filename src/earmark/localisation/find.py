"""Search of a recording of any length for queries, chunk by chunk; an archive gives the same hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from earmark.core.types import Hit
from earmark.localisation.chunks import (
    BATCH,
    EncodedChunk,
    Half,
    Single,
    SpeechLocaliser,
    encode_chunk,
    localise_frames,
    read_chunk,
    read_timeline,
)
from earmark.localisation.peaks import Floats, non_max_suppression
from earmark.localisation.windows import (
    HOP_S,
    WINDOW_S,
    Timeline,
    frames_between,
)
from earmark.media.arrays import Sound
from earmark.media.audio import Waveform, audio_info
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech


@dataclass(frozen=True)
class ScoredHit:
    """A hit with the localisation curve that it was found on.

    Attributes
    ----------
    hit : Hit
    window_s : tuple of float
        Start and end of the window of the recording that was scored as one utterance, in seconds.
    times_s, curve : numpy.ndarray, shape = (T',)
        Localisation scores in [0, 1], and the times in the recording that they belong to.
    channel : int or None
        Of the recording, from 1 on; None for a waveform that comes from no file.
    encoded : EncodedSpeech or None
        The window's frames, where the query is an image.
    """

    hit: Hit
    window_s: tuple[float, float]
    times_s: Floats
    curve: Floats
    channel: int | None = None
    encoded: EncodedSpeech | None = None


@dataclass(frozen=True)
class QueryBatch:
    """Encoded queries with their names.

    Attributes
    ----------
    names : tuple of str
        The `query` of their hits.
    encoded : EncodedQueries
    """

    names: tuple[str, ...]
    encoded: EncodedQueries


def search_recording(
    spotter: SpeechLocaliser,
    recording: str | Sound,
    keywords: QueryBatch | None,
    images: QueryBatch | None,
    top: int | None = None,
) -> list[ScoredHit]:
    """The hits of queries in a recording, those of one query apart in time; the best first.

    A hit in one channel hides hits at the same time in the others. Memory does not grow with the length of the
    recording where `top` is given.

    Parameters
    ----------
    spotter : SpeechLocaliser
    recording : str or Sound
        Path of a recording of any length, in any format; or one in memory.
    keywords, images : QueryBatch, optional
        Keywords are localised in each window by the spotter's method; image queries are scored with the frames that an
        archive would store of the recording.
    top : int, optional
        Hits to return for each query.
    """
    if isinstance(recording, Sound):
        name, channels = recording.name, len(recording.channels)
    else:
        name, channels = recording, audio_info(recording).channels
    timeline = read_timeline(recording)
    scans = [_ChannelScan(spotter, name, channel, timeline, images) for channel in range(1, channels + 1)]
    hits: list[ScoredHit] = []
    for number in range(timeline.chunks):
        for scan, waveform in zip(scans, read_chunk(recording, number, timeline), strict=False):
            hits += scan.add(number, waveform, keywords)
        # Later windows can still hide hits that end after their start.
        hits = best_hits(hits, top, timeline.chunk_start_s(number + 1) - WINDOW_S)
    for scan in scans:
        hits += scan.finish()
    return best_hits(hits, top)


def best_hits(hits: Sequence[ScoredHit], top: int | None, until_s: float = np.inf) -> list[ScoredHit]:
    """The best of each query's hits that overlap in time; of these the `top` best, and all that end after `until_s`."""
    if not hits:
        return []
    scores, starts_s, ends_s = np.array([(one.hit.score, one.hit.start_s, one.hit.end_s) for one in hits]).T
    counts: dict[str, int] = {}
    selected = []
    for i in non_max_suppression(scores, starts_s, ends_s, [one.hit.query for one in hits]):
        rank = counts[hits[i].hit.query] = counts.get(hits[i].hit.query, 0) + 1
        if top is None or rank <= top or hits[i].hit.end_s > until_s:
            selected.append(hits[i])
    return selected


class _ChannelScan:
    """One channel of a recording, whose chunks come one after the other.

    A chunk's last windows need frames of the next chunk, so image queries are scored in it one chunk later.
    """

    def __init__(
        self, spotter: SpeechLocaliser, path: str, channel: int, timeline: Timeline, images: QueryBatch | None
    ) -> None:
        self.spotter, self.path, self.channel, self.timeline = spotter, path, channel, timeline
        self.images = images
        self.pending: tuple[int, Half] | None = None

    def add(self, number: int, waveform: Waveform, keywords: QueryBatch | None) -> list[ScoredHit]:
        """Hits of keywords in a chunk, and of image queries in the chunk before it."""
        start_s, end_s = self.timeline.chunk_bounds_s(number)
        queries = keywords.encoded if keywords else None
        chunk = encode_chunk(self.spotter, waveform, start_s, end_s, queries, return_curves=True)
        hits = list(self._keyword_hits(chunk, start_s, keywords)) if keywords else []
        if self.images:
            hits += self._image_hits(chunk.frames)
            self.pending = number, chunk.frames
        return hits

    def finish(self) -> list[ScoredHit]:
        """Hits of image queries in the last chunk."""
        return self._image_hits(None)

    def _keyword_hits(self, chunk: EncodedChunk, start_s: float, keywords: QueryBatch) -> Iterator[ScoredHit]:
        chunk_hits = chunk.hits
        for i, (query, window) in enumerate(zip(chunk_hits.queries.tolist(), chunk_hits.windows.tolist(), strict=True)):
            begin_s = start_s + window * HOP_S
            times = (float(values[i]) for values in (chunk_hits.times_s, chunk_hits.starts_s, chunk_hits.ends_s))
            hit = Hit(self.path, keywords.names[query], float(chunk_hits.scores[i]), *self._inside(*times))
            curve = chunk.curves[window]
            window_s = self._window_s(begin_s)
            in_window = curve.times_s < window_s[1] - window_s[0]  # the rest is padding of a shorter window
            in_window[0] = True
            values = curve.curves[query, in_window].astype(np.float64)
            yield ScoredHit(hit, window_s, curve.times_s[in_window] + begin_s, values, self.channel)

    def _image_hits(self, following: Half | None) -> list[ScoredHit]:
        if self.images is None or self.pending is None:
            return []
        number, frames = self.pending
        windows = [
            (begin_s, self._frames(number, frames, following, begin_s))
            for begin_s in map(self.timeline.window_start_s, self.timeline.chunk_windows(number))
        ]
        windows = [(begin_s, window_frames) for begin_s, window_frames in windows if window_frames.any()]
        hits: list[ScoredHit] = []
        for first in range(0, len(windows), BATCH):
            hits += self._score(self.images, windows[first : first + BATCH])
        return hits

    def _frames(self, number: int, frames: Half, following: Half | None, begin_s: float) -> Single:
        """The frames of a window, of which some may lie in the chunk that follows."""
        step_s = self.spotter.model.grid.stride_s
        parts = []
        for chunk, chunk_frames in ((number, frames), (number + 1, following)):
            if chunk_frames is not None:
                from_s = begin_s - self.timeline.chunk_start_s(chunk)
                first, end = frames_between(from_s, from_s + WINDOW_S, step_s, len(chunk_frames))
                parts.append(chunk_frames[first:end])
        return np.concatenate(parts).astype(np.float32)

    def _score(self, images: QueryBatch, windows: Sequence[tuple[float, Single]]) -> Iterator[ScoredHit]:
        encoded, located, best = localise_frames(self.spotter, [frames for _, frames in windows], images.encoded)
        times_s, curves = (part.double().cpu().numpy() for part in located.over_time())
        for i, (begin_s, frames) in enumerate(windows):
            for query, name in enumerate(images.names):
                times = (float(values[i, query]) + begin_s for values in (best.times_s, best.starts_s, best.ends_s))
                hit = Hit(self.path, name, float(best.scores[i, query]), *self._inside(*times))
                in_window = slice(len(frames))
                yield ScoredHit(
                    hit,
                    self._window_s(begin_s),
                    times_s[in_window] + begin_s,
                    curves[i, query, in_window],
                    self.channel,
                    encoded.select([i]),
                )

    def _window_s(self, begin_s: float) -> tuple[float, float]:
        return begin_s, min(begin_s + WINDOW_S, self.timeline.duration_s)

    def _inside(self, *times_s: float) -> tuple[float, ...]:
        """Times clipped to the recording's end."""
        return tuple(min(time_s, self.timeline.duration_s) for time_s in times_s)
