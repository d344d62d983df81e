"""Programs that judge, teach and index one archive at once, and are killed again and again: no judgement is lost."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from earmark.archive.archive import Archive, open_archive
from earmark.archive.encoding import model_identity
from earmark.archive.judgement_log import events_of
from earmark.archive.judgements import Judgement, judge, judgements
from earmark.archive.results import Verdict
from earmark.archive.search import SearchOptions, search
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import WEIGHTS
from earmark.models.checkpoint import read_checkpoint
from earmark.training import teaching
from earmark.training.teaching_measures import JudgedMeasures
from support.judged_archive import judged_archive
from support.small_archive import found_at
from support.subprocesses import Program

STEP_S, LENGTH_S = 0.05, 0.02  # between judged places, and of each: none is inside another
PLACES = 600  # of each recording
JITTER_S = 0.15  # after a stage is reached, in which programs are killed


class Judging(Program):
    """Judges places, one after another, and notes each once it is stored."""

    def _run(self, arguments: tuple[str | Path, ...]) -> None:
        folder, notes, first = Path(arguments[0]), Path(arguments[1]), int(str(arguments[2]))
        stored = os.open(notes, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        number = first
        while True:
            try:
                archive = open_archive(folder)
                while True:
                    judge_place(archive, number)
                    os.write(stored, f"{number}\n".encode())
                    number += 1
            except EarmarkError:  # another archive takes its place: what was not stored is judged again
                time.sleep(0.001)


class Teaching(Program):
    """A short teaching, whose model is taken for better."""

    def _run(self, arguments: tuple[str | Path, ...]) -> None:
        teaching.STEPS, teaching.FEWEST_EPOCHS, teaching.LEAST_AGREEMENT = 1, 2, 0.0
        JudgedMeasures.is_better_than = lambda one, other: True  # type: ignore[method-assign]
        super()._run(arguments)


def place(number: int) -> tuple[str, int, float]:
    """Query, recording and time of the place of a number: of queries that teach nothing, so that teaching is short."""
    time_s = STEP_S * (number // 3 % PLACES) + LENGTH_S / 2
    return f"example:1:1:{number // (3 * PLACES)}.00", 1 + number % 3, round(time_s, 2)


def verdict(number: int) -> Verdict:
    return "yes" if number % 2 else "no"


def judge_place(archive: Archive, number: int) -> None:
    query, recording, time_s = place(number)
    hit = found_at(recording, 1, time_s - LENGTH_S / 2, time_s + LENGTH_S / 2, query)
    judge(archive, query, hit, verdict(number), by="Ana")


def numbers_in(notes: Path) -> list[int]:
    """Numbers of the places whose judgements were stored, as far as was noted."""
    return [int(line) for line in notes.read_text().split()] if notes.exists() else []


def stage_of(folder: Path, out: Path) -> int:
    """How far a teaching is that indexes the archive with the model in `out`."""
    steps = (
        (out / "judged" / "corpus.yaml").exists(),
        (out / "resume.pt").exists(),
        (out / "teaching.json").exists(),
        (folder / "archive-next").exists(),
        (folder / "archive-next" / "archive.json").exists(),
        is_same_model(folder / "archive" / "model", out),
    )
    return max((number for number, is_done in enumerate(steps, start=1) if is_done), default=0)


def is_same_model(one: Path, other: Path) -> bool:
    try:
        return (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()
    except OSError:
        return False


def judge_teach_and_index(run: Path, folder: Path, kills: int) -> None:
    rng = random.Random(0)
    judged_archive(folder, run).close()
    archive, notes, field = folder / "archive", folder / "notes", folder / "field"
    before = len(judgements(open_archive(archive)))
    killed, models = 0, [run]
    killed_in: Counter[int] = Counter()

    def teach() -> Program:
        return Teaching(folder / "teach.log", "teach", archive, "--out", taught(), "--resume", "--index")

    def taught() -> Path:
        return folder / f"taught-{len(models)}"

    while killed < kills:
        numbers = numbers_in(notes)
        judging = Judging(folder / "judge.log", archive, notes, numbers[-1] + 2 if numbers else 0)
        teacher = teach()
        indexing = Program(folder / "index.log", "index", models[-1], field, "--archive", archive)
        goal = stage_of(folder, taught()) + rng.randrange(2)
        while teacher.poll() is None and stage_of(folder, taught()) < goal:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, JITTER_S))
        killed_in[stage_of(folder, taught())] += 1
        for program in rng.sample([judging, teacher, indexing], 3):
            killed += program.poll() is None
            program.kill()
        if teacher.wait() == 0:
            models.append(taught())
    last = teach()
    assert last.wait() == 0, last.log
    print(f"{killed} kills, {len(numbers_in(notes))} judgements, {len(models)} teachings, stages {dict(killed_in)}")
    opened = open_archive(archive)
    stored = {place_of(one): one.verdict for one in judgements(opened)}
    for number in numbers_in(notes):
        assert stored[place(number)] == verdict(number)
    assert len(numbers_in(notes)) > kills / 6
    assert sum(not query.startswith("example") for query, *_ in stored) == before
    assert {event.judge for event in events_of(opened) if event.query.startswith("example")} == {"Ana"}
    assert opened.setting("model") == model_identity(read_checkpoint(taught()))
    assert search(opened, "dog", SearchOptions())
    assert not (folder / "archive-next").exists()


def place_of(judgement: Judgement) -> tuple[str, int, float]:
    return judgement.query, judgement.position.recording, round(judgement.position.time_s, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_300_kills(tiny_run: Path, tmp_path: Path) -> None:
    judge_teach_and_index(tiny_run, tmp_path, kills=300)
