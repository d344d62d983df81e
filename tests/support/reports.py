"""Reading tables out of the Markdown reports of reproductions."""

from __future__ import annotations

import numpy as np


def section(report: str, title: str) -> list[list[str]]:
    """The rows of the table with that title in a Markdown report, without their labels' order being touched."""
    lines = report[report.index(f"### {title}") :].splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| ---")) + 1
    end = next(i for i, line in enumerate(lines) if i >= start and not line.startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[start:end]]


def percent(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{100 * value:.1f}"
