"""Hits of an archive, the filters and thresholds that choose them, and non-maximum suppression across keywords."""

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
from earmark.archive.query_aliases import Alias
from earmark.archive.schema import SEARCHED, recordings
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit
from earmark.core.vocabulary import normalise
from earmark.localisation.peaks import non_max_suppression
from earmark.models.learning_test import read_learning_test, warning_of
from earmark.models.operating_points import (
    ANY_PICTURE,
    OperatingPoints,
    read_image_operating_points,
    read_operating_points,
)

Verdict = Literal["yes", "no", "related"]

RECORDING_COLUMNS = (recordings.c.path, recordings.c.speaker, recordings.c.date, recordings.c.language)
NO_OPERATING_POINTS = (
    "The model of this archive has no rates of false alarms (it was trained before Earmark measured them): give "
    "--min-score, or train and index again."
)


@dataclass(frozen=True)
class Opinion:
    """One person's verdict on a place where people disagree.

    Attributes
    ----------
    judge : str
        As they call themselves; empty where nobody said.
    verdict : {"yes", "no", "related"}
    """

    judge: str
    verdict: Verdict


@dataclass(frozen=True)
class ArchiveHit:
    """A hit in an archive.

    Attributes
    ----------
    position : Position
        Recording, channel and location of the hit, by which ``--by-example`` and judgements refer to it.
    hit : Hit
        Its recording is the path of the file; its extent is the one that a person set, if one did.
    speaker, date, language : str
        Metadata of the recording; empty where there is none.
    verdict : {"yes", "no", "related"} or None
        The judgement of this hit for this query.
    probability : float or None
        That a hit of its score is right, calibrated by the query's judgements; None where these are too few, and for
        hits that were judged or that are not the model's (:mod:`earmark.archive.judged_calibration`).
    scorer_probability : float or None
        That it is the word, by the scorer that the judgements of the query teach; None where there are none.
    teaches : bool
        Whether it is in the list because its judgement would teach most, not because it is likely.
    opinions : tuple of Opinion
        Of all people who judged it, where they disagree; else empty. The verdict is the latest of them.
    """

    position: Position
    hit: Hit
    speaker: str = ""
    date: str = ""
    language: str = ""
    verdict: Verdict | None = None
    probability: float | None = None
    scorer_probability: float | None = None
    teaches: bool = False
    opinions: tuple[Opinion, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of plain values."""
        metadata = {"speaker": self.speaker, "date": self.date, "language": self.language, "verdict": self.verdict}
        place = {"position": str(self.position), "channel": self.position.channel}
        return {**place, **self.hit.to_json(), **metadata, "probability": self.probability}


@dataclass(frozen=True)
class Filters:
    """Which recordings to search: those that meet every filter that is not empty.

    Attributes
    ----------
    folder : str
        Recordings in this folder and below.
    speaker, language : str
        Equal but for case and Unicode form.
    date : str
        A prefix of the recording's date: ``2019`` or ``2019-04``.
    recordings : frozenset of int, or None
        Only these; None for all.
    """

    folder: str = ""
    speaker: str = ""
    date: str = ""
    language: str = ""
    recordings: frozenset[int] | None = None


def merge_hits(hits: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """Suppress hits of one query that overlap a better one; by falling detection score."""
    if not hits:
        return []
    scores, starts_s, ends_s = np.array([(hit.hit.score, hit.hit.start_s, hit.hit.end_s) for hit in hits]).T
    channels = [hit.position[:2] for hit in hits]
    return [hits[i] for i in non_max_suppression(scores, starts_s, ends_s, channels)]


def keyword_thresholds(archive: Archive, aliases: Sequence[Alias], max_fa_per_hour: float) -> dict[str, float]:
    """Detection threshold of each keyword of some words, for an expected number of false alarms an hour.

    Raises
    ------
    EarmarkError
        If the model has no operating points, or none for so few false alarms.
    """
    points = operating_points_of(archive)
    if points is None:
        raise EarmarkError(_without_rates(archive))
    keywords = dict.fromkeys(keyword for alias in aliases for keyword in alias.keywords)
    return {keyword: points.threshold(keyword, max_fa_per_hour) for keyword in keywords}


def image_threshold(archive: Archive, max_fa_per_hour: float) -> float:
    """Detection threshold of image queries, for an expected number of false alarms an hour."""
    points = None if warning_on(archive) else read_image_operating_points(archive.encoding.folder)
    if points is None:
        raise EarmarkError(_without_rates(archive))
    return points.threshold(ANY_PICTURE, max_fa_per_hour)


def operating_points_of(archive: Archive) -> OperatingPoints | None:
    """The operating points of the archive's model, for keywords.

    None if they were never measured, or mean nothing because the model has learned nothing.
    """
    return None if warning_on(archive) else read_operating_points(archive.encoding.folder, archive.vocabulary)


def warning_on(archive: Archive) -> str:
    """A sentence on an archive whose model has learned nothing; else ""."""
    return warning_of(read_learning_test(archive.encoding.folder))


def _without_rates(archive: Archive) -> str:
    """Why there are no rates of false alarms, and what to do."""
    warning = warning_on(archive)
    return f"{warning} Leave rates of false alarms out." if warning else NO_OPERATING_POINTS


def right_of_hundred(archive: Archive) -> int | None:
    """Of 100 hits above the model's own thresholds, how many are expected to be right; None if it is not known."""
    points = None if warning_on(archive) else operating_points_of(archive)
    if points is None or points.expected_precision is None:
        return None
    return round(100 * points.expected_precision)


def note_on_hits(archive: Archive) -> str:
    """A sentence on how many hits are expected to be right, or that none means anything; "" if it is not known."""
    right = right_of_hundred(archive)
    if right is None:
        return warning_on(archive)
    return f"Of 100 hits above the model's own thresholds, about {right} are expected to be right (on its dev set)."


def recording_conditions(archive: Archive, filters: Filters) -> list[ColumnElement[bool]]:
    """Conditions on the table of recordings: those that can be searched, and meet the filters.

    Databases differ in how they compare case and Unicode forms; so equal spellings are found here, and the database
    compares code points.
    """
    conditions: list[ColumnElement[bool]] = [recordings.c.status.in_(SEARCHED)]
    if filters.folder:
        prefixes = _path_prefixes(archive, filters.folder)
        conditions.append(or_(false(), *(_starts_with(recordings.c.path, prefix) for prefix in prefixes)))
    if filters.recordings is not None:
        conditions.append(recordings.c.id.in_(sorted(filters.recordings)))
    if filters.date:
        conditions.append(_starts_with(recordings.c.date, filters.date))
    for column, text in ((recordings.c.speaker, filters.speaker), (recordings.c.language, filters.language)):
        if text:
            values = _distinct(archive, column)
            conditions.append(column.in_([value for value in values if normalise(value) == normalise(text)]))
    return conditions


def require_recordings(archive: Archive) -> None:
    """Raise an EarmarkError if there is nothing to search."""
    with archive.reading() as connection:
        if connection.execute(select(recordings.c.id).where(recordings.c.status.in_(SEARCHED))).first() is None:
            raise EarmarkError(f"The archive {archive.folder} holds no recording yet: index a folder of them.")


def _path_prefixes(archive: Archive, folder: str) -> set[str]:
    """All spellings of a folder, in Unicode form, that paths of recordings start with."""
    parts = len(Path(os.path.abspath(folder)).parts)
    wanted = os.path.join(unicodedata.normalize("NFC", os.path.abspath(folder)), "")
    prefixes = {os.path.join(*Path(path).parts[:parts], "") for path in _distinct(archive, recordings.c.path)}
    return {prefix for prefix in prefixes if unicodedata.normalize("NFC", prefix) == wanted}


def _distinct(archive: Archive, column: Column[str]) -> Sequence[str]:
    with archive.reading() as connection:
        return connection.execute(select(column).distinct()).scalars().all()


def _starts_with(column: Column[str], text: str) -> ColumnElement[bool]:
    # Not LIKE, which ignores case in SQLite.
    return func.substr(column, 1, len(text)) == text
