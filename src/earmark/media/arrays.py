"""Sound in memory: arrays of samples at any rate, in place of a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.core.timing import SAMPLE_RATE, s_to_samples, samples_to_s
from earmark.media.audio import FAR_BEYOND_FULL_SCALE, Waveform

MOST_CHANNELS = 64  # of an array; more are samples, in an array the wrong way round


class Sound:
    """A recording in memory, at 16 kHz.

    Parameters
    ----------
    samples : numpy.ndarray or torch.Tensor, shape = (samples,) or (channels, samples)
        Floats in [-1, 1], or whole numbers of 16 or 32 bits of full scale.
    sample_rate : int
        Samples a second.
    name : str
        What its hits name as their recording.

    Attributes
    ----------
    channels : numpy.ndarray, shape = (channels, samples), float32

    Raises
    ------
    EarmarkError
        If the array is no sound, or there is no such rate.
    """

    def __init__(self, samples: Any, sample_rate: int, name: str = "array") -> None:
        if not (isinstance(sample_rate, int | np.integer) and sample_rate > 0):
            raise EarmarkError(f"{sample_rate!r} is no sample rate: give a whole number of samples a second.")
        self.channels = _resampled(_floats(samples), int(sample_rate))
        self.name = name

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return samples_to_s(self.channels.shape[1])

    def span(self, start_s: float, end_s: float) -> Waveform:
        """A part of it, shape = (channels, samples), as :func:`earmark.media.audio.read_span` reads one of a file."""
        return self.channels[:, s_to_samples(start_s) : s_to_samples(end_s)]

    def mono(self) -> Waveform:
        """The average of its channels, shape = (samples,)."""
        mono: Waveform = self.channels[0] if len(self.channels) == 1 else self.channels.mean(axis=0, dtype=np.float32)
        return mono


def is_array(value: object) -> bool:
    """Whether something is an array of samples: of numpy, of torch, or of a library that is like these."""
    return hasattr(value, "shape") and hasattr(value, "dtype")


def _floats(samples: Any) -> Waveform:
    """Samples of full scale 1, shape = (channels, samples)."""
    array = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    if array.ndim not in (1, 2) or not array.size:
        raise EarmarkError(f"An array of shape {array.shape} is no sound: give (samples,) or (channels, samples).")
    if array.ndim == 2 and len(array) > MOST_CHANNELS:
        raise EarmarkError(
            f"An array of shape {array.shape} has {len(array)} channels: transpose it, channels come first."
        )
    if array.dtype in (np.int16, np.int32):
        array = array / float(-np.iinfo(array.dtype).min)
    elif not np.issubdtype(array.dtype, np.floating):
        raise EarmarkError(f"An array of {array.dtype} is no sound: give floats in [-1, 1], int16 or int32.")
    if not np.abs(array).max() < FAR_BEYOND_FULL_SCALE:
        raise EarmarkError("The array holds samples that are infinite or no numbers: make it anew.")
    return np.ascontiguousarray(np.atleast_2d(array), dtype=np.float32)


def _resampled(channels: Waveform, sample_rate: int) -> Waveform:
    if sample_rate == SAMPLE_RATE:
        return channels
    import soxr

    return np.ascontiguousarray(soxr.resample(channels.T, sample_rate, SAMPLE_RATE).T, dtype=np.float32)
