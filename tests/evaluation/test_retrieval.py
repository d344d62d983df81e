"""Retrieval scores: worked examples, a slow twin, scikit-learn, and the similarities of a model."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

import earmark
from earmark.core.corpus import Corpus
from earmark.core.types import ImageQuery
from earmark.evaluation.image_retrieval import image_retrieval
from earmark.evaluation.predictions import load_split
from earmark.evaluation.retrieval import direction_scores, retrieval
from earmark.media.audio import read_audio


def slow(similarities: list[list[float]], relevant: list[list[bool]]) -> dict[str, float]:
    """Each score counted query by query, rank by rank."""
    sums: dict[str, list[float]] = {name: [] for name in ("r1", "r5", "r10", "ndcg", "map")}
    for scores, truth in zip(similarities, relevant, strict=True):
        wanted = sum(truth)
        if not wanted:
            continue
        ranking = sorted(range(len(scores)), key=lambda n: (-scores[n], truth[n]))
        found = [truth[n] for n in ranking]
        for k in (1, 5, 10):
            sums[f"r{k}"].append(sum(found[:k]) / wanted)
        gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(found[:10]) if hit)
        sums["ndcg"].append(gain / sum(1 / math.log2(rank + 2) for rank in range(min(wanted, 10))))
        precisions = [sum(found[: rank + 1]) / (rank + 1) for rank, hit in enumerate(found) if hit]
        sums["map"].append(sum(precisions) / wanted)
    return {name: sum(values) / len(values) if values else math.nan for name, values in sums.items()}


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[float]], list[list[bool]]]:
    queries, candidates = draw(st.integers(1, 5)), draw(st.integers(1, 14))
    values = st.sampled_from([0.0, 0.25, 0.5, 1.0])  # ties are common
    row = st.lists(values, min_size=candidates, max_size=candidates)
    truth = st.lists(st.booleans(), min_size=candidates, max_size=candidates)
    return [draw(row) for _ in range(queries)], [draw(truth) for _ in range(queries)]


@given(tables())
def test_scores_are_those_of_the_slow_twin(table: tuple[list[list[float]], list[list[bool]]]) -> None:
    found, expected = direction_scores(*table), slow(*table)
    values = (found.recall_at_1, found.recall_at_5, found.recall_at_10, found.ndcg_at_10, found.mean_average_precision)
    for value, other in zip(values, expected.values(), strict=True):
        assert value == pytest.approx(other) if value is not None else math.isnan(other)
    assert found.queries == sum(map(any, table[1]))


def test_ndcg_without_ties_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    similarities, relevant = rng.random((6, 30)), rng.random((6, 30)) < 0.2
    relevant[:, 0] = True
    expected = ndcg_score(relevant.astype(float), similarities, k=10)
    assert direction_scores(similarities, relevant).ndcg_at_10 == pytest.approx(expected)


def test_a_worked_example_in_both_directions() -> None:
    """Two utterances of the first picture, one of the second.

    Sought for utterances: pictures at ranks 1, 2 (beaten by .6) and 1. Sought for the first picture: utterances .9, .3
    and .6 rank its two at 1 and 3. For the second: .2, .5 and .8 rank its one at 1.
    """
    scores = retrieval([[0.9, 0.2], [0.3, 0.5], [0.6, 0.8]], [[1, 0], [1, 0], [0, 1]])
    speech, image = scores.speech_to_image, scores.image_to_speech
    assert (speech.queries, speech.candidates, image.queries, image.candidates) == (3, 2, 2, 3)
    assert speech.recall_at_1 == pytest.approx(2 / 3)
    assert speech.recall_at_5 == 1
    assert speech.mean_average_precision == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert speech.ndcg_at_10 == pytest.approx((2 + 1 / math.log2(3)) / 3)
    assert image.recall_at_1 == pytest.approx((1 / 2 + 1) / 2)
    assert image.mean_average_precision == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    assert image.ndcg_at_10 == pytest.approx(((1 + 1 / 2) / (1 + 1 / math.log2(3)) + 1) / 2)


def test_a_constant_similarity_finds_nothing_first() -> None:
    scores = direction_scores(np.ones((4, 20)), np.eye(4, 20))
    assert (scores.recall_at_1, scores.recall_at_10, scores.ndcg_at_10) == (0, 0, 0)
    assert scores.mean_average_precision == pytest.approx(1 / 20)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="don't fit together"):
        direction_scores([[0.5]], [[True, False]])
    with pytest.raises(ValueError, match="no number"):
        direction_scores([[math.nan]], [[True]])


@pytest.mark.parametrize("kind", ["tiny_pair_run", "tiny_pictured_run"])
def test_a_models_retrieval_is_that_of_its_scores_one_by_one(
    kind: str, tiny_corpus: Corpus, request: pytest.FixtureRequest
) -> None:
    model = earmark.load_model(request.getfixturevalue(kind), device="cpu")
    utterances = tiny_corpus.utterances("test")
    table = np.empty((len(utterances), len(utterances)))
    for u, utterance in enumerate(utterances):
        features = model.features(read_audio(utterance.audio))[None]
        encoded = model.encode(features, torch.tensor([features.shape[1]]))
        for p, other in enumerate(utterances):
            assert other.image is not None
            table[u, p] = model.detect(encoded, model.encode_queries([ImageQuery.of(other.image)])).item()
    found = image_retrieval(model, load_split(model, tiny_corpus, "test"))
    expected = retrieval(table, np.eye(len(utterances), dtype=bool))
    assert found is not None
    assert found.image_to_speech.ndcg_at_10 == pytest.approx(expected.image_to_speech.ndcg_at_10, abs=1e-6)
    assert found.speech_to_image.recall_at_1 == pytest.approx(expected.speech_to_image.recall_at_1)
    evaluation = earmark.evaluate(model, tiny_corpus, "test", queries="image")
    assert evaluation.metrics.retrieval == found


def test_a_model_for_words_alone_has_no_retrieval(tiny_corpus: Corpus, tiny_run: Path) -> None:
    assert earmark.evaluate(tiny_run, tiny_corpus, "test").metrics.retrieval is None
