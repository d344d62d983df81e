"""Collections to export, made up for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import file_names
from earmark.core.types import Hit

SAMPLE_RATE = 16_000


def marked(
    query: str,
    start_s: float,
    end_s: float,
    verdict: Any = "yes",
    channel: int = 1,
    score: float = 0.75,
) -> Marked:
    return Marked(Hit("", query, score, (start_s + end_s) / 2, start_s, end_s), channel, verdict)


def recording(path: Path, *hits: Marked, duration_s: float = 10.0, channels: int = 1, **about: str) -> MarkedRecording:
    return MarkedRecording(path, "", duration_s, channels, hits, **about)


def collection(*recordings: MarkedRecording, licence: str = "", consent: str = "") -> Collection:
    names = file_names(one.path for one in recordings)
    named = tuple(replace(one, name=names[one.path]) for one in recordings)
    return Collection("Ohùn ilé", "earmark-pictures", licence, consent, named)


def sound(path: Path, duration_s: float = 10.0, channels: int = 1) -> Path:
    """A recording whose samples tell their own time and channel: a slow slope, steeper in each channel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    slope = np.linspace(0, 0.4, round(duration_s * SAMPLE_RATE), dtype=np.float32)
    soundfile.write(str(path), np.stack([slope * (i + 1) for i in range(channels)], axis=1), SAMPLE_RATE, "FLOAT")
    return path
