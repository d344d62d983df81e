"""Evaluation with image queries: a keyword is asked for with pictures that show it (Nortje and Kamper 2022).

An utterance is asked with all pictures of a keyword but its own. Where there are no others, it can't be asked, and that
pair of utterance and keyword takes no part in any measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from earmark.asking import Prompts
from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.evaluate.gather import gather_truth
from earmark.evaluate.measures import measure
from earmark.evaluate.query_pictures import query_pictures
from earmark.evaluate.runner import BATCH, IMAGE, Evaluation, Heard, header, hear, no_later_than_its_end
from earmark.evaluate.truth import Bools, Predictions
from earmark.finder import Finder
from earmark.models.checkpoint import DEFAULT_THRESHOLD
from earmark.models.pictured import PicturedModel
from earmark.progress import progress
from earmark.vocabulary import Vocabulary


def evaluate_pictures(finder: Finder, corpus: Corpus, split: str, with_own: bool = False) -> Evaluation:
    """Measure a model on a split, asked with pictures of that split.

    Parameters
    ----------
    finder : Finder
        Of a model that is asked with pictures.
    corpus : Corpus
    split : str
    with_own : bool
        Ask utterances with their own pictures too, as the released code of Nortje and Kamper (2022) does.

    Raises
    ------
    EarmarkError
        If the model is not asked with pictures, there are none to ask with, or none can be read; or as
        :func:`earmark.evaluate.runner.evaluate`.
    """
    if not isinstance(finder.model, PicturedModel):
        raise EarmarkError(
            "This model is asked with words alone, so it can't be evaluated with image queries: leave --queries out."
        )
    pictures = query_pictures(corpus, split, finder.checkpoint.vocabulary)
    keywords = Vocabulary(query.name for query in pictures.queries)
    utterances, heard = hear(finder, corpus, split)
    images = [None if with_own else utterance.image for utterance in utterances]
    asked = pictures.askable(images)
    truth = gather_truth(utterances, keywords)
    predictions = answers(finder, heard, Prompts(finder.model, pictures.queries), images, asked)
    threshold = finder.checkpoint.image_threshold
    measures = measure(
        truth.within(asked),
        predictions,
        np.full(len(keywords), DEFAULT_THRESHOLD if threshold is None else threshold),
        keywords.words,
        np.array([utterance.duration_s for utterance in utterances]),
        threshold,
    )
    metrics = {
        **header(finder, corpus, split),
        "queries": IMAGE,
        "query_pictures": {
            "of_keywords": pictures.to_json(corpus.folder),
            "own_pictures_asked": with_own,
            "crops": sum(prompt.box is not None for query in pictures.queries for prompt in query.prompts),
            "left_out": {
                "pairs": int((~asked).sum()),
                "spoken_pairs": int((truth.present & ~asked).sum()),
                "keywords": list(pictures.unpictured),
                "learned_pictures": pictures.learned,
            },
        },
        "utterances": len(utterances),
        "keywords": len(keywords),
        **measures,
    }
    return Evaluation(finder, utterances, pictures.queries, truth.within(asked), predictions, metrics)


@torch.no_grad()
def answers(finder: Finder, heard: Heard, prompts: Prompts, images: Sequence[Path | None], asked: Bools) -> Predictions:
    """What a model says of U utterances and Q image queries.

    Parameters
    ----------
    finder : Finder
    heard : Heard
    prompts : Prompts
    images : sequence of Path or None
        The picture of each of the U utterances, with which it is not asked.
    asked : numpy.ndarray, shape = (U, Q), bool
        Where a query has other pictures.
    """
    scores, times_s = np.full(asked.shape, np.nan), np.full(asked.shape, np.nan)
    with progress("Searching with pictures", len(heard)) as advance:
        for batch in heard.batches(BATCH):
            features, lengths = heard.padded(batch)
            answer = partial(_said, finder, features, lengths)
            found = prompts.answers([images[u] for u in batch], answer).cpu().numpy()
            scores[batch] = np.where(asked[batch], found[..., 0], np.nan)
            times_s[batch] = no_later_than_its_end(finder, found[..., 1], lengths)
            advance(len(batch))
    return Predictions(scores, times_s, asked)


def _said(finder: Finder, features: Tensor, lengths: Tensor, rows: Sequence[int], queries: Any) -> Tensor:
    """Detection scores and locations, (b, q, 2), of some rows of a batch."""
    located = finder.locate(features[list(rows)], lengths[list(rows)], queries)
    return torch.stack([located.detection.double().sigmoid(), located.locations_s().double()], dim=2)
