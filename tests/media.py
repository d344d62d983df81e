"""Small recordings and pictures for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from PIL import Image


def tone(seconds: float, sample_rate: int = 16_000, hertz: float = 440.0) -> npt.NDArray[np.float32]:
    """A sine of amplitude 0.3."""
    times_s = np.arange(round(seconds * sample_rate)) / sample_rate
    return (0.3 * np.sin(2 * np.pi * hertz * times_s)).astype(np.float32)


def write_tone(path: Path, seconds: float = 1.0, sample_rate: int = 16_000, channels: int = 1, **how: str) -> Path:
    """Write a sine as whatever the path's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.repeat(tone(seconds, sample_rate)[:, None], channels, axis=1)
    soundfile.write(str(path), samples, sample_rate, **how)
    return path


def write_picture(path: Path, size: tuple[int, int] = (32, 24)) -> Path:
    """Write a picture with some detail, so that a part of its file is not all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path
