"""The choice between the epoch with the lowest loss on dev and the last one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from earmark.core.corpus import Corpus
from earmark.core.model_folder import read_weights
from earmark.models.learning_test import LearningTest, read_learning_test
from earmark.recipe import Recipe
from earmark.training import loop
from earmark.training.calibration import Calibration
from earmark.training.epoch_choice import EpochChoice, choose_epoch
from earmark.training.loop import train


class WeightIsP:
    """An objective whose network has one weight, which is the p of its learning test."""

    def __init__(self) -> None:
        self.model = nn.Linear(1, 1, bias=False).train()

    def calibrate(self) -> Calibration:
        assert not self.model.training
        return Calibration(LearningTest(float(self.model.weight.detach()), 999, 40))


def weights(p: float) -> dict[str, Tensor]:
    return {"weight": torch.tensor([[p]], dtype=torch.float64).float()}


def choose(best: float, last: float) -> tuple[EpochChoice, float]:
    objective = WeightIsP()
    choice = choose_epoch(objective, weights(best), weights(last))
    return choice, float(objective.model.weight.detach())


@pytest.mark.parametrize(
    ("best", "last", "is_last", "p"),
    [
        (0.005, 0.001, False, 0.005),  # the best one has learned: the last is not even tested
        (0.4, 0.002, True, 0.004),  # p of two tests is doubled
        (0.4, 0.3, True, 0.6),
        (0.2, 0.3, False, 0.4),
        (0.7, 0.6, True, 1.0),
        (0.3, 0.3, False, 0.3),  # they are the same epoch: one test
    ],
)
def test_the_last_epoch_is_taken_where_the_best_has_learned_nothing_and_the_last_fits_better(
    best: float, last: float, is_last: bool, p: float
) -> None:
    choice, loaded = choose(best, last)
    assert choice.is_last is is_last
    assert choice.calibration.learning_test.p == pytest.approx(p)
    assert loaded == pytest.approx(last if is_last else best)


def test_a_training_whose_best_epoch_has_learned_nothing_leaves_the_last_one(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The losses on dev are made to rise from the first epoch on, as they may with weak tags."""
    losses = iter([0.1, 0.2, 0.3])
    first: list[dict[str, Tensor]] = []
    make = loop.make_objective

    def with_rising_losses(*arguments: object) -> object:
        objective = make(*arguments)  # type: ignore[arg-type]
        calibrate = objective.calibrate

        def calibrate_first_as_nothing() -> Calibration:
            if first:
                return calibrate()
            first.append(read_weights(tmp_path / "run"))
            return Calibration(LearningTest(0.5, 999, 40))

        monkeypatch.setattr(objective, "dev_loss", lambda: next(losses))
        monkeypatch.setattr(objective, "calibrate", calibrate_first_as_nothing)
        return objective

    monkeypatch.setattr(loop, "make_objective", with_rising_losses)
    training = tiny_recipe.training.model_copy(update={"epochs": 3})
    run = train(tiny_recipe.model_copy(update={"training": training}), tiny_corpus, tmp_path / "run", callbacks=[])
    chosen = read_weights(run)
    assert any(not torch.equal(weight, chosen[name]) for name, weight in first[0].items())
    test = read_learning_test(run)
    assert test is not None
    assert test.p < 0.5
    card = (run / "model-card.md").read_text(encoding="utf-8")
    assert "**Epoch** 3 of 3, the last, loss on dev 0.3000: in epoch 1, which has the lowest (0.1000), nothing" in card
