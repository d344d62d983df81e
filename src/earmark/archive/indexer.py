"""Indexing: every piece of every recording is heard once, and kept whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from earmark.archive import recordings as registry
from earmark.archive.archive import Archive
from earmark.archive.audio_files import audio_files
from earmark.archive.recordings import DONE, NEW, Registered, read_metadata
from earmark.archive.schema import pieces, postings, recordings
from earmark.archive.shards import build_shard
from earmark.archive.worker import ChunkResult, ChunkTask
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress
from earmark.localisation.peaks import non_max_suppression
from earmark.localisation.windows import OVERLAP_S, chunk_bounds_s, chunk_start_s, count_chunks

PACE_AFTER_S = 60.0  # when the real-time factor has settled


class Executor(Protocol):
    """Where pieces are heard: on this machine, or on many."""

    def hear(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Hear pieces in any order. Tasks are taken when they can be begun, a few at a time; closing it ends all."""


@dataclass
class Report:
    """What one run of the indexer did.

    Attributes
    ----------
    news : dict
        Counts of :class:`earmark.archive.registry.Registered`.
    problems : list of str
        One sentence for each recording that could not be indexed.
    heard_s : float
        Seconds of sound that were heard, each channel for itself.
    took_s : float
    """

    news: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    heard_s: float = 0.0
    took_s: float = 0.0


def index(
    archive: Archive,
    folders: Sequence[Path],
    engine: Executor,
    metadata: Path | None = None,
    skip_silence: bool = False,
    forget: bool = False,
) -> Report:
    """Hear what is new in folders.

    What was begun goes on; what is done is not done again. A recording that can't be read is reported, and the others
    are heard all the same. Two programs may index one archive: what one has heard, the other does not keep again.

    Parameters
    ----------
    archive : Archive
    folders : sequence of Path
    engine : Engine
    metadata : Path, optional
        Table of what their owner says of the recordings.
    skip_silence : bool
        Do not hear windows without a sound.
    forget : bool
        Delete all that is kept of recordings that are gone.

    Raises
    ------
    EarmarkError
        If a folder is missing, or the table is not in order.
    """
    begun = time.monotonic()
    known = read_metadata(metadata) if metadata else {}
    registered = registry.register(archive, audio_files(folders), known)
    report = Report(registered.news, list(registered.problems.values()))
    if forget:
        report.news["forgotten"] = registry.forget_missing(archive)
    _hear_all(archive, registered, engine, skip_silence, report)
    build_shard(archive)  # last: it lets go of what was forgotten, too
    report.took_s = time.monotonic() - begun
    return report


def _hear_all(archive: Archive, registered: Registered, engine: Executor, skip_silence: bool, report: Report) -> None:
    agenda = _Agenda(archive, list(registered.recordings), skip_silence)
    # Closed at once, whatever ends this: nobody waits for what nobody will keep.
    with _pace(round(agenda.total_s), round(agenda.done_s)) as tell, closing(agenda.heard_by(engine)) as outcomes:
        for task, heard in outcomes:
            if isinstance(heard, EarmarkError):
                agenda.give_up(task, str(heard), report)
            elif keep(archive, task, heard):
                report.heard_s += _length_s(task)
            tell(_length_s(task))
    for recording in agenda.recordings:
        finish(archive, recording)


class _Agenda:
    """The pieces of some recordings, of which those are handed out that nobody has heard yet.

    Parameters
    ----------
    archive : Archive
    recordings : sequence of int
    skip_silence : bool
    """

    def __init__(self, archive: Archive, recordings: Sequence[int], skip_silence: bool) -> None:
        self.archive = archive
        self.recordings = dict.fromkeys(recordings)
        self.tasks = [task for row in _rows(archive, recordings) for task in _tasks(row, skip_silence)]
        done = _pieces_done(archive)
        self.total_s = sum(map(_length_s, self.tasks))
        self.done_s = sum(_length_s(task) for task in self.tasks if _key(task) in done)

    def __iter__(self) -> Iterator[ChunkTask]:
        for task in self.tasks:
            if task.recording in self.recordings and not _is_done(self.archive, task):
                yield task

    def heard_by(self, engine: Executor) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """What an engine hears of them; with nothing to do, no model is loaded and no cluster joined."""
        if next(iter(self), None) is not None:
            yield from engine.hear(self.archive, iter(self))

    def give_up(self, task: ChunkTask, problem: str, report: Report) -> None:
        """Hand out no more pieces of a recording."""
        if task.recording in self.recordings:
            del self.recordings[task.recording]
            registry.set_broken(self.archive, task.recording, problem)
            report.problems.append(problem)


