"""How located keywords are distributed: image queries of localising attention beside the visual bag of words.

The paper finds that the visual bag of words locates a wider set of keywords, because a picture often shows several.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earmark.core.evaluation_setup import IMAGE, WRITTEN
from earmark.evaluation.data import Ints, ground_truth, located
from earmark.evaluation.metrics import detected
from earmark.reports.reproduction import BarChart, DetailSection, Entry, Pair, Table
from earmark.reproduce.examples import top_ranked
from earmark.reproduce.grid import SUPERVISIONS
from earmark.reproduce.nortje2022.rows import ATTENTION, VISUAL_BOW, row_of
from earmark.reproduce.nortje2022.tables import truth_of
from earmark.reproduce.report import ReproductionResults
from earmark.reproduce.results import Result

EXAMPLES = 4
ORDER = (
    ("bow", "vgs"),
    ("vgs", "vgs"),
    ("bow", "bow"),
)  # supervisions of attention and visual BoW, as in the paper first
TITLES = (
    "Located keywords: image queries beside the visual BoW",
    "",
    "Top-ranked utterances: what the model looks at in the picture, and when",
)


@dataclass(frozen=True, eq=False)
class KeywordCounts:
    """In how many utterances each keyword is spoken, detected, and detected in the right place; each shape = (W,).

    Keywords of the corpus that were no queries have 0.
    """

    spoken: Ints
    detected: Ints
    located: Ints


def located_keywords(results: ReproductionResults, result: Result) -> KeywordCounts:
    """Counts of a result, in the cells in which it was evaluated, at its thresholds."""
    truth = ground_truth(results.utterances, results.keywords, results.corpus.keyword_map)
    columns = [results.keywords.index(word) for word in result.keywords]
    evaluated, right = np.zeros_like(truth.present), np.zeros_like(truth.present)
    evaluated[:, columns] = result.predictions.evaluated
    detections = np.zeros_like(truth.present)
    detections[:, columns] = detected(result.predictions.scores, result.thresholds)
    right[:, columns] = located(truth_of(results, result), result.predictions)
    return KeywordCounts(
        (truth.present & evaluated).sum(axis=0), detections.sum(axis=0), (detections & right).sum(axis=0)
    )


def details(results: ReproductionResults) -> list[DetailSection]:
    """The distribution over keywords of localising attention and of the visual BoW, and examples of the former."""
    if not results.truth.aligned:
        return []
    found = _to_show(results)
    if found is None:
        return []
    image, words = found
    of_image = located_keywords(results, image)
    of_words = None if words is None else located_keywords(results, words)
    examples, problems = top_ranked(results, image.cell, _examples_of(results, of_image))
    return [
        DetailSection(
            name=f"Localising attention, {SUPERVISIONS[image.cell.supervision]}",
            notes=problems,
            detected=_sentence(results, of_image, of_words),
            charts=[_chart(results, image, of_image, words, of_words)],
            scatters=[],
            examples=examples,
            keywords=_table(results, of_image, of_words),
            titles=TITLES,
        )
    ]


def _to_show(results: ReproductionResults) -> tuple[Result, Result | None] | None:
    """Localising attention and the visual BoW, by the supervisions of the paper, or those nearest to them."""
    attention, bow = (row_of(results.rows, name) for name in (ATTENTION, VISUAL_BOW))
    pairs = [
        (results.of(attention, one)[:1] if attention else [], results.of(bow, other)[:1] if bow else [])
        for one, other in ORDER
    ]
    whole = [(image[0], words[0]) for image, words in pairs if image and words]
    alone = [(image[0], None) for image, _ in pairs if image]
    return next(iter([*whole, *alone]), None)


def _sentence(results: ReproductionResults, image: KeywordCounts, words: KeywordCounts | None) -> str:
    def count(counts: KeywordCounts) -> str:
        return f"{(counts.located > 0).sum()} of {len(results.keywords)} keywords are located at least once"

    beside = "" if words is None else f"; by the visual BoW, with written queries, {count(words)}"
    return f"With image queries {count(image)}{beside}."


def _share(counts: KeywordCounts, w: int) -> float | None:
    return float(counts.located[w] / counts.spoken[w]) if counts.spoken[w] else None


def _chart(
    results: ReproductionResults,
    image: Result,
    of_image: KeywordCounts,
    words: Result | None,
    of_words: KeywordCounts | None,
) -> BarChart:
    rows = [
        (word, _share(of_image, w), None if of_words is None else _share(of_words, w))
        for w, word in enumerate(results.keywords)
    ]
    rows.sort(key=lambda row: [-1.0 if share is None else share for share in row[1:]], reverse=True)
    series = (
        f"localising attention, image queries, {SUPERVISIONS[image.cell.supervision]}",
        f"visual BoW, written queries, {SUPERVISIONS[words.cell.supervision]}"
        if words
        else "visual BoW: not evaluated",
    )
    return BarChart("The share of utterances with a keyword in which it is detected and rightly placed.", rows, series)


def _table(results: ReproductionResults, image: KeywordCounts, words: KeywordCounts | None) -> Table:
    every = [image] if words is None else [image, words]
    body = []
    for w, word in enumerate(results.keywords):
        counts = [str(number[w]) for each in every for number in (each.spoken, each.detected, each.located)]
        body.append(((word, *counts), [Entry(Pair(_share(each, w))) for each in every]))
    names = (IMAGE, WRITTEN)[: len(every)]
    counted = tuple(f"{what}, {name}" for name in names for what in ("spoken in", "detected in", "located in"))
    shares = tuple(f"share located, {name}" for name in names)
    notes = ("Image queries leave out utterances for which a keyword has no picture but their own.",)
    return Table("Every keyword", ("Keyword", *counted, *shares), body, notes)


def _examples_of(results: ReproductionResults, counts: KeywordCounts) -> list[str]:
    """The keywords that are located most often."""
    order = np.argsort(-counts.located, kind="stable")
    return [results.keywords.words[w] for w in order[:EXAMPLES]]
