"""An evaluation as NIST's files, for other scoring tools: what was searched, found and spoken.

Each utterance is a file of its own. Names have no blanks, which an RTTM can't hold: a blank is written ``_``. What is
spoken is one LEXEME for each occurrence of a keyword, under the keyword's own name, as in QUESST: whether a word of the
corpus is an occurrence is decided by Earmark's rules, not by the tool's.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earmark.core.types import name_of
from earmark.evaluation.runner import Evaluation
from earmark.media.annotations.nist_files import (
    Detection,
    Excerpt,
    Lexeme,
    write_detections,
    write_excerpts,
    write_rttm,
    write_terms,
)

EXCERPTS, TERMS, DETECTIONS, SPOKEN = "ecf.xml", "kwlist.xml", "kwslist.xml", "reference.rttm"
CHANNEL = "1"


def write_nist_files(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write ``ecf.xml``, ``kwlist.xml``, ``kwslist.xml`` and ``reference.rttm``.

    A detection is a moment: it begins at the location and has no length. Where no location was computed, because the
    keyword is not spoken there, it stands at the start of the utterance.

    Returns
    -------
    list of Path
        The files; without word times there is no RTTM.
    """
    truth, predictions = evaluation.truth, evaluation.predictions
    files = [without_blanks(utterance.id) for utterance in evaluation.utterances]
    names = [name_of(query) for query in evaluation.queries]
    terms = [without_blanks(name) for name in names]
    thresholds = [evaluation.metrics.per_keyword[name].threshold for name in names]
    write_excerpts(
        folder / EXCERPTS,
        [
            Excerpt(file, CHANNEL, 0.0, utterance.duration_s)
            for file, utterance in zip(files, evaluation.utterances, strict=True)
        ],
    )
    write_terms(folder / TERMS, dict(zip(terms, terms, strict=True)), EXCERPTS)
    times_s = np.nan_to_num(predictions.times_s)
    detections = (
        Detection(
            terms[w],
            files[u],
            CHANNEL,
            start_s=float(times_s[u, w]),
            duration_s=0.0,
            score=float(predictions.scores[u, w]),
            decision=bool(predictions.scores[u, w] >= thresholds[w]),
        )
        for u, w in np.argwhere(predictions.evaluated)
    )
    write_detections(folder / DETECTIONS, detections, TERMS)
    written = [folder / EXCERPTS, folder / TERMS, folder / DETECTIONS]
    if not truth.aligned:
        return written
    occurrences = zip(truth.utterance, truth.keyword, truth.start_s, truth.end_s, strict=True)
    lexemes = [
        Lexeme(files[u], CHANNEL, float(start_s), float(end_s - start_s), terms[w])
        for u, w, start_s, end_s in occurrences
    ]
    write_rttm(folder / SPOKEN, lexemes)
    return [*written, folder / SPOKEN]


def without_blanks(name: str) -> str:
    """A name as one field of an RTTM.

    >>> without_blanks("fire truck")
    'fire_truck'
    """
    return "_".join(name.split())
