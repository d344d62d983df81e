"""Starting from what other networks have learned: what is taken, what stays fresh, and what a run remembers of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from earmark import cli
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models import build
from earmark.models.init_from import init_from
from earmark.recipe import Recipe, write_recipe
from earmark.supervision.cnn_tagger import CnnTagger, CnnTaggerSettings
from earmark.supervision.tagger_folder import WEIGHTS, write_description, write_weights
from earmark.training.loop import train
from support.stopping import stopped_after

FRESH_IMAGE = (
    "image_encoder.norm.",
    "image_encoder.places.7.",
)  # of two layers: 3 modules each, dropout, and the last convolution
FRESH_SPEECH = ("speech_encoder.blocks.2.",)


def changed(recipe: Recipe, epochs: int = 1, **model: Any) -> Recipe:
    values = recipe.model_dump(exclude_none=True)
    values["model"] |= model
    values["training"]["epochs"] = epochs
    return Recipe.model_validate(values)


def fresh(recipe: Recipe, corpus: Corpus) -> Any:
    torch.manual_seed(1)
    return build(recipe.model, extractor(recipe.features).dimension, Vocabulary(corpus.keywords))


def started(recipe: Recipe, corpus: Corpus, folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights of a model before and after."""
    model = fresh(recipe, corpus)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    init_from(model, folder)
    return before, model.state_dict()


@pytest.fixture
def tagger(tiny_corpus: Corpus, tmp_path: Path) -> Path:
    """Folder of a tagger of the standard widths, with chance weights."""
    folder, settings = tmp_path / "my tagger", CnnTaggerSettings(side=32)
    torch.manual_seed(0)
    write_description(folder, settings, Vocabulary(tiny_corpus.keywords))
    write_weights(folder / WEIGHTS, CnnTagger(settings, Vocabulary(tiny_corpus.keywords)))
    return folder


# What is taken


def test_from_a_tagger_the_image_network_is_taken_but_for_its_last_layer(
    tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tagger: Path
) -> None:
    recipe = changed(tiny_pair_recipe, image={"kind": "small", "side": 32})
    before, after = started(recipe, tiny_corpus, tagger)
    known = safetensors.torch.load_file(tagger / WEIGHTS)
    taken = [name for name in after if name.startswith("image_encoder.") and not torch.equal(before[name], after[name])]
    for name, weight in after.items():
        inner = name.startswith("image_encoder.places.") and not name.startswith("image_encoder.places.13.")
        torch.testing.assert_close(weight, known[name.removeprefix("image_encoder.")] if inner else before[name])
    assert "image_encoder.places.0.weight" in taken
    assert "image_encoder.places.9.weight" in taken


def test_from_a_run_both_networks_are_taken_but_for_their_last_layers(
    tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tiny_pictured_run: Path
) -> None:
    """These map to a space of the model's own, here of another dimension."""
    before, after = started(changed(tiny_pair_recipe, dimension=8), tiny_corpus, tiny_pictured_run)
    known = safetensors.torch.load_file(tiny_pictured_run / WEIGHTS)
    assert any(name.startswith(FRESH_IMAGE) for name in after)
    assert any(name.startswith(FRESH_SPEECH) for name in after)
    for name, weight in after.items():
        taken = name.startswith(("image_encoder.", "speech_encoder.")) and not name.startswith(
            FRESH_IMAGE + FRESH_SPEECH
        )
        torch.testing.assert_close(weight, (known if taken else before)[name])
    assert not torch.equal(before["speech_encoder.blocks.0.conv.weight"], after["speech_encoder.blocks.0.conv.weight"])


def test_from_a_keyword_model_the_speech_encoder_is_taken_but_for_its_last_layer(
    tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tiny_run: Path
) -> None:
    before, after = started(tiny_pair_recipe, tiny_corpus, tiny_run)
    known = safetensors.torch.load_file(tiny_run / WEIGHTS)
    for name, weight in after.items():
        taken = name.startswith("speech_encoder.") and not name.startswith(FRESH_SPEECH)
        torch.testing.assert_close(weight, (known if taken else before)[name])
    assert not torch.equal(before["speech_encoder.blocks.0.conv.weight"], after["speech_encoder.blocks.0.conv.weight"])


@pytest.mark.parametrize("which", ["tagger", "tiny_pictured_run"])
def test_networks_that_do_not_fit_are_one_sentence_and_change_nothing(
    tiny_corpus: Corpus, tiny_pair_recipe: Recipe, request: pytest.FixtureRequest, which: str
) -> None:
    """Networks of other widths."""
    folder = request.getfixturevalue(which)
    widths = [8, 16] if which == "tagger" else [8, 24]
    recipe = changed(tiny_pair_recipe, image={"kind": "small", "side": 32, "channels": widths})
    model = fresh(recipe, tiny_corpus)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    with pytest.raises(EarmarkError) as error:
        init_from(model, folder)
    name = "image_encoder.places.0.weight" if which != "tiny_pictured_run" else "image_encoder.places.3.weight"
    assert str(error.value) == (
        f"{folder} has no networks like this recipe's to start from ({name}): give the folder of a tagger or of a run "
        "for pictures with the same layers."
    )
    torch.testing.assert_close(model.state_dict(), before)


def test_a_folder_without_weights_is_one_sentence(
    tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tmp_path: Path
) -> None:
    with pytest.raises(EarmarkError, match="holds no trained model"):
        train(tiny_pair_recipe, tiny_corpus, tmp_path / "run", Vocabulary(tiny_corpus.keywords), init_from=tmp_path)
    assert not (tmp_path / "run").exists()


