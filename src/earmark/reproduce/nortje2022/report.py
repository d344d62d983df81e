"""The report: all models beside each other, which queries, and what differs from the paper."""

from __future__ import annotations

from earmark.reproduce.grid import SUPERVISIONS
from earmark.reproduce.nortje2022 import tables
from earmark.reproduce.nortje2022.differences import differences
from earmark.reproduce.nortje2022.terms import TERMS
from earmark.reproduce.report import write_files
from earmark.reproduce.study import Study
from earmark.reproduce.trainings import trainings


def write_report(study: Study) -> None:
    """Write ``report.html`` and ``report.md`` from the cells that are there; what is not has dashes."""
    shown = [
        *(tables.compared(study, supervision) for supervision in SUPERVISIONS),
        tables.counted_as_released(study),
        tables.gain(study),
        tables.agreements(study),
        tables.thresholds(study),
        tables.pictures(study),
        trainings(study),
    ]
    title = f"Nortje and Kamper (2022) on {study.corpus.name}"
    lede = (
        f"Towards visually prompted keyword localisation for zero-resource spoken languages: {len(study.results)} of "
        f"{len(SUPERVISIONS) * len(study.rows)} cells, on {len(study.utterances):,} utterances."
    )
    write_files(study.out, title, lede, TERMS, shown, [], differences(study))
