"""Measuring a model.

Doing again what a paper did.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import CorpusOption, CostsOption, Run, given, keywords_of
from earmark.core.errors import EarmarkError

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
    include_own_image: Annotated[
        bool, typer.Option("--include-own-image", help="Image queries: ask utterances with their own pictures too.")
    ] = False,
    costs: CostsOption = "nist",
) -> None:
    """Measure a model: detection, oracle, actual and spotting localisation."""
    from rich.console import Console

    from earmark.core.corpus import read_corpus
    from earmark.core.costs import read_costs
    from earmark.evaluation.report import headline_table, notes_on, write_report
    from earmark.evaluation.runner import evaluate_modalities, query_modalities, select_modalities, write_metrics
    from earmark.localisation.spotter import KeywordSpotter
    from earmark.models.checkpoint import read_checkpoint

    known = read_corpus(corpus)
    spotter = KeywordSpotter(read_checkpoint(run), localisation)
    modalities = select_modalities(spotter, queries)
    weighed = read_costs(costs)
    out.mkdir(parents=True, exist_ok=True)  # before the work: this may fail
    cache = out / f".{split}-{spotter.localisation}.partial.jsonl"
    evaluations = evaluate_modalities(spotter, known, split, modalities, cache, include_own_image, weighed)
    files = {}
    for modality, evaluation in evaluations.items():
        files[modality] = "metrics.json" if modality == query_modalities(spotter)[0] else f"metrics-{modality}.json"
        write_metrics(evaluation, out / files[modality])
    named = {
        run.name if len(evaluations) == 1 else f"{run.name}, {modality} queries": evaluation
        for modality, evaluation in evaluations.items()
    }
    write_report(out / "report.html", f"{run.name} on {known.name}, {split}", named)
    cache.unlink(missing_ok=True)
    Console().print(headline_table(named))
    for note in notes_on(named):
        print(note)
    numbers = " and ".join(str(out / name) for name in files.values())
    print(f"The results are in {out / 'report.html'}, the numbers in {numbers}.")


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

    reproduction = papers.paper(paper)
    options = given(semantic=semantic, recipes=recipes)
    for name in options:
        if name not in reproduction.OPTIONS:
            raise EarmarkError(f"There is no --{name} for {paper}: leave it out.")
    from earmark.core.corpus import read_corpus
    from earmark.reproduce.budget import Budget

    budget = Budget(epochs, minutes)
    known = read_corpus(corpus)
    reproduction.reproduce(known, out, keywords_of(known, keywords), only or [], budget, **options)
