"""A recording of made-up words, each a few tones, and where each is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from earmark.archive.archive import Archive
from earmark.archive.creation import make_features_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.core.timing import SAMPLE_RATE
from earmark.recipe import feature_settings

WORDS = {"mbwa": (300, 2400, 700, 1500), "ọmọ": (1800, 500, 3000, 400)}
WORD_S = 0.8


def tones(hertz: Sequence[float], pitch: float = 1.0) -> np.ndarray:
    """Sounds of 0.2 s after one another."""
    t = np.arange(round(0.2 * SAMPLE_RATE)) / SAMPLE_RATE
    parts = [sum(np.sin(2 * np.pi * one * pitch * k * t) / k for k in (1, 2, 3)) * np.hanning(len(t)) for one in hertz]
    return 0.2 * np.concatenate(parts)


def write_recording(path: Path, places: dict[str, Sequence[float]], length_s: float, seed: int = 0) -> None:
    """Other words all along, and the named ones at their places."""
    rng = np.random.default_rng(seed)
    sound = 0.004 * rng.standard_normal(round(length_s * SAMPLE_RATE))

    def put(word: np.ndarray, start_s: float) -> None:
        first = round(start_s * SAMPLE_RATE)
        sound[first : first + len(word)] += word

    for start_s in np.arange(0.0, length_s - 1, 1.1):
        if all(abs(start_s - place) > 1.1 for some in places.values() for place in some):
            put(tones(rng.integers(2, 35, 4) * 100.0, rng.uniform(0.95, 1.05)), float(start_s))
    for name, some in places.items():
        for number, start_s in enumerate(some):
            put(tones(WORDS[name], 1 + 0.01 * number), start_s)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, SAMPLE_RATE)


def tones_archive(folder: Path, media: Path) -> Archive:
    """Indexed with cepstra alone."""
    archive = make_features_archive(folder, feature_settings("mfcc"))
    assert index(archive, [media], ThreadExecutor(1)).problems == []
    return archive