def test_a_model_for_written_queries_does_not_start_from_others(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tiny_pictured_run: Path, tmp_path: Path
) -> None:
    with pytest.raises(EarmarkError, match="Only a model for image queries can start from other networks"):
        train(tiny_recipe, tiny_corpus, tmp_path / "run", Vocabulary(tiny_corpus.keywords), init_from=tiny_pictured_run)
    assert not (tmp_path / "run").exists()


# Training


@pytest.fixture
def go(tiny_corpus: Corpus, tiny_pair_recipe: Recipe, tiny_pictured_run: Path, tmp_path: Path) -> Callable[..., Path]:
    """Train two epochs in a folder of the test's own; by default from a copy of a run."""
    shutil.copytree(tiny_pictured_run, tmp_path / "ìbẹ̀rẹ̀ run")

    def trained(name: str, start: str | None = "ìbẹ̀rẹ̀ run", resume: bool = False) -> Path:
        recipe, keywords = changed(tiny_pair_recipe, epochs=2), Vocabulary(tiny_corpus.keywords)
        train(recipe, tiny_corpus, tmp_path / name, keywords, resume, start and tmp_path / start)
        return tmp_path / name

    return trained


def stopped(go: Callable[..., Path], name: str, before: bool) -> None:
    """Stop a training after its first epoch, or before that was saved."""
    with stopped_after(1, saved=not before):
        go(name)


def card(run: Path) -> str:
    return (run / "model-card.md").read_text(encoding="utf-8")


def test_a_run_that_goes_on_needs_its_start_no_more_and_remembers_it(go: Callable[..., Path], tmp_path: Path) -> None:
    whole, without = go("whole"), go("without", start=None)
    stopped(go, "stopped", before=False)
    again = tmp_path / "again"
    shutil.copytree(tmp_path / "stopped", again)
    go("again", resume=True)  # the same command again
    shutil.rmtree(tmp_path / "ìbẹ̀rẹ̀ run")
    on = go("stopped", start=None, resume=True)
    for name in ("model.safetensors", "curve.jsonl"):
        assert (on / name).read_bytes() == (whole / name).read_bytes() == (again / name).read_bytes()
        assert (without / name).read_bytes() != (whole / name).read_bytes()
    assert "- **Started from** the networks in ìbẹ̀rẹ̀ run\n- **Licence" in card(whole)
    assert card(whole) == card(on).replace("# stopped", "# whole") == card(again).replace("# again", "# whole")
    assert "Started" not in card(without)


@pytest.mark.parametrize("start", [None, "ìbẹ̀rẹ̀ run"])
def test_a_stop_in_the_first_epoch_begins_again_from_the_same_start(
    go: Callable[..., Path], tmp_path: Path, start: str | None
) -> None:
    """Named again or not, and even where it is gone."""
    whole = go("whole")
    stopped(go, "stopped", before=True)
    if start is None:
        shutil.rmtree(tmp_path / "ìbẹ̀rẹ̀ run")
    on = go("stopped", start=start, resume=True)
    for name in ("model.safetensors", "curve.jsonl"):
        assert (on / name).read_bytes() == (whole / name).read_bytes()
    assert "- **Started from** the networks in ìbẹ̀rẹ̀ run\n" in card(on)


@pytest.mark.parametrize("before", [True, False])
def test_another_folder_of_the_same_name_is_another_start(
    go: Callable[..., Path], tmp_path: Path, before: bool
) -> None:
    other = tmp_path / "other" / "ìbẹ̀rẹ̀ run"
    shutil.copytree(tmp_path / "ìbẹ̀rẹ̀ run", other)
    weights = safetensors.torch.load_file(other / WEIGHTS)
    safetensors.torch.save_file({name: weight + 1 for name, weight in weights.items()}, other / WEIGHTS)
    stopped(go, "stopped", before)
    with pytest.raises(EarmarkError) as error:
        go("stopped", start="other/ìbẹ̀rẹ̀ run", resume=True)
    assert str(error.value) == (
        f"{tmp_path / 'stopped'} was started from other weights than {other} has: leave --init-from out, or choose "
        "another folder."
    )
    go("stopped", resume=True)


def test_another_init_from_than_that_of_the_run_is_refused(go: Callable[..., Path], tmp_path: Path) -> None:
    run, without = go("run"), go("without", start=None)
    for folder, began in ((run, "from ìbẹ̀rẹ̀ run"), (without, "without --init-from")):
        with pytest.raises(EarmarkError) as error:
            go(folder.name, start="tagger", resume=True)
        says = f"{folder} was started {began}, not from tagger: leave --init-from out, or choose another folder."
        assert str(error.value) == says


def test_from_the_command_line(
    go: Callable[..., Path],
    tiny_corpus: Corpus,
    tiny_pair_recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "out"
    recipe.write_text(write_recipe(changed(tiny_pair_recipe, epochs=2)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    command = ["train", str(recipe), "--corpus", str(tiny_corpus.folder), "--out", "out", "--init-from", "ìbẹ̀rẹ̀ run"]
    monkeypatch.setattr(sys, "argv", ["earmark", *command])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert capsys.readouterr().out == "The model is in out.\n"
    assert (out / WEIGHTS).read_bytes() == (go("same") / WEIGHTS).read_bytes()
