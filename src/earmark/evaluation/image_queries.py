"""Predictions for image queries: each keyword is searched for with images that show it (Nortje and Kamper 2022).

An utterance is searched with all images of a keyword except its own. Where there are no others, the cell is not
evaluated and takes part in no measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from earmark.core.progress import progress
from earmark.core.types import ImageQuery, Prompt, canonical_path
from earmark.evaluation.data import Bools, Predictions
from earmark.evaluation.predictions import SplitFeatures, clip_to_end
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.base import EncodedQueries
from earmark.models.encoded import EncodedSpeech
from earmark.models.prompts import Prompts


@torch.no_grad()
def predict_images(
    spotter: KeywordSpotter, split: SplitFeatures, prompts: Prompts, images: Sequence[Path | None], usable: Bools
) -> Predictions:
    """Detection scores and locations of Q image queries in U utterances.

    Parameters
    ----------
    spotter : KeywordSpotter
    split : SplitFeatures
    prompts : Prompts
        Of the Q queries.
    images : sequence of Path or None
        The image of each of the U utterances, which is left out of its queries.
    usable : numpy.ndarray, shape = (U, Q), bool
        Where a query has other images.
    """
    scores, times_s = np.full(usable.shape, np.nan), np.full(usable.shape, np.nan)
    with progress("Detecting and locating with images", len(split)) as advance:
        for batch in split.batches():
            features, lengths = split.padded(batch)
            predict = partial(_scores_and_times, spotter, spotter.encode(features, lengths))
            predicted = prompts.predict([images[u] for u in batch], predict).cpu().numpy()
            scores[batch] = np.where(usable[batch], predicted[..., 0], np.nan)
            times_s[batch] = clip_to_end(spotter, predicted[..., 1], lengths)
            advance(len(batch))
    return Predictions(scores, times_s, usable)


def other_prompts(query: ImageQuery, image: Path | None) -> tuple[Prompt, ...]:
    """The prompts of a query that do not show one image."""
    own = image and canonical_path(image)
    return tuple(prompt for prompt in query.prompts if canonical_path(prompt.path) != own)


def _scores_and_times(
    spotter: KeywordSpotter, encoded: EncodedSpeech, rows: Sequence[int], queries: EncodedQueries
) -> Tensor:
    """Detection scores and locations in seconds, (b, q, 2), of some rows of a batch."""
    found = spotter.localise_encoded(encoded.select(rows), queries)
    return torch.stack([found.detection.double().sigmoid(), found.locations_s().double()], dim=2)
