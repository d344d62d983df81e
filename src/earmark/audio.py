"""Audio files in, mono 16 kHz waveforms out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.errors import EarmarkError
from earmark.timing import SAMPLE_RATE

Waveform = npt.NDArray[np.float32]


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

    _require_file(path)
    try:
        info = soundfile.info(str(path))
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    if info.frames == 0:
        raise EarmarkError(f"{path} holds no sound (0 seconds): record it again or leave it out.")
    return AudioInfo(sample_rate=info.samplerate, samples=info.frames, channels=info.channels)


def read_audio(path: Path | str) -> Waveform:
    """Read a whole audio file as one mono waveform at 16 kHz.

    Channels are averaged; any other sampling rate is resampled.

    Returns
    -------
    numpy.ndarray, shape = (samples,), float32 in [-1, 1]

    Raises
    ------
    EarmarkError
        If the file is missing, is no audio that can be read, or holds no sound at all.
    """
    import soundfile

    _require_file(path)
    try:
        samples, sample_rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise _unreadable(path, error) from error
    if len(samples) == 0:
        raise EarmarkError(f"{path} holds no sound (0 seconds): record it again or leave it out.")
    mono = samples.mean(axis=1)
    if sample_rate != SAMPLE_RATE:
        import soxr

        mono = soxr.resample(mono, sample_rate, SAMPLE_RATE)
    return np.ascontiguousarray(mono, dtype=np.float32)


def _require_file(path: Path | str) -> None:
    if not Path(path).is_file():
        raise EarmarkError(f"There is no audio file {path}: check its name, or whether it was moved.")


def _unreadable(path: Path | str, error: Exception) -> EarmarkError:
    reason = getattr(error, "error_string", str(error)).strip().rstrip(".")
    return EarmarkError(f"{path} can't be read as audio ({reason}): save it as wav, flac, ogg or mp3.")
