"""What a search of an archive finds.

From "about so many false alarms an hour" to detection scores, and what to expect of hits above the threshold.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from sqlalchemy import Column, ColumnElement, false, func, or_, select

from earmark.archive.archive import Archive, Position
from earmark.archive.query_aliases import resolve_query
from earmark.archive.recordings import SEARCHED
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.core.vocabulary import normalise
from earmark.localisation.peaks import non_max_suppression
from earmark.models.operating_points import (
    ANY_PICTURE,
    OperatingPoints,
    read_image_operating_points,
    read_operating_points,
)

Verdict = Literal["yes", "no", "related"]


@dataclass(frozen=True)
class ArchiveHit:
    """A hit in an archive.

    Attributes
    ----------
    position : Place
        Where it is; its time is the hit's location. What ``--by-example`` and judgements name it by.
    hit : Hit
        Its recording is the path of the file; its extent is as a person set it, if one did.
    speaker, date, language : str
        Of the recording, as its owner described it; empty where nobody did.
    verdict : {"yes", "no", "related"} or None
        What a person said of it, for this query.
    """

    position: Position
    hit: Hit
    speaker: str = ""
    date: str = ""
    language: str = ""
    verdict: Verdict | None = None

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of plain values."""
        about = {"speaker": self.speaker, "date": self.date, "language": self.language, "verdict": self.verdict}
        return {"position": str(self.position), "channel": self.position.channel, **self.hit.to_json(), **about}


@dataclass(frozen=True)
class Filters:
    """Which recordings to search: those that meet all that is said; an empty text says nothing.

    Attributes
    ----------
    folder : str
        Recordings somewhere below this folder.
    speaker, language : str
        Exactly so, but for case and Unicode form.
    date : str
        Recordings whose date begins so: ``2019`` or ``2019-04``.
    """

    folder: str = ""
    speaker: str = ""
    date: str = ""
    language: str = ""


def merge_hits(found: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """Hits of one query, the best first; where several overlap, the best stays."""
    if not found:
        return []
    scores, starts_s, ends_s = np.array([(one.hit.score, one.hit.start_s, one.hit.end_s) for one in found]).T
    channels = [one.position[:2] for one in found]
    return [found[i] for i in non_max_suppression(scores, starts_s, ends_s, channels)]


NO_OPERATING_POINTS = (
    "The model of this archive does not tell false alarms an hour (it was trained before Earmark measured them): give "
    "--min-score, or train and index anew."
)


def keyword_thresholds(archive: Archive, words: Sequence[str], max_fa_per_hour: float) -> dict[str, float]:
    """By keyword that the words mean, the detection score from which so many false alarms an hour are expected.

    Raises
    ------
    EarmarkError
        If a word is unknown, or the model's dev set can't tell.
    """
    operating_points = operating_points_of(archive)
    if operating_points is None:
        raise EarmarkError(NO_OPERATING_POINTS)
    keywords = dict.fromkeys(keyword for word in words for keyword in resolve_query(archive, word).keywords)
    return {keyword: operating_points.threshold(keyword, max_fa_per_hour) for keyword in keywords}


def image_threshold(archive: Archive, max_fa_per_hour: float) -> float:
    """The same for queries that are pictures."""
    operating_points = read_image_operating_points(archive.folder / "model")
    if operating_points is None:
        raise EarmarkError(NO_OPERATING_POINTS)
    return operating_points.threshold(ANY_PICTURE, max_fa_per_hour)


def operating_points_of(archive: Archive) -> OperatingPoints | None:
    """What the archive's model tells of false alarms."""
    return read_operating_points(archive.folder / "model", archive.vocabulary)


def expected_precision_note(archive: Archive) -> str:
    """What to expect of hits, in a sentence; "" where the model does not tell."""
    operating_points = operating_points_of(archive)
    if operating_points is None or operating_points.expected_precision is None:
        return ""
    of_hundred = round(100 * operating_points.expected_precision)
    return (
        f"Of 100 hits above the model's own thresholds, about {of_hundred} are expected to be right (on its dev set)."
    )


ABOUT = (recordings.c.path, recordings.c.speaker, recordings.c.date, recordings.c.language)


def recording_conditions(archive: Archive, filters: Filters) -> list[ColumnElement[bool]]:
    """Conditions on the table of recordings: those that can be searched, and meet the filters.

    Databases differ in what they know of case and of Unicode; so the spellings that are meant are found here, and the
    database compares them letter by letter.
    """
    conditions: list[ColumnElement[bool]] = [recordings.c.status.in_(SEARCHED)]
    if filters.folder:
        spellings = _spellings(archive, filters.folder)
        conditions.append(or_(false(), *(_begins(recordings.c.path, spelling) for spelling in spellings)))
    if filters.date:
        conditions.append(_begins(recordings.c.date, filters.date))
    for column, text in ((recordings.c.speaker, filters.speaker), (recordings.c.language, filters.language)):
        if text:
            known = _distinct(archive, column)
            conditions.append(column.in_([one for one in known if normalise(one) == normalise(text)]))
    return conditions


def _spellings(archive: Archive, folder: str) -> set[str]:
    """What is before the names of all recordings in a folder and below, as they spell it on disk."""
    wanted = Path(os.path.abspath(folder))
    asked = unicodedata.normalize("NFC", os.fspath(wanted))
    found = set()
    for path in _distinct(archive, recordings.c.path):
        above = os.path.join(*Path(path).parts[: len(wanted.parts)], "")
        if unicodedata.normalize("NFC", above) == os.path.join(asked, ""):
            found.add(above)
    return found


def _distinct(archive: Archive, column: Column[str]) -> Sequence[str]:
    with archive.reading() as connection:
        return connection.execute(select(column).distinct()).scalars().all()


def _begins(column: Column[str], text: str) -> ColumnElement[bool]:
    # Not LIKE: SQLite's takes a and A for one.
    return func.substr(column, 1, len(text)) == text


def require_recordings(archive: Archive) -> None:
    """Raise an EarmarkError if there is nothing to search."""
    with archive.reading() as connection:
        if connection.execute(select(recordings.c.id).where(recordings.c.status.in_(SEARCHED))).first() is None:
            raise EarmarkError(f"The archive {archive.folder} holds no recording yet: index a folder of them.")
