"""How many hits of a word are still to be found, estimated from a stratified sample of judgements.

The model's ranked hits are divided into strata by rank, and each stratum is put in an order that depends on the query
and the positions alone, as good as random. The hits that are judged from the beginning of that order on are a random
sample of the stratum: which of them are right does not depend on why they were judged. The same hits are the sample for
everybody, so judgements of several people add up, and nothing but judgements is stored.

With k of n sampled hits right, the probability of a hit in the stratum is Beta(k + A, n - k + B) a posteriori, and of
the hits that nobody has judged as many are right as a binomial draw gives. Hits of higher ranks are right at least as
often: draws in which they are not are left out. The interval is that of the sums over strata (stratified sampling:
Cochran 1977, chapter 5). It is about the model's hits; what the model missed altogether is not in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from earmark.archive.archive import Position
from earmark.archive.results import ArchiveHit

EDGES = (20, 60, 150, 500)  # last ranks of the strata
A, B = 0.3, 0.7  # prior: as if so many right and wrong hits had been judged in each stratum
LEVEL = 0.9
DRAWS, LEAST_DRAWS, SEED = 20_000, 400, 0
MIN_SAMPLE = 8  # judgements of the sample, below which nothing is estimated
NOT_WORTH_IT = 0.05  # of the next hits right: judging more does not pay

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """Some of a query's hits, of neighbouring ranks.

    Attributes
    ----------
    unjudged : int
        Hits that nobody has judged.
    sampled, right : int
        Judgements of the sample, and how many of them are yes.
    """

    unjudged: int
    sampled: int
    right: int


@dataclass(frozen=True)
class HitsLeft:
    """An estimate of how many right hits nobody has judged yet.

    Attributes
    ----------
    expected, low, high : float
        The mean, and the ends of an interval that holds the truth in nine of ten cases.
    sampled : int
        Judgements that it rests on.
    """

    expected: float
    low: float
    high: float
    sampled: int


def estimate(strata: Sequence[Stratum]) -> HitsLeft | None:
    """The number of right hits that nobody has judged; None of too small a sample."""
    sampled = sum(one.sampled for one in strata)
    if sampled < MIN_SAMPLE:
        return None
    rates = draw_rates(strata)
    left = np.random.default_rng(SEED).binomial([one.unjudged for one in strata], rates).sum(axis=1)
    low, high = np.quantile(left, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return HitsLeft(float(left.mean()), float(low), float(high), sampled)


def draw_rates(strata: Sequence[Stratum]) -> Floats:
    """Draws (d, n) of the shares of right hits in n strata, a posteriori."""
    rng = np.random.default_rng(SEED)
    right, wrong = (np.array(some) for some in zip(*((s.right, s.sampled - s.right) for s in strata), strict=True))
    rates = rng.beta(A + right, B + wrong, (DRAWS, len(strata)))
    falling = (np.diff(rates, axis=1) <= 0).all(axis=1)
    # Where hardly any draw falls, the ranks say little of this word, and the rates are taken as they are.
    found: Floats = rates[falling] if falling.sum() >= LEAST_DRAWS else rates
    return found


def strata_of(key: str, hits: Sequence[ArchiveHit]) -> list[Stratum]:
    """The strata of a query's ranked hits, with their verdicts, the best first; *related* is not right."""
    strata = []
    for some in _parts(hits):
        sample = _judged_first(key, some)
        right = sum(hit.verdict == "yes" for hit in sample)
        strata.append(Stratum(sum(hit.verdict is None for hit in some), len(sample), right))
    return strata


def ranges_of(count: int) -> list[tuple[int, int]]:
    """First ranks of the strata of so many hits, and the ranks after their last."""
    return [(first, min(end, count)) for first, end in pairwise((0, *EDGES)) if first < count]


def next_of_sample(key: str, hits: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """The next hit of each stratum's sample, first where it is worth most: of many hits, uncertain ones."""
    found = []
    for some in _parts(hits):
        sample = _judged_first(key, some)
        following = _in_order(key, some)[len(sample) : len(sample) + 1]
        rate = (A + sum(hit.verdict == "yes" for hit in sample)) / (A + B + len(sample))
        gain = len(some) ** 2 * rate * (1 - rate) / ((len(sample) + 1) * (len(sample) + 2))  # of variance
        found += [(gain, i) for i in following]
    return [hit for _, hit in sorted(found, key=lambda one: -one[0])]


def does_not_pay(left: HitsLeft | None, unjudged: int) -> bool:
    """Whether hardly any of the hits that nobody has judged are right, even if the estimate is too low."""
    return left is not None and left.high < max(1.0, NOT_WORTH_IT * unjudged)


def _parts(hits: Sequence[ArchiveHit]) -> list[Sequence[ArchiveHit]]:
    return [hits[first:end] for first, end in ranges_of(len(hits))]


def _in_order(key: str, hits: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """Hits in the order of the sample."""
    return sorted(hits, key=lambda hit: _digest(key, hit.position))


def _judged_first(key: str, hits: Sequence[ArchiveHit]) -> list[ArchiveHit]:
    """The hits that are judged from the beginning of the sample's order on."""
    order = _in_order(key, hits)
    judged = next((i for i, hit in enumerate(order) if hit.verdict is None), len(order))
    return order[:judged]


def _digest(key: str, position: Position) -> bytes:
    return hashlib.sha256(f"{key}\n{position}".encode()).digest()
