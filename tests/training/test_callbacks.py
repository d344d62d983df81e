"""Callbacks are called when they should be, and change nothing by themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import earmark
from earmark.core.corpus import Corpus
from earmark.core.model_folder import read_weights
from earmark.recipe import Recipe
from earmark.training.state import read_state

Shorter = Callable[..., Recipe]


class Record(earmark.Callback):
    """Notes every call; stops the training by an error after so many epochs."""

    def __init__(self, most: int = 99) -> None:
        self.calls: list[str] = []
        self.points: list[Mapping[str, float]] = []
        self.best: list[float] = []
        self.losses: list[torch.Tensor] = []
        self.most = most

    def on_train_begin(self, run: earmark.TrainingRun) -> None:
        self.run = run
        self.calls.append("begin")

    def on_step_end(self, step: int, losses: Mapping[str, torch.Tensor]) -> None:
        self.calls.append(f"step {step}")
        self.losses.append(losses["loss"])

    def on_epoch_end(self, point: Mapping[str, float]) -> None:
        self.calls.append(f"epoch {point['epoch']}")
        self.points.append(point)
        if len(self.points) == self.most:
            raise KeyboardInterrupt

    def on_best(self, point: Mapping[str, float]) -> None:
        self.best.append(point["dev_loss"])

    def on_train_end(self) -> None:
        self.calls.append("end")


@pytest.fixture(scope="module")
def recorded(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, Path, Record]:
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 3
    recipe, record = Recipe.model_validate(values), Record()
    out = earmark.train(recipe, tiny_corpus, tmp_path_factory.mktemp("runs") / "run", callbacks=[record])
    return recipe, out, record


def test_the_order_of_calls(recorded: tuple[Recipe, Path, Record]) -> None:
    _, out, record = recorded
    steps = record.run.steps_per_epoch
    expected = ["begin"]
    for epoch in (1, 2, 3):
        expected += [f"step {(epoch - 1) * steps + number}" for number in range(1, steps + 1)] + [f"epoch {epoch}"]
    assert record.calls == [*expected, "end"]
    assert (record.run.folder, record.run.epochs, record.run.epochs_done) == (out, 3, 0)


def test_points_and_losses_are_those_of_the_curve(recorded: tuple[Recipe, Path, Record]) -> None:
    _, out, record = recorded
    assert record.points == read_state(out).curve
    steps = record.run.steps_per_epoch
    for epoch, point in enumerate(record.points):
        some = torch.stack(record.losses[epoch * steps : (epoch + 1) * steps])
        assert float(some.mean()) == pytest.approx(point["train_loss"])
    lowest = [point["dev_loss"] for point in record.points]
    assert record.best == [loss for n, loss in enumerate(lowest) if loss < min(lowest[:n], default=99)]


def test_given_callbacks_replace_tensorboard_and_change_no_weight(
    recorded: tuple[Recipe, Path, Record], tiny_corpus: Corpus, tmp_path: Path
) -> None:
    recipe, out, record = recorded
    assert not (out / "tensorboard").exists()
    plain = earmark.train(recipe, tiny_corpus, tmp_path / "plain")
    for name, weight in read_weights(plain).items():
        assert torch.equal(weight, read_weights(out)[name])
    files = sorted((plain / "tensorboard").glob("events*"))
    values = [
        (value.tag, event.step)
        for file in files
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    ]
    assert values == [(tag, epoch) for epoch in (1, 2, 3) for tag in ("train_loss", "dev_loss")]
    assert len(record.points) == 3


def test_a_training_that_is_stopped_ends_its_callbacks_and_is_resumed(
    recorded: tuple[Recipe, Path, Record], tiny_corpus: Corpus, tmp_path: Path
) -> None:
    recipe, out, whole = recorded
    first, second = Record(most=2), Record()
    with pytest.raises(KeyboardInterrupt):
        earmark.train(recipe, tiny_corpus, tmp_path / "run", callbacks=[first, earmark.TensorBoard()])
    assert first.calls[-1] == "end"
    earmark.train(recipe, tiny_corpus, tmp_path / "run", resume=True, callbacks=[second])
    assert second.run.epochs_done == 1  # the second epoch was not saved
    assert second.points == whole.points[1:]
    assert second.calls[1] == f"step {whole.run.steps_per_epoch + 1}"
    for name, weight in read_weights(out).items():
        assert torch.equal(weight, read_weights(tmp_path / "run")[name])


def test_a_callback_that_can_not_begin_ends_those_before_it(
    recorded: tuple[Recipe, Path, Record], tiny_corpus: Corpus, tmp_path: Path
) -> None:
    class Broken(earmark.Callback):
        def on_train_begin(self, run: earmark.TrainingRun) -> None:
            raise RuntimeError("no server")

    record = Record()
    with pytest.raises(RuntimeError, match="no server"):
        earmark.train(recorded[0], tiny_corpus, tmp_path / "run", callbacks=[record, Broken()])
    assert record.calls == ["begin", "end"]
