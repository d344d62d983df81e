"""Ranking by judgements: what was accepted is found elsewhere, and what was judged keeps its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.archive.archive import Archive, Position
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgement_log import events_of
from earmark.archive.judgements import Judgement, judge, query_key
from earmark.archive.recordings import forget_files
from earmark.archive.rescoring import matching_recordings
from earmark.archive.results import ArchiveHit, Filters, Opinion
from earmark.archive.search import SearchOptions, search
from earmark.archive.word_ranking import rank_by_judgements
from earmark.core.corpus import Corpus
from support.small_archive import found_at
from support.spoken_tones import WORD_S, tones_archive, write_recording

PLACES = {"mbwa": (3.0, 14.0, 40.0, 61.0), "ọmọ": (8.0, 30.0, 55.0)}
SECOND = {"mbwa": (5.0,), "ọmọ": (20.0,)}


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("tones")
    write_recording(folder / "media" / "a.flac", PLACES, 80)
    write_recording(folder / "media" / "b.flac", SECOND, 40, seed=1)
    return tones_archive(folder / "archive", folder / "media")


def judgement(place_s: float, verdict: str, recording: int = 1, word: str = "mbwa") -> Judgement:
    end_s = place_s + WORD_S
    return Judgement(0, word, Position(recording, 1, (place_s + end_s) / 2), place_s, end_s, 0.5, verdict, "")  # type: ignore[arg-type]


def recording_of(archive: Archive, name: str) -> int:
    return next(i for i, row in matching_recordings(archive, []).items() if Path(row.path).name == name)


def ranked(archive: Archive, judged: list[Judgement], top: int = 10, **options: object) -> list[ArchiveHit]:
    rows = matching_recordings(archive, [])
    return rank_by_judgements(archive, "mbwa", [], judged, top, rows, **options)  # type: ignore[arg-type]


def test_two_accepted_places_find_all_others_though_no_model_knows_the_word(tones: Archive) -> None:
    a, b = recording_of(tones, "a.flac"), recording_of(tones, "b.flac")
    found = ranked(tones, [judgement(3.0, "yes", a), judgement(40.2, "yes", a)])
    expected = {(a, 14.4), (a, 61.4), (b, 5.4)}
    best = {(one.position.recording, one.position.time_s) for one in found[:3]}
    assert len(best) == 3
    for recording, time_s in best:
        assert any(recording == other and abs(time_s - place_s) < 0.3 for other, place_s in expected)
    scores = [one.hit.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert scores[2] > 2 * scores[3]
    assert all(one.hit.start_s < one.hit.end_s and one.verdict is None for one in found)


def test_what_was_rejected_comes_last_and_what_was_judged_is_not_found_again(tones: Archive) -> None:
    a = recording_of(tones, "a.flac")
    yes = [judgement(3.0, "yes", a)]
    like_omo = [judgement(8.0, "no", a), judgement(30.0, "no", a)]
    found = ranked(tones, yes + like_omo, top=200)
    for one in found:
        assert not any(
            one.position.recording == a and abs(one.position.time_s - place_s - 0.4) < 0.4 for place_s in (3, 8, 30)
        )
    times_s = [one.position.time_s for one in found if one.position.recording == a]
    rank = {place: min(range(len(times_s)), key=lambda i: abs(times_s[i] - place - 0.4)) for place in (14, 61, 55)}
    assert max(rank[14], rank[61]) < rank[55]


@pytest.mark.parametrize("verdict", ["yes", "no"])
def test_what_people_disagree_on_is_neither_an_example_nor_a_negative(tones: Archive, verdict: str) -> None:
    a = recording_of(tones, "a.flac")
    accepted = judgement(3.0, "yes", a)
    apart = replace(judgement(14.0, verdict, a), opinions=(Opinion("Ana", "yes"), Opinion("Ben", "no")))
    with_it = {one.position: one.hit.score for one in ranked(tones, [accepted, apart], top=30)}
    without = {one.position: one.hit.score for one in ranked(tones, [accepted], top=30)}
    both = set(with_it) & set(without)
    assert len(both) > 15
    assert {place: with_it[place] for place in both} == {place: without[place] for place in both}
    assert ranked(tones, [apart]) == []  # nor is it judged a second time


def test_only_the_recordings_that_are_searched_and_what_is_admitted(tones: Archive) -> None:
    a, b = recording_of(tones, "a.flac"), recording_of(tones, "b.flac")
    rows = {b: matching_recordings(tones, [])[b]}
    judged = [judgement(3.0, "yes", a)]
    found = rank_by_judgements(tones, "mbwa", [], judged, 5, rows)
    assert {one.position.recording for one in found} == {b}
    assert abs(found[0].position.time_s - 5.4) < 0.3
    assert rank_by_judgements(tones, "mbwa", [], judged, 5, rows, admits=lambda one: one.hit.score > 2) == []


def test_without_judgements_or_examples_nothing_is_made_up(tones: Archive) -> None:
    assert ranked(tones, []) == []
    assert ranked(tones, [judgement(3.0, "no")]) == []


def test_a_position_is_an_example_until_a_hit_is_accepted(tones: Archive) -> None:
    a = recording_of(tones, "a.flac")
    query = Position(a, 1, 3.4)
    first = search(tones, query, SearchOptions(5))
    judge(tones, query_key(query), next(one for one in first if abs(one.position.time_s - 3.4) > 1), "no")
    again = search(tones, query, SearchOptions(5))
    assert again[0].verdict == "no"
    assert len(again) >= 5


@pytest.fixture(scope="module")
def archive(tiny_run: Path, tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The tiny corpus's utterances, indexed."""
    made = make_archive(tmp_path_factory.mktemp("archive") / "archive", tiny_run)
    index(made, [tiny_corpus.utterances("train")[0].audio.parent], ThreadExecutor(1))
    return made


