"""Sound of a corpus's utterances: whole files, or segments of long recordings."""

from __future__ import annotations

from typing import Any

from earmark.core.corpus import Utterance
from earmark.media.audio import Waveform, read_audio, read_span


def read_utterance(utterance: Utterance) -> Waveform:
    """Read an utterance as one mono waveform at 16 kHz: its own channel, or the average of all.

    Returns
    -------
    numpy.ndarray, shape = (samples,), float32
        Of a segment the same samples that the whole recording has there, and no more than the recording has.

    Raises
    ------
    EarmarkError
        As :func:`earmark.media.audio.read_span`.
    """
    if utterance.stretch_s is None and utterance.channel is None:
        return read_audio(utterance.audio)
    channels = read_span(utterance.audio, *(utterance.stretch_s or (0.0, utterance.duration_s)))
    waveform: Waveform = channels.mean(axis=0) if utterance.channel is None else channels[utterance.channel - 1]
    return waveform


def identity(utterance: Utterance) -> list[Any]:
    """Identity of an utterance's sound, which changes with the content of its file; as JSON.

    Raises
    ------
    OSError
        If its audio file is gone.
    """
    status = utterance.audio.stat()
    part = [*(utterance.stretch_s or ()), *([f"channel {utterance.channel}"] if utterance.channel else [])]
    return [utterance.id, status.st_size, status.st_mtime_ns, *part]
