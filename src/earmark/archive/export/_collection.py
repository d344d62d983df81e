"""Types of an export: recordings with their hits, independent of any database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from earmark.core.types import Hit


@dataclass(frozen=True)
class Marked:
    """A hit with its verdict.

    Attributes
    ----------
    hit : Hit
    channel : int
        Of the recording, from 1 on.
    verdict : {"yes", "no", "related"} or None
        None for a candidate that nobody has judged.
    """

    hit: Hit
    channel: int = 1
    verdict: Literal["yes", "no", "related"] | None = None


@dataclass(frozen=True)
class MarkedRecording:
    """A recording with its hits, in the order of time.

    Attributes
    ----------
    path : Path
    name : str
        Stem of its files in an export: see :func:`earmark.archive.export._files.file_names`. No other recording of
        the archive has it, so that an export never goes into the files of another recording.
    duration_s : float
    channels : int
    hits : tuple of Marked
    speaker, date, language, licence, consent : str
        As the owner wrote them; empty where there is none.
    """

    path: Path
    name: str
    duration_s: float
    channels: int
    hits: tuple[Marked, ...]
    speaker: str = ""
    date: str = ""
    language: str = ""
    licence: str = ""
    consent: str = ""

    @property
    def not_rejected(self) -> tuple[Marked, ...]:
        """The hits without those that a person rejected."""
        return tuple(marked for marked in self.hits if marked.verdict != "no")

    @property
    def accepted(self) -> tuple[Marked, ...]:
        """The hits that a person accepted."""
        return tuple(marked for marked in self.hits if marked.verdict == "yes")


@dataclass(frozen=True)
class Collection:
    """All in one export.

    Attributes
    ----------
    name : str
        Of the archive.
    model : str
        Name of the model that found the hits.
    licence, consent : str
        Notes of the whole collection, in its owner's words; they go into every export.
    recordings : tuple of MarkedRecording
        Those with at least one hit.
    """

    name: str
    model: str
    licence: str
    consent: str
    recordings: tuple[MarkedRecording, ...]
