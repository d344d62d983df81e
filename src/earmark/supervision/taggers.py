"""Taggers: image networks that never hear speech. Whatever its kind, a tagger gives pictures tags in [0, 1].

earmark tagger train PICTURES --out TAGGER
earmark tag CORPUS --tagger TAGGER
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import yaml

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary, read_text
from earmark.supervision.cnn_tagger import read_cnn_tagger
from earmark.supervision.linear_tagger import read_linear_tagger
from earmark.supervision.mlp_tagger import read_mlp_tagger
from earmark.supervision.tagger_folder import or_damaged
from earmark.supervision.targets import Targets


class Tagger(Protocol):
    """Tags pictures with the words of its vocabulary, W of them."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The keywords."""

    def tags(self, images: Sequence[Path]) -> npt.NDArray[np.float32]:
        """Tags of N pictures, shape (N, W), each by itself."""


def tag(tagger: Tagger, utterances: Sequence[Utterance]) -> Targets:
    """Tags of the utterances' images; an image of several utterances is looked at once.

    Raises
    ------
    EarmarkError
        If an utterance has no image, or an image is missing or can't be read.
    """
    images: dict[Path, int] = {}
    of_utterances = {}
    for utterance in utterances:
        if utterance.image is None:
            raise EarmarkError(f"Utterance {utterance.id} has no image, so a tagger can't tag it.")
        of_utterances[utterance.id] = images.setdefault(utterance.image, len(images))
    tags = tagger.tags(list(images)) if images else np.empty((0, len(tagger.vocabulary)), dtype=np.float32)
    return Targets(tagger.vocabulary, {name: tags[row] for name, row in of_utterances.items()})


def read_tagger(folder: Path | str) -> Tagger:
    """Load a tagger of any kind.

    Raises
    ------
    EarmarkError
        If the folder holds none, or one that is damaged or whose backbone is gone.
    """
    folder = Path(folder)
    if not (folder / "tagger.yaml").is_file():
        raise EarmarkError(f"{folder} is not a tagger (it has no tagger.yaml): train one with 'earmark tagger train'.")
    with or_damaged(folder):
        description = yaml.safe_load(read_text(folder / "tagger.yaml"))
    if not isinstance(description, dict) or "backbone" not in description:
        return read_cnn_tagger(folder)
    return read_linear_tagger(folder) if "penalty" in description else read_mlp_tagger(folder)
