"""Judgements: what they are kept under, what they speak of, and that they outlive everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.archive.archive import Archive, Position, open_archive
from earmark.archive.judgements import Judgement, judge, judgements, query_key, undo, verdict_counts, with_verdicts
from earmark.archive.lexicon import add_word, get_word
from earmark.archive.results import ArchiveHit, Opinion
from earmark.core.errors import EarmarkError
from earmark.core.types import ImageQuery, Prompt
from support.media import write_picture
from support.small_archive import found_at, unindexed_archive

JUDGING = """
import sys
from earmark.archive.archive import open_archive
from earmark.archive.judgements import judge
from support.small_archive import found_at
archive = open_archive(sys.argv[1])
for number in range(1000):
    print(judge(archive, "dog", found_at(1, 1, number / 20, number / 20 + 0.04), "yes"), flush=True)
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return unindexed_archive(tmp_path / "archive")


def verdicts(archive: Archive, key: str, *found: ArchiveHit) -> list[str | None]:
    return [one.verdict for one in with_verdicts(found, judgements(archive, key))]


def test_key_of_a_word_is_the_same_for_all_its_spellings() -> None:
    spellings = ["Ọmọ", unicodedata.normalize("NFD", "ọmọ"), " ỌMỌ "]
    assert {query_key(word) for word in spellings} == {unicodedata.normalize("NFC", "ọmọ")}
    assert query_key("red  house") == "red house" != query_key("redhouse")


def test_key_of_a_picture_is_its_content(tmp_path: Path) -> None:
    one = write_picture(tmp_path / "one.png")
    copy = tmp_path / "kopie ọ.png"
    copy.write_bytes(one.read_bytes())
    other = write_picture(tmp_path / "other.png", (20, 20))
    key = query_key(ImageQuery.of(one))
    assert key.startswith("image:")
    assert len(key) == len("image:") + 16
    assert key == query_key(ImageQuery.of(copy, name="another name"))
    both = query_key(ImageQuery.of(one, other))
    assert both == query_key(ImageQuery.of(other, one))
    part = query_key(ImageQuery("a part", (Prompt(one, (0, 0, 4, 4)),)))
    assert len({key, both, part, query_key(ImageQuery.of(other))}) == 4


def test_key_of_a_missing_picture_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"gone\.png can't be read"):
        query_key(ImageQuery.of(tmp_path / "gone.png"))


def test_key_of_an_example_is_its_place() -> None:
    assert query_key(Position(12, 1, 345.204)) == "example:12:1:345.20"


def test_a_judgement_has_all_that_was_given(archive: Archive) -> None:
    found = found_at(2, 1, 3.0, 4.5)
    number = judge(archive, "dog", found, "related", 2.5, 4.0)
    (stored,) = judgements(archive, "dog")
    assert stored == Judgement(number, "dog", Position(2, 1, 3.75), 2.5, 4.0, 0.5, "related", stored.judged_at)
    assert stored.judged_at.endswith("+00:00")
    (reported,) = with_verdicts([found], judgements(archive, "dog"))
    assert reported == replace(found, verdict="related", hit=replace(found.hit, start_s=2.5, end_s=4.0))


def test_a_new_verdict_takes_the_place_of_the_old(archive: Archive) -> None:
    found = found_at(1, 1, 3.0, 4.0)
    judge(archive, "dog", found, "yes")
    again = judge(archive, "dog", found, "no", 3.2, 3.9)
    assert [(one.id, one.verdict) for one in judgements(archive)] == [(again, "no")]


def test_the_place_that_was_written_down_is_the_place_that_was_found(archive: Archive) -> None:
    found = found_at(1, 1, 3.0, 4.00777)
    judge(archive, "dog", found, "yes")
    judge(archive, "dog", replace(found, position=Position.read(str(found.position))), "no")
    assert [one.verdict for one in judgements(archive)] == ["no"]


