"""Who judged what and when: a log of judgements that only grows, so that those of several people merge without loss.

Every judgement and every undo is an event, named by its content. Logs of two archives of the same recordings are merged
by taking all events of both; so the order of merging does not matter, and merging twice changes nothing. What counts is
computed from the log: of the events of one person on one place the latest, and of several people's verdicts on a place
the latest, while every disagreement is listed. A recording is its content (SHA-256): what was judged in recordings that
an archive does not have stays in its log.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, inspect, select, update

from earmark.archive.archive import Archive
from earmark.archive.schema import judgement_log as table
from earmark.archive.schema import judgements, recordings
from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.vocabulary import read_text

UNDONE = "undone"
VERDICTS = ("yes", "no", "related", UNDONE)
LONGEST = {"query": 1000, "sha256": 64, "judge": 200, "at": 40}  # characters
FORM = 1


@dataclass(frozen=True, order=True)
class Event:
    """A judgement, or the undoing of one.

    Attributes
    ----------
    at : str
        ISO 8601, UTC.
    judge : str
        Who judged, as they call themselves; empty where nobody said.
    query : str
        Key of the query.
    sha256 : str
        Of the recording.
    channel : int
    time_s, start_s, end_s : float
        The place, and its extent as it was set.
    score : float
        Detection score of the hit.
    verdict : {"yes", "no", "related", "undone"}
    """

    at: str
    judge: str
    query: str
    sha256: str
    channel: int
    time_s: float
    start_s: float
    end_s: float
    score: float
    verdict: str

    @property
    def place(self) -> tuple[str, str, int, str]:
        """What is judged: query, recording, channel and time."""
        return self.query, self.sha256, self.channel, f"{self.time_s:.2f}"

    @property
    def name(self) -> str:
        """A hash of the content: the same event has the same name everywhere."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:32]


def latest(events: Iterable[Event]) -> list[Event]:
    """Of each person and place the latest event; without those that were undone."""
    found: dict[tuple[object, ...], Event] = {}
    for event in sorted(events):
        found[(event.judge, *event.place)] = event
    return sorted(event for event in found.values() if event.verdict != UNDONE)


def in_force(events: Iterable[Event]) -> list[Event]:
    """The verdict that counts for each place: the latest of all people."""
    found = {event.place: event for event in latest(events)}  # by time, so that the last of a place stays
    return sorted(found.values())


def disagreements(events: Iterable[Event]) -> list[list[Event]]:
    """Verdicts of several people on the same sound that differ: for each such place one of every person, by time.

    Two places are the same sound if each extent holds the other's time.
    """
    by_channel = defaultdict(list)
    for event in latest(events):
        by_channel[event.query, event.sha256, event.channel].append(event)
    found = []
    for some in by_channel.values():
        rest = sorted(some, key=lambda event: (event.time_s, event))
        while rest:
            first, *rest = rest
            same = [first, *(event for event in rest if _same_sound(first, event))]
            rest = [event for event in rest if event not in same]
            of_people = {event.judge: event for event in sorted(same)}
            if len({event.verdict for event in of_people.values()}) > 1:
                found.append(sorted(of_people.values()))
    return found


def log(connection: Connection, event: Event) -> None:
    """Add an event, once."""
    if connection.execute(select(table.c.name).where(table.c.name == event.name)).first() is None:
        connection.execute(insert(table).values(name=event.name, **asdict(event)))


def stamped(connection: Connection, event: Event) -> Event:
    """An event with a time after all that is logged of its place: what a person could see is what they changed.

    Clocks of two machines differ, and two clicks can be in one millisecond.
    """
    at = max((one.at for one in _of_place(connection, event)), default="")
    if event.at > at:
        return event
    later = datetime.fromisoformat(at) + timedelta(milliseconds=1)
    return replace(event, at=later.astimezone(UTC).isoformat(timespec="milliseconds"))


def counting(connection: Connection, event: Event) -> Event | None:
    """The event that counts for the place of another; None where there is none."""
    return next(iter(in_force(_of_place(connection, event))), None)


def _of_place(connection: Connection, event: Event) -> list[Event]:
    same = (table.c.query == event.query, table.c.sha256 == event.sha256, table.c.channel == event.channel)
    rows = connection.execute(select(table).where(*same)).mappings()
    return [one for row in rows if (one := _event_of(row)).place == event.place]


def events_of(archive: Archive) -> list[Event]:
    """All events of an archive, and of judgements that were stored before there was a log."""
    with archive.reading() as connection:
        return sorted({*_logged(connection), *_unlogged(connection)})


def logged(archive: Archive, connection: Connection, key: str | None = None) -> list[Event]:
    """Events of the log of an archive, of one query or of all."""
    if archive.is_read_only and not inspect(connection).has_table(table.name):  # from before the log
        return []
    statement = select(table) if key is None else select(table).where(table.c.query == key)
    return [_event_of(row) for row in connection.execute(statement).mappings()]


def write_log(archive: Archive, path: Path) -> int:
    """Write all events of an archive into a file, one a line; their number."""
    events = events_of(archive)
    head = json.dumps({"earmark": "judgements", "form": FORM})
    write_text(path, "\n".join([head, *(json.dumps(asdict(one), ensure_ascii=False) for one in events)]) + "\n")
    return len(events)


