"""The list to judge: mostly likely hits, and at every fifth place one that teaches."""

from __future__ import annotations

from dataclasses import replace

from earmark.archive.judgements import Judgement
from earmark.archive.results import ArchiveHit
from earmark.archive.what_to_judge import EVERY, mix, uncertain
from support.small_archive import found_at


def hit(number: int, probability: float | None = None, recording: int = 1) -> ArchiveHit:
    return replace(found_at(recording, 1, float(number), number + 0.5), scorer_probability=probability)


def judged_in(recording: int) -> Judgement:
    position = found_at(recording, 1, 900.0, 901.0).position
    return Judgement(0, "dog", position, 900.0, 901.0, 0.5, "yes", "")


def test_every_fifth_hit_teaches_and_each_is_there_once() -> None:
    likely = [hit(i, 1 - i / 60) for i in range(45)]
    done = [replace(hit(50), verdict="yes"), replace(hit(51), verdict="no")]
    sample = [hit(80), likely[3], hit(81)]
    mixed = mix([*done, *likely], sample, [judged_in(1)])
    assert mixed[:2] == done
    rest = mixed[2:]
    assert len({one.position for one in rest}) == len(rest) == 47
    teaching = [i for i, one in enumerate(rest) if one.teaches]
    assert teaching == [EVERY * number + EVERY - 1 for number in range(len(teaching))]
    assert len(teaching) >= 5
    assert {one.position for one in sample} <= {one.position for one in rest if one.teaches}
    plain = [one.position for one in rest if not one.teaches]
    assert plain == [one.position for one in likely if one.position in plain]
    assert mix(likely, [], []) != likely
    assert mix([hit(1)], [], []) == [hit(1)]


def test_uncertain_hits_are_near_one_half_and_where_little_was_judged() -> None:
    near = [hit(i, 0.5, recording=1) for i in range(10)] + [hit(20, 0.45, recording=2), hit(21, 0.44, recording=3)]
    sure = [hit(i, 0.999) for i in range(30, 60)]
    chosen = uncertain([*sure, *near, hit(70)], [judged_in(1)] * 3)
    assert [one.position.recording for one in chosen[:2]] == [2, 3]
    assert all(one.scorer_probability == 0.5 for one in chosen[2:])
