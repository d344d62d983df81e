"""Examples of hits for a page to show and play: the best and the worst of an evaluation, or any hit."""

from __future__ import annotations

import numpy as np

from earmark.core.corpus import Utterance
from earmark.core.types import ImageQuery
from earmark.evaluation.data import Bools, located
from earmark.evaluation.runner import Evaluation
from earmark.localisation.spotter import KeywordSpotter, ScoredHit
from earmark.media.audio import Waveform, read_span
from earmark.media.utterances import read_utterance
from earmark.reports.example import Example
from earmark.reports.matchmap_data import MatchmapData

RIGHT, WRONG_PLACE, NOT_SPOKEN = "right", "wrong place", "not spoken"


def best_examples(evaluation: Evaluation, count: int) -> list[Example]:
    """The highest scores with a right location, at most one for each keyword and each utterance."""
    right = located(evaluation.truth, evaluation.predictions)
    return [example_of(evaluation, *cell) for cell in _highest(evaluation, right, count)]


def worst_examples(evaluation: Evaluation, count: int) -> list[Example]:
    """The highest scores that are wrong, at most one for each keyword and each utterance."""
    wrong = ~located(evaluation.truth, evaluation.predictions)
    if not evaluation.truth.aligned:
        wrong = ~evaluation.truth.present
    return [example_of(evaluation, *cell) for cell in _highest(evaluation, wrong, count)]


def example_of(evaluation: Evaluation, utterance: int, keyword: int) -> Example:
    """The example of one cell, given by index; its recording is read and encoded once.

    Raises
    ------
    EarmarkError
        If the recording or an image of the query can no longer be read.
    """
    spoken, query = evaluation.utterances[utterance], evaluation.query_for(utterance, keyword)
    waveform = read_utterance(spoken)
    [found] = evaluation.spotter.score_utterance(waveform, [query], str(spoken.audio))
    data = matchmap_data(evaluation.spotter, query, found) if isinstance(query, ImageQuery) else None
    return make_example(found, spoken, _verdict(evaluation, utterance, keyword), data, waveform)


def make_example(
    found: ScoredHit,
    utterance: Utterance | None = None,
    verdict: str = "",
    data: MatchmapData | None = None,
    waveform: Waveform | None = None,
) -> Example:
    """A hit with the sound around it, and what is known of its utterance.

    Parameters
    ----------
    found : ScoredHit
    utterance : Utterance, optional
        Of a corpus.
    verdict : str
        Whether the hit is right, where that is known.
    data : MatchmapData, optional
        Of an image query.
    waveform : numpy.ndarray, shape = (samples,), optional
        The window of the hit; read from its recording if it is not given.

    Raises
    ------
    EarmarkError
        If the recording can no longer be read.
    """
    if waveform is None:
        channels = read_span(found.hit.recording, *found.window_s)
        waveform = channels.mean(axis=0) if found.channel is None else channels[found.channel - 1]
    return Example(
        hit=found.hit,
        waveform=waveform,
        offset_s=found.window_s[0],
        curve_times_s=found.times_s,
        curve=found.curve,
        words=(utterance.words or ()) if utterance else (),
        image=utterance.image if utterance and utterance.image and utterance.image.is_file() else None,
        verdict=verdict,
        caption=(utterance.text or "") if utterance else "",
        matchmap_data=data,
    )


def matchmap_data(spotter: KeywordSpotter, query: ImageQuery, found: ScoredHit) -> MatchmapData:
    """Matchmap and attention of an image query over the window of a hit.

    Raises
    ------
    EarmarkError
        If an image or the recording can no longer be read.
    """
    explanation = spotter.explain(query, found)
    return MatchmapData(
        query,
        explanation.best,
        explanation.matchmap,
        explanation.image_attention,
        explanation.audio_attention,
        found.times_s,
    )


def _highest(evaluation: Evaluation, cells: Bools, count: int) -> list[tuple[int, int]]:
    """Utterance and keyword of the highest scores among some cells, each keyword and each utterance once."""
    scores = np.where(cells & evaluation.predictions.evaluated, evaluation.predictions.scores, -1.0)
    selected: list[tuple[int, int]] = []
    for cell in np.argsort(-scores, axis=None, kind="stable"):
        utterance, keyword = (int(i) for i in np.unravel_index(cell, scores.shape))
        if len(selected) == count or scores[utterance, keyword] < 0:
            break
        if all(utterance != u and keyword != w for u, w in selected):
            selected.append((utterance, keyword))
    return selected


def _verdict(evaluation: Evaluation, utterance: int, keyword: int) -> str:
    if not evaluation.truth.present[utterance, keyword]:
        return NOT_SPOKEN
    if not evaluation.truth.aligned:
        return ""
    return RIGHT if located(evaluation.truth, evaluation.predictions)[utterance, keyword] else WRONG_PLACE
