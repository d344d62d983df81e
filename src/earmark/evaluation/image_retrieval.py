"""Retrieval of a split's pictures by its utterances, and of its utterances by its pictures, by a model's similarity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from earmark.core.evaluation_setup import RetrievalScores
from earmark.core.progress import progress
from earmark.core.types import ImageQuery, canonical_path
from earmark.evaluation.data import Bools, Floats
from earmark.evaluation.predictions import SplitFeatures
from earmark.evaluation.retrieval import retrieval
from earmark.localisation.spotter import KeywordSpotter

MOST = 1000  # utterances; papers take the first thousand pairs, too (Harwath et al. 2018)
AT_ONCE = 32  # pictures


def image_retrieval(spotter: KeywordSpotter, split: SplitFeatures) -> RetrievalScores | None:
    """Retrieval scores of the first thousand utterances that have a picture, and of these pictures.

    Returns
    -------
    RetrievalScores or None
        None where fewer than two pictures are there.
    """
    rows = [u for u, utterance in enumerate(split.utterances) if utterance.image is not None][:MOST]
    own = [canonical_path(image) for u in rows if (image := split.utterances[u].image) is not None]
    pictures = list(dict.fromkeys(own))
    if len(pictures) < 2:
        return None
    relevant: Bools = np.array(own)[:, None] == np.array(pictures)
    return retrieval(similarities(spotter, split, rows, [Path(picture) for picture in pictures]), relevant)


@torch.no_grad()
def similarities(
    spotter: KeywordSpotter, split: SplitFeatures, rows: Sequence[int], pictures: Sequence[Path]
) -> Floats:
    """Similarities of some utterances and pictures: the detection logits of each picture alone as a query.

    Returns
    -------
    numpy.ndarray, shape = (len(rows), len(pictures))
    """
    chunks = [pictures[first : first + AT_ONCE] for first in range(0, len(pictures), AT_ONCE)]
    queries = [spotter.encode_queries([ImageQuery.of(picture) for picture in chunk]) for chunk in chunks]
    place = {u: row for row, u in enumerate(rows)}
    table = np.empty((len(rows), len(pictures)))
    with progress("Retrieving pictures and speech", len(rows)) as advance:
        for batch in split.batches():
            some = [u for u in batch if u in place]
            if some:
                encoded = spotter.encode(*split.padded(some))
                logits = torch.cat([spotter.detect(encoded, chunk) for chunk in queries], dim=1)
                table[[place[u] for u in some]] = logits.double().cpu().numpy()
                advance(len(some))
    return table
