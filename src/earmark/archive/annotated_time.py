"""The time of an archive's recordings that people have annotated, as a limit of searches."""

from __future__ import annotations

import bisect
import logging
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlalchemy import select

from earmark.archive.archive import Archive, Position
from earmark.archive.schema import SEARCHED, recordings
from earmark.core.errors import EarmarkError
from earmark.core.types import canonical_path
from earmark.media.annotations.documents import AnnotatedMedia, read_annotated
from earmark.media.annotations.eaf_media import origin_of_stem

SHORTEST_S = 0.2  # of a word

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnnotatedTime:
    """Stretches of recordings.

    Attributes
    ----------
    stretches_s : mapping of int to list of (float, float)
        Starts and ends by recording, in order and apart.
    """

    stretches_s: Mapping[int, list[tuple[float, float]]]

    @property
    def recordings(self) -> frozenset[int]:
        """The recordings of which anything is annotated."""
        return frozenset(self.stretches_s)

    def holds(self, position: Position) -> bool:
        """Whether a position is annotated."""
        stretches_s = self.stretches_s.get(position.recording, [])
        before = bisect.bisect_right(stretches_s, (position.time_s, float("inf")))
        return before > 0 and position.time_s <= stretches_s[before - 1][1]


@dataclass(frozen=True)
class AnnotationLimit:
    """What of an archive's recordings is searched or indexed, by what people have annotated.

    Attributes
    ----------
    within, outside : sequence of Path
        Documents, or folders of them: only what these annotate, only what they don't; no limit where there are none.
    tiers : sequence of str
        Patterns of the tiers that count, as of :func:`earmark.media.annotations.documents.read_annotated`.
    """

    within: Sequence[Path] = ()
    outside: Sequence[Path] = ()
    tiers: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.tiers and not (self.within or self.outside):
            raise EarmarkError("Tiers are those of documents: give --within or --outside, or leave --tier out.")

    def read(self, archive: Archive) -> tuple[AnnotatedTime | None, AnnotatedTime | None]:
        """What the documents within, and those outside, annotate; None where there are none.

        Raises
        ------
        EarmarkError
            As :func:`annotated_time`.
        """
        within, outside = (
            annotated_time(archive, places, self.tiers) if places else None for places in (self.within, self.outside)
        )
        return within, outside


def left_by(
    within: AnnotatedTime | None, outside: AnnotatedTime | None, recording: int, duration_s: float
) -> tuple[tuple[float, float], ...] | None:
    """The stretches of a recording that are annotated `within` and not `outside`; None for all of it.

    What is shorter than a word is left out.
    """
    if within is None and outside is None:
        return None
    left = [(0.0, duration_s)] if within is None else within.stretches_s.get(recording, [])
    for start_s, end_s in outside.stretches_s.get(recording, []) if outside else ():
        left = [
            part
            for first_s, last_s in left
            for part in ((first_s, min(last_s, start_s)), (max(first_s, end_s), last_s))
            if part[0] < part[1]
        ]
    return tuple(part for part in left if part[1] - part[0] >= SHORTEST_S)


def annotated_time(archive: Archive, places: Sequence[Path], tiers: Sequence[str] = ()) -> AnnotatedTime:
    """What some documents annotate of an archive's recordings.

    A document is of the recordings that it names by path, or by file name where nothing is there by path and no other
    recording is called so; else of the one recording that is called like it.

    Parameters
    ----------
    archive : Archive
    places, tiers
        As of :func:`earmark.media.annotations.documents.read_annotated`.

    Raises
    ------
    EarmarkError
        As there; or if no document is of a recording of the archive.
    """
    known = _KnownRecordings(archive)
    found: dict[int, list[tuple[float, float]]] = {}
    strays = []
    for annotated in read_annotated(places, tiers):
        origins_s = known.origins_s(annotated)
        if not origins_s:
            strays.append(annotated.path)
        for recording, origin_s in origins_s.items():
            moved = ((start_s + origin_s, end_s + origin_s) for start_s, end_s in annotated.stretches_s)
            found.setdefault(recording, []).extend(moved)
    if not found:
        raise EarmarkError(
            f"No document in {', '.join(map(str, places))} is of a recording of the archive {archive.folder}: "
            "documents name their recordings, or are called like them."
        )
    if strays:
        logger.warning("%d documents are of no recording of the archive; the first: %s.", len(strays), strays[0])
    return AnnotatedTime({recording: merged(stretches_s) for recording, stretches_s in found.items()})


def merged(stretches_s: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches in order, those that touch or overlap made one."""
    together: list[tuple[float, float]] = []
    for start_s, end_s in sorted(stretches_s):
        if together and start_s <= together[-1][1]:
            together[-1] = (together[-1][0], max(end_s, together[-1][1]))
        else:
            together.append((start_s, end_s))
    return together


class _KnownRecordings:
    """The recordings of an archive that are searched, by path, by file name, and by name without its ending."""

    def __init__(self, archive: Archive) -> None:
        with archive.reading() as connection:
            wanted = select(recordings.c.id, recordings.c.path).where(recordings.c.status.in_(SEARCHED))
            rows = connection.execute(wanted).all()
        self._by_path = {canonical_path(Path(row.path)): row.id for row in rows}
        self._by_name: dict[str, list[int]] = {}
        self._by_stem: dict[str, list[int]] = {}
        for row in rows:
            self._by_name.setdefault(_folded(os.path.basename(row.path)), []).append(row.id)
            self._by_stem.setdefault(_folded(Path(row.path).stem), []).append(row.id)

    def origins_s(self, annotated: AnnotatedMedia) -> dict[int, float]:
        """The recordings that a document is of, with the time of each at time 0 of the document, in seconds."""
        found: dict[int, float] = {}
        for medium in annotated.media:
            ids = {self._by_path.get(canonical_path(Path(path))) for path in medium.paths} - {None}
            if not ids and not medium.is_there:
                alike = [self._by_name.get(_folded(PurePosixPath(path).name), []) for path in medium.paths]
                ids = {same[0] for same in alike if len(same) == 1}
            for recording in ids:
                if recording is not None:
                    found.setdefault(recording, medium.origin_ms / 1000)
        called_alike = self._by_stem.get(_folded(annotated.path.stem), [])
        if not found and len(called_alike) == 1:
            found[called_alike[0]] = origin_of_stem(list(annotated.media), annotated.path.stem) / 1000
        return found


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
