"""Taking the results home, to ELAN, Praat, Audacity, a spreadsheet or another program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.archives import ArchiveFolder
from earmark.export import names

verbs = typer.Typer()


@verbs.command()
def export(
    archive: ArchiveFolder,
    form: Annotated[str, typer.Option("--format", metavar="NAME", help=f"{', '.join(names())}.")],
    out: Annotated[Path, typer.Option(help="Folder for the files. New tiers go into the .eaf files that it holds.")],
    accepted_only: Annotated[
        bool, typer.Option("--accepted-only", help="Only what somebody accepted; no candidates.")
    ] = False,
    query: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="Take this word's hits; may be repeated. Else all words that were judged."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Candidates of each word that nobody has judged.")] = 50,
) -> None:
    """Take judged hits and the best candidates home. What is in the folder already is kept beside as .bak."""
    from earmark.archive.archive import open_archive
    from earmark.export import exporter
    from earmark.take_home import collection

    chosen = exporter(form)
    taken = collection(open_archive(archive), query or (), top, accepted_only)
    written = chosen.write(taken, out)
    hits = [marked for recording in taken.recordings for marked in recording.hits]
    unjudged = sum(marked.verdict is None for marked in hits)
    accepted = sum(marked.verdict == "yes" for marked in hits)
    print(f"Accepted hits: {accepted}. Candidates: {unjudged}. Recordings: {len(taken.recordings)}.")
    print(f"{len(written)} files are in {out}.")
