"""Worker of the indexer: a pure function from the sound of a chunk to postings, frames and waveform overview."""

from __future__ import annotations

from dataclasses import dataclass

from earmark.archive.encoding import MODEL
from earmark.archive.waveform_overview import WaveformOverview, waveform_overview
from earmark.core.errors import EarmarkError
from earmark.core.timing import s_to_samples
from earmark.localisation.chunks import ChunkHits, Half, encode_chunk, read_chunk, zero_where_blank
from earmark.localisation.spotter import KeywordSpotter
from earmark.localisation.windows import Timeline


@dataclass(frozen=True)
class ChunkTask:
    """A chunk to process by one of an archive's encodings.

    Attributes
    ----------
    recording : int
    sha256, path : str
        Of the recording.
    timeline : Timeline
        Of the recording.
    channel, number : int
        From 1 and from 0 on.
    skip_silence : bool
    stretches_s : tuple of (float, float), or None
        Only windows that share time with these stretches of the recording; None for all.
    encoding : str
        The kind of the encoding: see :mod:`earmark.archive.encoding`.
    """

    recording: int
    sha256: str
    path: str
    timeline: Timeline
    channel: int
    number: int
    skip_silence: bool = False
    stretches_s: tuple[tuple[float, float], ...] | None = None
    encoding: str = MODEL


@dataclass(frozen=True)
class ChunkResult:
    """All that the archive stores of a chunk.

    Attributes
    ----------
    windows : int
        Windows that were encoded.
    postings : ChunkHits
        The hits of the model's keywords.
    frames : numpy.ndarray, shape = (T', K), float16
        Zero where silence was skipped.
    peaks : numpy.ndarray, shape = (2, n), int8
    """

    windows: int
    postings: ChunkHits
    frames: Half
    peaks: WaveformOverview


def process_chunk(spotter: KeywordSpotter, task: ChunkTask) -> ChunkResult:
    """Encode a chunk and localise all keywords of the model in it.

    Raises
    ------
    EarmarkError
        If the recording can't be read, or ends earlier than its header declares.
    """
    channels = read_chunk(task.path, task.number, task.timeline)
    if task.channel > len(channels):
        raise EarmarkError(f"{task.path} has lost its channel {task.channel}: copy it again.")
    waveform = channels[task.channel - 1]
    start_s, end_s = task.timeline.chunk_bounds_s(task.number)
    queries = spotter.encode_queries(spotter.keywords) if spotter.accepts_keywords else None
    chunk = encode_chunk(spotter, waveform, start_s, end_s, queries, task.skip_silence, stretches_s=task.stretches_s)
    # A model knows what silence is; features alone do not, and all silence is alike.
    is_model = bool(spotter.model.accepts)
    frames = chunk.frames if is_model else zero_where_blank(chunk.frames, waveform, spotter.model.grid.stride_s)
    overview = waveform_overview(waveform[: s_to_samples(end_s - start_s)])
    return ChunkResult(chunk.windows, chunk.hits, frames, overview)
