"""Measuring a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import CorpusOption, Run

verbs = typer.Typer()


@verbs.command()
def evaluate(
    run: Run,
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and report.html.")],
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    localisation: Annotated[str | None, typer.Option(help="Localisation method, if not the recipe's.")] = None,
    queries: Annotated[
        str | None, typer.Option(help="written, image or both; else all that the model can be asked with.")
    ] = None,
    with_own: Annotated[
        bool, typer.Option("--with-own", help="Image queries: ask utterances with their own pictures too.")
    ] = False,
) -> None:
    """Measure a model: detection, oracle, actual and spotting localisation."""
    from earmark.corpus import read_corpus
    from earmark.evaluate.kinds import chosen, evaluate_kinds, kinds_of
    from earmark.evaluate.report import print_table, write_report
    from earmark.evaluate.runner import write_metrics
    from earmark.finder import Finder
    from earmark.models.checkpoint import read_checkpoint

    known = read_corpus(corpus)
    finder = Finder(read_checkpoint(run), localisation)
    kinds = chosen(finder.model, queries)
    out.mkdir(parents=True, exist_ok=True)  # refused now, not after all the work
    located = out / f".{split}-{finder.localisation}.partial.jsonl"
    done = evaluate_kinds(finder, known, split, kinds, located, with_own)
    files = {kind: "metrics.json" if kind == kinds_of(finder.model)[0] else f"metrics-{kind}.json" for kind in kinds}
    for kind, evaluation in done.items():
        write_metrics(evaluation, out / files[kind])
    named = {run.name if len(done) == 1 else f"{run.name}, {kind} queries": done[kind] for kind in kinds}
    write_report(out / "report.html", f"{run.name} on {known.name}, {split}", named)
    located.unlink(missing_ok=True)
    print_table(named)
    numbers = " and ".join(str(out / name) for name in files.values())
    print(f"The results are in {out / 'report.html'}, the numbers in {numbers}.")
