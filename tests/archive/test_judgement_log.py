"""The log of judgements: merging loses nothing, in any order, and everybody's verdicts stay visible."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.archive.archive import Archive
from earmark.archive.judgement_log import (
    Event,
    disagreements,
    events_of,
    in_force,
    latest,
    merge,
    read_log,
    write_log,
)
from earmark.archive.judgements import judge, judgements, undo
from earmark.archive.lexicon import add_word
from earmark.core.errors import EarmarkError
from support.small_archive import found_at, unindexed_archive

SHA = [f"{number:064x}" for number in range(1, 4)]  # the third is in no archive of these tests


def event(
    minute: int, judge: str, verdict: str, place_s: float = 1.0, sha256: str = SHA[0], query: str = "dog"
) -> Event:
    at = f"2026-01-01T00:{minute:02d}:00.000+00:00"
    return Event(at, judge, query, sha256, 1, place_s, place_s - 0.2, place_s + 0.2, 0.5, verdict)


events = st.builds(
    event,
    st.integers(0, 59),
    st.sampled_from(["", "Ada", "Ọlá"]),
    st.sampled_from(["yes", "no", "related", "undone"]),
    st.sampled_from([1.0, 1.1, 5.0]),
    st.sampled_from(SHA),
    st.sampled_from(["dog", "ọmọ"]),
)
logs = st.lists(events, max_size=8)


def table_of(archive: Archive) -> list[tuple[object, ...]]:
    return sorted(
        (one.query, str(one.position), one.start_s, one.end_s, one.verdict, one.judged_at)
        for one in judgements(archive)
    )


@settings(max_examples=8, deadline=None)
@given(logs, logs, logs)
def test_the_order_of_merging_does_not_matter_and_twice_is_once(
    tmp_path_factory: pytest.TempPathFactory, one: list[Event], two: list[Event], three: list[Event]
) -> None:
    folder = tmp_path_factory.mktemp("merged")
    results = []
    for number, order in enumerate(([one, two, three], [three, one, two, one], [[*two, *three], one])):
        archive = unindexed_archive(folder / str(number))
        for some in order:
            merge(archive, some)
        results.append((events_of(archive), table_of(archive)))
        archive.close()
    assert results[0] == results[1] == results[2]
    assert set(results[0][0]) == {*one, *two, *three}


@given(logs)
def test_what_counts_is_the_latest_of_the_latest_of_everybody(some: list[Event]) -> None:
    for counted in in_force(some):
        same = [other for other in some if other.place == counted.place]
        for person in {other.judge for other in same}:
            last = max(other for other in same if other.judge == person)
            assert last.verdict == "undone" or last <= counted
    people = {(one.judge, one.place) for one in some}
    assert len(latest(some)) <= len(people)
    assert all(one.verdict != "undone" for one in latest(some))


def test_disagreements_are_of_different_people_on_the_same_sound() -> None:
    ada, ola = event(1, "Ada", "yes"), event(2, "Ọlá", "no", place_s=1.1)
    assert disagreements([ada, ola]) == [[ada, ola]]
    assert disagreements([ada, event(2, "Ọlá", "yes")]) == []
    assert disagreements([ada, event(2, "Ada", "no")]) == []  # she has changed her mind
    assert disagreements([ada, event(2, "Ọlá", "no", place_s=5.0)]) == []
    assert disagreements([ada, ola, event(3, "Ọlá", "undone", place_s=1.1)]) == []


def test_two_laptops_judge_and_undo_and_have_the_same_in_the_end(tmp_path: Path) -> None:
    one, two = (unindexed_archive(tmp_path / name) for name in ("one", "two"))
    first, second = found_at(1, 1, 1.0, 2.0), found_at(1, 1, 30.0, 31.0)
    judge(one, "dog", first, "yes", by="Ada")
    judge(one, "dog", second, "no", by="Ada")
    judge(two, "dog", first, "no", by="Ọlá")
    write_log(one, tmp_path / "one.jsonl")
    assert merge(two, read_log(tmp_path / "one.jsonl")) == (2, 0)
    assert len(disagreements(events_of(two))) == 1
    number = next(judgement.id for judgement in judgements(two) if judgement.position.time_s == 30.5)
    undo(two, number)  # Ada's, from the other laptop
    write_log(two, tmp_path / "two.jsonl")
    merge(one, read_log(tmp_path / "two.jsonl"))
    assert table_of(one) == table_of(two)
    (left,) = judgements(one)
    assert (left.position.time_s, left.verdict) == (1.5, "no")
    undo(one, left.id)  # Ọlá's, so Ada's counts again
    assert [judgement.verdict for judgement in judgements(one)] == ["yes"]
    write_log(one, tmp_path / "one.jsonl")
    merge(two, read_log(tmp_path / "one.jsonl"))
    assert table_of(one) == table_of(two)


def test_judging_again_and_again_counts_as_last_judged(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "archive")
    for verdict in ("yes", "no", "yes", "related", "no", "yes") * 3:  # many in one millisecond
        judge(archive, "dog", found_at(1, 1, 1.0, 2.0), verdict, by="Ada")  # type: ignore[arg-type]
    moved = judge(archive, "dog", found_at(1, 1, 1.1, 2.1), "no", by="Ada")  # the same hit, a little beside
    before = table_of(archive)
    assert [one[4] for one in before] == ["no"]
    merge(archive, [])
    assert table_of(archive) == before
    undo(archive, moved)
    merge(archive, [])
    assert table_of(archive) == []


def test_judgements_from_before_the_log_are_in_it(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "archive")
    number = judge(archive, "dog", found_at(1, 1, 1.0, 2.0), "yes")
    with archive.writing() as connection:
        connection.exec_driver_sql("DELETE FROM judgement_log")
    assert [one.verdict for one in events_of(archive)] == ["yes"]
    undo(archive, number)
    merge(archive, [])
    assert judgements(archive) == []
    assert [one.verdict for one in events_of(archive)] == ["yes", "undone"]


def test_what_is_judged_in_recordings_elsewhere_stays(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "archive")
    assert merge(archive, [event(1, "Ada", "yes", sha256=SHA[2])]) == (1, 1)
    assert judgements(archive) == []
    assert write_log(archive, tmp_path / "log.jsonl") == 1
    assert read_log(tmp_path / "log.jsonl") == events_of(archive)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"},
        {"start_s": -1.0},
        {"time_s": "NaN"},
        {"channel": 0},
        {"at": "yesterday"},
        {"at": "2026-01-01T00:00:00.000+02:00"},
        {"judge": "x" * 500},
        {"extra": 1},
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    import json
    from dataclasses import asdict

    line = json.dumps(asdict(event(1, "Ada", "yes")) | change)
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"earmark": "judgements", "form": 1}}\n{line}\n')
    with pytest.raises(EarmarkError, match=r"log\.jsonl:2 is no judgement"):
        read_log(path)
    path.write_text(line)
    with pytest.raises(EarmarkError, match="holds no judgements: name a file"):
        read_log(path)


def test_judgements_that_a_word_takes_over_stay_its_own_whatever_is_merged(tmp_path: Path) -> None:
    one, two = unindexed_archive(tmp_path / "one"), unindexed_archive(tmp_path / "two")
    judge(one, "clip:a1", found_at(1, 1, 5.0, 5.5), "yes", by="Ada")
    judge(one, "clip:a1", found_at(2, 1, 7.0, 7.5), "no", by="Ọlá")
    judge(one, "maji", found_at(1, 1, 5.0, 5.5), "no", by="Ọlá")
    elsewhere = Event("2026-01-01T00:00:00.000+00:00", "Ada", "clip:a1", SHA[2], 1, 1.0, 0.8, 1.2, 0.5, "yes")
    merge(one, [elsewhere])
    before = events_of(one)
    merge(two, before)
    judge(one, "clip:a1", found_at(1, 1, 9.0, 9.5), "yes")
    numbers = {one.position: one.id for one in judgements(one, "clip:a1")}
    add_word(one, "maji", judged_as="clip:a1")
    moved = table_of(one)
    assert [(row[0], row[4]) for row in moved] == [("maji", "no"), ("maji", "yes"), ("maji", "no")]
    assert judgements(one, "maji")[-1].id in numbers.values()
    assert {event.query for event in latest(events_of(one))} == {"maji"}  # that of the missing recording, too
    merge(one, [])
    merge(one, before)
    assert table_of(one) == moved
    merge(two, events_of(one))
    merge(one, events_of(two))
    assert table_of(one) == moved == table_of(two)
    judge(one, "clip:a1", found_at(1, 1, 9.0, 9.5), "no")  # a new judgement of the clip counts again
    assert [judgement.verdict for judgement in judgements(one, "clip:a1")] == ["no"]


def test_a_word_that_takes_over_its_own_judgements_keeps_them(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "one")
    judge(archive, "maji", found_at(1, 1, 5.0, 5.5), "yes")
    before = events_of(archive), table_of(archive)
    add_word(archive, "maji", judged_as="maji")
    assert (events_of(archive), table_of(archive)) == before
