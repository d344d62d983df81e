"""The results of evaluations, as a page and as a short table.

The best and the worst cases of an evaluation, to look at and listen to.

What is said about an evaluation with image queries: which pictures, what was left out, and how far it agrees.

From a candidate to a moment that a page can show and play.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core.corpus import Utterance
from earmark.core.types import ImageQuery
from earmark.evaluation.data import Bools, located
from earmark.evaluation.keyword_queries import IMAGE, Evaluation
from earmark.evaluation.reliability import reliability
from earmark.localisation.spotter import KeywordSpotter, ScoredHit
from earmark.media.audio import read_audio, read_span
from earmark.reports.evaluation import Outcome, write_results
from earmark.reports.example import Example
from earmark.reports.matchmap_data import Sight
from earmark.reports.page import DASH, percent

EXAMPLES = 8
COLUMNS = {
    "detection F1": "detection.f1",
    "oracle accuracy": "oracle.accuracy",
    "actual F1": "actual.f1",
    "spotting P@10": "spotting.p_at_10",
    "localised P@10": "spotting_localisation.p_at_10",
}


def write_report(path: Path, title: str, evaluations: Mapping[str, Evaluation], notes: Sequence[str] = ()) -> None:
    """Write the results page. Examples to listen to are those of the first evaluation with each kind of query."""
    firsts: dict[str, str] = {}
    for name, evaluation in evaluations.items():
        firsts.setdefault(evaluation.metrics["queries"], name)
    outcomes = [
        Outcome(
            name=name,
            metrics=evaluation.metrics,
            best=best(evaluation, EXAMPLES) if name in firsts.values() else [],
            worst=worst(evaluation, EXAMPLES) if name in firsts.values() else [],
            reliability=reliability(evaluation.predictions.scores, evaluation.truth.present),
        )
        for name, evaluation in evaluations.items()
    ]
    write_results(path, title, outcomes, [*_notes(evaluations), *notes])


def print_table(evaluations: Mapping[str, Evaluation]) -> None:
    """Print the headline measures in percent, a row an evaluation."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", *COLUMNS)
    for name, evaluation in evaluations.items():
        table.add_row(name, *(_percent(evaluation.metrics, column) for column in COLUMNS.values()))
    Console().print(table)
    for sentence in _notes(evaluations):
        print(sentence)


