"""Features of a split in batches, and clipping of locations: shared by keyword and image queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from earmark.core.corpus import Corpus, Utterance
from earmark.evaluation.data import Floats, measurable
from earmark.features.cache import FeatureSet, load_features
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.padding import in_order, pad

BATCH_SIZE = 16


@dataclass(frozen=True, eq=False)
class SplitFeatures:
    """Features of the U utterances of a split that are evaluated, read as they are needed.

    Attributes
    ----------
    utterances : list of Utterance, of length U
    features : FeatureSet
        Of the whole split.
    rows : sequence of int, of length U
        Where the utterances are in `features`.
    """

    utterances: list[Utterance]
    features: FeatureSet
    rows: Sequence[int]

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int = BATCH_SIZE) -> list[list[int]]:
        """Indices of the utterances in batches of about one length."""
        return in_order(self.features.lengths[list(self.rows)], size)

    def padded(self, batch: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Features (B, T, F) and lengths (B,) of a batch."""
        return pad([self.features[self.rows[u]] for u in batch])


def load_split(spotter: KeywordSpotter, corpus: Corpus, split: str) -> SplitFeatures:
    """Features of the utterances of a split that can be evaluated.

    Raises
    ------
    EarmarkError
        If the corpus has no such split, or none of its utterances has a text or word times.
    """
    every = corpus.utterances(split)
    utterances = measurable(every)
    ids = {utterance.id for utterance in utterances}
    rows = [row for row, utterance in enumerate(every) if utterance.id in ids]
    return SplitFeatures(utterances, load_features(corpus, split, spotter.checkpoint.recipe.features), rows)


def clip_to_end(spotter: KeywordSpotter, times_s: Floats, lengths: Tensor) -> Floats:
    """Locations (B, Q), none later than the end of its utterance of (B,) features.

    The centre of the only frame of an utterance that is shorter than a frame lies after the end.
    """
    return np.minimum(times_s, spotter.feature_grid.edge_s(lengths.numpy()[:, None]))
