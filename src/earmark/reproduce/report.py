"""A reproduction's report, as a page and as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from earmark.files import write_text
from earmark.pages.compared import Table, to_markdown
from earmark.pages.reproduction import Closeup, write_reproduction


def write_files(
    out: Path,
    title: str,
    lede: str,
    terms: Mapping[str, str],
    tables: Sequence[Table],
    closeups: Sequence[Closeup],
    differences: Mapping[str, str],
) -> None:
    """Write ``report.md`` and ``report.html`` into a folder; parameters as for :func:`write_reproduction`."""
    parts = [
        f"# {title}\n",
        f"{lede} Behind a slash stands what was published.\n",
        "## What the names mean\n",
        _described(terms),
        *(to_markdown(table) for table in tables),
    ]
    for closeup in closeups:
        parts += [f"## {closeup.name}\n", *(f"{note}\n" for note in closeup.notes), f"{closeup.detected}\n"]
        parts += [f"- {scatter.caption}" for scatter in closeup.scatters]
        parts += ["", to_markdown(closeup.keywords), to_markdown(closeup.confusions)]
    parts += ["## What differs from the paper\n", _described(differences)]
    write_text(out / "report.md", "\n".join(parts))
    write_reproduction(out / "report.html", title, lede, terms, tables, closeups, differences)


def _described(terms: Mapping[str, str]) -> str:
    return "\n".join([*(f"- **{name}**: {what}" for name, what in terms.items()), ""])
