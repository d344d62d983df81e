"""The results page of evaluations, their console table, and the sentences that are needed to read both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.core.evaluation_setup import IMAGE, Exclusions, ModalityAgreement, RetrievalScores
from earmark.core.metric_table import HEADLINE
from earmark.core.results import Metrics
from earmark.evaluation.examples import best_examples, worst_examples
from earmark.evaluation.reliability import reliability
from earmark.evaluation.runner import Evaluation
from earmark.reports.evaluation import EvaluatedRun, write_results_page
from earmark.reports.page import DASH, percent

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLES = 8


def write_report(path: Path, title: str, evaluations: Mapping[str, Evaluation], notes: Sequence[str] = ()) -> None:
    """Write the results page; it has examples from the first evaluation of each query modality.

    Parameters
    ----------
    path : Path
    title : str
    evaluations : mapping of str to Evaluation
        By the name that the page gives them.
    notes : sequence of str
        Sentences of the caller that stand below the first table, after those of :func:`notes_on`.
    """
    first: dict[str, str] = {}
    for name, evaluation in evaluations.items():
        first.setdefault(evaluation.metrics.queries, name)
    runs = [
        EvaluatedRun(
            name=name,
            metrics=evaluation.metrics,
            best=best_examples(evaluation, EXAMPLES) if name in first.values() else [],
            worst=worst_examples(evaluation, EXAMPLES) if name in first.values() else [],
            reliability=reliability(evaluation.predictions.scores, evaluation.truth.present),
        )
        for name, evaluation in evaluations.items()
    ]
    write_results_page(path, title, runs, [*notes_on(evaluations), *notes])


def headline_table(evaluations: Mapping[str, Evaluation]) -> Table:
    """The headline measures in percent, a row for each evaluation."""
    from rich.table import Table

    table = Table("", *(metric.label for metric in HEADLINE))
    for name, evaluation in evaluations.items():
        table.add_row(name, *(percent(metric.of(evaluation.metrics)).replace(DASH, "-") for metric in HEADLINE))
    return table


def notes_on(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """Sentences that are needed to read the measures.

    A model that has learned nothing, nothing to find, the query images, how far modalities agree, retrieval.
    """
    metrics = [evaluation.metrics for evaluation in evaluations.values()]
    images = [note for one in metrics if one.queries == IMAGE for note in describe_query_images(one)]
    agreed = [describe_agreement(one.agreement) for one in metrics if one.agreement is not None]
    retrieved = [describe_retrieval(one.retrieval) for one in metrics if one.retrieval is not None]
    checkpoints = [evaluation.spotter.checkpoint for evaluation in evaluations.values()]
    warnings = [f"{known.folder.resolve().name}: {known.warning}" for known in checkpoints if known.warning]
    return [
        *dict.fromkeys(warnings),
        *_nothing_spoken(evaluations),
        *dict.fromkeys(images),
        *dict.fromkeys(agreed),
        *retrieved,
    ]


def _nothing_spoken(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """A sentence for each evaluation in which no keyword is spoken."""
    return [
        f"None of the {evaluation.metrics.keywords} keywords of {name} is spoken in the split "
        f"{evaluation.metrics.split} of {evaluation.metrics.corpus}: there is nothing to measure."
        for name, evaluation in evaluations.items()
        if not evaluation.truth.present.any()
    ]


def describe_query_images(metrics: Metrics) -> list[str]:
    """Sentences on the images of an evaluation with image queries; none for written queries."""
    images, split = metrics.query_images, metrics.split
    if images is None:
        return []
    counts = [len(of_keyword) for of_keyword in images.by_keyword.values()]
    few, many = min(counts), max(counts)
    each = f"{many}" if few == many else f"{few} to {many}"
    crops = f", {images.crops} of them cropped" if images.crops else ""
    own = (
        "Utterances were searched with their own images too, as in the released code."
        if images.own_image_included
        else "No utterance was searched with its own image."
    )
    sentence = (
        f"Image queries: each keyword is searched for with {each} {'image' if many == 1 else 'images'} of the split "
        f"{split} ({sum(counts)} in all{crops}), never one of train. {own}"
    )
    return [sentence, *_describe_exclusions(images.excluded, metrics.utterances * metrics.keywords, split)]


def _describe_exclusions(excluded: Exclusions, cells: int, split: str) -> list[str]:
    sentences = []
    if excluded.pairs:
        sentences.append(
            f"Excluded: {excluded.pairs} of {cells} pairs of utterance and keyword, {excluded.spoken_pairs} with "
            "the keyword spoken, for which there is no image but the utterance's own."
        )
    if excluded.keywords:
        sentences.append(f"Excluded, because no utterance of {split} has an image: {', '.join(excluded.keywords)}.")
    if excluded.training_images:
        sentences.append(f"Images that are in the split train too, and were not used: {excluded.training_images}.")
    return sentences


def describe_agreement(agreement: ModalityAgreement) -> str:
    """A sentence on how far written and image queries agree."""
    pearson, spearman = (DASH if r is None else f"{r:.2f}" for r in (agreement.pearson, agreement.spearman))
    shares = (agreement.top_10_overlap, agreement.located_within_100_ms, agreement.located_in_same_word)
    overlap, near, same = map(percent, shares)
    return (
        f"Written and image queries for the same word, of {agreement.keywords} words: their detection scores "
        f"correlate at {pearson} (Spearman {spearman}) over the utterances, on average over words; {overlap} % of "
        f"their ten best utterances are the same; where the word is spoken, {near} % of their locations lie within "
        f"0.1 s of each other, {same} % within the same word."
    )


def describe_retrieval(scores: RetrievalScores) -> str:
    """A sentence on retrieval between speech and pictures, in both directions."""
    parts = []
    for wanted, one in (("pictures for", scores.speech_to_image), ("utterances for", scores.image_to_speech)):
        recalls = ", ".join(percent(value) for value in (one.recall_at_1, one.recall_at_5, one.recall_at_10))
        parts.append(
            f"{one.candidates} {wanted} each of {one.queries}: recall at 1, 5 and 10 is {recalls} %, nDCG@10 "
            f"{percent(one.ndcg_at_10)}, mean average precision {percent(one.mean_average_precision)}"
        )
    speech, image = parts
    return f"Retrieval of whole utterances and pictures. Of {speech} utterances. Of {image} pictures."
