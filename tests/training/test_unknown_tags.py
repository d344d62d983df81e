"""Unknown tags take part in no loss, threshold or rate: each against a loop over the known cells."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models import build
from earmark.recipe import Recipe, Sampled
from earmark.supervision.pair_sampling import PairSampler, labels
from earmark.training.calibration import queries_from_tags
from earmark.training.false_alarms import expected_precision, false_alarm_curve, operating_points
from earmark.training.objectives.tags import binary_cross_entropy, known_cross_entropy
from earmark.training.thresholds import best_threshold, estimate_prevalence, keyword_thresholds, tag_rates

NAN = math.nan


def test_the_loss_by_hand() -> None:
    logits = torch.tensor([[0.0, 2.0], [-1.0, 3.0]], requires_grad=True)
    targets = torch.tensor([[1.0, NAN], [0.25, NAN]])
    loss = known_cross_entropy(logits, targets)
    p = 1 / (1 + math.e)  # sigmoid of -1
    assert loss.item() == pytest.approx((math.log(2) - 0.25 * math.log(p) - 0.75 * math.log(1 - p)) / 2)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[pytest.approx((0.5 - 1) / 2), 0.0], [pytest.approx((p - 0.25) / 2), 0.0]]
    scores = logits.detach().double().sigmoid().numpy()
    assert binary_cross_entropy(scores, targets.numpy()) == pytest.approx(loss.item())


def test_without_unknown_tags_the_loss_is_the_mean() -> None:
    rng = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(5, 7, generator=rng), torch.rand(5, 7, generator=rng)
    mean = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    assert float(known_cross_entropy(logits, targets)) == pytest.approx(float(mean))


def test_a_batch_of_which_nothing_is_known_changes_nothing() -> None:
    logits = torch.ones(2, 2, requires_grad=True)
    loss = known_cross_entropy(logits, torch.full((2, 2), NAN))
    loss.backward()
    assert float(loss.detach()) == 0
    assert logits.grad is not None
    assert not logits.grad.any()
    assert math.isnan(binary_cross_entropy(np.full((2, 2), 0.5), np.full((2, 2), NAN, dtype=np.float32)))


@pytest.fixture
def cells() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scores, targets = rng.random((40, 3)), rng.random((40, 3))
    targets[rng.random((40, 3)) < 0.3] = NAN
    return scores, targets


def test_thresholds_and_rates_are_those_of_the_known_cells(cells: tuple[np.ndarray, np.ndarray]) -> None:
    scores, targets = cells
    known = ~np.isnan(targets)
    assert best_threshold(scores, targets) == best_threshold(scores[known][:, None], targets[known][:, None])
    for w in range(3):
        of_all, alone = tag_rates(targets), tag_rates(targets[known[:, w], w][:, None])
        assert [rate[w] for rate in of_all] == [pytest.approx(rate[0]) for rate in alone]
        one = scores[:, [w]], targets[:, [w]]
        fewer = tuple(values[known[:, w]] for values in one)
        assert keyword_thresholds(*one, one[1]) == pytest.approx(keyword_thresholds(*fewer, fewer[1]))
        prevalence = estimate_prevalence(*one, one[1])
        assert (np.isnan(prevalence[:, 0]) == ~known[:, w]).all()
        assert prevalence[known[:, w]] == pytest.approx(estimate_prevalence(*fewer, fewer[1]))


def test_false_alarms_are_those_of_the_known_cells(cells: tuple[np.ndarray, np.ndarray]) -> None:
    scores, prevalence = cells
    durations_s = np.linspace(100, 400, 40)
    thresholds = np.full(3, 0.5)
    points = operating_points(Vocabulary(["a", "b", "c"]), scores, prevalence, durations_s, thresholds)
    for w, word in enumerate("abc"):
        known = ~np.isnan(prevalence[:, w])
        hours = durations_s[known].sum() / 3600
        assert points.curves[word] == false_alarm_curve(scores[known, w], prevalence[known, w], hours)
    detected = [p for s, p in zip(scores.flat, prevalence.flat, strict=True) if s >= 0.5 and not math.isnan(p)]
    assert points.expected_precision == pytest.approx(np.mean(detected))
    assert expected_precision(np.zeros((1, 1), dtype=bool), np.full((1, 1), NAN)) is None


def test_a_keyword_of_which_nothing_is_known_has_a_threshold_and_no_rates() -> None:
    scores = np.array([[0.2, 0.9], [0.6, 0.1]])
    targets = np.array([[0.0, NAN], [1.0, NAN]])
    thresholds = keyword_thresholds(scores, targets, targets)
    assert np.isfinite(thresholds).all()
    points = operating_points(Vocabulary(["a", "b"]), scores, targets, np.full(2, 3600.0), thresholds)
    assert points.curves["b"] == ()


def test_an_unknown_tag_is_neither_a_label_nor_its_absence() -> None:
    tags = np.array([[0.9, 0.0], [NAN, 0.9], [0.0, 0.8]], dtype=np.float32)
    labelled = labels(tags, 1, 0.5)
    assert labelled.tolist() == [[True, False], [False, True], [False, True]]
    sampler = PairSampler(labelled, [0, 1, 2], Sampled(positives=1, negatives=4), np.isnan(tags))
    rng = np.random.default_rng(0)
    drawn = [sampler.draw(0, rng) for _ in range(20)]
    assert {int(negative) for sample in drawn for negative in sample.negatives} == {2}


def test_images_of_unknown_tags_are_no_prompts() -> None:
    tags = np.array([[0.9, NAN], [NAN, 0.4], [0.8, 0.0]], dtype=np.float32)
    images = [Path(name) for name in "abc"]
    chosen = queries_from_tags(tags, images, ["dog", "cat"])
    assert [[prompt.path.name for prompt in query.prompts] for query in chosen] == [["a", "c"], ["b"]]


def test_the_prior_of_images_is_that_of_the_known_tags(tiny_pictured_recipe: Recipe) -> None:
    extract = extractor(tiny_pictured_recipe.features)
    model = build(tiny_pictured_recipe.model, extract.dimension, Vocabulary(["a", "b", "c"]), extract.grid)
    model.fit_prior(torch.tensor([[0.25, NAN, NAN], [0.75, 0.2, NAN], [NAN, 0.2, NAN]]))
    assert model.prior_logits.sigmoid()[:2].tolist() == pytest.approx([0.5, 0.2])
    assert torch.isfinite(model.prior_logits).all()
