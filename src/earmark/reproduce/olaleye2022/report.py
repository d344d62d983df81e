"""The report: every table and figure of the paper, beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from earmark.corpus import Corpus
from earmark.files import write_text
from earmark.reproduce.olaleye2022.grid import Row, cells
from earmark.reproduce.olaleye2022.results import is_evaluated, read_result
from earmark.reproduce.olaleye2022.tables import table_2, table_2_released
from earmark.reproduce.tables import to_markdown


def write_report(out: Path, rows: Sequence[Row], corpus: Corpus) -> None:
    """Write ``report.md`` from the cells that are there."""
    results = {cell: read_result(out, cell) for cell in cells(rows) if is_evaluated(out, cell)}
    tables = [table_2(rows, results), table_2_released(rows, results)]
    title = f"# Olaleye, Oneata and Kamper (2022) on {corpus.name}\n"
    write_text(out / "report.md", "\n".join([title, *(to_markdown(table) for table in tables)]))