def test_an_extent_that_was_set_far_off_still_belongs_to_its_hit(archive: Archive) -> None:
    found = found_at(1, 1, 3.0, 4.0)
    judge(archive, "dog", found, "yes", 20.0, 21.0)
    assert verdicts(archive, "dog", found) == ["yes"]
    judge(archive, "dog", found, "no")
    assert verdict_counts(judgements(archive, "dog")) == (0, 0, 1)


def test_a_hit_that_another_index_placed_beside_is_the_same(archive: Archive) -> None:
    judge(archive, "dog", found_at(1, 1, 3.0, 4.0), "yes")
    moved = found_at(1, 1, 3.1, 4.05)
    assert verdicts(archive, "dog", moved) == ["yes"]
    judge(archive, "dog", moved, "no")
    assert [one.verdict for one in judgements(archive)] == ["no"]


def test_the_word_before_keeps_its_own_verdict(archive: Archive) -> None:
    first, second = found_at(1, 1, 3.0, 3.6), found_at(1, 1, 3.5, 4.1)
    judge(archive, "dog", first, "yes")
    judge(archive, "dog", second, "no")
    assert verdicts(archive, "dog", first, second) == ["yes", "no"]
    assert verdict_counts(judgements(archive, "dog")) == (1, 0, 1)


def test_other_queries_recordings_channels_and_times_are_not_judged(archive: Archive) -> None:
    found = found_at(1, 1, 3.0, 4.0)
    judge(archive, "dog", found, "yes")
    others = [found_at(2, 1, 3.0, 4.0), found_at(1, 2, 3.0, 4.0), found_at(1, 1, 4.0, 5.0), found_at(1, 1, 2.0, 3.0)]
    assert with_verdicts(others, judgements(archive, "dog")) == others
    assert with_verdicts([found], judgements(archive, "snow")) == [found]
    assert judgements(archive, "snow") == []
    assert verdict_counts(judgements(archive, "snow")) == (0, 0, 0)


def test_undo(archive: Archive) -> None:
    keep, take = (judge(archive, "dog", found_at(1, 1, start, start + 1), "yes") for start in (1.0, 5.0))
    assert undo(archive, take).position == Position(1, 1, 5.5)
    assert [one.id for one in judgements(archive)] == [keep]
    with pytest.raises(EarmarkError, match=rf"no judgement {take}: "):
        undo(archive, take)


@pytest.mark.parametrize(
    ("found", "verdict", "extent", "sentence"),
    [
        (found_at(1, 1, 3.0, 4.0), "maybe", (None, None), "'maybe' is no verdict"),
        (found_at(9, 1, 3.0, 4.0), "yes", (None, None), "no position 9:1:3.50"),
        (found_at(1, 3, 3.0, 4.0), "yes", (None, None), "no position 1:3:3.50"),
        (found_at(1, 1, 70.0, 71.0), "yes", (None, None), "no position 1:1:70.50"),
        (found_at(1, 1, 3.0, 4.0), "yes", (5.0, None), "no segment"),
        (found_at(1, 1, 3.0, 4.0), "yes", (-0.1, None), "no segment"),
        (found_at(1, 1, 3.0, 4.0), "yes", (None, 61.0), "no segment"),
        (found_at(1, 1, 3.0, 4.0), "yes", (float("nan"), None), "no segment"),
        (found_at(1, 1, 3.0, 4.0), "yes", (3.0, float("inf")), "no segment"),
    ],
)
def test_what_is_no_judgement_is_refused(
    archive: Archive, found: ArchiveHit, verdict: Any, extent: tuple[float | None, float | None], sentence: str
) -> None:
    with pytest.raises(EarmarkError, match=sentence):
        judge(archive, "dog", found, verdict, *extent)
    assert judgements(archive) == []


def test_sql_in_a_query_is_text(archive: Archive) -> None:
    key = query_key("dog'; DROP TABLE judgements; --")
    judge(archive, key, found_at(1, 1, 3.0, 4.0), "yes")
    assert [one.query for one in judgements(archive)] == [key]


SPANS = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(lambda s: found_at(1, 1, s[0] / 10, (s[0] + s[1]) / 10))


