"""How long an epoch will take."""

from __future__ import annotations

from pathlib import Path

from earmark.corpus import Corpus
from earmark.recipe import Recipe
from earmark.train.loop import train
from earmark.train.pace import epoch_seconds
from earmark.train.state import training_seconds
from earmark.vocabulary import Vocabulary


def test_the_pace_of_an_epoch_is_about_what_it_takes(tiny_recipe: Recipe, tiny_corpus: Corpus, tmp_path: Path) -> None:
    words = Vocabulary(tiny_corpus.keywords)
    predicted = epoch_seconds(tiny_recipe, tiny_corpus, words)
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 10
    train(Recipe.model_validate(values), tiny_corpus, tmp_path / "run", words)
    assert 1 / 5 < predicted / (training_seconds(tmp_path / "run") / 10) < 5
