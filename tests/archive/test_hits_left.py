"""Estimates of how many hits are left: their intervals hold the truth about as often as they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earmark.archive import hits_left
from earmark.archive.hits_left import Stratum, does_not_pay, estimate, next_of_sample, strata_of
from earmark.archive.results import ArchiveHit, Verdict
from support.small_archive import found_at

SIZES = (20, 40, 90, 350)
RATES = (
    (0.8, 0.4, 0.1, 0.01),
    (0.5, 0.1, 0.02, 0.003),
    (0.95, 0.8, 0.5, 0.1),
    (0.2, 0.1, 0.05, 0.02),
    (0.6, 0.3, 0.2, 0.1),
)


def simulated(rng: np.random.Generator, sampled: int, rates: tuple[float, ...]) -> tuple[list[Stratum], int]:
    """Strata of a word whose rates differ from these at random, and how many right hits are left."""
    strata, left = [], 0
    for size, rate in zip(SIZES, rates, strict=True):
        right = rng.random(size) < rng.beta(6 * rate, 6 * (1 - rate))
        count = min(size, sampled)
        strata.append(Stratum(size - count, count, int(right[:count].sum())))
        left += int(right[count:].sum())
    return strata, left


@pytest.mark.parametrize("sampled", [5, 10])
def test_the_interval_holds_the_truth_in_nine_of_ten_cases(sampled: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits_left, "DRAWS", 2000)
    monkeypatch.setattr(hits_left, "LEAST_DRAWS", 50)
    rng = np.random.default_rng(1)
    held = []
    for _ in range(80):
        for rates in RATES:
            strata, left = simulated(rng, sampled, rates)
            found = estimate(strata)
            assert found is not None
            held.append(found.low <= left <= found.high)
    assert 0.85 <= np.mean(held) <= 0.95


def test_all_judged_leaves_none_and_little_judged_says_nothing() -> None:
    whole = estimate([Stratum(0, 20, 15), Stratum(0, 40, 3)])
    assert whole is not None
    assert (whole.expected, whole.low, whole.high, whole.sampled) == (0, 0, 0, 60)
    assert estimate([Stratum(20, 3, 3), Stratum(40, 2, 0)]) is None
    assert does_not_pay(whole, 0)
    assert not does_not_pay(None, 100)
    assert not does_not_pay(estimate([Stratum(100, 10, 6)]), 100)


def test_one_stratum_is_a_beta_binomial() -> None:
    found = estimate([Stratum(50, 10, 4)])
    assert found is not None
    assert found.expected == pytest.approx(50 * (4 + hits_left.A) / (10 + hits_left.A + hits_left.B), rel=0.02)


def hits(count: int) -> list[ArchiveHit]:
    return [found_at(1, 1, i / 10, i / 10 + 0.05) for i in range(count)]


def judged(some: list[ArchiveHit], which: list[ArchiveHit], verdict: Verdict) -> list[ArchiveHit]:
    positions = {hit.position for hit in which}
    return [replace(hit, verdict=verdict) if hit.position in positions else hit for hit in some]


def test_the_sample_is_what_was_judged_in_its_own_order_whoever_judged_it() -> None:
    some = hits(70)
    for step in range(6):
        wanted = next_of_sample("dog", some)
        assert len({one.position for one in wanted}) == 3
        assert all(one.verdict is None for one in wanted)
        some = judged(some, wanted, "yes" if step % 2 else "no")
    strata = strata_of("dog", some)
    assert [one.sampled for one in strata] == [6, 6, 6]
    assert [one.right for one in strata] == [3, 3, 3]
    assert [one.unjudged for one in strata] == [14, 34, 4]
    assert next_of_sample("cat", hits(70)) != next_of_sample("dog", hits(70))
    # What is judged because it is likely is no part of the sample, but where its turn has come.
    best = judged(hits(20), hits(20)[:10], "yes")
    assert strata_of("dog", best)[0].sampled < 10


def test_likely_hits_judged_beforehand_do_not_bias_the_estimate() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for word in range(60):
        some = hits(60)
        truth = {hit.position: bool(rng.random() < 0.3) for hit in some}
        likely = [hit for hit in some if truth[hit.position] or rng.random() < 0.2][:6]
        for hit in likely:
            some = judged(some, [hit], "yes" if truth[hit.position] else "no")
        for _ in range(10):
            for hit in next_of_sample(str(word), some):
                some = judged(some, [hit], "yes" if truth[hit.position] else "no")
        found = estimate(strata_of(str(word), some))
        assert found is not None
        errors.append(found.expected - sum(truth[hit.position] for hit in some if hit.verdict is None))
    assert abs(np.mean(errors)) < 2.5
