"""The findings of Olaleye, Oneata and Kamper (2022), each with the figures of this run."""

from __future__ import annotations

from earmark.reports.page import percent
from earmark.reproduce.findings import FAILS, HOLDS, OPEN, Finding, Side, above
from earmark.reproduce.olaleye2022.published import TABLE_II
from earmark.reproduce.report import ReproductionResults, figure, metric_of

ORACLE, F1, P_AT_10 = "oracle.accuracy", "actual.f1", "spotting_localisation.p_at_10"
PLACE = {ORACLE: 0, F1: 1, P_AT_10: 2}
PSC, GRAD_CAM, ATTENTION, MASKED_IN, POOLED_ATTENTION, POOLED_MASKED_IN = 1, 2, 3, 4, 6, 7
EVERY = range(1, 9)


def findings(results: ReproductionResults) -> list[Finding]:
    """What the paper found, and whether it holds here."""

    def best(claim: str, number: int, supervision: str, key: str) -> Finding:
        return compare(claim, (number, supervision), [(n, supervision) for n in EVERY if n != number], key)

    def compare(claim: str, first: tuple[int, str], others: list[tuple[int, str]], key: str) -> Finding:
        next_best = max(others, key=lambda other: _published(other[0], other[1], key))
        published = f"{_published(*first, key)} (row {first[0]}); {_published(*next_best, key)} (row {next_best[0]})"
        sides = [_side(results, *other) for other in others]
        return above(results, claim, published, _side(results, *first), sides, key)

    return [
        best("Masked-in is best for oracle localisation, from tags", MASKED_IN, "vgs", ORACLE),
        best("Masked-in is best for oracle localisation, from transcripts", MASKED_IN, "bow", ORACLE),
        best("Attention is best for localised spotting (P@10), from tags", ATTENTION, "vgs", P_AT_10),
        compare(
            "Intermediate max pooling hurts locating by attention (oracle), from tags",
            (ATTENTION, "vgs"),
            [(POOLED_ATTENTION, "vgs")],
            ORACLE,
        ),
        compare(
            "Intermediate max pooling hurts locating by masked-in (oracle), from tags",
            (MASKED_IN, "vgs"),
            [(POOLED_MASKED_IN, "vgs")],
            ORACLE,
        ),
        compare("PSC is poor from tags: attention finds more (F1)", (ATTENTION, "vgs"), [(PSC, "vgs")], F1),
        _what_is_left_of_psc(results),
        compare(
            "Grad-CAM is poor even from transcripts: PSC locates better (oracle)",
            (PSC, "bow"),
            [(GRAD_CAM, "bow")],
            ORACLE,
        ),
        compare(
            "Supervision by pictures costs much: masked-in from transcripts finds more (F1)",
            (MASKED_IN, "bow"),
            [(MASKED_IN, "vgs")],
            F1,
        ),
    ]


def _what_is_left_of_psc(results: ReproductionResults) -> Finding:
    """How much of its oracle accuracy from transcripts a model keeps when it learns from tags."""
    claim = "From tags, PSC keeps less of its oracle accuracy from transcripts than attention does"
    published = [_published(number, "vgs", ORACLE) / _published(number, "bow", ORACLE) for number in (PSC, ATTENTION)]
    shares = []
    for number in (PSC, ATTENTION):
        side = _side(results, number, "vgs")
        by = [figure(results, side.row, name, metric_of(ORACLE)).value if side else None for name in ("vgs", "bow")]
        shares.append(by[0] / by[1] if by[0] is not None and by[1] else None)
    template = "{} of PSC's, {} of attention's"
    beside = template.format(*map(percent, published))
    psc, attention = shares
    if psc is None or attention is None:
        return Finding(
            claim, beside, template.format(*map(percent, shares)), OPEN, "It needs both under both supervisions."
        )
    verdict = HOLDS if psc < attention else FAILS
    return Finding(claim, beside, template.format(percent(psc), percent(attention)), verdict, "The ratio of two means.")


def _side(results: ReproductionResults, number: int, supervision: str) -> Side | None:
    row = next((row for row in results.rows if row.number == number), None)
    return None if row is None else Side(row, supervision)


def _published(number: int, supervision: str, key: str) -> float:
    return TABLE_II[number][supervision][PLACE[key]]
