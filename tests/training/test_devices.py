from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import read_weights
from earmark.core.vocabulary import Vocabulary
from earmark.recipe import Recipe
from earmark.training.devices import accelerated
from earmark.training.loop import train


@pytest.mark.parametrize(
    ("device", "precision", "says"),
    [
        ("gpu", None, "no kind of device 'gpu'"),
        ("mps", None, "'mps' is not supported"),
        ("cuda:99", None, "There is no GPU 'cuda:99' here"),
        ("cpu", "fp16", "fp16 needs a GPU"),
        ("cpu", "fp8", "Unknown precision 'fp8'"),
    ],
)
def test_device_or_precision_that_is_not_there_is_an_error(device: str, precision: str | None, says: str) -> None:
    with pytest.raises(EarmarkError, match=says), accelerated(device, precision):
        pass


def test_accelerated_restores_random_and_library_state() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    before = dict(AcceleratorState._shared_state)
    for precision in ("bf16", "no"):
        with accelerated("cpu", precision) as accelerator:
            assert accelerator.mixed_precision == precision
            assert accelerator.device.type == "cpu"
            torch.manual_seed(1)
            torch.rand(5)
    assert dict(AcceleratorState._shared_state) == before
    assert torch.equal(torch.rand(3), expected)


def test_accelerated_leaves_the_accelerator_of_the_caller_alone() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    mine = Accelerator(cpu=True, mixed_precision="bf16")
    with accelerated("cpu", "no") as accelerator:
        assert accelerator.mixed_precision == "no"
    assert mine.mixed_precision == "bf16"
    AcceleratorState._reset_state(reset_partial_state=True)


def test_bf16_training_is_close_to_full_precision(tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path) -> None:
    training = tiny_recipe.training.model_copy(update={"epochs": 3})
    recipe = tiny_recipe.model_copy(update={"training": training})
    words = Vocabulary(tiny_corpus.keywords)
    for precision in ("no", "bf16"):
        train(recipe, tiny_corpus, tmp_path / precision, words, device="cpu", precision=precision)
    full, mixed = (read_weights(tmp_path / precision) for precision in ("no", "bf16"))
    assert all(weight.dtype in (torch.float32, torch.int64) for weight in mixed.values())
    assert any(not torch.equal(full[name], mixed[name]) for name in full)
    losses = [
        [json.loads(line)["dev_loss"] for line in (tmp_path / precision / "curve.jsonl").read_text().splitlines()]
        for precision in ("no", "bf16")
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[1][-1] < losses[1][0]
