"""The pictures of a split, as the image network looks at them before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from earmark.corpus import Corpus, Utterance
from earmark.errors import EarmarkError
from earmark.models.image import ImageNetwork
from earmark.supervision.vectors import KeptVectors, kept_vectors


@dataclass(frozen=True, eq=False)
class Gallery:
    """Pictures of utterances.

    Attributes
    ----------
    paths : sequence of Path
        The pictures, each once.
    seen : KeptVectors
        What :meth:`earmark.models.image.ImageNetwork.look` makes of each.
    of : numpy.ndarray, shape = (U,), int64
        Which picture each utterance describes.
    """

    paths: Sequence[Path]
    seen: KeptVectors
    of: npt.NDArray[np.int64]

    @property
    def images(self) -> list[Path]:
        """The picture of each utterance."""
        return [self.paths[number] for number in self.of]

    def __getitem__(self, utterances: Sequence[int]) -> Tensor:
        """What is seen of the utterances' pictures, (B, ...)."""
        return torch.from_numpy(self.seen[self.of[list(utterances)]])

    def dealt(self, order: npt.NDArray[np.int64]) -> Gallery:
        """Each utterance with the picture of another."""
        return Gallery(self.paths, self.seen, self.of[order])


def read_gallery(corpus: Corpus, split: str, network: ImageNetwork) -> Gallery:
    """Look at the pictures of a split, or take what was seen before from the corpus's folder.

    Raises
    ------
    EarmarkError
        If an utterance has no picture, or one is missing or can't be read.
    """
    paths = [_picture(utterance, corpus) for utterance in corpus.utterances(split)]
    distinct = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    folder = corpus.folder / "features" / "pictures" / network.fingerprint
    seen = kept_vectors(list(distinct), network.look, folder, f"Pictures of {split}")
    return Gallery(list(distinct), seen, np.array([distinct[path] for path in paths]))


def _picture(utterance: Utterance, corpus: Corpus) -> Path:
    if utterance.image is None:
        raise EarmarkError(
            f"The utterance {utterance.id} of {corpus.folder} has no picture: a model that is asked with pictures "
            "learns from pairs of both; leave it out of the corpus."
        )
    return utterance.image
