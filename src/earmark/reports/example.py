"""One playable example: a hit with the sound, the localisation scores and the true words around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Word
from earmark.core.timing import s_to_samples, samples_to_s
from earmark.core.types import Hit
from earmark.media.audio import Waveform
from earmark.reports.matchmap_data import MatchmapData

LONGEST_S = 20.0  # more sound than this makes a page heavy and its plot unreadable


@dataclass(frozen=True, eq=False)
class Example:
    """One playable example. All times are seconds from the start of the recording.

    Attributes
    ----------
    hit : Hit
    waveform : numpy.ndarray, shape = (samples,), float32
        Mono at 16 kHz: the utterance, or the sound around the hit.
    offset_s : float
        Where the waveform starts in the recording.
    curve_times_s, curve : numpy.ndarray, shape = (frames,)
        Localisation scores in [0, 1], and their times, in rising order.
    words : tuple of Word
        The true words; empty where they are unknown.
    image : Path or None
        The image that the utterance describes.
    verdict : str
        "right", "wrong place", "not spoken"; "" where the truth is unknown.
    caption : str
        The text of the utterance; "" where it is unknown.
    matchmap_data : MatchmapData or None
        Of an image query.

    Raises
    ------
    ValueError
        If the waveform is empty, the scores and their times differ in number, or one is NaN or infinite.
    """

    hit: Hit
    waveform: Waveform
    offset_s: float
    curve_times_s: npt.NDArray[np.floating]
    curve: npt.NDArray[np.floating]
    words: tuple[Word, ...]
    image: Path | None = None
    verdict: str = ""
    caption: str = ""
    matchmap_data: MatchmapData | None = None

    def __post_init__(self) -> None:
        if self.waveform.ndim != 1 or not len(self.waveform):
            raise ValueError(f"an example needs a mono waveform, not one of shape {self.waveform.shape}")
        if self.curve.ndim != 1 or self.curve.shape != self.curve_times_s.shape:
            raise ValueError(f"{self.curve.shape} scores do not fit {self.curve_times_s.shape} times of an example")
        if not all(np.isfinite(numbers).all() for numbers in (self.waveform, self.curve, self.curve_times_s)):
            raise ValueError("an example holds NaN or infinite samples, scores or times")

    @property
    def duration_s(self) -> float:
        """Length of the waveform in seconds."""
        return samples_to_s(len(self.waveform))

    @property
    def end_s(self) -> float:
        """Where the waveform ends in the recording."""
        return self.offset_s + self.duration_s

    def excerpt(self, longest_s: float = LONGEST_S) -> Example:
        """The example with at most `longest_s` of its sound, the hit in the middle as far as the sound allows."""
        if self.duration_s <= longest_s:
            return self
        latest_s = self.end_s - longest_s
        wanted_s = min(max(self.hit.time_s - longest_s / 2, self.offset_s), latest_s)
        first = s_to_samples(wanted_s - self.offset_s)
        waveform = self.waveform[first : first + s_to_samples(longest_s)]
        start_s = self.offset_s + samples_to_s(first)
        end_s = start_s + samples_to_s(len(waveform))
        inside = (self.curve_times_s >= start_s) & (self.curve_times_s <= end_s)
        return replace(
            self,
            waveform=waveform,
            offset_s=start_s,
            curve_times_s=self.curve_times_s[inside],
            curve=self.curve[inside],
            words=tuple(word for word in self.words if word.end_s > start_s and word.start_s < end_s),
            matchmap_data=self.matchmap_data.within(start_s, end_s) if self.matchmap_data else None,
        )
