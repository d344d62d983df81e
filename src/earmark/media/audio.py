"""Audio files in, mono 16 kHz waveforms out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE
from earmark.media.truncation import is_truncated

Waveform = npt.NDArray[np.float32]
SAMPLES_AT_A_TIME = 1 << 16  # bounds the memory that checking a long recording takes


@dataclass(frozen=True)
class AudioInfo:
    """What the header of an audio file says."""

    sample_rate: int
    samples: int
    channels: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


def audio_info(path: Path | str) -> AudioInfo:
    """Read the header of an audio file (wav, flac, ogg or mp3).

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, or holds no sound at all.
    """
    import soundfile

    require_file(path)
    try:
        info = soundfile.info(str(path))
    except (RuntimeError, TypeError, UnicodeError) as error:
        raise unreadable(path, error) from error
    if info.frames == 0:
        raise empty(path)
    return AudioInfo(sample_rate=info.samplerate, samples=info.frames, channels=info.channels)


def check_audio(path: Path | str) -> AudioInfo:
    """Decode a whole audio file and say what it truly holds.

    A header tells little about a damaged or half-copied file: decoders fill in, or stop early, in silence.

    Raises
    ------
    EarmarkError
        If the file is missing, can't be decoded to its end, is shorter than it says itself, holds no sound at
        all, or holds samples that are not numbers.
    """
    import soundfile

    said = audio_info(path)
    samples = 0
    try:
        with soundfile.SoundFile(str(path)) as file:
            # SoundFile.blocks hands out uninitialised samples where a file ends early; read does not.
            while len(block := file.read(SAMPLES_AT_A_TIME, dtype="float32", always_2d=True)):
                require_numbers(block, path)
                samples += len(block)
    except RuntimeError as error:
        raise unreadable(path, error) from error
    if samples < said.samples or is_truncated(Path(path)):
        raise cut_short(path, samples / said.sample_rate)
    return AudioInfo(said.sample_rate, samples, said.channels)


def read_audio(path: Path | str) -> Waveform:
    """Read a whole audio file as one mono waveform at 16 kHz.

    Channels are averaged; any other sampling rate is resampled.

    Returns
    -------
    numpy.ndarray, shape = (samples,), float32
        In [-1, 1], but for the small overshoots of lossy codecs and resampling.

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, holds no sound at all, or holds samples that are
        not numbers.
    """
    import soundfile

    require_file(path)
    try:
        samples, sample_rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (RuntimeError, TypeError, UnicodeError) as error:
        raise unreadable(path, error) from error
    if len(samples) == 0:
        raise empty(path)
    require_numbers(samples, path)
    mono = samples.mean(axis=1)
    if sample_rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, sample_rate, SAMPLE_RATE)
    return np.ascontiguousarray(mono, dtype=np.float32)


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


def require_file(path: Path | str) -> None:
    """Stop with one sentence where there is no file."""
    if os.path.isdir(path):
        raise EarmarkError(f"{path} is a folder: name an audio file.")
    if not os.path.isfile(path):  # unlike Path.is_file, it takes names that no system would
        raise EarmarkError(f"There is no audio file {path}: check its name, or whether it was moved.")


def require_numbers(samples: Waveform, path: Path | str) -> None:
    """Stop with one sentence where samples are infinite or not numbers."""
    if not np.isfinite(samples).all():
        raise EarmarkError(f"{path} holds samples that are not numbers: export it once more.")


def cut_short(path: Path | str, after_s: float) -> EarmarkError:
    """What to say of a file that ends before it should, after so many seconds of sound."""
    return EarmarkError(f"{path} is cut short after {after_s:.2f} s: copy it again.")


def empty(path: Path | str) -> EarmarkError:
    """What to say of a file without a single sample."""
    return EarmarkError(f"{path} holds no sound (0 seconds): record it again or leave it out.")


def unreadable(path: Path | str, error: Exception, formats: str = "wav, flac, ogg or mp3") -> EarmarkError:
    """What to say of a file that no decoder takes."""
    reason = getattr(error, "error_string", str(error)).strip().rstrip(".") or "it is damaged"
    return EarmarkError(f"{path} can't be read as audio ({reason}): save it as {formats}.")
