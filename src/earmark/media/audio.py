"""Reader of sound: segments of files of any container and codec, as waveforms at 16 kHz.

Every sound track is read, one after the other as the channels of the recording. Time 0 is where players show it: the
start of the film, if the file is one, so that a track that begins later begins with silence. What a file holds is
counted from its packets; where its header declares something else, that is a note.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.media._reader import FAR_BEYOND_FULL_SCALE, AudioInfo, AudioReader, Waveform, require_file

LONGEST_WHOLE_S = 12 * 3600.0  # 2.8 GB at 16 kHz
OPEN_FILES = 4  # that stay open for the next read

__all__ = [
    "FAR_BEYOND_FULL_SCALE",
    "AudioInfo",
    "AudioReader",
    "Waveform",
    "at_speed",
    "audio_info",
    "check_audio",
    "open_audio",
    "read_audio",
    "read_span",
    "require_file",
    "write_audio",
]


def open_audio(path: Path | str) -> AudioReader:
    """Open an audio file of any container and codec.

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, or holds no sound at all.
    """
    return AudioReader(path)


def audio_info(path: Path | str) -> AudioInfo:
    """Count what an audio file holds, from its packets.

    Raises
    ------
    EarmarkError
        As :func:`open_audio`.
    """
    with _borrowed(path) as reader:
        return reader.info


def check_audio(path: Path | str) -> AudioInfo:
    """Decode a whole audio file; its description, with a note of what can't be decoded.

    Raises
    ------
    EarmarkError
        As :func:`open_audio`; or if it holds samples that are not numbers.
    """
    with _borrowed(path) as reader:
        return reader.check()


def read_span(path: Path | str, start_s: float, end_s: float) -> Waveform:
    """Read a part of a recording at 16 kHz: the very samples that resampling the whole of it would give there.

    Parameters
    ----------
    path : Path or str
    start_s, end_s : float
        Rounded to samples at 16 kHz.

    Returns
    -------
    numpy.ndarray, shape = (channels, samples), float32
        Shorter, or empty, where the recording ends before `end_s`. The same whichever segments were read before.
        What can't be decoded is silence, of which the log has a warning.

    Raises
    ------
    EarmarkError
        As :func:`open_audio`; if the segment holds samples that are not numbers; or if there is no such segment.
    """
    with _borrowed(path) as reader:
        return reader.read(start_s, end_s)


def read_audio(path: Path | str) -> Waveform:
    """Read a whole audio file as one mono waveform at 16 kHz: the average of its channels.

    Returns
    -------
    numpy.ndarray, shape = (samples,), float32
        In [-1, 1], but for the small overshoots of lossy codecs and resampling.

    Raises
    ------
    EarmarkError
        As :func:`read_span`; or if it is longer than 12 hours.
    """
    with _borrowed(path) as reader:
        if reader.info.duration_s > LONGEST_WHOLE_S:
            raise EarmarkError(
                f"{path} lasts {reader.info.duration_s / 3600:.0f} hours, too long to be read at once: index it "
                "with 'earmark index', or cut it."
            )
        channels = reader.read(0.0, reader.info.duration_s)
    mono: Waveform = channels[0] if len(channels) == 1 else channels.mean(axis=0, dtype=np.float32)
    return mono


def write_audio(path: Path | str, waveform: npt.NDArray[np.floating], form: Literal["WAV", "FLAC"] = "WAV") -> None:
    """Write a mono waveform at 16 kHz with 16 bits a sample.

    Raises
    ------
    OSError
        If the disk is full or refuses; libsndfile would not say why.
    """
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, waveform, SAMPLE_RATE, format=form, subtype="PCM_16")
    Path(path).write_bytes(content.getbuffer())


def at_speed(waveform: Waveform, speed: float) -> Waveform:
    """Play a waveform faster or slower, which makes the voice higher or lower as well.

    Parameters
    ----------
    waveform : numpy.ndarray, shape = (samples,)
        Mono, 16 kHz.
    speed : float
        Above 1 is faster.

    Returns
    -------
    numpy.ndarray, shape = (about samples / speed,), float32
    """
    if speed == 1:
        return waveform
    import soxr

    return np.ascontiguousarray(soxr.resample(waveform, SAMPLE_RATE * speed, SAMPLE_RATE), dtype=np.float32)


_Key = tuple[object, ...]
_idle: dict[_Key, AudioReader] = {}  # open files that are not being read, the longest idle first
_idle_lock = threading.Lock()


@contextmanager
def _borrowed(path: Path | str) -> Iterator[AudioReader]:
    """A reader for exclusive use; it stays open, so that the next read of a long recording need not seek anew."""
    require_file(path)
    key = _key(path)
    with _idle_lock:
        reader = _idle.pop(key, None)
    if reader is None:
        reader = AudioReader(path)
    try:
        yield reader
    except BaseException:
        reader.close()
        raise
    _give_back(key, reader)


def _give_back(key: _Key, reader: AudioReader) -> None:
    with _idle_lock:
        _idle[key] = reader
        surplus = [_idle.pop(next(iter(_idle))) for _ in range(len(_idle) - OPEN_FILES)]
    for old in surplus:
        old.close()


def _key(path: Path | str) -> _Key:
    status = os.stat(path)
    # A forked process shares the place in a file with its parent: it opens its own.
    return os.getpid(), os.path.abspath(path), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
