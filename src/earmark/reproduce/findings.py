"""Whether a paper's findings hold here: one measure compared between cells of the grid, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from earmark.reports.page import DASH, percent
from earmark.reports.reproduction import Table
from earmark.reproduce.grid import SUPERVISIONS, Row
from earmark.reproduce.report import ReproductionResults, mean_and_spread, metric_of
from earmark.reproduce.results import Result

HOLDS, FAILS, OPEN = "holds", "does not hold", "not measured"


@dataclass(frozen=True)
class Side:
    """A row of the grid under one supervision, as a side of a comparison."""

    row: Row
    supervision: str

    @property
    def name(self) -> str:
        """Such as "CNN-Attend, masked-in, VGS"."""
        by = "" if self.row.queries == "image" else f", {self.row.localisation}"
        return f"{self.row.title}{by}, {SUPERVISIONS[self.supervision]}"


@dataclass(frozen=True)
class Finding:
    """A finding of a paper, and what was measured here.

    Attributes
    ----------
    claim, published, here : str
        What the paper says, its figures, and ours.
    verdict : str
        Whether it holds here.
    why : str
        What decides, and how sure that is.
    """

    claim: str
    published: str
    here: str
    verdict: str
    why: str


def above(
    results: ReproductionResults,
    claim: str,
    published: str,
    first: Side | None,
    others: Sequence[Side | None],
    key: str,
) -> Finding:
    """The finding that one side has more of a measure than all the others.

    Parameters
    ----------
    key : str
        Of the measure in ``metrics.json``, such as ``oracle.accuracy``.
    """
    best = _values(results, first, key)
    known = [(side, values) for side in others if side and (values := _values(results, side, key))]
    if not best or not known:
        lacking = [side.name for side in (first, *others) if side and not _values(results, side, key)]
        return Finding(claim, published, DASH, OPEN, f"Not evaluated: {'; '.join(lacking)}." if lacking else "")
    assert first is not None
    next_side, next_values = max(known, key=lambda it: _mean(it[1]))
    here = f"{first.name} {percent(_mean(best))}; {next_side.name} {percent(_mean(next_values))}"
    of_all = f" Of {len(others)} others {len(known)} were evaluated." if len(known) < len(others) else ""
    verdict = HOLDS if _mean(best) > _mean(next_values) else FAILS
    return Finding(claim, published, here, verdict, _certainty(results, first, next_side, key) + of_all)


def findings_table(findings: Sequence[Finding]) -> Table:
    """The table of all findings."""
    body = [((it.claim, it.published, it.here, it.verdict, it.why), ()) for it in findings]
    notes = (
        "In percent, by strict counting, F1 at dev's thresholds; published figures as the paper counts. A verdict is "
        "about this corpus and these trainings: one from few utterances or a single seed may turn with the next.",
    )
    return Table("Findings of the paper", ("Finding", "In the paper", "Here", "Holds", "Why"), body, notes)


def _values(results: ReproductionResults, side: Side | None, key: str) -> list[float]:
    """The measure with every seed."""
    if side is None:
        return []
    found = (metric_of(key)(result) for result in results.of(side.row, side.supervision))
    return [value for value in found if value is not None and not math.isnan(value)]


def _mean(values: Sequence[float]) -> float:
    return mean_and_spread(values)[0] or 0.0


def _certainty(results: ReproductionResults, one: Side, other: Side, key: str) -> str:
    """Whether the difference of two sides is more than chance would make."""
    first, second = _values(results, one, key), _values(results, other, key)
    if len(first) > 1 and len(second) > 1:
        apart = min(first) > max(second) or max(first) < min(second)
        seeds = min(len(first), len(second))
        return f"{seeds} seeds or more each; their values {'do not overlap' if apart else 'overlap'}."
    intervals = [_interval(results.of(side.row, side.supervision)[0], key) for side in (one, other)]
    if None in intervals:
        return "One seed."
    (low, high), (other_low, other_high) = (interval for interval in intervals if interval)
    apart = low > other_high or high < other_low
    return f"One seed; the 95 % intervals over utterances {'do not overlap' if apart else 'overlap'}."


def _interval(result: Result, key: str) -> tuple[float, float] | None:
    return result.metrics.confidence.intervals.get(key)