@contextmanager
def _pace(total_s: int, before_s: int) -> Iterator[Callable[[float], None]]:
    """Progress in seconds of sound, with how many times faster than real time they are heard."""
    begun, heard_s = time.monotonic(), 0.0
    with progress("Indexing, seconds of sound", total_s, before_s) as advance:

        def tell(seconds: float) -> None:
            nonlocal heard_s
            told = round(heard_s)
            heard_s += seconds
            took_s = time.monotonic() - begun
            note = f"{heard_s / took_s:.0f} times real time" if took_s >= PACE_AFTER_S else ""
            advance(round(heard_s) - told, note)

        yield tell


def keep(archive: Archive, task: ChunkTask, heard: ChunkResult) -> bool:
    """Keep what was heard of a piece: all of it or nothing. False where another program has kept it already."""
    # First the file: a row of the tables never speaks of a file that is not there.
    archive.frames.write(task.sha256, task.channel, task.number, heard.frames)
    place = {"recording": task.recording, "channel": task.channel}
    hits = heard.postings
    columns = (hits.queries, hits.scores, hits.times_s, hits.starts_s, hits.ends_s)
    names = ("keyword", "score", "time_s", "start_s", "end_s")
    rows = [
        {**place, "piece": task.number, **dict(zip(names, row, strict=True))}
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]
    try:
        with archive.writing() as connection:
            connection.execute(
                insert(pieces).values(**place, number=task.number, windows=heard.windows, peaks=heard.peaks.tobytes())
            )
            if rows:
                connection.execute(insert(postings), rows)
    except IntegrityError:
        return False
    return True


def finish(archive: Archive, recording: int) -> bool:
    """Call a recording done once all its pieces are: what was heard on both sides of a border stays once."""
    with archive.writing() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == recording)).one_or_none()
        heard = connection.execute(
            select(pieces.c.channel, pieces.c.number).where(pieces.c.recording == recording)
        ).all()
        if row is None or row.status != NEW:
            return False
        numbers = [(channel, n) for channel in range(1, row.channels + 1) for n in range(count_chunks(row.duration_s))]
        if len(heard) < len(numbers):
            return False
        for channel, number in numbers[1:]:
            border_s = chunk_start_s(number)
            near = connection.execute(
                select(postings).where(
                    postings.c.recording == recording,
                    postings.c.channel == channel,
                    postings.c.piece.in_((number - 1, number)),
                    postings.c.end_s > border_s - OVERLAP_S,
                    postings.c.start_s < border_s + 2 * OVERLAP_S,
                )
            ).all()
            suppressed = _suppressed(near)
            if suppressed:
                connection.execute(delete(postings).where(postings.c.id.in_(suppressed)))
        connection.execute(update(recordings).where(recordings.c.id == recording).values(status=DONE))
    return True


def _suppressed(rows: Sequence[Any]) -> list[int]:
    """Numbers of postings that overlap with a better one of the same keyword."""
    scores, starts_s, ends_s = np.array([(row.score, row.start_s, row.end_s) for row in rows]).reshape(-1, 3).T
    kept = set(non_max_suppression(scores, starts_s, ends_s, [row.keyword for row in rows]))
    return [row.id for i, row in enumerate(rows) if i not in kept]


def _rows(archive: Archive, numbers: Sequence[int]) -> list[Any]:
    with archive.reading() as connection:
        known = {row.id: row for row in connection.execute(select(recordings))}
    return [known[number] for number in numbers]


def _tasks(row: Any, skip_silence: bool) -> Iterator[ChunkTask]:
    for number in range(count_chunks(row.duration_s)):
        for channel in range(1, row.channels + 1):
            yield ChunkTask(row.id, row.sha256, row.path, row.duration_s, channel, number, skip_silence)


def _pieces_done(archive: Archive) -> set[tuple[int, int, int]]:
    with archive.reading() as connection:
        return {tuple(row) for row in connection.execute(select(pieces.c.recording, pieces.c.channel, pieces.c.number))}


def _is_done(archive: Archive, task: ChunkTask) -> bool:
    """Whether a piece is there by now, from another program perhaps."""
    asked = select(pieces.c.number).where(
        pieces.c.recording == task.recording, pieces.c.channel == task.channel, pieces.c.number == task.number
    )
    with archive.reading() as connection:
        return connection.execute(asked).first() is not None


def _key(task: ChunkTask) -> tuple[int, int, int]:
    return task.recording, task.channel, task.number


def _length_s(task: ChunkTask) -> float:
    start_s, end_s = chunk_bounds_s(task.number, task.duration_s)
    return end_s - start_s
