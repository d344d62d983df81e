"""The one result type that leaves the library."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, order=False)
class Hit:
    """A moment where a query may be spoken: a candidate to listen to, not a fact.

    Attributes
    ----------
    recording : str
        Path of the audio file, as it was given.
    query : str
        The keyword as it was asked for, or the name of the pictures.
    score : float
        Detection score in [0, 1]: p(query occurs here).
    time_s : float
        The location: the single most likely moment, in seconds from the start of the recording.
    start_s, end_s : float
        Extent of the hit around the location, in seconds.
    """

    recording: str
    query: str
    score: float
    time_s: float
    start_s: float
    end_s: float

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of plain values, in the form of ``schemas/hits.schema.json``."""
        return asdict(self)