def read_log(path: Path) -> list[Event]:
    """Events of a file.

    Raises
    ------
    EarmarkError
        If it can't be read, is no such file, or a line of it is damaged.
    """
    head, *lines = read_text(path).split("\n")
    try:
        about = json.loads(head)
        if about["earmark"] != "judgements" or about["form"] != FORM:
            raise ValueError
    except (ValueError, TypeError, KeyError):
        raise EarmarkError(f"{path} holds no judgements: name a file that 'earmark judgements export' wrote.") from None
    return [_parse(path, number, line) for number, line in enumerate(lines, start=2) if line.strip()]


def merge(archive: Archive, events: Sequence[Event]) -> tuple[int, int]:
    """Add events to an archive; how many were new, and how many are in recordings that it does not have."""
    with archive.writing() as connection:
        own = {*_logged(connection), *_unlogged(connection)}
        for event in sorted({*own, *events}):
            log(connection, event)
        everything = own.union(events)
        unknown = _rebuild(connection, everything)
    return len(everything) - len(own), unknown


def give_judgements(connection: Connection, before: str, after: str) -> None:
    """Give everybody's judgements of one query to another, and log it: under the old one they are undone.

    Where both queries have judgements of one place, the latest counts, as everywhere.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    before, after : str
        Keys of queries.
    """
    if before == after:
        return
    events = {*_logged(connection), *_unlogged(connection)}
    given = [event for event in latest(events) if event.query == before]
    for event in given:
        undone = stamped(connection, undoing(event, now(), event.judge))
        events |= {event, undone, replace(event, query=after)}
        for one in (event, undone, replace(event, query=after)):
            log(connection, one)
    places = (judgements.c.recording, judgements.c.channel, judgements.c.time_s)
    own = {tuple(row) for row in connection.execute(select(*places).where(judgements.c.query == after))}
    for row in connection.execute(select(judgements.c.id, *places).where(judgements.c.query == before)).all():
        if tuple(row[1:]) not in own:  # it keeps its number, by which a page undoes it
            connection.execute(update(judgements).where(judgements.c.id == row.id).values(query=after))
    _rebuild(connection, events)


def now() -> str:
    """The time, as events have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _rebuild(connection: Connection, events: Iterable[Event]) -> int:
    """Make the table of judgements from the log; the number of judgements in recordings that are not there."""
    numbers = {row.sha256: row.id for row in connection.execute(select(recordings.c.id, recordings.c.sha256))}
    counted = in_force(events)
    wanted = {
        (event.query, numbers[event.sha256], event.channel, round(event.time_s, 2)): event
        for event in counted
        if event.sha256 in numbers
    }
    for row in connection.execute(select(judgements)).all():
        place = (row.query, row.recording, row.channel, round(row.time_s, 2))
        event = wanted.get(place)
        if event is not None and _values(event) == {name: getattr(row, name) for name in _values(event)}:
            del wanted[place]  # it keeps its number, by which a page undoes it
        else:
            connection.execute(delete(judgements).where(judgements.c.id == row.id))
    for (query, recording, channel, _), event in wanted.items():
        place_of = {"query": query, "recording": recording, "channel": channel, "time_s": event.time_s}
        connection.execute(insert(judgements).values(**place_of, **_values(event)))
    return sum(event.sha256 not in numbers for event in counted)


def _values(event: Event) -> dict[str, Any]:
    return {
        **{"start_s": event.start_s, "end_s": event.end_s, "score": event.score},
        **{"verdict": event.verdict, "judged_at": event.at},
    }


def _logged(connection: Connection) -> Iterator[Event]:
    if inspect(connection).has_table(table.name):  # not where an archive from before the log may only be read
        for row in connection.execute(select(table)).mappings():
            yield _event_of(row)


def _event_of(row: RowMapping) -> Event:
    return Event(**{field.name: row[field.name] for field in fields(Event)})


def _unlogged(connection: Connection) -> Iterator[Event]:
    """Judgements of the table that no event accounts for: from before there was a log."""
    known = {event.place for event in in_force(_logged(connection))}
    hashes = {row.id: row.sha256 for row in connection.execute(select(recordings.c.id, recordings.c.sha256))}
    for row in connection.execute(select(judgements)).all():
        event = Event(
            row.judged_at,
            "",
            row.query,
            hashes[row.recording],
            row.channel,
            row.time_s,
            row.start_s,
            row.end_s,
            row.score,
            row.verdict,
        )
        if event.place not in known:
            yield event


def undoing(event: Event, at: str, judge: str) -> Event:
    """The event that undoes another."""
    return replace(event, at=at, judge=judge, verdict=UNDONE)


def _same_sound(one: Event, other: Event) -> bool:
    return one.start_s <= other.time_s <= one.end_s and other.start_s <= one.time_s <= other.end_s


def _parse(path: Path, number: int, line: str) -> Event:
    try:
        event = Event(**json.loads(line))
        texts = {name: getattr(event, name) for name in LONGEST}
        times = [event.time_s, event.start_s, event.end_s, event.score]
        if (
            any(not isinstance(text, str) or len(text) > LONGEST[name] for name, text in texts.items())
            or any(not isinstance(time, (int, float)) or not math.isfinite(time) for time in times)
            or event.verdict not in VERDICTS
            or type(event.channel) is not int
            or event.channel < 1
            or not 0 <= event.start_s < event.end_s
            or not event.time_s >= 0
        ):
            raise ValueError
        if datetime.fromisoformat(event.at).utcoffset() != timedelta(0):
            raise ValueError
        return event
    except (ValueError, TypeError):
        raise EarmarkError(f"{path}:{number} is no judgement: export the file again.") from None
