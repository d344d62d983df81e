"""The kinds of query that a model can be evaluated with, and evaluating it with several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.types import name_of
from earmark.evaluation.agreement import ModalityResult, agreement
from earmark.evaluation.image_queries import evaluate_pictures, query_pictures
from earmark.evaluation.keyword_queries import IMAGE, WRITTEN, Evaluation, evaluate
from earmark.localisation.spotter import KeywordSpotter
from earmark.models import SpeechModel


def query_modalities(model: SpeechModel) -> tuple[str, ...]:
    """The kinds of query that a model can be asked with, its main one first."""
    return tuple(kind for kind, query in ((WRITTEN, "keyword"), (IMAGE, "image")) if query in model.accepts)


def chosen(model: SpeechModel, kind: str | None) -> tuple[str, ...]:
    """What "written", "image" or "both" means for a model; None is all that it can be asked with.

    Raises
    ------
    EarmarkError
        If the model can't be asked so.
    """
    can = query_modalities(model)
    wanted = {None: can, "both": (WRITTEN, IMAGE), WRITTEN: (WRITTEN,), IMAGE: (IMAGE,)}.get(kind)
    if wanted is None:
        raise EarmarkError(f"There are no {kind!r} queries: choose from {WRITTEN}, {IMAGE} and both.")
    if not set(wanted) <= set(can):
        raise EarmarkError(f"This model is asked with {can[0]} queries alone: leave --queries {kind} out.")
    return wanted


def evaluate_kinds(
    finder: KeywordSpotter,
    corpus: Corpus,
    split: str,
    kinds: Sequence[str],
    keep: Path | None = None,
    include_own_image: bool = False,
) -> dict[str, Evaluation]:
    """Measure a model on a split with queries of one kind or two; of two, how far they agree as well.

    Parameters
    ----------
    kinds : sequence of str
        As of :func:`chosen`.
    keep : Path, optional
        As for :func:`earmark.evaluate.runner.evaluate`.
    include_own_image : bool
        As for :func:`earmark.evaluate.pictured.evaluate_pictures`.

    Raises
    ------
    EarmarkError
        As of the two.
    """
    if IMAGE in kinds:  # refused now, where there is nothing to ask with, not after the written queries
        query_pictures(corpus, split, finder.checkpoint.vocabulary)
    done = {
        kind: evaluate(finder, corpus, split, keep)
        if kind == WRITTEN
        else evaluate_pictures(finder, corpus, split, include_own_image)
        for kind in kinds
    }
    if len(done) < 2:
        return done
    said = [ModalityResult([name_of(q) for q in one.queries], one.truth, one.predictions) for one in done.values()]
    agreed = agreement(done[WRITTEN].utterances, *said)
    return {kind: replace(one, metrics=one.metrics | {"agreement": agreed}) for kind, one in done.items()}
