"""Indexing: each chunk of each recording is processed once, and stored as a whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from earmark.archive import recordings as registry
from earmark.archive.annotated_time import AnnotationLimit, left_by
from earmark.archive.archive import Archive
from earmark.archive.audio_files import audio_files
from earmark.archive.encoding import FEATURES, chunks_of
from earmark.archive.lexicon import lexicon
from earmark.archive.recordings import read_metadata
from earmark.archive.schema import DONE, NEW, chunks, postings, recordings, timeline_of
from earmark.archive.search_by_clip import prepare
from earmark.archive.search_lexicon import search_lexicon
from earmark.archive.shards import build_shard
from earmark.archive.worker import ChunkResult, ChunkTask
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress
from earmark.localisation.peaks import non_max_suppression
from earmark.localisation.windows import OVERLAP_S

logger = logging.getLogger(__name__)

PACE_AFTER_S = 60.0  # when the real-time factor has settled
LIKELY = 0.5  # score of a hit of the lexicon from which it is reported

Key = tuple[str, int, int, int]  # of what an encoding makes of a chunk: its kind, recording, channel and number


class Executor(Protocol):
    """Processes chunks: on this machine, or on many."""

    def process(
        self, archive: Archive, tasks: Iterator[ChunkTask]
    ) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Process chunks in any order. Tasks are taken a few at a time, as they can be started; closing it ends all."""


@dataclass
class Report:
    """What one run of the indexer did.

    Attributes
    ----------
    changes : dict
        Counts of :class:`earmark.archive.recordings.Registered`.
    problems : list of str
        One sentence for each recording that could not be indexed.
    processed_s : float
        Seconds of sound that were processed, summed over channels.
    took_s : float
    new_hits : dict of int
        By word of the lexicon: new hits of at least the score 0.5.
    """

    changes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    processed_s: float = 0.0
    took_s: float = 0.0
    new_hits: dict[str, int] = field(default_factory=dict)


def index(
    archive: Archive,
    folders: Sequence[Path],
    executor: Executor,
    metadata: Path | None = None,
    skip_silence: bool = False,
    forget: bool = False,
    limit: AnnotationLimit | None = None,
) -> Report:
    """Index the new recordings in folders.

    An interrupted run is resumed; chunks that are done are not processed again. A recording that can't be read is
    reported, and the others are indexed all the same. Two programs may index one archive: each chunk is stored once.

    Parameters
    ----------
    archive : Archive
    folders : sequence of Path
        None for the recordings that the archive has.
    executor : Executor
    metadata : Path, optional
        Table with metadata of the recordings.
    skip_silence : bool
        Leave out windows without a sound.
    forget : bool
        Delete all that is stored of recordings that are gone.
    limit : AnnotationLimit, optional
        Only windows that share time with what it leaves.

    Raises
    ------
    EarmarkError
        If a folder is missing, the table is not in order, or the documents of the limit can't be used.
    """
    start = time.monotonic()
    known = read_metadata(metadata) if metadata else {}
    listing = audio_files(folders) if folders else registry.known_files(archive)
    registered = registry.register(archive, listing, known)
    report = Report(registered.changes, list(registered.problems.values()))
    if forget:
        report.changes["forgotten"] = registry.forget_missing(archive)
    within, outside = limit.read(archive) if limit else (None, None)
    tasks = [
        task
        for row in _rows(archive, list(registered.recordings))
        for kind in archive.encodings
        for task in _tasks(row, kind, skip_silence, left_by(within, outside, row.id, row.duration_s))
    ]
    _process_all(archive, tasks, executor, report)
    build_shard(archive)  # it drops what was forgotten, too
    report.new_hits = _search_for_lexicon(archive)
    report.took_s = time.monotonic() - start
    return report


def _search_for_lexicon(archive: Archive) -> dict[str, int]:
    """Search for the words of the lexicon in what is new; numbers of new hits that are likely, by word."""
    words = any(word.has_example for word in lexicon(archive))
    if not _stored_chunks(archive, archive.spoken.kind):
        return {}
    if not words:
        if archive.spoken.kind == FEATURES:
            _prepare(archive)  # spoken queries will come
        return {}
    found = search_lexicon(archive)
    counts = {
        one.word.word: sum(hit.position in one.is_new and hit.hit.score >= LIKELY for hit in one.hits) for one in found
    }
    return {word: count for word, count in counts.items() if count}


def _prepare(archive: Archive) -> None:
    try:
        prepare(archive)
    except EarmarkError as error:  # nothing but silence, as yet
        logger.warning("%s", error)


def _process_all(archive: Archive, tasks: Sequence[ChunkTask], executor: Executor, report: Report) -> None:
    queue, processed = _TaskQueue(archive, tasks), set()
    # Closed at once, whatever ends this: results that will not be stored are not waited for.
    with _pace(round(queue.total_s), round(queue.done_s)) as advance, closing(queue.run(executor)) as outcomes:
        for task, outcome in outcomes:
            if isinstance(outcome, EarmarkError):
                queue.give_up(task, str(outcome), report)
            elif store_chunk(archive, task, outcome) and _key(task)[1:] not in processed:
                processed.add(_key(task)[1:])
                report.processed_s += _length_s(task)
            advance(_length_s(task))
    for recording in queue.recordings:
        finish(archive, recording)


