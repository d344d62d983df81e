"""How long each training may take, and what is settled of it before it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.models.checkpoint import write_description
from earmark.recipe import Recipe, read_recipe
from earmark.reproduce import budget as budgets
from earmark.reproduce.budget import Budget, recipe_within, resolved_recipe
from earmark.training.loop import resolve_recipe
from support import networks

WORDS = Vocabulary(["ball", "dog"])


@pytest.fixture
def recipe(shorter: Callable[..., Recipe]) -> Callable[[int | None], Recipe]:
    """The recipe for so many epochs, by default 3."""
    return lambda epochs: shorter(epochs=epochs or 3)


def test_a_new_run_takes_the_given_epochs_or_its_own(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    assert resolved_recipe(recipe, tmp_path, Budget(), WORDS).training.epochs == 3
    assert resolved_recipe(recipe, tmp_path, Budget(epochs=5), WORDS).training.epochs == 5
    assert resolved_recipe(recipe, tmp_path, Budget(minutes=5), WORDS) is None


def test_a_started_run_keeps_its_epochs(recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    write_description(tmp_path, recipe(7), WORDS)
    for budget in (Budget(), Budget(epochs=7), Budget(minutes=1)):
        assert resolved_recipe(recipe, tmp_path, budget, WORDS) == recipe(7)
    with pytest.raises(EarmarkError, match="was started with 7 epochs, not 2"):
        resolved_recipe(recipe, tmp_path, Budget(epochs=2), WORDS)


def test_a_run_of_another_recipe_is_refused(shorter: Callable[..., Recipe], tmp_path: Path) -> None:
    write_description(tmp_path, shorter(seed=1), WORDS)
    with pytest.raises(EarmarkError, match="has another recipe"):
        resolved_recipe(lambda epochs: shorter(epochs=epochs or 3), tmp_path, Budget(), WORDS)


def test_a_run_with_a_network_of_the_hub_goes_on_with_that_network_alone(
    tiny_pair_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe does not say which files those are; the run does. Nothing is downloaded for a look."""
    network, local_only = networks.resnet(tmp_path / "snapshot"), []

    def fetch(name: str, **options: object) -> str:
        local_only.append(options["local_files_only"])
        return str(network)

    def recipe(epochs: int | None) -> Recipe:
        values = tiny_pair_recipe.model_dump(exclude_none=True)
        values["model"]["image"] = {"kind": "pretrained", "network": "hub:some/resnet"}
        values["training"]["epochs"] = epochs or 3
        return Recipe.model_validate(values)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    write_description(tmp_path / "run", resolve_recipe(recipe(7), download=True), WORDS)
    known = resolved_recipe(recipe, tmp_path / "run", Budget(), WORDS)
    assert known == read_recipe(tmp_path / "run" / "recipe.yaml") != recipe(7)
    assert local_only == [False, True]
    networks.vit(network)
    with pytest.raises(EarmarkError, match="has another recipe"):
        resolved_recipe(recipe, tmp_path / "run", Budget(), WORDS)


def test_a_network_in_a_relative_folder_is_the_same_on_going_on(
    tiny_pair_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks.resnet(tmp_path / "net")
    monkeypatch.chdir(tmp_path)
    values = tiny_pair_recipe.model_dump(exclude_none=True)
    values["model"]["image"] = {"kind": "pretrained", "network": "net"}
    recipe = Recipe.model_validate(values)
    write_description(tmp_path / "run", resolve_recipe(recipe, download=True), WORDS)
    known = resolved_recipe(lambda _: recipe, tmp_path / "run", Budget(), WORDS)
    assert known == read_recipe(tmp_path / "run" / "recipe.yaml")
    assert known.model.image.network == str(tmp_path / "net")


@pytest.mark.parametrize("others", [["dog", "ball"], ["ball"], ["ball", "snow"]])
def test_a_run_of_other_keywords_is_refused(recipe: Callable[..., Recipe], tmp_path: Path, others: list[str]) -> None:
    write_description(tmp_path, recipe(3), WORDS)
    with pytest.raises(EarmarkError, match="has other keywords, or another order"):
        resolved_recipe(recipe, tmp_path, Budget(), Vocabulary(others))


def test_whole_epochs_fit_into_minutes(
    recipe: Callable[..., Recipe], tiny_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "estimate_epoch_seconds", lambda *_: 14.0)
    assert recipe_within(recipe, 0.6, tiny_corpus, WORDS).training.epochs == 2  # 36 s
    assert recipe_within(recipe, 0.01, tiny_corpus, WORDS).training.epochs == 1


def test_epochs_and_minutes_exclude_each_other() -> None:
    with pytest.raises(EarmarkError, match="not both"):
        Budget(epochs=1, minutes=1)


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("inf"), float("nan")])
def test_minutes_are_a_length_of_time(minutes: float) -> None:
    with pytest.raises(EarmarkError, match="--minutes must be a number above 0"):
        Budget(minutes=minutes)
