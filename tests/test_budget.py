"""How long each training may take, and what is settled of it before it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from earmark.corpus import Corpus
from earmark.errors import EarmarkError
from earmark.models.checkpoint import write_description
from earmark.recipe import Recipe
from earmark.reproduce import budget as budgets
from earmark.reproduce.budget import Budget, fitting, settled
from earmark.vocabulary import Vocabulary

WORDS = Vocabulary(["ball", "dog"])


@pytest.fixture
def recipe(shorter: Callable[..., Recipe]) -> Callable[[int | None], Recipe]:
    """The recipe for so many epochs, by default 3."""
    return lambda epochs: shorter(epochs=epochs or 3)


def test_a_new_run_takes_the_epochs_asked_for_or_its_own(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    assert settled(recipe, tmp_path, Budget(), WORDS).training.epochs == 3
    assert settled(recipe, tmp_path, Budget(epochs=5), WORDS).training.epochs == 5
    assert settled(recipe, tmp_path, Budget(minutes=5), WORDS) is None


def test_a_run_that_was_begun_keeps_its_epochs(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    write_description(tmp_path, recipe(7), WORDS)
    for asked in (Budget(), Budget(epochs=7), Budget(minutes=1)):
        assert settled(recipe, tmp_path, asked, WORDS) == recipe(7)
    with pytest.raises(EarmarkError, match="was begun with 7 epochs, not 2"):
        settled(recipe, tmp_path, Budget(epochs=2), WORDS)


def test_a_run_of_another_recipe_is_refused(shorter: Callable[..., Recipe], tmp_path: Path) -> None:
    write_description(tmp_path, shorter(seed=1), WORDS)
    with pytest.raises(EarmarkError, match="begun with another recipe"):
        settled(lambda epochs: shorter(epochs=epochs or 3), tmp_path, Budget(), WORDS)


@pytest.mark.parametrize("others", [["dog", "ball"], ["ball"], ["ball", "snow"]])
def test_a_run_of_other_keywords_is_refused(recipe: Callable[..., Recipe], tmp_path: Path, others: list[str]) -> None:
    write_description(tmp_path, recipe(3), WORDS)
    with pytest.raises(EarmarkError, match="begun with other keywords, or in another order"):
        settled(recipe, tmp_path, Budget(), Vocabulary(others))


def test_whole_epochs_fit_into_minutes(
    recipe: Callable[..., Recipe], tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "epoch_seconds", lambda *_: 14.0)
    assert fitting(recipe, 0.6, tiny_corpus, WORDS).training.epochs == 2  # 36 s
    assert fitting(recipe, 0.01, tiny_corpus, WORDS).training.epochs == 1


def test_epochs_and_minutes_exclude_each_other() -> None:
    with pytest.raises(EarmarkError, match="not both"):
        Budget(epochs=1, minutes=1)


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("inf"), float("nan")])
def test_minutes_are_a_length_of_time(minutes: float) -> None:
    with pytest.raises(EarmarkError, match="--minutes must be a number above 0"):
        Budget(minutes=minutes)
