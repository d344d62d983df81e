"""The order after judgements: against a slow version, by hand, and in an archive."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earmark.archive.archive import Archive, make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.judgements import judge, judgements, query_key
from earmark.archive.relevance_feedback import PRIOR_JUDGEMENTS, WEIGHT, rerank, rocchio_order
from earmark.archive.search import SearchOptions, search
from earmark.core.corpus import Corpus


def slow_order(scores: list[float], left: list[list[float]], judged: list[list[float]], accepted: list[float]) -> list:
    """One number after the other."""
    every = left + judged
    usual = [sum(column) / len(every) for column in zip(*every, strict=True)]

    def cosine(x: list[float], y: list[float]) -> float:
        long = math.hypot(*x) * math.hypot(*y)
        return sum(a * b for a, b in zip(x, y, strict=True)) / long if long else 0.0

    def centred(x: list[float]) -> list[float]:
        return [a - b for a, b in zip(x, usual, strict=True)]

    def direction(weights: list[float]) -> list[float]:
        return [sum(w * centred(x)[k] for w, x in zip(weights, judged, strict=True)) for k in range(len(usual))]

    def trust(weights: list[float]) -> float:
        return sum(weights) / (sum(weights) + PRIOR_JUDGEMENTS)

    rejected = [1 - a for a in accepted]
    logits = [math.log(s / (1 - s)) for s in scores]
    mean = sum(logits) / len(logits)
    deviation = max(math.sqrt(sum((v - mean) ** 2 for v in logits) / len(logits)), 1e-9)
    totals = [
        (logit - mean) / deviation
        + WEIGHT * trust(accepted) * cosine(centred(x), direction(accepted))
        - WEIGHT * trust(rejected) * cosine(centred(x), direction(rejected))
        for logit, x in zip(logits, left, strict=True)
    ]
    return [round(total, 9) for total in totals]


@given(st.integers(0, 10_000))
def test_it_is_the_slow_version(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m, k = int(rng.integers(1, 8)), int(rng.integers(1, 5)), int(rng.integers(2, 5))
    scores, left, judged = rng.uniform(0.01, 0.99, n), rng.normal(size=(n, k)), rng.normal(size=(m, k))
    accepted = rng.choice([0.0, 0.5, 1.0], m)
    totals = slow_order(scores.tolist(), left.tolist(), judged.tolist(), accepted.tolist())
    order = rocchio_order(scores, left, judged, accepted)
    assert sorted(order) == list(range(n))
    assert [totals[i] for i in order] == sorted(totals, reverse=True)


def test_what_sounds_like_what_was_accepted_comes_first_and_what_was_rejected_last() -> None:
    scores = np.array([0.5, 0.5, 0.5])
    left = np.array([[0.0, 1.0], [0.6, 0.6], [1.0, 0.0]])
    assert rocchio_order(scores, left, np.array([[1.0, 0.1]]), np.array([1.0])) == [2, 1, 0]
    assert rocchio_order(scores, left, np.array([[1.0, 0.1]]), np.array([0.0])) == [0, 1, 2]


def test_a_doubtful_judgement_does_not_undo_a_great_difference_of_scores() -> None:
    scores = np.array([0.999, *np.full(20, 0.01)])
    left = np.vstack([[0.0, 1.0], np.tile([1.0, 0.0], (20, 1))])
    assert rocchio_order(scores, left, np.array([[1.0, 0.0]]), np.array([1.0]))[0] == 0


@pytest.fixture(scope="module")
def archive(tiny_run: Path, tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The tiny corpus's utterances, indexed."""
    made = make_archive(tmp_path_factory.mktemp("archive") / "archive", tiny_run)
    index(made, [tiny_corpus.utterances("train")[0].audio.parent], ThreadExecutor(1))
    return made


def test_nothing_judged_is_the_old_order_and_judged_hits_keep_theirs(archive: Archive) -> None:
    found = search(archive, "dog", SearchOptions(20))
    key = query_key("dog")
    assert rerank(archive, found, judgements(archive, key)) == found
    for one, verdict in ((found[1], "no"), (found[4], "yes")):
        judge(archive, key, one, verdict)  # type: ignore[arg-type]
    again = search(archive, "dog", SearchOptions(20))
    assert [(one.position, one.verdict) for one in again[:2]] == [(found[1].position, "no"), (found[4].position, "yes")]
    assert {one.position for one in again} == {one.position for one in found}
    assert [one.position for one in search(archive, "ball", SearchOptions(20)) if one.verdict] == []
