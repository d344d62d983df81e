"""Thresholds of words: against all scores one by one, and the interval of false alarms against simulated truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earmark.archive import hits_left
from earmark.archive.hits_left import next_of_sample
from earmark.archive.judged_calibration import calibrate, calibration_of
from earmark.archive.judgements import judge
from earmark.archive.lexicon import LexiconWord, add_word
from earmark.archive.results import ArchiveHit
from earmark.archive.search import SearchOptions, ranked_by_model, resolve_word, search
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.word_threshold import (
    judged_words,
    reliability_of,
    threshold_for_f1,
    threshold_for_precision,
    threshold_from_judgements,
    word_threshold,
)
from earmark.recipe import Recipe
from support.judged_archive import noise_archive
from support.media import write_tone
from support.small_archive import found_at


def ranked(scores: np.ndarray) -> list[ArchiveHit]:
    hits = [found_at(1, 1, float(i), i + 0.5) for i in range(len(scores))]
    return [replace(one, hit=replace(one.hit, score=float(score))) for one, score in zip(hits, scores, strict=True)]


def verdict(hit: ArchiveHit, is_right: bool) -> ArchiveHit:
    return replace(hit, verdict="yes" if is_right else "no")


def test_thresholds_are_the_best_of_all_scores() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, p = rng.integers(0, 12, 30) / 12, rng.random(30)

        def f1(score: float, scores: np.ndarray = scores, p: np.ndarray = p) -> float:
            above = scores >= score
            precision, recall = p[above].mean(), p[above].sum() / p.sum()
            return float(2 * precision * recall / (precision + recall))

        levels = sorted(set(scores.tolist()))
        assert f1(threshold_for_f1(scores, p)) == pytest.approx(max(map(f1, levels)))
        enough = [score for score in levels if p[scores >= score].mean() >= 0.55]
        assert threshold_for_precision(scores, p, 0.55) == (min(enough) if enough else None)
    assert threshold_for_precision(np.array([0.9, 0.5]), np.array([0.5, 0.1]), 0.9) is None
    assert threshold_for_precision(np.empty(0), np.empty(0), 0.9) is None


def test_everything_judged_is_counted() -> None:
    hits = [verdict(one, i < 9 and i != 2) for i, one in enumerate(ranked(np.linspace(0.95, 0.05, 20)))]
    found = threshold_from_judgements("dog", hits, hours=0.5)
    assert found is not None
    assert found.score == hits[8].hit.score  # with 8 right of 9, and none missed
    assert found.precision == pytest.approx(8 / 9)
    assert (found.false_alarms_per_hour, found.low, found.high, found.judged) == (2, 2, 2, 20)
    assert "by 20 judgements" in str(found)


def test_too_few_judgements_or_of_one_kind_say_nothing() -> None:
    hits = ranked(np.linspace(0.95, 0.05, 20))
    assert threshold_from_judgements("dog", [], 1.0) is None
    assert calibration_of([*(verdict(one, i < 5) for i, one in enumerate(hits[:9])), *hits[9:]]) is None
    assert calibration_of([verdict(one, True) for one in hits]) is None
    likely = [verdict(one, i % 2 == 0) if i < 12 else one for i, one in enumerate(ranked(np.linspace(0.9, 0.1, 400)))]
    assert calibration_of(likely) is not None
    assert threshold_from_judgements("dog", likely, 1.0) is None  # hardly any of the random sample
    assert threshold_from_judgements("dog", [verdict(one, i < 9) for i, one in enumerate(hits)], 0.0) is None


def test_the_interval_of_false_alarms_holds_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits_left, "DRAWS", 2000)
    monkeypatch.setattr(hits_left, "LEAST_DRAWS", 50)
    rng = np.random.default_rng(1)
    held = []
    for word in range(120):
        odds = np.sort(rng.normal(-1.5, 1.5, 150))[::-1]
        hits = ranked(1 / (1 + np.exp(-odds)))
        right = rng.random(150) < 1 / (1 + np.exp(-rng.normal(1, 0.2) * odds - rng.normal(0, 0.7)))
        truth = {one.position: bool(is_right) for one, is_right in zip(hits, right, strict=True)}
        hits = [verdict(one, truth[one.position]) if i < 10 else one for i, one in enumerate(hits)]
        for _ in range(12):
            wanted = {one.position for one in next_of_sample(str(word), hits)}
            hits = [verdict(one, truth[one.position]) if one.position in wanted else one for one in hits]
        found = threshold_from_judgements(str(word), hits, hours=2.0)
        if found is not None:
            assert found.low is not None
            assert found.high is not None
            wrong = sum(not truth[one.position] for one in hits if one.hit.score >= found.score)
            held.append(found.low <= wrong / 2 <= found.high)
    assert len(held) > 90
    assert np.mean(held) >= 0.85


def test_hits_that_nobody_judged_have_calibrated_probabilities(tiny_recipe: Recipe, tmp_path: Path) -> None:
    archive = noise_archive(tmp_path, tiny_recipe, 60.0)
    hits = search(archive, "dog", SearchOptions())
    for i, one in enumerate(hits[:9]):
        judge(archive, "dog", one, "yes" if i % 2 else "no")
    assert {one.probability for one in search(archive, "dog", SearchOptions())} == {None}  # too few are judged
    judge(archive, "dog", hits[9], "related")
    scores = np.array([one.hit.score for one in hits[:10]])
    expected = calibrate(scores, np.array([i % 2 == 1 for i in range(9)] + [False]))
    after = search(archive, "dog", SearchOptions())
    of_model = {one.position for one in hits[10:]}
    own = [one for one in after if one.position in of_model]
    assert own
    for one in own:
        assert one.probability == pytest.approx(float(expected.probabilities(np.array([one.hit.score]))[0]))
        assert one.to_json()["probability"] == one.probability
    every = {one.position for one in search_keywords(archive, ["dog"], 1000)}
    of_scorer = [one for one in after if one.position not in every]
    assert of_scorer
    assert {one.probability for one in of_scorer} == {one.probability for one in after if one.verdict} == {None}


def test_a_word_of_the_lexicon_has_a_threshold_by_its_judgements(tiny_recipe: Recipe, tmp_path: Path) -> None:
    archive = noise_archive(tmp_path, tiny_recipe, 60.0)
    clip = write_tone(tmp_path / "clip.wav", 0.5)
    add_word(archive, "mbwa", clips=[clip])
    query = resolve_word(archive, "mbwa")
    assert isinstance(query, LexiconWord)
    assert word_threshold(archive, query, SearchOptions()) is None
    for i, one in enumerate(ranked_by_model(archive, query, SearchOptions(top=500))):
        judge(archive, query.key, one, "yes" if i < 12 else "no")
    for one in search(archive, "mbwa", SearchOptions(top=500)):  # what the accepted hits, examples now, find beside
        if one.verdict is None:
            judge(archive, query.key, one, "no")
    found = word_threshold(archive, resolve_word(archive, "mbwa"), SearchOptions())
    assert found is not None
    assert found.judged >= 10
    assert judged_words(archive) == [query.key]
    assert reliability_of(archive, [query.key])
