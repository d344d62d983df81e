"""Relevance judgements: verdicts of people on hits, stored and shown again with the hits of later searches.

A judgement is about a segment of sound, not about a row of the index, so it outlives indexing again: a hit is judged if
it overlaps that segment, or if it has the position of the hit that was judged.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

from sqlalchemy import Connection, Row, delete, insert, select

from earmark.archive.archive import Archive, Position
from earmark.archive.judgement_log import Event, counting, disagreements, log, logged, now, stamped, undoing
from earmark.archive.query_aliases import Alias
from earmark.archive.results import ArchiveHit, Opinion, Verdict
from earmark.archive.schema import judgements as table
from earmark.archive.schema import recordings
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery, SpokenQuery
from earmark.core.vocabulary import normalise

IMAGE, EXAMPLE, CLIP = "image:", "example:", "clip:"
DIGITS = 16  # of a hash: enough to distinguish all the images of an archive
END_MARGIN_S = 0.05  # an extent may end so much after its recording: people drag its end to the edge


@dataclass(frozen=True)
class Judgement:
    """A person's verdict on a hit.

    Attributes
    ----------
    id : int
    query : str
        Key of the query, see :func:`query_key`.
    position : Position
        Of the hit that was judged.
    start_s, end_s : float
        Its extent, as the person set it.
    score : float
        Detection score of the hit that was judged.
    verdict : {"yes", "no", "related"}
    judged_at : str
        ISO 8601, UTC.
    opinions : tuple of Opinion
        Of all people who judged this place, where they disagree; else empty. The verdict is the latest of them.
    """

    id: int
    query: str
    position: Position
    start_s: float
    end_s: float
    score: float
    verdict: Verdict
    judged_at: str
    opinions: tuple[Opinion, ...] = ()


def query_key(query: str | Alias | ImageQuery | SpokenQuery | Position) -> str:
    """Key that judgements of a query are stored under: the same for every spelling of a word and copy of an image.

    A keyword's key is its normalised form; that of images is ``image:`` and a hash of their bytes, whatever their
    order; that of a spoken example is ``example:`` and its position, and that of clips is ``clip:`` and the hash of
    each, those of what is not meant after a minus: ``clip:1f..+3a..-9c..``.

    Raises
    ------
    EarmarkError
        If an image can't be read.
    """
    if isinstance(query, str):
        return normalise(query)
    if isinstance(query, Alias):
        return normalise(query.word)
    if isinstance(query, Position):
        return f"{EXAMPLE}{query}"
    if isinstance(query, SpokenQuery):
        both = (query.clips, query.not_clips)
        wanted, unwanted = (sorted(_hash_of([(path, b"")], "clip") for path in some) for some in both)
        return CLIP + "-".join(["+".join(wanted), *unwanted])
    parts = [(path, b"" if box is None else repr(tuple(map(int, box))).encode()) for path, box in query.prompts]
    return IMAGE + _hash_of(parts, "picture")


def _hash_of(files: Sequence[tuple[Path, bytes]], what: str) -> str:
    """A hash of files, in any order, each with something that is done to it."""
    hashes = []
    for path, part in files:
        try:
            hashes.append(hashlib.sha256(path.read_bytes() + part).hexdigest())
        except OSError as error:
            raise EarmarkError(f"The {what} {path} can't be read ({error.strerror}): check its name.") from error
    whole = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()
    return whole[:DIGITS]


def judge(
    archive: Archive,
    key: str,
    hit: ArchiveHit,
    verdict: Verdict,
    start_s: float | None = None,
    end_s: float | None = None,
    by: str = "",
) -> int:
    """Store a judgement of a hit; it replaces an earlier one of the same hit.

    Parameters
    ----------
    archive : Archive
    key : str
        Key of the query, see :func:`query_key`.
    hit : ArchiveHit
    verdict : {"yes", "no", "related"}
    start_s, end_s : float, optional
        The extent that the person set; by default the hit's own.
    by : str
        Who judged, as they call themselves.

    Returns
    -------
    int
        The judgement's id. The judgement is on disk when this returns, or when the archive's session ends.

    Raises
    ------
    EarmarkError
        If the verdict is not one of the three, the recording is not in the archive, or the extent is not inside it.
    """
    if verdict not in get_args(Verdict):
        raise EarmarkError(f"{verdict!r} is no verdict: give yes, no or related.")
    first_s = hit.hit.start_s if start_s is None else start_s
    last_s = hit.hit.end_s if end_s is None else end_s
    position = _as_written(hit.position)
    row = {
        **{"query": key, "recording": position.recording, "channel": position.channel, "time_s": position.time_s},
        **{"start_s": first_s, "end_s": last_s, "score": hit.hit.score, "verdict": verdict},
        "judged_at": now(),
    }
    with archive.writing() as connection:
        _check_extent(connection, hit.position, first_s, last_s)
        event = stamped(connection, _event(connection, row, by))
        row["judged_at"] = event.at
        replaced = _of_same_hit(connection, hit, row)
        _log_replaced(connection, replaced, row, by)
        connection.execute(delete(table).where(table.c.id.in_([one.id for one in replaced])))
        log(connection, event)
        inserted = connection.execute(insert(table).values(row)).inserted_primary_key
        assert inserted is not None
        return int(inserted[0])


def undo(archive: Archive, number: int, by: str = "") -> Judgement:
    """Delete a judgement, and return it: that of whoever judged last, when several have.

    Raises
    ------
    EarmarkError
        If there is no such judgement.
    """
    with archive.writing() as connection:
        row = connection.execute(select(table).where(table.c.id == number)).first()
        if row is None:
            raise EarmarkError(f"There is no judgement {number}: it was undone or replaced already.")
        connection.execute(delete(table).where(table.c.id == number))
        event = _event(connection, row._asdict(), by)
        counted = counting(connection, event) or event
        log(connection, counted)  # of an archive from before there was a log
        log(connection, stamped(connection, undoing(counted, now(), counted.judge)))
        if (left := counting(connection, event)) is not None:
            connection.execute(insert(table).values(**_row(left, row)))
    return _judgement(row)


def _row(event: Event, before: Row[Any]) -> dict[str, Any]:
    """The row of an event that counts again, now that a later one of the same place is undone."""
    place = {"query": event.query, "recording": before.recording, "channel": event.channel, "time_s": event.time_s}
    about = {"start_s": event.start_s, "end_s": event.end_s, "score": event.score}
    return place | about | {"verdict": event.verdict, "judged_at": event.at}


def judgements(archive: Archive, key: str | None = None) -> list[Judgement]:
    """All judgements of a query, or of all queries, by their time."""
    statement = select(table, recordings.c.sha256).join(recordings).order_by(table.c.judged_at, table.c.id)
    with archive.reading() as connection:
        rows = connection.execute(statement if key is None else statement.where(table.c.query == key)).all()
        apart = disagreements(logged(archive, connection, key)) if rows else []
    opinions = {event.place: _opinions(some) for some in apart for event in some}
    return [
        replace(_judgement(row), opinions=opinions.get((row.query, row.sha256, row.channel, f"{row.time_s:.2f}"), ()))
        for row in rows
    ]


def _opinions(events: Sequence[Event]) -> tuple[Opinion, ...]:
    return tuple(Opinion(event.judge, cast("Verdict", event.verdict)) for event in events)


def verdict_counts(judged: Iterable[Judgement]) -> tuple[int, int, int]:
    """Number of judgements by verdict: (yes, related, no)."""
    counts = Counter(judgement.verdict for judgement in judged)
    return counts["yes"], counts["related"], counts["no"]


def with_verdicts(hits: Sequence[ArchiveHit], judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """The hits of a query in the same order, the judged ones with their verdict and their extent as it was set."""
    by_channel: dict[tuple[int, int], list[Judgement]] = {}
    for judgement in judged:
        by_channel.setdefault(judgement.position[:2], []).append(judgement)
    return [_with_verdict(hit, by_channel.get(hit.position[:2], [])) for hit in hits]


def _with_verdict(hit: ArchiveHit, same_channel: Sequence[Judgement]) -> ArchiveHit:
    of_hit = [judgement for judgement in same_channel if _is_about(judgement, hit)]
    if not of_hit:
        return hit
    nearest = min(of_hit, key=lambda judgement: abs(judgement.position.time_s - hit.position.time_s))
    extent = replace(hit.hit, start_s=nearest.start_s, end_s=nearest.end_s)
    return replace(hit, hit=extent, verdict=nearest.verdict, opinions=nearest.opinions)


def _is_about(judgement: Judgement, hit: ArchiveHit) -> bool:
    """Whether a judgement of the same query and channel is one of this hit."""
    overlap = judgement.start_s < hit.hit.end_s and hit.hit.start_s < judgement.end_s
    return overlap or judgement.position == _as_written(hit.position)


def _event(connection: Connection, row: Mapping[str, Any], by: str) -> Event:
    """The event of a row of the table of judgements."""
    statement = select(recordings.c.sha256).where(recordings.c.id == row["recording"])
    sha256 = str(connection.execute(statement).scalar_one())
    place = (sha256, row["channel"], row["time_s"], row["start_s"], row["end_s"])
    return Event(row["judged_at"], by, row["query"], *place, row["score"], row["verdict"])


def _log_replaced(connection: Connection, replaced: Sequence[Row[Any]], row: Mapping[str, Any], by: str) -> None:
    """Log that a person's earlier judgements of a hit, at a place a little beside, no longer count."""
    for other in replaced:
        if other.time_s != row["time_s"]:
            earlier = _event(connection, other._asdict(), by)
            log(connection, stamped(connection, undoing(earlier, row["judged_at"], by)))