class _TaskQueue:
    """The chunks of some recordings; iterating it gives tasks for those that are not stored yet.

    Parameters
    ----------
    archive : Archive
    tasks : sequence of ChunkTask
        All chunks of the recordings.
    """

    def __init__(self, archive: Archive, tasks: Sequence[ChunkTask]) -> None:
        self.archive, self.tasks = archive, tasks
        self.recordings = dict.fromkeys(task.recording for task in tasks)
        done = _all_stored(archive)
        self.total_s = sum(map(_length_s, self.tasks))
        self.done_s = sum(_length_s(task) for task in self.tasks if _key(task) in done)

    def __iter__(self) -> Iterator[ChunkTask]:
        for recording, tasks in groupby(self.tasks, lambda task: task.recording):
            done = _all_stored(self.archive, recording)  # now, as another program may have stored some
            for task in tasks:
                if recording in self.recordings and _key(task) not in done:
                    yield task

    def run(self, executor: Executor) -> Generator[tuple[ChunkTask, ChunkResult | EarmarkError]]:
        """Process the tasks; with nothing to do, no model is loaded and no cluster joined."""
        if next(iter(self), None) is not None:
            yield from executor.process(self.archive, iter(self))

    def give_up(self, task: ChunkTask, problem: str, report: Report) -> None:
        """Mark a recording as broken, and process no more of its chunks."""
        if task.recording in self.recordings:
            del self.recordings[task.recording]
            registry.set_broken(self.archive, task.recording, problem)
            report.problems.append(problem)


@contextmanager
def _pace(total_s: int, before_s: int) -> Iterator[Callable[[float], None]]:
    """Progress in seconds of sound, with the speed in multiples of real time."""
    start, processed_s = time.monotonic(), 0.0
    with progress("Indexing, seconds of sound", total_s, before_s) as advance:

        def add(seconds: float) -> None:
            nonlocal processed_s
            before = round(processed_s)
            processed_s += seconds
            took_s = time.monotonic() - start
            note = f"{processed_s / took_s:.0f} times real time" if took_s >= PACE_AFTER_S else ""
            advance(round(processed_s) - before, note)

        yield add


def store_chunk(archive: Archive, task: ChunkTask, result: ChunkResult) -> bool:
    """Store the result of a chunk, all of it or nothing. False where another program has stored it already."""
    # First the file: a row of the tables never refers to a file that is missing.
    archive.encodings[task.encoding].frames.write(task.sha256, task.channel, task.number, result.frames)
    place = {"recording": task.recording, "channel": task.channel}
    hits = result.postings
    columns = (hits.queries, hits.scores, hits.times_s, hits.starts_s, hits.ends_s)
    names = ("keyword", "score", "time_s", "start_s", "end_s")
    rows = [
        {**place, "chunk": task.number, **dict(zip(names, row, strict=True))}
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]
    try:
        with archive.session(writing=True) as session, session.writing() as connection:
            table = chunks_of(task.encoding, session.settings())  # another program may have added a model meanwhile
            about = {"windows": result.windows, "peaks": result.peaks.tobytes()} if table is chunks else {}
            connection.execute(insert(table).values(**place, number=task.number, **about))
            if rows:
                connection.execute(insert(postings), rows)
    except IntegrityError:
        return False
    return True


def finish(archive: Archive, recording: int) -> bool:
    """Mark a recording as done once all its chunks are; of hits that overlap across a border the best stays."""
    with archive.session(writing=True) as session, session.writing() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == recording)).one_or_none()
        if row is None or row.status != NEW:
            return False
        timeline = timeline_of(row)
        numbers = [(channel, n) for channel in range(1, row.channels + 1) for n in range(timeline.chunks)]
        if len(_all_stored(session, recording)) < len(archive.encodings) * len(numbers):
            return False
        for channel, number in numbers[1:]:
            border_s = timeline.chunk_start_s(number)
            near = connection.execute(
                select(postings).where(
                    postings.c.recording == recording,
                    postings.c.channel == channel,
                    postings.c.chunk.in_((number - 1, number)),
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
    selected = set(non_max_suppression(scores, starts_s, ends_s, [row.keyword for row in rows]))
    return [row.id for i, row in enumerate(rows) if i not in selected]


def _rows(archive: Archive, numbers: Sequence[int]) -> list[Any]:
    with archive.reading() as connection:
        known = {row.id: row for row in connection.execute(select(recordings))}
    return [known[number] for number in numbers]


def _tasks(
    row: Any, kind: str, skip_silence: bool, stretches_s: tuple[tuple[float, float], ...] | None
) -> Iterator[ChunkTask]:
    timeline = timeline_of(row)
    for number in range(timeline.chunks):
        for channel in range(1, row.channels + 1):
            place = (row.id, row.sha256, row.path, timeline, channel, number)
            yield ChunkTask(*place, skip_silence, stretches_s, kind)


def _all_stored(archive: Archive, recording: int | None = None) -> set[Key]:
    """What is stored by any encoding, of all recordings or of one."""
    return {(kind, *chunk) for kind in archive.encodings for chunk in _stored_chunks(archive, kind, recording)}


def _stored_chunks(archive: Archive, kind: str, recording: int | None = None) -> set[tuple[int, int, int]]:
    """Recording, channel and number of the chunks that an encoding has made, of all recordings or of one."""
    table = chunks_of(kind, archive.settings())
    statement = select(table.c.recording, table.c.channel, table.c.number)
    if recording is not None:
        statement = statement.where(table.c.recording == recording)
    with archive.reading() as connection:
        return {tuple(row) for row in connection.execute(statement)}


def _key(task: ChunkTask) -> Key:
    return task.encoding, task.recording, task.channel, task.number


def _length_s(task: ChunkTask) -> float:
    start_s, end_s = task.timeline.chunk_bounds_s(task.number)
    return end_s - start_s
