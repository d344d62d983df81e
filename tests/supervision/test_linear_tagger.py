"""The linear probe against scikit-learn's logistic regression, and as a tagger in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL.Image import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from conftest import COLOURS, picture
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.features.image_encoder import Backbone
from earmark.supervision import backbone_tagger
from earmark.supervision.captions import Picture
from earmark.supervision.linear_tagger import LinearTaggerSettings
from earmark.supervision.taggers import read_tagger
from earmark.training.logistic_regression import logistic_regression
from earmark.training.taggers import train_linear_tagger

WORDS = Vocabulary(COLOURS)


def colours_shown(pictures: Sequence[Image]) -> Tensor:
    """How much of each colour there is, and a dimension that does not vary."""
    pixels = np.stack([np.asarray(one, dtype=np.float32).reshape(-1, 3) / 255 for one in pictures])
    red, green, blue = (pixels[:, :, channel] > 0.9 for channel in range(3))
    parts = [red & ~green, blue & ~red, ~red & ~blue & (pixels.min(2) < 0.1), red & green]
    return torch.from_numpy(np.stack([*(part.mean(1) for part in parts), np.full(len(pixels), 0.5)], axis=1)).float()


def drawn(folder: Path, count: int, seed: int) -> list[Picture]:
    """Pictures of one or two things, with a caption that names them."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    pictures = []
    for number in range(count):
        shown = [str(word) for word in rng.permutation(list(COLOURS))[: 1 + number % 2]]
        picture(shown, rng).save(folder / f"{number}.png")
        pictures.append(Picture(folder / f"{number}.png", (" and ".join(shown),)))
    return pictures


def test_weights_are_those_of_another_library() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(2.0, 3.0, size=(60, 5)) * [1, 10, 0.1, 1, 1]
    vectors[:, 4] = 7.0  # does not vary
    targets = (vectors[:, :2] + rng.normal(0, 3, size=(60, 2)) > [2, 5]).astype(np.float64)
    penalty = 0.03
    layer = logistic_regression(torch.tensor(vectors), torch.tensor(targets), penalty, 500).double()
    scale = np.where(vectors.std(0) > 0, vectors.std(0), 1)
    standardised = (vectors - vectors.mean(0)) / scale
    for word in range(2):
        # Its objective is C times the sum over pictures, plus half of the squared weights.
        known = LogisticRegression(C=1 / (2 * penalty * len(vectors)), tol=1e-8, max_iter=1000)
        known.fit(standardised, targets[:, word])
        with torch.no_grad():
            logits = layer(torch.tensor(vectors))[:, word].numpy()
        np.testing.assert_allclose(logits, known.decision_function(standardised), atol=2e-3)


def test_it_learns_what_is_shown_from_few_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = Backbone("by hand", "ab" * 32, colours_shown)
    monkeypatch.setattr(backbone_tagger, "read_backbone", lambda _: backbone)
    settings = LinearTaggerSettings(backbone="by hand", backbone_sha256="ab" * 32)
    pictures, unseen = drawn(tmp_path / "p", 40, 1), drawn(tmp_path / "unseen", 40, 2)
    train_linear_tagger(pictures, WORDS, backbone, settings, tmp_path / "t")
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [
        "learned-from.npz", "model.safetensors", "tagger.yaml", "vectors", "vocabulary.txt"
    ]  # fmt: skip
    tags = read_tagger(tmp_path / "t").tags([each.image for each in unseen])
    shown = np.array([[word in each.captions[0].split() for word in WORDS] for each in unseen])
    assert min(tags[:, w][shown[:, w]].min() - tags[:, w][~shown[:, w]].max() for w in range(len(WORDS))) > 0
    with pytest.raises(EarmarkError, match="already holds a tagger"):
        train_linear_tagger(pictures, WORDS, backbone, settings, tmp_path / "t")
    with pytest.raises(EarmarkError, match="9 captioned pictures are too few to learn from: give at least 10"):
        train_linear_tagger(pictures[:9], WORDS, backbone, settings, tmp_path / "few")
