"""Measuring a model, scoring a list of detections, and doing again what a paper did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earmark.cli.options import CorpusOption, CostsOption, given, keywords_of
from earmark.core.errors import EarmarkError

verbs = typer.Typer()


@verbs.command()
def evaluate(
    run: Annotated[
        Path, typer.Argument(help="A folder that 'earmark train' made; with --queries spoken, an archive of 'index'.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and report.html.")],
    corpus: Annotated[Path | None, typer.Option(help="A folder that 'earmark corpus' made.")] = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "test",
    localisation: Annotated[str | None, typer.Option(help="Localisation method, if not the recipe's.")] = None,
    queries: Annotated[
        str | None,
        typer.Option(help="written, image or both, else all that the model accepts; spoken: --clips in an archive."),
    ] = None,
    clips: Annotated[
        list[Path] | None,
        typer.Option(metavar="AUDIO", help="Spoken queries: clips or folders of them, called by their words."),
    ] = None,
    rttm: Annotated[
        Path | None,
        typer.Option(help="Spoken queries: what is said in the archive's recordings, if no corpus says it."),
    ] = None,
    ecf: Annotated[Path | None, typer.Option(help="Spoken queries: which sound counts, if not all.")] = None,
    by_utterance: Annotated[
        bool, typer.Option("--by-utterance", help="Spoken queries: pairs of query and recording are the trials.")
    ] = False,
    include_own_image: Annotated[
        bool, typer.Option("--include-own-image", help="Image queries: ask utterances with their own pictures too.")
    ] = False,
    costs: CostsOption = "nist",
    keywords: Annotated[
        Path | None, typer.Option(help="Keyword list to measure, if not all that the model has learned.")
    ] = None,
    nist_files: Annotated[
        bool, typer.Option("--nist-files", help="Write detections and truth in the files of NIST's scoring tools too.")
    ] = False,
) -> None:
    """Measure a model: detection, oracle, actual and spotting localisation; or an archive with spoken queries."""
    if queries == "spoken":
        _evaluate_spoken(run, clips or [], corpus, rttm, out, costs, split, ecf, by_utterance)
        return
    if clips or rttm or ecf or by_utterance:
        raise EarmarkError("Clips are spoken queries, of which an archive is measured: add --queries spoken.")
    if corpus is None:
        raise EarmarkError("Say with --corpus what to measure the model on: a folder that 'earmark corpus' made.")
    from rich.console import Console

    from earmark.core.corpus import read_corpus
    from earmark.core.costs import read_costs
    from earmark.core.vocabulary import read_keywords
    from earmark.evaluation.nist_lists import write_nist_files
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
    measured = None if keywords is None else read_keywords(keywords)
    evaluations = evaluate_modalities(spotter, known, split, modalities, cache, include_own_image, weighed, measured)
    files = {}
    for modality, evaluation in evaluations.items():
        files[modality] = "metrics.json" if modality == query_modalities(spotter)[0] else f"metrics-{modality}.json"
        write_metrics(evaluation, out / files[modality])
        if nist_files:
            write_nist_files(evaluation, out / f"nist-{modality}")
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


def _evaluate_spoken(
    archive: Path,
    clips: list[Path],
    corpus: Path | None,
    rttm: Path | None,
    out: Path,
    costs: str,
    split: str,
    ecf: Path | None,
    by_utterance: bool,
) -> None:
    from earmark.cli.evaluate_spoken import evaluate_spoken
    from earmark.core.costs import read_costs

    reference = corpus or rttm
    if not clips or reference is None or (corpus and rttm):
        raise EarmarkError(
            "Spoken queries need clips and one reference: --clips FOLDER, and --corpus CORPUS or --rttm FILE."
        )
    evaluate_spoken(archive, clips, reference, out, read_costs(costs), split, ecf, by_utterance)


@verbs.command()
def score(
    detections: Annotated[Path, typer.Argument(help="Detections: a KWSLIST or STDLIST of NIST.")],
    rttm: Annotated[Path, typer.Option(help="What is spoken: an RTTM with LEXEME lines.")],
    ecf: Annotated[Path, typer.Option(help="The sound that was searched: an ECF.")],
    terms: Annotated[
        Path | None, typer.Option(help="Texts of the terms: a KWLIST or TERMLIST; else the ids are the texts.")
    ] = None,
    costs: CostsOption = "nist",
    by_utterance: Annotated[
        bool, typer.Option("--by-utterance", help="Pairs of a term and a file are the trials, as in QUESST.")
    ] = False,
    default_score: Annotated[
        float | None, typer.Option(help="With --by-utterance: the score of a pair without a detection.")
    ] = None,
    det: Annotated[Path | None, typer.Option(help="CSV for the curves of misses and false alarms.")] = None,
) -> None:
    """Score a list of detections against what is spoken, as in evaluations of spoken term detection."""
    from rich.console import Console

    from earmark.core.costs import read_costs
    from earmark.evaluation.score_lists import score_by_utterance, score_in_time
    from earmark.evaluation.score_tables import scores_table, write_curves
    from earmark.media.annotations import nist_files

    if default_score is not None and not by_utterance:
        raise EarmarkError("Only pairs of a term and a file can have a default score: add --by-utterance.")
    found = nist_files.read_detections(detections)
    texts = nist_files.read_terms(terms) if terms else {one.term: one.term for one in found}
    spoken, searched = nist_files.read_rttm(rttm), nist_files.read_excerpts(ecf)
    scores = (
        score_by_utterance(found, spoken, searched, texts, read_costs(costs), default_score)
        if by_utterance
        else score_in_time(found, spoken, searched, texts, read_costs(costs))
    )
    Console().print(scores_table(scores))
    if det is not None:
        write_curves(det, scores.aligned)
        print(f"The curves are in {det}.")


@verbs.command()
def reproduce(
    paper: Annotated[str, typer.Argument(help="The paper's name: olaleye2022 or nortje2022.")],
    corpus: CorpusOption,
    out: Annotated[Path, typer.Option(help="Folder for runs, cells and report; what is there is not done again.")],
    only: Annotated[list[str] | None, typer.Option(help="A cell, such as cnn-attend/masked-in/vgs; * for any.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of every training, if not its recipe's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="As many whole epochs as fit, for every training.")] = None,
    keywords: Annotated[Path | None, typer.Option(help="Keyword list, if not the corpus's own.")] = None,
    learned: Annotated[
        Path | None,
        typer.Option(help="A longer list, for the models that learned more keywords than are measured."),
    ] = None,
    set: Annotated[
        list[str] | None,
        typer.Option(help="A value in recipes, such as training.clip=1; with PSC:, or another architecture, in its."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(help="Random seeds, such as 1,2,3: all is trained with each; tables have the mean.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="nortje2022: a pretrained CPC network, run or tagger that models start from.")
    ] = None,
    semantic: Annotated[
        Path | None, typer.Option(help="olaleye2022: CSV of semantic labels, for semantic spotting.")
    ] = None,
    procedure: Annotated[
        str | None,
        typer.Option(help="olaleye2022: paper (the default), or released for localisation as its code has it."),
    ] = None,
    recipes: Annotated[
        str | None,
        typer.Option(
            help="nortje2022: small (the default), pretrained, or paper for its own networks; downloads a ResNet-50."
        ),
    ] = None,
) -> None:
    """Train and evaluate what a paper did, and report every figure beside the published one."""
    from earmark import reproduce as papers

    reproduction = papers.paper(paper)
    options = given(semantic=semantic, procedure=procedure, recipes=recipes, start=start)
    for name in options:
        if name not in reproduction.OPTIONS:
            raise EarmarkError(f"There is no --{name} for {paper}: leave it out.")
    from earmark.core.corpus import read_corpus
    from earmark.core.vocabulary import read_keywords
    from earmark.reproduce.budget import Budget
    from earmark.reproduce.variation import Variation, parse_seeds

    variation = Variation(
        changes=tuple(set or ()),
        seeds=parse_seeds(seeds) if seeds else (),
        learned=read_keywords(learned) if learned else None,
        start=options.pop("start", None),
    )
    budget = Budget(epochs, minutes)
    known = read_corpus(corpus)
    measured = keywords_of(known, keywords)
    reproduction.reproduce(known, out, measured, only or [], budget, variation=variation, **options)
