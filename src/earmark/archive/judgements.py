"""What people said of hits. Every judgement is kept at once, and stays when a recording is heard again.

A judgement speaks of a stretch of sound, not of a row of some index: a hit has been judged if it shares time with that
stretch, or if it is where the judged hit was.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast, get_args

from sqlalchemy import Connection, Row, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from earmark.archive.archive import Archive, Position
from earmark.archive.results import ArchiveHit, Verdict
from earmark.archive.schema import judgements as rows
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery
from earmark.core.vocabulary import normalise

IMAGE, EXAMPLE = "image:", "example:"
DIGITS = 16  # of a hash: enough to tell all the pictures of an archive apart
BEYOND_S = 0.05  # an extent may end so much after its recording: people drag to the edge


@dataclass(frozen=True)
class Judgement:
    """What a person said of a hit.

    Attributes
    ----------
    id : int
    query : str
        Of :func:`query_key`.
    position : Place
        Of the hit that was judged.
    start_s, end_s : float
        Its extent, as the person set it.
    score : float
        Of the hit that was judged.
    verdict : {"yes", "no", "related"}
    judged_at : str
        ISO 8601, UTC.
    """

    id: int
    query: str
    position: Position
    start_s: float
    end_s: float
    score: float
    verdict: Verdict
    judged_at: str


def query_key(query: str | ImageQuery | Position) -> str:
    """What judgements of a query are kept under: the same for every spelling of a word, and every copy of a picture.

    A keyword is its normalised form, pictures are ``image:`` and a hash of their bytes, whatever their order, and a
    spoken example is ``example:`` and its place.

    Raises
    ------
    EarmarkError
        If a picture can't be read.
    """
    if isinstance(query, str):
        return normalise(query)
    if isinstance(query, Position):
        return f"{EXAMPLE}{query}"
    hashes = []
    for path, box in query.prompts:
        try:
            part = b"" if box is None else repr(tuple(map(int, box))).encode()
            hashes.append(hashlib.sha256(path.read_bytes() + part).hexdigest())
        except OSError as error:
            raise EarmarkError(f"The picture {path} can't be read ({error.strerror}): check its name.") from error
    whole = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()
    return IMAGE + whole[:DIGITS]


def judge(
    archive: Archive,
    key: str,
    found: ArchiveHit,
    verdict: Verdict,
    start_s: float | None = None,
    end_s: float | None = None,
) -> int:
    """Keep what a person says of a hit, instead of what was said of the same place before.

    Parameters
    ----------
    archive : Archive
    key : str
        Of :func:`query_key`.
    found : Found
    verdict : {"yes", "no", "related"}
    start_s, end_s : float, optional
        The extent that the person set; else the hit's own.

    Returns
    -------
    int
        Number of the judgement. When it is returned, the judgement is on the disk.

    Raises
    ------
    EarmarkError
        If the verdict is another, the recording is not in the archive, or the extent is not in the recording.
    """
    if verdict not in get_args(Verdict):
        raise EarmarkError(f"{verdict!r} is no verdict: say yes, no or related.")
    first_s = found.hit.start_s if start_s is None else start_s
    last_s = found.hit.end_s if end_s is None else end_s
    _check_extent(archive, found.position, first_s, last_s)
    position = _as_written(found.position)
    row = {
        **{"query": key, "recording": position.recording, "channel": position.channel, "time_s": position.time_s},
        **{"start_s": first_s, "end_s": last_s, "score": found.hit.score, "verdict": verdict},
        "judged_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    try:
        return _replace(archive, found, row)
    except IntegrityError:  # a process beside this one judged the same place meanwhile: now there is one to replace
        return _replace(archive, found, row)


def undo(archive: Archive, number: int) -> Judgement:
    """Take a judgement back; the one that was taken back.

    Raises
    ------
    EarmarkError
        If there is no such judgement.
    """
    with archive.writing() as connection:
        row = connection.execute(select(rows).where(rows.c.id == number)).first()
        if row is None:
            raise EarmarkError(f"There is no judgement {number}: it was undone or replaced already.")
        connection.execute(delete(rows).where(rows.c.id == number))
    return _judgement(row)


def judgements(archive: Archive, key: str | None = None) -> list[Judgement]:
    """All judgements of a query, or of all queries, in the order in which they were made."""
    asked = select(rows).order_by(rows.c.judged_at, rows.c.id)
    with archive.reading() as connection:
        known = connection.execute(asked if key is None else asked.where(rows.c.query == key)).all()
    return [_judgement(row) for row in known]


def verdict_counts(archive: Archive, key: str) -> tuple[int, int, int]:
    """How many hits of a query were called a hit, related, and none: (yes, related, no)."""
    asked = select(rows.c.verdict, func.count()).where(rows.c.query == key).group_by(rows.c.verdict)
    with archive.reading() as connection:
        counts = {str(verdict): int(count) for verdict, count in connection.execute(asked)}
    return counts.get("yes", 0), counts.get("related", 0), counts.get("no", 0)


def with_verdicts(archive: Archive, key: str, found: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """The same hits in the same order; those that were judged with their verdict, and their extent as it was set."""
    by_channel: dict[tuple[int, int], list[Judgement]] = {}
    for judgement in judgements(archive, key):
        by_channel.setdefault(judgement.position[:2], []).append(judgement)
    return [_told(one, by_channel.get(one.position[:2], [])) for one in found]


def _told(found: ArchiveHit, near: Sequence[Judgement]) -> ArchiveHit:
    of_it = [judgement for judgement in near if _speaks_of(judgement, found)]
    if not of_it:
        return found
    nearest = min(of_it, key=lambda judgement: abs(judgement.position.time_s - found.position.time_s))
    hit = replace(found.hit, start_s=nearest.start_s, end_s=nearest.end_s)
    return replace(found, hit=hit, verdict=nearest.verdict)


def _speaks_of(judgement: Judgement, found: ArchiveHit) -> bool:
    """Whether a judgement of the same query and channel is one of this hit."""
    share = judgement.start_s < found.hit.end_s and found.hit.start_s < judgement.end_s
    return share or judgement.position == _as_written(found.position)


def _replace(archive: Archive, found: ArchiveHit, row: dict[str, Any]) -> int:
    with archive.writing() as connection:
        connection.execute(delete(rows).where(rows.c.id.in_(_same_place(connection, found, row))))
        made = connection.execute(insert(rows).values(row)).inserted_primary_key
        assert made is not None
        return int(made[0])


def _same_place(connection: Connection, found: ArchiveHit, row: dict[str, Any]) -> list[int]:
    """Judgements of the very hit, and of one that an earlier index placed a little beside: each holds the other.

    One that only shares time with the hit stays: it may be of the word before, said twice.
    """
    columns = ("query", "recording", "channel")
    near = connection.execute(select(rows).where(*(rows.c[column] == row[column] for column in columns))).all()
    return [
        one.id
        for one in near
        if one.time_s == row["time_s"]
        or (one.start_s <= row["time_s"] <= one.end_s and found.hit.start_s <= one.time_s <= found.hit.end_s)
    ]


def _check_extent(archive: Archive, position: Position, start_s: float, end_s: float) -> None:
    asked = select(recordings.c.duration_s, recordings.c.channels).where(recordings.c.id == position.recording)
    with archive.reading() as connection:
        row = connection.execute(asked).first()
    if row is None or position.channel > row.channels or position.time_s > row.duration_s + BEYOND_S:
        raise EarmarkError(
            f"The archive has no position {position}: search again, its recording was changed or forgotten."
        )
    inside = math.isfinite(start_s) and math.isfinite(end_s) and 0 <= start_s < end_s <= row.duration_s + BEYOND_S
    if not inside:
        raise EarmarkError(
            f"{start_s} s to {end_s} s is no stretch of the recording, which lasts {row.duration_s:.2f} s: "
            "give its start and then its end."
        )


def _as_written(position: Position) -> Position:
    """A place as its text says it: hundredths of a second are enough to tell hits apart."""
    return Position.read(str(position))


def _judgement(row: Row[Any]) -> Judgement:
    position = Position(row.recording, row.channel, row.time_s)
    verdict = cast("Verdict", row.verdict)
    return Judgement(row.id, row.query, position, row.start_s, row.end_s, row.score, verdict, row.judged_at)
