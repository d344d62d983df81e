"""The report: every table and figure of the paper beside what was published, as a page and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from earmark.evaluate.semantic import SemanticLabels
from earmark.files import write_text
from earmark.pages.compared import Table, to_markdown
from earmark.pages.reproduction import Closeup, write_reproduction
from earmark.reproduce.olaleye2022.differences import differences
from earmark.reproduce.olaleye2022.figures import closeups
from earmark.reproduce.olaleye2022.spotting import semantic_table
from earmark.reproduce.olaleye2022.study import Study
from earmark.reproduce.olaleye2022.tables import table_2, table_2_released, table_3, table_4, trainings
from earmark.reproduce.olaleye2022.terms import TERMS


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
    figures, apart = closeups(study), differences(study)
    title = f"Olaleye, Oneață and Kamper (2022) on {study.corpus.name}"
    lede = (
        f"Keyword localisation in untranscribed speech using visually grounded speech models: {len(study.results)} of "
        f"{2 * len(study.rows)} cells of the grid, on {len(study.utterances):,} utterances."
    )
    write_text(study.out / "report.md", _markdown(title, lede, tables, figures, apart))
    write_reproduction(study.out / "report.html", title, lede, TERMS, tables, figures, apart)


def _markdown(
    title: str, lede: str, tables: Sequence[Table], figures: Sequence[Closeup], apart: Mapping[str, str]
) -> str:
    parts = [
        f"# {title}\n",
        f"{lede} Behind a slash stands what was published.\n",
        "## What the names mean\n",
        _described(TERMS),
        *(to_markdown(table) for table in tables),
    ]
    for closeup in figures:
        parts += [f"## {closeup.name}\n", *(f"{note}\n" for note in closeup.notes), f"{closeup.detected}\n"]
        parts += [f"- {scatter.caption}" for scatter in closeup.scatters]
        parts += ["", to_markdown(closeup.keywords), to_markdown(closeup.confusions)]
    parts += ["## What differs from the paper\n", _described(apart)]
    return "\n".join(parts)


def _described(terms: Mapping[str, str]) -> str:
    return "\n".join([*(f"- **{name}**: {what}" for name, what in terms.items()), ""])