def _of_same_hit(connection: Connection, hit: ArchiveHit, row: dict[str, Any]) -> list[Row[Any]]:
    """Judgements of this hit, or of one that an earlier index placed a little beside: each contains the other.

    One that only overlaps the hit stays: it may be of the word before, spoken twice.
    """
    columns = ("query", "recording", "channel")
    others = connection.execute(select(table).where(*(table.c[column] == row[column] for column in columns))).all()
    return [
        other
        for other in others
        if other.time_s == row["time_s"]
        or (other.start_s <= row["time_s"] <= other.end_s and hit.hit.start_s <= other.time_s <= hit.hit.end_s)
    ]


def _check_extent(connection: Connection, position: Position, start_s: float, end_s: float) -> None:
    statement = select(recordings.c.duration_s, recordings.c.channels).where(recordings.c.id == position.recording)
    row = connection.execute(statement).first()
    if row is None or position.channel > row.channels or position.time_s > row.duration_s + END_MARGIN_S:
        raise EarmarkError(
            f"The archive has no position {position}: search again, its recording was changed or forgotten.",
            code="searchAgain",
        )
    finite = math.isfinite(start_s) and math.isfinite(end_s)
    if not (finite and 0 <= start_s < end_s <= row.duration_s + END_MARGIN_S):
        raise EarmarkError(
            f"{start_s} s to {end_s} s is no segment of the recording, which lasts {row.duration_s:.2f} s: "
            "give its start and then its end."
        )


def _as_written(position: Position) -> Position:
    """A position as its text gives it, to hundredths of a second: enough to distinguish hits."""
    return Position.read(str(position))


def _judgement(row: Row[Any]) -> Judgement:
    position = Position(row.recording, row.channel, row.time_s)
    verdict = cast("Verdict", row.verdict)
    return Judgement(row.id, row.query, position, row.start_s, row.end_s, row.score, verdict, row.judged_at)
