"""Semantic spotting beside exact spotting, for every model of the grid."""

from __future__ import annotations

from earmark.evaluate.semantic import SemanticLabels, spotted
from earmark.pages.compared import Entry, Pair, Table
from earmark.reproduce.grid import SUPERVISIONS
from earmark.reproduce.study import Study

NAMES = {"p_at_10": "P@10", "p_at_n": "P@N", "eer": "EER", "average_precision": "AP"}


def semantic_table(study: Study, labels: SemanticLabels) -> Table:
    """P@10, P@N, EER and average precision, by what is said and by what people find the utterances to be about.

    The ranking is that of the detection scores, so all localisation methods of a model share a line.

    Raises
    ------
    EarmarkError
        If no utterance or no keyword of the evaluation has labels.
    """
    names = [utterance.id for utterance in study.utterances]
    rows, columns, semantic = labels.matrix(names, study.keywords)
    exact = study.truth.present[rows][:, columns]
    one_of = {cell.training: result for cell, result in study.results.items()}
    body = []
    for training, result in one_of.items():
        scores = result.predictions.scores[rows][:, columns]
        by_words, by_people = spotted(scores, exact), spotted(scores, semantic)
        title = next(row.title for row in study.rows if row.architecture == training.architecture)
        entries = [Entry(Pair(found[name])) for name in NAMES for found in (by_words, by_people)]
        body.append(((title, SUPERVISIONS[training.supervision]), entries))
    head = tuple(f"{name}, {kind}" for name in NAMES.values() for kind in ("exact", "semantic"))
    notes = (
        f"In percent, over {len(rows)} utterances and {len(columns)} keywords that have labels. Exact: the keyword is "
        "said. Semantic: three of five people chose it, or it is said. Means over keywords; a low EER is good.",
    )
    return Table("Semantic spotting", ("Architecture", "Taught by", *head), body, notes)
