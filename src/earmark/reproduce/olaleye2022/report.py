"""The report: every table and figure of the paper beside what was published, as a page and as Markdown."""

from __future__ import annotations

from earmark.evaluate.semantic import SemanticLabels
from earmark.reproduce.olaleye2022.differences import differences
from earmark.reproduce.olaleye2022.figures import closeups
from earmark.reproduce.olaleye2022.spotting import semantic_table
from earmark.reproduce.olaleye2022.tables import table_2, table_2_released, table_3, table_4
from earmark.reproduce.olaleye2022.terms import TERMS
from earmark.reproduce.report import write_files
from earmark.reproduce.study import Study
from earmark.reproduce.trainings import trainings


def write_report(study: Study, semantic: SemanticLabels | None = None) -> None:
    """Write ``report.html`` and ``report.md`` from the cells that are there; what is not has dashes.

    Parameters
    ----------
    study : Study
    semantic : SemanticLabels, optional
        With them, semantic spotting is reported too.

    Raises
    ------
    EarmarkError
        If the semantic labels are of nothing that was evaluated.
    """
    tables = [table_2(study), table_2_released(study), table_3(study), table_4(study)]
    if semantic is not None:
        tables.append(semantic_table(study, semantic))
    tables.append(trainings(study))
    title = f"Olaleye, Oneață and Kamper (2022) on {study.corpus.name}"
    lede = (
        f"Keyword localisation in untranscribed speech using visually grounded speech models: {len(study.results)} of "
        f"{2 * len(study.rows)} cells of the grid, on {len(study.utterances):,} utterances."
    )
    write_files(study.out, title, lede, TERMS, tables, closeups(study), differences(study))
