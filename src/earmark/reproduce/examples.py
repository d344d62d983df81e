"""Examples of a reproduction: the top-ranked utterance of some keywords, with its sound and its picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from earmark.core.errors import EarmarkError
from earmark.core.evaluation_setup import IMAGE
from earmark.core.results import FIXED_THRESHOLD
from earmark.core.types import Query
from earmark.core.vocabulary import Vocabulary
from earmark.evaluation.agreement import located_word
from earmark.evaluation.data import ground_truth
from earmark.evaluation.examples import RIGHT, example_of
from earmark.evaluation.query_images import image_queries_of
from earmark.evaluation.runner import Evaluation
from earmark.localisation.spotter import KeywordSpotter
from earmark.media.images import read_image
from earmark.models.checkpoint import read_checkpoint
from earmark.reports.example import Example
from earmark.reports.reproduction import ShownExample
from earmark.reproduce.grid import Cell
from earmark.reproduce.report import ReproductionResults
from earmark.reproduce.results import SPLIT, Result, run_folder


def top_ranked(
    results: ReproductionResults, cell: Cell, words: Sequence[str], figure: str = "A figure"
) -> tuple[list[ShownExample], list[str]]:
    """The top-ranked utterance of each of some keywords, and why some are missing.

    Parameters
    ----------
    figure : str
        What it is called where something is missing.
    """
    try:
        evaluation = _evaluation(results, cell)
    except EarmarkError as problem:
        return [], [f"{figure} needs the model again: {problem}"]
    result = results.by_cell[cell]
    examples, problems = [], []
    for word in words:
        if word not in result.keywords:
            continue
        w = result.keywords.index(word)
        u = int(np.nan_to_num(result.predictions.scores[:, w], nan=-1.0).argmax())
        try:
            example = example_of(evaluation, u, w)
        except EarmarkError as problem:
            problems.append(f"{figure} lacks the example of {word}: {problem}")
            continue
        example, image_problems = _with_readable_image(example)
        problems += [f"{figure} lacks the image of {word}: {problem}" for problem in image_problems]
        examples.append(ShownExample(example, _facts(result, example, u, w)))
    return examples, problems


def _evaluation(results: ReproductionResults, cell: Cell) -> Evaluation:
    """An evaluated cell with its model."""
    result = results.by_cell[cell]
    spotter = KeywordSpotter(read_checkpoint(run_folder(results.out, cell.training)), cell.row.localisation)
    keywords = Vocabulary(result.keywords)
    queries: tuple[Query, ...] = result.keywords
    if cell.row.queries == IMAGE:
        queries = image_queries_of(results.corpus, SPLIT, keywords).queries
    truth = ground_truth(results.utterances, keywords, results.corpus.keyword_map)
    truth = truth.within(result.predictions.evaluated)
    return Evaluation(
        spotter.for_keywords(keywords), results.utterances, queries, truth, result.predictions, result.metrics
    )


def _with_readable_image(example: Example) -> tuple[Example, list[EarmarkError]]:
    """The example, without its image where that can't be read, and then why."""
    try:
        if example.image is not None:
            read_image(example.image)
        return example, []
    except EarmarkError as problem:
        return dataclasses.replace(example, image=None), [problem]


def _facts(result: Result, example: Example, u: int, w: int) -> list[str]:
    """Facts on the top-ranked utterance of a keyword, beside its score."""
    score = result.predictions.scores[u, w]
    is_detected = {"at 0.5": score >= FIXED_THRESHOLD, "at dev's threshold": score >= result.thresholds[w]}
    return [
        "rank 1",
        *(f"{'detected' if is_so else 'not detected'} {where}" for where, is_so in is_detected.items()),
        "localised" if example.verdict == RIGHT else "not localised",
        f"located word: {located_word(example.words, result.predictions.times_s[u, w])}",
    ]