def test_nothing_judged_is_the_models_order_and_judged_hits_keep_theirs(archive: Archive) -> None:
    found = search(archive, "dog", SearchOptions(20))
    key = query_key("dog")
    for one, verdict in ((found[1], "no"), (found[4], "no")):
        judge(archive, key, one, verdict)  # type: ignore[arg-type]
    again = search(archive, "dog", SearchOptions(20))
    assert [(one.position, one.verdict) for one in again[:2]] == [(found[1].position, "no"), (found[4].position, "no")]
    assert {one.position for one in again} >= {one.position for one in found}
    judge(archive, key, found[4], "yes")
    taught = search(archive, "dog", SearchOptions(20))
    assert [one.verdict for one in taught[:3]] == ["no", "yes", None]
    assert len({one.position for one in taught}) == len(taught)
    assert [one.position for one in search(archive, "ball", SearchOptions(20)) if one.verdict] == []
    elsewhere = search(archive, "dog", SearchOptions(20, filters=Filters(folder="/nowhere")))
    assert elsewhere == []
    sure = search(archive, "dog", SearchOptions(20, min_score=0.9999))
    assert all(one.hit.score >= 0.9999 for one in sure if one.verdict is None)
    assert not np.isnan([one.hit.score for one in taught]).any()


def test_what_is_forgotten_leaves_no_vectors_and_no_judgements(tmp_path: Path) -> None:
    write_recording(tmp_path / "media" / "a.flac", PLACES, 80)
    made = tones_archive(tmp_path / "archive", tmp_path / "media")
    judge(made, "mbwa", found_at(1, 1, 3.0, 3.8), "yes")
    assert ranked(made, [judgement(3.0, "yes", 1)])
    assert list(made.folder.glob("spoken/*/pieces-*/*"))
    assert len(events_of(made)) == 1
    assert forget_files(made, [str(tmp_path / "media" / "a.flac")]) == 1
    assert not list(made.folder.glob("spoken/*/pieces-*/*"))
    assert events_of(made) == []