@settings(max_examples=25, deadline=None)
@given(judged=st.lists(SPANS, max_size=6), other_hit=SPANS)
def test_verdict_is_that_of_the_nearest_that_shares_time(
    judged: list[ArchiveHit], other_hit: ArchiveHit, tmp_path_factory: pytest.TempPathFactory
) -> None:
    archive = unindexed_archive(tmp_path_factory.mktemp("archive") / "archive")
    for number, found in enumerate(judged):
        judge(archive, "dog", found, ("yes", "no", "related")[number % 3])
    shared = {round(t * 100) for t in _hundredths(other_hit)}
    near = [
        (abs(one.position.time_s - other_hit.position.time_s), one.verdict)
        for one in judgements(archive)
        if shared & {round(t * 100) for t in _hundredths_of(one.start_s, one.end_s)}
    ]
    distances = [distance for distance, _ in near]
    (reported,) = verdicts(archive, "dog", other_hit)
    if not near:
        assert reported is None
    else:
        assert reported in {verdict for distance, verdict in near if distance <= min(distances) + 1e-9}
    archive.close()


def _hundredths(found: ArchiveHit) -> list[float]:
    return _hundredths_of(found.hit.start_s, found.hit.end_s)


def _hundredths_of(start_s: float, end_s: float) -> list[float]:
    return [i / 100 for i in range(round(start_s * 100), round(end_s * 100))]


def test_judgements_from_many_threads_are_all_stored(archive: Archive) -> None:
    def work(worker: int) -> None:
        for number in range(5):
            judge(archive, "dog", found_at(1, 1, number * 10.0, number * 10 + 1.0), "yes")  # all judge the same
            judge(archive, f"word {worker}", found_at(2, 1, number * 10.0, number * 10 + 1.0), "no")

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdict_counts(judgements(archive, "dog")) == (5, 0, 0)
    assert [verdict_counts(judgements(archive, f"word {worker}")) for worker in range(4)] == [(0, 0, 5)] * 4


def test_stored_judgements_survive_a_kill(archive: Archive) -> None:
    folder = archive.folder
    archive.close()
    here = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", JUDGING, folder],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": here},
        text=True,
    )
    assert process.stdout is not None
    reported = [int(process.stdout.readline()) for _ in range(20)]
    process.send_signal(signal.SIGKILL)
    reported += [int(line) for line in process.stdout.read().split()]
    process.wait()
    stored = {one.id for one in judgements(open_archive(folder))}
    assert set(reported) <= stored
    assert len(stored) <= len(reported) + 1


def test_where_people_disagree_everybodys_verdict_is_with_the_hit(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "archive")
    one, other = found_at(1, 1, 1.0, 1.6), found_at(1, 1, 5.0, 5.6)
    judge(archive, "dog", one, "yes", by="Ana")
    number = judge(archive, "dog", one, "no", by="Ben")
    for person in ("Ana", "Ben"):
        judge(archive, "dog", other, "yes", by=person)
    judge(archive, "cat", other, "no", by="Ben")  # of another word
    apart, agreed = judgements(archive, "dog")
    assert apart.opinions == (Opinion("Ana", "yes"), Opinion("Ben", "no"))
    assert agreed.opinions == ()
    assert [hit.opinions for hit in with_verdicts([one, other], [apart, agreed])] == [apart.opinions, ()]
    assert {one.opinions for one in judgements(archive)} == {(), apart.opinions}
    undo(archive, number)
    assert [(one.verdict, one.opinions) for one in judgements(archive, "dog")] == [("yes", ()), ("yes", ())]


def test_what_people_disagree_on_is_no_example_of_a_word(tmp_path: Path) -> None:
    archive = unindexed_archive(tmp_path / "archive")
    add_word(archive, "dog")
    judge(archive, "dog", found_at(1, 1, 1.0, 1.6), "no", by="Ben")
    judge(archive, "dog", found_at(1, 1, 1.0, 1.6), "yes", by="Ana")
    assert not get_word(archive, "dog").has_example
    judge(archive, "dog", found_at(1, 1, 1.0, 1.6), "yes", by="Ben")
    assert get_word(archive, "dog").has_example