def _notes(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """What must be known of evaluations to read their measures."""
    metrics = [evaluation.metrics for evaluation in evaluations.values()]
    pictured = [sentence for one in metrics if one["queries"] == IMAGE for sentence in told_pictures(one)]
    agreed = [told_agreement(one["agreement"]) for one in metrics if one["agreement"] is not None]
    return [*_nothing_spoken(evaluations), *dict.fromkeys(pictured), *dict.fromkeys(agreed)]


def _nothing_spoken(evaluations: Mapping[str, Evaluation]) -> list[str]:
    """A sentence for each evaluation without anything to find."""
    return [
        f"None of the {evaluation.metrics['keywords']} keywords of {name} is spoken in the split "
        f"{evaluation.metrics['split']} of {evaluation.metrics['corpus']}: there is nothing to measure."
        for name, evaluation in evaluations.items()
        if not evaluation.truth.present.any()
    ]


def _percent(metrics: dict[str, Any], column: str) -> str:
    branch, leaf = column.split(".")
    value = metrics[branch][leaf]
    return "-" if value is None else f"{100 * value:.1f}"


RIGHT, WRONG_PLACE, NOT_SPOKEN = "right", "wrong place", "not spoken"


def best(evaluation: Evaluation, count: int) -> list[Example]:
    """The highest scores that are right, at most one a keyword and one an utterance."""
    right = located(evaluation.truth, evaluation.predictions)
    return [example(evaluation, *cell) for cell in _highest(evaluation, right, count)]


def worst(evaluation: Evaluation, count: int) -> list[Example]:
    """The highest scores that are wrong, at most one a keyword and one an utterance."""
    wrong = ~located(evaluation.truth, evaluation.predictions)
    if not evaluation.truth.aligned:
        wrong = ~evaluation.truth.present
    return [example(evaluation, *cell) for cell in _highest(evaluation, wrong, count)]


def example(evaluation: Evaluation, utterance: int, keyword: int) -> Example:
    """What the model hears of a keyword in an utterance, both by their places in the evaluation."""
    heard = evaluation.utterances[utterance]
    query = evaluation.asked_of(utterance, keyword)
    [candidate] = evaluation.finder.score_utterance(read_audio(heard.audio), [query], str(heard.audio))
    seen = sight(evaluation.finder, query, candidate) if isinstance(query, ImageQuery) else None
    return moment(candidate, heard, _verdict(evaluation, utterance, keyword), seen)


def _highest(evaluation: Evaluation, among: Bools, count: int) -> list[tuple[int, int]]:
    scores = np.where(among & evaluation.predictions.answered, evaluation.predictions.scores, -1.0)
    cells: list[tuple[int, int]] = []
    for cell in np.argsort(-scores, axis=None, kind="stable"):
        utterance, keyword = (int(i) for i in np.unravel_index(cell, scores.shape))
        if len(cells) == count or scores[utterance, keyword] < 0:
            break
        if all(utterance != u and keyword != w for u, w in cells):
            cells.append((utterance, keyword))
    return cells


def _verdict(evaluation: Evaluation, utterance: int, keyword: int) -> str:
    if not evaluation.truth.present[utterance, keyword]:
        return NOT_SPOKEN
    if not evaluation.truth.aligned:
        return ""
    return RIGHT if located(evaluation.truth, evaluation.predictions)[utterance, keyword] else WRONG_PLACE


def told_pictures(metrics: Mapping[str, Any]) -> list[str]:
    """Sentences on the pictures that a split was asked with.

    Parameters
    ----------
    metrics : mapping
        Of an evaluation with image queries, as in ``metrics.json``.
    """
    asked, split = metrics["query_pictures"], metrics["split"]
    counts = [len(pictures) for pictures in asked["of_keywords"].values()]
    few, most = min(counts), max(counts)
    each = f"{most}" if few == most else f"{few} to {most}"
    crops = f", {asked['crops']} of them cropped" if asked["crops"] else ""
    own = (
        "Utterances were asked with their own pictures too, as the released code does."
        if asked["own_pictures_asked"]
        else "No utterance was asked with its own picture."
    )
    told = (
        f"Image queries: each keyword is asked for with {each} {'picture' if most == 1 else 'pictures'} of the split "
        f"{split} ({sum(counts)} in all{crops}), never one of train. {own}"
    )
    cells = metrics["utterances"] * metrics["keywords"]
    return [told, *_left_out(asked["left_out"], cells, split)]


def _left_out(left_out: Mapping[str, Any], cells: int, split: str) -> list[str]:
    told = []
    if left_out["pairs"]:
        told.append(
            f"Left out: {left_out['pairs']} of {cells} pairs of utterance and keyword, {left_out['spoken_pairs']} with "
            "the keyword spoken, for which there is no picture but the utterance's own."
        )
    if left_out["keywords"]:
        told.append(f"Left out, for no utterance of {split} gives a picture: {', '.join(left_out['keywords'])}.")
    if left_out["learned_pictures"]:
        told.append(
            f"Pictures that are in the split train too, and were not asked with: {left_out['learned_pictures']}."
        )
    return told


def told_agreement(agreement: Mapping[str, Any]) -> str:
    """A sentence on how far written and image queries agree."""
    pearson, spearman = (DASH if (r := agreement[name]) is None else f"{r:.2f}" for name in ("pearson", "spearman"))
    common, near, same = (
        percent(agreement[name]) for name in ("top_10_in_common", "located_within_100_ms", "located_in_same_word")
    )
    return (
        f"Written and image queries for the same word, of {agreement['keywords']} words: their detection scores "
        f"correlate at {pearson} (Spearman {spearman}) over the utterances, on average over words; {common} % of their "
        f"ten best utterances are the same; where the word is spoken, {near} % of their locations lie within 0.1 s "
        f"of each other, {same} % within the same word."
    )


def moment(
    candidate: ScoredHit, utterance: Utterance | None = None, verdict: str = "", sight: Sight | None = None
) -> Example:
    """The sound around a candidate, and what is known of it where it comes from a corpus or was asked with pictures.

    Raises
    ------
    EarmarkError
        If the recording can no longer be read.
    """
    channels = read_span(candidate.hit.recording, *candidate.window_s)
    return Example(
        hit=candidate.hit,
        waveform=channels.mean(axis=0) if candidate.channel is None else channels[candidate.channel - 1],
        offset_s=candidate.window_s[0],
        curve_times_s=candidate.times_s,
        curve=candidate.curve,
        words=(utterance.words or ()) if utterance else (),
        image=utterance.image if utterance and utterance.image and utterance.image.is_file() else None,
        verdict=verdict,
        caption=(utterance.text or "") if utterance else "",
        sight=sight,
    )


def sight(finder: KeywordSpotter, query: ImageQuery, candidate: ScoredHit) -> Sight:
    """What the model sees in the pictures that it was asked with, for a page to show.

    Raises
    ------
    EarmarkError
        If a picture or the recording can no longer be read.
    """
    look = finder.explain(query, candidate)
    return Sight(query, look.best, look.matchmap, look.image_attention, look.audio_attention, candidate.times_s)
