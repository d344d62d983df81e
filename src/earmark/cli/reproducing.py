"""Doing again what a paper did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import CorpusOption, given, keywords_of
from earmark.errors import EarmarkError

verbs = typer.Typer()


@verbs.command()
def reproduce(
    paper: Annotated[str, typer.Argument(help="The paper's name: olaleye2022 or nortje2022.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="Folder for runs, cells and report; what is there is not done again.")],
    only: Annotated[list[str] | None, typer.Option(help="A cell, such as cnn-attend/masked-in/vgs; * for any.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of every training, if not its recipe's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="As many whole epochs as fit, for every training.")] = None,
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, if not the corpus's own.")] = None,
    semantic: Annotated[
        Path | None, typer.Option(help="olaleye2022: CSV of semantic labels, for semantic spotting.")
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(help="nortje2022: small (the default), or paper for its own networks; downloads a ResNet-50."),
    ] = None,
) -> None:
    """Train and evaluate what a paper did, and report every figure beside the published one."""
    from earmark import reproduce as papers

    chosen = papers.paper(paper)
    options = given(semantic=semantic, recipes=recipes)
    for name in options:
        if name not in chosen.OPTIONS:
            raise EarmarkError(f"There is no --{name} for {paper}: leave it out.")
    from earmark.corpus import read_corpus
    from earmark.reproduce.budget import Budget

    budget = Budget(epochs, minutes)
    known = read_corpus(corpus)
    chosen.reproduce(known, out, keywords_of(known, keywords), only or [], budget, **options)
