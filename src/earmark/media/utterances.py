"""Sound of a corpus's utterances: whole files, or segments of long recordings."""

from __future__ import annotations

from typing import Any

from earmark.core.corpus import Utterance
from earmark.media.audio import Waveform, read_audio, read_span


def read_utterance(utterance: Utterance) -> Waveform:
    """Read an utterance as one mono waveform at 16 kHz: the average of its channels.

    Returns
    -------
    numpy.ndarray, shape = (samples,), float32
        Of a segment the same samples that the whole recording has there, and no more than the recording has.

    Raises
    ------
    EarmarkError
        As :func:`earmark.media.audio.read_span`.
    """
    if utterance.stretch_s is None:
        return read_audio(utterance.audio)
    waveform: Waveform = read_span(utterance.audio, *utterance.stretch_s).mean(axis=0)
    return waveform


def identity(utterance: Utterance) -> list[Any]:
    """Identity of an utterance's sound, which changes with the content of its file; as JSON.

    Raises
    ------
    OSError
        If its audio file is gone.
    """
    status = utterance.audio.stat()
    return [utterance.id, status.st_size, status.st_mtime_ns, *(utterance.stretch_s or ())]
