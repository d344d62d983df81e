"""Seeing it work, and what works on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

verbs = typer.Typer()


@verbs.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for all that the demo makes; reused when there.")] = Path("demo"),
    size: Annotated[int, typer.Option(help="Utterances to learn from.")] = 2000,
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
) -> None:
    """See it work: draw and speak a corpus, learn from pictures alone, find words, write a results page."""
    from earmark.cli.demo import demo as show

    show(out, size, seed)


@verbs.command()
def doctor() -> None:
    """Say what works on this machine, and what to do where something does not."""
    from earmark.cli.doctor import check

    if not check():
        raise typer.Exit(1)
