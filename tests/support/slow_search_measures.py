"""Term-weighted values and cross-entropy once more, in plain loops, with the costs of NIST.

The affine minimum has no plain loop: its own test compares it with scikit-learn.
"""

from __future__ import annotations

import math
from typing import Any

MISS, FALSE_ALARM, PRIOR = 1.0, 0.1, 1e-4
BETA = 999.9


def slow_search_measures(case: Any, thresholds: list[float], durations_s: Any) -> dict[str, Any]:
    """What `slow_measure` has of term_weighted, cross_entropy and conditions."""
    entropy, prior = cross_entropy(case)
    values, terms, threshold = term_weighted(case, thresholds, [float(length) for length in durations_s])
    return {
        "term_weighted": values,
        "cross_entropy": entropy,
        "conditions": {
            "costs": {"miss": MISS, "false_alarm": FALSE_ALARM, "prior": PRIOR},
            "beta": BETA,
            "terms": terms,
            "mtwv_threshold": threshold,
            "cross_entropy_prior": prior,
        },
    }


def term_weighted(case, thresholds, durations_s):
    names = ("atwv", "mtwv", "otwv", "stwv")
    terms = []
    for w in range(len(thresholds)):
        true = len([0 for _, keyword, _, _ in case.occurrences if keyword == w])
        seconds = sum(durations_s[u] for u in case.evaluated_in(w))
        if 0 < true < seconds:
            terms.append((w, true, seconds))
    if not terms:
        return dict.fromkeys(names), 0, None

    def twv(term, threshold):
        w, true, seconds = term
        found = false = 0
        for u in case.evaluated_in(w):
            if case.scores[u][w] >= threshold:
                near = any(a - 0.5 <= case.times_s[u][w] <= b + 0.5 for a, b in case.extents(u, w))
                found, false = found + near, false + (not near)
        return found / true - BETA * false / (seconds - true)

    def mean(values):
        return sum(values) / len(terms)

    every = sorted({score for row in case.scores for score in row if not math.isnan(score)}, reverse=True)
    choices = [math.inf, *every]
    curve = [mean([twv(term, threshold) for term in terms]) for threshold in choices]
    recall = [
        sum(any(a - 0.5 <= case.times_s[u][w] <= b + 0.5 for a, b in case.extents(u, w)) for u in case.evaluated_in(w))
        / true
        for w, true, _ in terms
    ]
    best = max(curve)
    reached = next(t for t, value in zip(choices, curve, strict=True) if math.isclose(value, best, abs_tol=1e-9))
    values = (
        mean([twv(term, thresholds[term[0]]) for term in terms]),
        best,
        mean([max(twv(term, threshold) for threshold in choices) for term in terms]),
        mean(recall),
    )
    return dict(zip(names, values, strict=True)), len(terms), None if reached == math.inf else reached


def cross_entropy(case):
    cells = case.cells(range(len(case.present[0])))
    spoken = sum(present for _, present in cells)
    if spoken in (0, len(cells)):
        return {"cnxe": None, "isotonic": None}, None
    prior = spoken / len(cells)
    entropy = -prior * math.log2(prior) - (1 - prior) * math.log2(1 - prior)
    least = 2.0**-52
    given = [min(max(score, least), 1 - least) for score, _ in cells]
    right = [p if present else 1 - p for p, (_, present) in zip(given, cells, strict=True)]
    cnxe = sum(-math.log2(p) for p in right) / len(cells) / entropy
    return {
        "cnxe": cnxe,
        "isotonic": isotonic_bits([(p, present) for p, (_, present) in zip(given, cells, strict=True)]) / entropy,
    }, prior


def isotonic_bits(cells):
    """Mean bits after the best map that keeps the order: at each score, the largest of the least means around it."""
    levels = [[present for score, present in cells if score == level] for level in sorted({s for s, _ in cells})]

    def mean(first, last):
        together = [present for level in levels[first : last + 1] for present in level]
        return sum(together) / len(together)

    bits = 0.0
    for i, level in enumerate(levels):
        posterior = max(min(mean(j, k) for k in range(i, len(levels))) for j in range(i + 1))
        bits += sum(-math.log2(posterior if present else 1 - posterior) for present in level)
    return bits / len(cells)
