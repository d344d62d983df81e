"""The findings of Nortje and Kamper (2022), each with the figures of this run."""

from __future__ import annotations

from earmark.reports.page import DASH, percent
from earmark.reproduce.findings import FAILS, HOLDS, OPEN, Finding, Side, above
from earmark.reproduce.nortje2022.gain import gain_of
from earmark.reproduce.nortje2022.keyword_distribution import located_keywords
from earmark.reproduce.nortje2022.rows import ATTENTION, MORE, VISUAL_BOW, row_of
from earmark.reproduce.report import ReproductionResults

F1 = "actual.f1"
NO_FIGURE = "no figure at hand"


def findings(results: ReproductionResults) -> list[Finding]:
    """What the paper found, and whether it holds here."""

    def compare(claim: str, first: tuple[str, str], other: tuple[str, str]) -> Finding:
        sides = [_side(results, *which) for which in (first, other)]
        return above(results, claim, NO_FIGURE, sides[0], sides[1:], F1)

    return [
        compare("Localising attention is above DAVEnet (F1), from transcripts", (ATTENTION, "bow"), ("davenet", "bow")),
        compare("Localising attention is above DAVEnet (F1), from tags", (ATTENTION, "vgs"), ("davenet", "vgs")),
        compare(
            "It is the attention, not the sampling alone: above contrastive DAVEnet (F1), from transcripts",
            (ATTENTION, "bow"),
            ("contrastive-davenet", "bow"),
        ),
        _image_against_written(results),
        compare(
            "Generated tags instead of transcripts lower localising attention (F1)",
            (ATTENTION, "bow"),
            (ATTENTION, "vgs"),
        ),
        compare(
            "More keywords make localising attention worse (F1), from transcripts",
            (ATTENTION, "bow"),
            (ATTENTION + MORE, "bow"),
        ),
        _wider_set(results),
    ]


def _image_against_written(results: ReproductionResults) -> Finding:
    claim = "Image queries are above written ones of the visual BoW (F1, the gain)"
    published = "16.0 more (attention from transcripts, visual BoW from tags)"
    attention, bow, gained = gain_of(results, "bow", "vgs", by_released_rules=True)
    if gained is None:
        why = "It needs localising attention from transcripts and the visual BoW from tags."
        return Finding(claim, published, DASH, OPEN, why)
    here = f"{percent(attention)} against {percent(bow)}: {percent(gained)} more"
    why = "By released counting, in equal cells, with one threshold for all keywords."
    return Finding(claim, published, here, HOLDS if gained > 0 else FAILS, why)


def _wider_set(results: ReproductionResults) -> Finding:
    claim = "The visual BoW locates a wider set of keywords than localising attention"
    counts = []
    for name, supervision in ((VISUAL_BOW, "vgs"), (ATTENTION, "bow")):
        row = row_of(results.rows, name)
        found = results.of(row, supervision) if row else []
        counts.append(int((located_keywords(results, found[0]).located > 0).sum()) if found else None)
    bow, attention = counts
    if bow is None or attention is None or not results.truth.aligned:
        return Finding(
            claim, NO_FIGURE, DASH, OPEN, "It needs the visual BoW from tags and attention from transcripts."
        )
    here = f"{bow} and {attention} of {len(results.keywords)} keywords at least once"
    return Finding(
        claim, NO_FIGURE, here, HOLDS if bow > attention else FAILS, "Located at least once, at dev's thresholds."
    )


def _side(results: ReproductionResults, name: str, supervision: str) -> Side | None:
    row = row_of(results.rows, name)
    return None if row is None else Side(row, supervision)
