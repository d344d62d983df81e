"""How long an epoch will take."""

from __future__ import annotations

from pathlib import Path

import pytest

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import Vocabulary
from earmark.recipe import Recipe
from earmark.training.loop import estimate_epoch_seconds, train
from earmark.training.state import training_seconds
from support import networks


def test_the_pace_of_an_epoch_is_about_what_it_takes(tiny_recipe: Recipe, tiny_corpus: Corpus, tmp_path: Path) -> None:
    words = Vocabulary(tiny_corpus.keywords)
    predicted = estimate_epoch_seconds(tiny_recipe, tiny_corpus, words)
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 10
    train(Recipe.model_validate(values), tiny_corpus, tmp_path / "run", words)
    assert 1 / 5 < predicted / (training_seconds(tmp_path / "run") / 10) < 5


def test_a_network_of_the_hub_is_downloaded_before_anything_is_timed(
    tiny_pair_recipe: Recipe, tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the training that follows: on a fresh machine it was never there."""
    snapshot = tmp_path / "snapshot"

    def fetch(name: str, *, local_files_only: bool, **_: object) -> str:
        if not local_files_only and not snapshot.exists():
            networks.resnet(snapshot)
        if not snapshot.exists():
            raise FileNotFoundError(name)
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    values = tiny_pair_recipe.model_dump(exclude_none=True)
    values["model"]["image"] = {"kind": "pretrained", "network": "hub:some/resnet", "side": 32}
    assert 0 < estimate_epoch_seconds(Recipe.model_validate(values), tiny_corpus, Vocabulary(tiny_corpus.keywords)) < 60
