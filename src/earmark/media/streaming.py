"""Long recordings, read a stretch at a time, with their channels apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, exact_div, s_to_samples
from earmark.media.audio import (
    SAMPLES_AT_A_TIME,
    AudioInfo,
    Waveform,
    check_audio,
    cut_short,
    empty,
    require_file,
    require_numbers,
    unreadable,
)
from earmark.media.pyav_reader import ContainerSound
from earmark.media.truncation import is_truncated

FORMATS = "wav, flac, ogg, mp3, m4a, mp4 or webm"
MARGIN_S = 0.1  # more than the resampler's filter reaches at any rate
OPUS_SETTLES_S = 1.0  # after 80 ms (RFC 7845, section 4.6) its samples still differ by 1e-40
# libsndfile takes the samples that are left out at the end of a Vorbis file as if they stood at the start of its last
# page, where one seeks into that. A page has at most 255 packets, of at most half the largest block.
VORBIS_LAST_PAGE = 255 * 4_096


def long_audio_info(path: Path | str) -> AudioInfo:
    """How long a recording is, of any format that can be read.

    Headers are believed where there are any; see `read_span` for what is missing. What doesn't say how long it is,
    as browsers record, is counted by decoding it.

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, or holds no sound at all.
    """
    with _open(path) as sound:
        return sound.info()


def read_span(path: Path | str, start_s: float, end_s: float) -> Waveform:
    """Read a part of a recording at 16 kHz: the very samples that resampling the whole of it would give there.

    Parameters
    ----------
    path : Path or str
        wav, flac, ogg (Vorbis or Opus), mp3, and through PyAV m4a, aac, mp4, webm, mkv, mov, 3gp and wma; any
        sampling rate.
    start_s, end_s : float
        Rounded to samples at 16 kHz.

    Returns
    -------
    numpy.ndarray, shape = (channels, samples), float32
        Shorter, or empty, where the recording ends before `end_s`. The same whichever stretches were read before.

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, holds no sound at all, is cut short before the end of
        the stretch, or holds samples there that are not numbers; or if there is no such stretch.
    """
    if not 0 <= start_s < end_s < math.inf:
        raise EarmarkError(f"{start_s} to {end_s} s is no stretch of {path}: it starts at 0 s or later and ends later.")
    first, stop = s_to_samples(start_s), s_to_samples(end_s)
    with _open(path) as sound:
        begin, skipped = _aligned(start_s, sound.sample_rate)
        end = s_to_samples(end_s + MARGIN_S, sound.sample_rate)
        parts = list(_resampled(sound.blocks(begin, end), sound.sample_rate, sound.channels))
        resampled = np.concatenate(parts or [np.empty((0, sound.channels), dtype=np.float32)])
    return np.ascontiguousarray(resampled[first - skipped : stop - skipped].T)


def _aligned(start_s: float, sample_rate: int) -> tuple[int, int]:
    """Number of a sample a little before `start_s`, at a file's own rate and at 16 kHz, where both have one."""
    common = math.gcd(sample_rate, SAMPLE_RATE)
    steps = int(max(0.0, start_s - MARGIN_S) * common)
    return steps * exact_div(sample_rate, common), steps * exact_div(SAMPLE_RATE, common)


def _resampled(blocks: Iterator[Waveform], sample_rate: int, channels: int) -> Iterator[Waveform]:
    if sample_rate == SAMPLE_RATE:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, channels, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.empty((0, channels), dtype=np.float32), last=True)


def _open(path: Path | str) -> _PlainSound | ContainerSound:
    import av

    require_file(path)
    try:
        sound = _PlainSound(path)
    except (RuntimeError, TypeError, UnicodeError) as error:
        try:
            return ContainerSound(path)
        except (av.error.FFmpegError, ValueError):
            if is_truncated(Path(path)):
                raise cut_short(path, 0.0) from error
            # Each decoder says why in its own way, the last of them that there is no such file.
            raise unreadable(path, ValueError("it holds no sound of a known kind"), FORMATS) from error
    if sound.format != "MP3":
        return sound
    # soundfile seeks after each read, and libsndfile does not go back far enough for what the frames of an mp3 borrow
    # from earlier ones: wrong samples follow. And where no tag counts the frames, it guesses from the first one's bits.
    sound.close()
    return ContainerSound(path)


class _PlainSound:
    """What libsndfile reads to the sample: wav, flac, ogg and the like."""

    def __init__(self, path: Path | str) -> None:
        import soundfile

        self.path = path
        self._file = soundfile.SoundFile(str(path))
        self.format: str = self._file.format
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def info(self) -> AudioInfo:
        if self._file.frames == 0:
            raise empty(self.path)
        return AudioInfo(self.sample_rate, self._file.frames, self.channels)

    def blocks(self, start: int, stop: int) -> Iterator[Waveform]:
        """Samples `start` to `stop` at the file's own rate, in blocks of shape (samples, channels)."""
        samples = self.info().samples
        if stop > samples and is_truncated(Path(self.path)):
            raise cut_short(self.path, samples / self.sample_rate)
        stop = min(stop, samples)
        position = self._place_to_seek(start)
        while position < stop:
            block = self._read(position, min(SAMPLES_AT_A_TIME, stop - position))
            require_numbers(block, self.path)
            yield block[max(0, start - position) :]
            position += len(block)

    def _place_to_seek(self, start: int) -> int:
        """Sample at or before `start` from where decoding gives the very samples that decoding all would give."""
        if self._file.subtype == "OPUS":
            start -= s_to_samples(OPUS_SETTLES_S, self.sample_rate)
        if self._file.subtype == "VORBIS":
            start = min(start, self._file.frames - VORBIS_LAST_PAGE)
        return max(0, start)

    def _read(self, position: int, count: int) -> Waveform:
        try:
            if self._file.tell() != position:
                self._file.seek(position)
            block: Waveform = self._file.read(count, dtype="float32", always_2d=True)
        except RuntimeError as error:
            check_audio(self.path)  # says what is wrong, and where
            raise unreadable(self.path, error, FORMATS) from error
        if len(block) < count:
            raise cut_short(self.path, (position + len(block)) / self.sample_rate)
        return block
