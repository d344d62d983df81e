from __future__ import annotations

import errno
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from earmark import cli, load_model
from earmark.core.corpus import Corpus, Word, read_corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.files import partial_path
from earmark.core.model_folder import read_weights, write_weights
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.features.kinds.mfcc import Mfcc
from earmark.models.checkpoint import read_checkpoint
from earmark.models.learning_test import LearningTest
from earmark.recipe import Recipe, Training, write_recipe
from earmark.supervision.targets import read_targets, targets_path, write_targets
from earmark.training import loop
from earmark.training.data import BucketSampler, ShuffledSampler, TrainingSplit, collate, load_split
from earmark.training.loop import learning_rate, train
from earmark.training.objectives import tags
from earmark.training.objectives.tags import detection_scores
from earmark.training.state import read_state, training_seconds
from earmark.training.thresholds import best_threshold, keyword_thresholds
from support.stopping import Stop, stopped_after

pytestmark = pytest.mark.usefixtures("command_line")

WHAT_COUNTS = (
    "model.safetensors",
    "curve.jsonl",
    "thresholds.json",
    "global-threshold.json",
    "false-alarms.json",
    "learning-test.json",
    "recipe.yaml",
    "vocabulary.txt",
)
Shorter = Callable[..., Recipe]


def result(run: Path) -> dict[str, bytes]:
    """All of a finished run that must not depend on how it came about."""
    return {name: (run / name).read_bytes() for name in WHAT_COUNTS}


def curve(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "curve.jsonl").read_text().splitlines()]


def keywords(corpus: Corpus) -> Vocabulary:
    return Vocabulary(corpus.keywords)


def tiny_split(recipe: Recipe, corpus: Corpus, split: str, speeds: Sequence[float] = (1.0,)) -> TrainingSplit:
    return load_split(recipe, corpus, split, keywords(corpus), extractor(recipe.features), speeds)


# End to end


def test_what_is_learned_from_tags_is_found_in_the_right_place(tiny_run: Path, tiny_corpus: Corpus) -> None:
    model = load_model(tiny_run)
    right, spoken = 0, 0
    for utterance in tiny_corpus.utterances("test"):
        there = {word.word: word for word in utterance.words or ()}
        for hit in model.find(model.keywords, [utterance.audio]):
            threshold = model.checkpoint.thresholds[model.checkpoint.vocabulary.index(hit.query)]
            assert (hit.score >= threshold) == (hit.query in there)
            if hit.query in there:
                spoken += 1
                right += there[hit.query].start_s <= hit.time_s <= there[hit.query].end_s
    assert spoken == 12
    assert right >= 11


def test_a_run_describes_itself(tiny_run: Path, tiny_recipe: Recipe, tiny_corpus: Corpus) -> None:
    known = read_checkpoint(tiny_run)
    assert known.recipe == tiny_recipe
    assert known.vocabulary == keywords(tiny_corpus)
    assert [point["epoch"] for point in curve(tiny_run)] == list(range(1, 31))
    card = (tiny_run / "model-card.md").read_text(encoding="utf-8")
    best = min(curve(tiny_run), key=lambda point: point["dev_loss"])
    assert f"**Best epoch** {best['epoch']} of 30, loss on dev {best['dev_loss']:.4f}" in card
    assert "the corpus tiny (language: none), by its tags `vgs`\n" in card
    assert "(4) ball, dog, ọmọ, snow" in card
    assert not list(tiny_run.glob(".*"))  # nothing half-written is left


def test_the_stored_weights_are_those_of_the_best_epoch(tiny_run: Path, tiny_corpus: Corpus) -> None:
    model = load_model(tiny_run)
    targets = read_targets(targets_path(tiny_corpus, "vgs"))
    losses = []
    for utterance in tiny_corpus.utterances("dev"):  # one by one, by another way than training's
        hits = {hit.query: hit.score for hit in model.find(model.keywords, [utterance.audio])}
        for word, p in zip(targets.vocabulary, targets.rows[utterance.id], strict=True):
            losses.append(-p * math.log(hits[word]) - (1 - p) * math.log(1 - hits[word]))
    dev_losses = [point["dev_loss"] for point in curve(tiny_run)]
    assert np.mean(losses) == pytest.approx(min(dev_losses), abs=1e-4)
    assert np.mean(losses) < np.median(dev_losses) - 1e-3  # so that the best is told from the rest


def test_thresholds_are_chosen_on_dev_by_the_tags(tiny_run: Path, tiny_recipe: Recipe, tiny_corpus: Corpus) -> None:
    known = read_checkpoint(tiny_run)
    train, dev = (tiny_split(tiny_recipe, tiny_corpus, split) for split in ("train", "dev"))
    scores = detection_scores(known.model, dev)
    assert known.global_threshold == pytest.approx(best_threshold(scores, dev.targets), rel=1e-4)
    assert known.thresholds == pytest.approx(keyword_thresholds(scores, dev.targets, train.targets), rel=1e-4)


def test_the_best_epoch_need_not_be_the_last(
    tiny_corpus: Corpus, shorter: Shorter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # At this rate hardly anything is learned, and the last epoch might be kept for that.
    monkeypatch.setattr(tags, "learning_test", lambda *_: LearningTest(0.001, 999, 40))
    recipe = shorter(epochs=10, learning_rate=0.3, schedule="constant", warmup=0)
    train(recipe, tiny_corpus, tmp_path / "run", keywords(tiny_corpus))
    losses = [point["dev_loss"] for point in curve(tmp_path / "run")]
    best = int(np.argmin(losses)) + 1
    assert best < 10
    # The same run, ended by hand after its best epoch, has that epoch's weights as its last ones.
    ended = tmp_path / "ended"
    with stopped_after(best):
        train(recipe, tiny_corpus, ended, keywords(tiny_corpus))
    last = torch.load(ended / "resume.pt", weights_only=True)["model"]
    stored = read_weights(tmp_path / "run")
    assert all(torch.equal(stored[name], last[name]) for name in last)


def test_a_control_is_taught_with_the_targets_of_other_utterances(
    tiny_corpus: Corpus, shorter: Shorter, tmp_path: Path
) -> None:
    recipe = shorter(epochs=1)
    shuffled_pairs = recipe.model_copy(update={"shuffle_pairs": True})
    true, shuffled = (tiny_split(r, tiny_corpus, "train").targets for r in (recipe, shuffled_pairs))
    assert not np.array_equal(true, shuffled)
    np.testing.assert_array_equal(np.sort(true, axis=0), np.sort(shuffled, axis=0))
    train(shuffled_pairs, tiny_corpus, tmp_path / "run", keywords(tiny_corpus))
    assert "each utterance with another one's (a control)" in (tmp_path / "run" / "model-card.md").read_text()


# Going on after a stop


def shown_in_tensorboard(run: Path) -> list[dict[str, float]]:
    """The curve as TensorBoard shows it."""
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    train_loss, dev_loss = (events.Scalars(name) for name in ("train_loss", "dev_loss"))
    return [
        {"epoch": t.step, "train_loss": t.value, "dev_loss": d.value} for t, d in zip(train_loss, dev_loss, strict=True)
    ]


def command(corpus: Path, recipe: Path, out: Path, *options: str) -> list[str]:
    verb = ["train", str(recipe), "--corpus", str(corpus), "--out", str(out), *options]
    return [sys.executable, "-m", "earmark", *verb]


def test_a_run_that_was_killed_goes_on_to_the_very_same_result(
    tiny_corpus: Corpus, tiny_run: Path, tiny_recipe: Recipe, tmp_path: Path
) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(write_recipe(tiny_recipe), encoding="utf-8")
    epochs, later_s = random.randint(1, 10), random.uniform(0, 0.1)
    process = subprocess.Popen(command(tiny_corpus.folder, recipe, out), stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None and not ((out / "resume.pt").is_file() and len(curve(out)) >= epochs):
            time.sleep(0.005)
        time.sleep(later_s)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = len(curve(out))
    print(f"killed {later_s:.3f} s after {epochs} epochs, with {done} epochs done")
    assert epochs <= done < 30
    assert not (out / "thresholds.json").exists()
    time.sleep(1.1)  # TensorBoard orders its files by the second
    train(tiny_recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
    assert result(out) == result(tiny_run)
    for run in (tiny_run, out):
        assert shown_in_tensorboard(run) == [pytest.approx(point, rel=1e-6) for point in curve(run)]


@pytest.mark.slow
def test_two_processes_train_one_model(tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path) -> None:
    recipe, out = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(write_recipe(tiny_recipe), encoding="utf-8")
    _, _, _, *verb = command(tiny_corpus.folder, recipe, out)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "1"}
    subprocess.run([*launcher, "--module", "earmark", *verb], check=True, timeout=120, env=environment)
    assert len(curve(out)) == 30
    assert min(point["dev_loss"] for point in curve(out)) < 0.3
    assert load_model(out).find("dog", [tiny_corpus.utterances("test")[0].audio])


@pytest.fixture(scope="module")
def unbroken(tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A run of two epochs."""
    values = tiny_recipe.model_dump(exclude_none=True)
    values["training"]["epochs"] = 2
    recipe, out = Recipe.model_validate(values), tmp_path_factory.mktemp("unbroken") / "run"
    train(recipe, tiny_corpus, out, keywords(tiny_corpus))
    return recipe, out


def test_a_run_goes_on_from_a_stop_before_or_after_any_of_its_writes(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, whole = unbroken
    really_replace = os.replace
    writes = []

    def replace_until(limit: int, before: bool) -> Callable[[Path, Path], None]:
        def replace_(source: Path, target: Path) -> None:
            writes.append(Path(target).name)
            if len(writes) == limit and before:
                raise Stop
            really_replace(source, target)
            if len(writes) == limit:
                raise Stop

        return replace_

    stops = 0
    for limit in range(1, 100):
        for before in (True, False):
            out = tmp_path / f"run {limit} {before}"
            writes.clear()
            with monkeypatch.context() as patch:
                patch.setattr(os, "replace", replace_until(limit, before))
                try:
                    train(recipe, tiny_corpus, out, keywords(tiny_corpus))
                except Stop:
                    stops += 1
            if len(writes) == limit:
                train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
            assert result(out) == result(whole), writes
        if len(writes) < limit:
            break
    assert stops >= 2 * 9  # description, three epochs of two files at least, thresholds, card


def test_a_finished_run_stays_as_it_is(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, whole = unbroken
    shutil.copytree(whole, tmp_path / "run")
    train(recipe, tiny_corpus, tmp_path / "run", keywords(tiny_corpus), resume=True)
    assert result(tmp_path / "run") == result(whole)
    assert "Training" not in capsys.readouterr().err


def test_a_folder_that_is_taken_is_left_alone(tiny_corpus: Corpus, unbroken: tuple[Recipe, Path]) -> None:
    recipe, whole = unbroken
    before = result(whole)
    with pytest.raises(EarmarkError, match="already holds a run: choose another folder, or go on with it by --resume"):
        train(recipe, tiny_corpus, whole, keywords(tiny_corpus))
    assert result(whole) == before


def test_a_run_goes_on_with_its_own_recipe_and_keywords_alone(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], shorter: Shorter
) -> None:
    recipe, whole = unbroken
    before = result(whole)
    with pytest.raises(EarmarkError, match="has another recipe"):
        train(shorter(epochs=4), tiny_corpus, whole, keywords(tiny_corpus), resume=True)
    for other in (tiny_corpus.keywords[::-1], tiny_corpus.keywords[:2]):
        with pytest.raises(EarmarkError, match="has other keywords"):
            train(recipe, tiny_corpus, whole, Vocabulary(other), resume=True)
    assert result(whole) == before


def test_a_state_without_its_description_is_no_new_folder(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path
) -> None:
    recipe, whole = unbroken
    (tmp_path / "run").mkdir()
    shutil.copy(whole / "resume.pt", tmp_path / "run")
    with pytest.raises(EarmarkError, match="already holds a run"):
        train(recipe, tiny_corpus, tmp_path / "run", keywords(tiny_corpus))


@pytest.mark.parametrize("content", [b"", b"half", "cut", "other"])
def test_a_damaged_state_is_one_sentence(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, content: bytes | str
) -> None:
    recipe, whole = unbroken
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    state = out / "resume.pt"
    if content == "cut":
        state.write_bytes(state.read_bytes()[: state.stat().st_size // 2])
    elif content == "other":
        torch.save({"model": {}}, state)
    else:
        assert isinstance(content, bytes)
        state.write_bytes(content)
    with pytest.raises(EarmarkError, match=r"resume\.pt is damaged \(\w+\): delete it to train from the start"):
        train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
    state.unlink()
    train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
    assert result(out) == result(whole)


def test_a_state_saved_on_a_gpu_goes_on_without_one(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path
) -> None:
    """As older versions wrote it: every tensor in the file is tagged cuda:0."""
    recipe, whole = unbroken
    out = tmp_path / "run"
    train(recipe.model_copy(update={"training": recipe.training}), tiny_corpus, out, keywords(tiny_corpus))
    state = out / "resume.pt"
    tag_as_on_gpu(state)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="CUDA device"):  # that the tag is there
            torch.load(state, weights_only=True)
    assert training_seconds(out) > 0
    saved = torch.load(state, map_location="cpu", weights_only=True)
    assert read_state(out).curve == saved["curve"]
    train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
    assert result(out) == result(whole)


def tag_as_on_gpu(path: Path) -> None:
    """Change the location of all tensors in a file of torch's from cpu to cuda:0, without torch."""

    def pickled(text: bytes) -> bytes:
        return b"X" + len(text).to_bytes(4, "little") + text

    with zipfile.ZipFile(path) as before:
        content = {name: before.read(name) for name in before.namelist()}
    described = next(name for name in content if name.endswith("/data.pkl"))
    assert pickled(b"cpu") in content[described]
    content[described] = content[described].replace(pickled(b"cpu"), pickled(b"cuda:0"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as after:
        for name, part in content.items():
            after.writestr(name, part)


def test_a_state_of_another_network_is_not_called_damaged(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path
) -> None:
    recipe, whole = unbroken
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    saved = torch.load(out / "resume.pt", weights_only=True)
    saved["model"] = {name: weight[:1] for name, weight in saved["model"].items() if weight.dim()}
    torch.save(saved, out / "resume.pt")
    with pytest.raises(EarmarkError, match=r"resume\.pt is of another network or optimiser .*: go on with the recipe"):
        train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)


def test_too_little_memory_is_not_called_damage(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(torch, "load", fail)
    with pytest.raises(MemoryError, match="no room"):
        read_state(unbroken[1])


def test_a_state_is_not_unpickled(tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, whole = unbroken
    out = tmp_path / "run"
    shutil.copytree(whole, out)
    torch.save(_Touch(tmp_path / "touched"), out / "resume.pt")
    with pytest.raises(EarmarkError, match="is damaged"):
        train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
    assert not (tmp_path / "touched").exists()


class _Touch:
    """An object that does something when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def test_chance_is_the_recipes_seed_and_nothing_else(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], shorter: Shorter, tmp_path: Path
) -> None:
    recipe, whole = unbroken
    torch.manual_seed(random.randrange(1000))
    np.random.seed(random.randrange(1000))
    train(recipe, tiny_corpus, tmp_path / "again", keywords(tiny_corpus))
    train(shorter(seed=1), tiny_corpus, tmp_path / "other", keywords(tiny_corpus))
    assert result(tmp_path / "again") == result(whole)
    assert result(tmp_path / "other")["model.safetensors"] != result(whole)["model.safetensors"]


# No transcript in a VGS run


@pytest.mark.parametrize("texts", ["garbage", "none"])
def test_no_transcript_teaches_a_vgs_run(
    own_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, texts: str
) -> None:
    recipe, whole = unbroken
    for split in own_corpus.splits():
        for utterance in own_corpus.utterances(split):
            assert utterance.text
            assert utterance.words

    if texts == "garbage":
        transcript = {"text": "snow snow dog ọmọ ball", "words": (Word("snow", 0.0, 0.1), Word("ball", 0.0, 0.2))}
    else:
        transcript = {"text": None, "words": None}
    splits = {
        split: [replace(u, **transcript, image=None, speaker="x") for u in own_corpus.utterances(split)]
        for split in own_corpus.splits()
    }
    write_corpus(own_corpus, splits)
    # Nor can the bags of words be read from anywhere else.
    targets_path(own_corpus, "bow").unlink()
    shutil.rmtree(own_corpus.folder / "features")
    train(recipe, read_corpus(own_corpus.folder), tmp_path / "run", keywords(own_corpus))
    assert result(tmp_path / "run") == result(whole)


def test_other_tags_teach_otherwise(own_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path) -> None:
    recipe, whole = unbroken
    path = targets_path(own_corpus, "vgs")
    targets = read_targets(path)
    for row in targets.rows.values():
        row[0] = 0.9 - row[0] / 2
    write_targets(path, targets)
    train(recipe, own_corpus, tmp_path / "run", keywords(own_corpus))
    assert result(tmp_path / "run")["model.safetensors"] != result(whole)["model.safetensors"]


# What goes wrong


def test_a_loss_that_is_no_number_is_an_error_and_whole_epochs_stay(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, whole = unbroken
    really = loop.learning_rate
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "learning_rate", lambda s, step, steps: math.nan if step == 10 else really(s, step, steps))
        with pytest.raises(EarmarkError, match=r"\(epoch 2\): .* the run is kept as it was after epoch 1"):
            train(recipe, tiny_corpus, out, keywords(tiny_corpus))
    assert len(curve(out)) == 1
    assert load_model(out).find("dog", [tiny_corpus.utterances("test")[0].audio])  # usable as it is
    train(recipe, tiny_corpus, out, keywords(tiny_corpus), resume=True)
    assert result(out) == result(whole)


def test_the_last_step_of_an_epoch_can_be_the_fatal_one(
    tiny_corpus: Corpus, unbroken: tuple[Recipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = loop.learning_rate
    monkeypatch.setattr(
        loop, "learning_rate", lambda s, step, steps: math.nan if step == steps // 2 - 1 else really(s, step, steps)
    )
    with pytest.raises(EarmarkError, match=r"Loss became NaN or infinite \(epoch 1\): lower"):
        train(unbroken[0], tiny_corpus, tmp_path / "run", keywords(tiny_corpus))
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_an_absurd_learning_rate_is_an_error(tiny_corpus: Corpus, shorter: Shorter, tmp_path: Path) -> None:
    recipe = shorter(learning_rate=1e25, schedule="constant", warmup=0)
    with pytest.raises(EarmarkError, match=r"lower training\.learning_rate\.$"):
        train(recipe, tiny_corpus, tmp_path / "run", keywords(tiny_corpus))


@pytest.mark.parametrize(
    ("localisation", "says"),
    [
        ("maskedin", "There is no localisation method 'maskedin': choose from attention, "),
        ("attention", "The localisation method attention can't be used here: "),
    ],
)
def test_a_localisation_method_that_can_not_work_is_refused_before_training(
    tiny_corpus: Corpus, tiny_recipe: Recipe, tmp_path: Path, localisation: str, says: str
) -> None:
    recipe = tiny_recipe.model_copy(update={"localisation": localisation})
    with pytest.raises(EarmarkError, match=says):
        train(recipe, tiny_corpus, tmp_path / "run", keywords(tiny_corpus))
    assert not (tmp_path / "run").exists()


def test_missing_tags(own_corpus: Corpus, shorter: Shorter, tmp_path: Path) -> None:
    words = keywords(own_corpus)
    with pytest.raises(EarmarkError, match="The tags have no column for cat"):
        train(shorter(), own_corpus, tmp_path / "1", Vocabulary(["dog", "cat"]))
    with pytest.raises(EarmarkError, match="has no tags 'other'"):
        train(shorter().model_copy(update={"supervision": "other"}), own_corpus, tmp_path / "2", words)
    path = targets_path(own_corpus, "vgs")
    path.write_text("".join(line for line in path.open() if not line.startswith("dev 3")))
    with pytest.raises(EarmarkError, match="The tags have no row for dev 3: run 'earmark tag' again"):
        train(shorter(), own_corpus, tmp_path / "3", words)


def test_an_empty_or_missing_split(own_corpus: Corpus, shorter: Shorter, tmp_path: Path) -> None:
    whole = own_corpus.utterances("train")
    write_corpus(own_corpus, {"train": whole, "dev": []})
    with pytest.raises(EarmarkError, match=r"The split dev of .* is empty"):
        train(shorter(), own_corpus, tmp_path / "1", keywords(own_corpus))
    write_corpus(own_corpus, {"train": whole})
    with pytest.raises(EarmarkError, match="has no split 'dev'"):
        train(shorter(), own_corpus, tmp_path / "2", keywords(own_corpus))


def run_cli(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["earmark", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def training_arguments(recipe: Recipe, corpus: Corpus, out: Path) -> list[object]:
    path = out.parent / "recipe.yaml"
    path.write_text(write_recipe(recipe), encoding="utf-8")
    return ["train", path, "--corpus", corpus.folder, "--out", out]


def after_epoch(epoch: int, what: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen to the disk while an epoch ends."""
    really, calls = detection_scores, []

    def scores(*arguments):
        calls.append(1)
        if len(calls) == epoch:
            what()
        return really(*arguments)

    monkeypatch.setattr(tags, "detection_scores", scores)


def test_files_that_go_away_in_mid_run(
    own_corpus: Corpus,
    unbroken: tuple[Recipe, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe, whole = unbroken
    out, audio = tmp_path / "run", own_corpus.utterances("train")[5].audio
    saved = tmp_path / "kept"

    def hide() -> None:
        shutil.move(audio, saved)
        shutil.rmtree(own_corpus.folder / "tags")
        raise KeyboardInterrupt

    start = training_arguments(recipe, own_corpus, out)
    tags = (own_corpus.folder / "tags" / "vgs.csv").read_bytes()
    with monkeypatch.context() as patch:
        after_epoch(2, hide, patch)
        assert run_cli(monkeypatch, *start) == 130
    capsys.readouterr()
    assert run_cli(monkeypatch, *start, "--resume") == 1
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1
    assert "The corpus has no tags 'vgs'" in printed[0]
    (own_corpus.folder / "tags").mkdir()
    (own_corpus.folder / "tags" / "vgs.csv").write_bytes(tags)
    assert run_cli(monkeypatch, *start, "--resume") == 1
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1
    assert "The audio of utterance train 5 is gone" in printed[0]
    shutil.move(saved, audio)
    assert run_cli(monkeypatch, *start, "--resume") == 0
    assert result(out) == result(whole)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("name", ["curve.jsonl", "resume.pt"])
def test_a_disk_that_fills_up_in_mid_run(
    tiny_corpus: Corpus,
    unbroken: tuple[Recipe, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    recipe, whole = unbroken
    out = tmp_path / "run"
    start = training_arguments(recipe, tiny_corpus, out)
    with monkeypatch.context() as patch:
        after_epoch(2, lambda: fill_up(out / name), patch)
        assert run_cli(monkeypatch, *start) == 1
    printed = capsys.readouterr().err.splitlines()
    assert [line for line in printed if line.startswith("earmark:")] == printed[-1:]
    assert "The disk is full" in printed[-1]
    assert read_state(out).epochs == 1
    assert run_cli(monkeypatch, *start, "--resume") == 0
    assert result(out) == result(whole)


def fill_up(target: Path) -> None:
    """Let the next write of a file really meet a full device."""
    partial_path(target).symlink_to("/dev/full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_is_full_when_weights_are_written(tmp_path: Path) -> None:
    fill_up(tmp_path / "model.safetensors")
    with pytest.raises(OSError) as full:  # noqa: PT011
        write_weights(tmp_path, {"weight": torch.zeros(3)})
    assert full.value.errno == errno.ENOSPC


# Batches


def bucket_sampler(lengths: np.ndarray, size: int, seed: int, epoch: int) -> BucketSampler:
    sampler = BucketSampler(lengths, size, seed)
    sampler.set_epoch(epoch)
    return sampler


LENGTHS = st.integers(1, 3).flatmap(
    lambda speeds: st.lists(st.lists(st.integers(1, 500), min_size=speeds, max_size=speeds), min_size=1, max_size=120)
)


@given(LENGTHS, st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_batches_have_every_utterance_once_an_epoch(lengths: list[list[int]], size: int, seed: int, epoch: int) -> None:
    speeds, utterances = len(lengths[0]), len(lengths)
    sampler = bucket_sampler(np.array(lengths).T, size, seed, epoch)
    batches = list(sampler)
    assert sorted(index % utterances for batch in batches for index in batch) == list(range(utterances))
    assert {index // utterances for batch in batches for index in batch} <= set(range(speeds))
    assert len(batches) == len(sampler) == math.ceil(utterances / size)
    assert all(1 <= len(batch) <= size for batch in batches)
    assert list(sampler) == batches


def test_batches_depend_on_seed_and_epoch_alone() -> None:
    lengths = np.random.default_rng(0).integers(50, 500, (2, 200))
    used = bucket_sampler(lengths, 8, seed=0, epoch=0)
    first = list(used)
    for epoch in (1, 2, 3):
        np.random.default_rng(1).random()
        used.set_epoch(epoch)
        assert list(used) == list(bucket_sampler(lengths, 8, seed=0, epoch=epoch)) != first
    orders = [list(bucket_sampler(lengths, 8, seed, epoch)) for seed in range(3) for epoch in range(3)]
    assert all(a != b for i, a in enumerate(orders) for b in orders[:i])
    # Not only the order of the batches: which utterances share one differs, too.
    assert {frozenset(batch) for batch in orders[0]} != {frozenset(batch) for batch in orders[1]}


@pytest.mark.parametrize("devices", range(2, 9))
@pytest.mark.parametrize("utterances", [3, 16, 25, 41, 90])
def test_accelerate_shards_batches_evenly_and_completely(devices: int, utterances: int) -> None:
    """Wherever the short batch comes: in some epochs in the middle."""
    lengths = np.random.default_rng(0).integers(50, 500, (2, utterances))
    for epoch in range(8):
        sampler = bucket_sampler(lengths, 4, 0, epoch)
        shards = [BatchSamplerShard(sampler, devices, number) for number in range(devices)]
        sharded = [list(shard) for shard in shards]
        batches = math.ceil(len(sampler) / devices)
        assert {len(some) for some in sharded} == {batches} == {len(shard) for shard in shards}
        assert {index % utterances for some in sharded for batch in some for index in batch} == set(range(utterances))
        for number, batch in enumerate(sampler):
            assert sharded[number % devices][number // devices] == batch


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 3))
def test_shuffled_batches_have_every_item_once(count: int, size: int, epoch: int) -> None:
    sampler = ShuffledSampler(count, size, seed=0)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    assert len(batches) == len(sampler)
    assert all(len(batch) == size for batch in batches[:-1])
    assert list(sampler) == batches


def test_every_speed_is_used_about_as_often() -> None:
    lengths = np.full((3, 300), 100)
    epochs = [bucket_sampler(lengths, 8, 0, epoch) for epoch in range(10)]
    speeds = [index // 300 for sampler in epochs for batch in sampler for index in batch]
    np.testing.assert_allclose(np.bincount(speeds), 1000, atol=100)


def padding(batches: list[list[int]], lengths: np.ndarray) -> float:
    """The part of all frames that is padding."""
    frames = [[lengths.ravel()[index] for index in batch] for batch in batches]
    return float(1 - sum(map(sum, frames)) / sum(len(batch) * max(batch) for batch in frames))


def test_bucketed_batches_have_little_padding() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(100, 800, 1000) * np.array([[0.9], [1.0], [1.1]])
    random_batches = [[1000 + int(u) for u in batch] for batch in np.split(rng.permutation(1000), 100)]
    assert padding(random_batches, lengths) > 0.35
    assert padding(list(bucket_sampler(lengths, 10, seed=0, epoch=0)), lengths) < 0.05


def test_an_item_has_the_features_at_its_speed_and_the_targets(tiny_corpus: Corpus, tiny_recipe: Recipe) -> None:
    slow = tiny_recipe.augment.speeds[0]
    split = tiny_split(tiny_recipe, tiny_corpus, "train", [slow, 1.0])
    utterances = split.utterances
    assert len(split) == 2 * utterances == 64
    np.testing.assert_allclose(split.lengths[0] * slow, split.lengths[1], atol=1)
    for speed, utterance in ((0, 3), (1, 3), (1, 7)):
        item = split[speed * utterances + utterance]
        np.testing.assert_array_equal(item["features"], split.features[speed][utterance])
        np.testing.assert_array_equal(item["targets"], split.targets[utterance])
        assert item["picture"] == split.pictures[utterance]
        assert set(item) == {"features", "targets", "picture"}


def test_collate_pads_and_stacks(tiny_corpus: Corpus, tiny_recipe: Recipe) -> None:
    split = tiny_split(tiny_recipe, tiny_corpus, "train", [tiny_recipe.augment.speeds[0], 1.0])
    items = [split[index] for index in (3, 35, 39)]
    batch = collate(items)
    assert batch["lengths"].tolist() == [len(item["features"]) for item in items]
    assert batch["features"].shape == (3, max(batch["lengths"]), 39)
    np.testing.assert_array_equal(batch["targets"], split.targets[[3, 3, 7]])
    for row, item in zip(batch["features"], items, strict=True):
        length = len(item["features"])
        np.testing.assert_array_equal(row[:length], item["features"])
        assert not row[length:].any()


def test_a_training_builds_one_feature_extractor(
    own_corpus: Corpus, shorter: Shorter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    really = Mfcc.__init__
    monkeypatch.setattr(Mfcc, "__init__", lambda self, *settings: (built.append(1), really(self, *settings))[1])
    shutil.rmtree(own_corpus.folder / "features", ignore_errors=True)
    train(shorter(epochs=1), own_corpus, tmp_path / "run", keywords(own_corpus))
    assert len(built) == 1


# Learning rate


@pytest.mark.parametrize(
    ("settings", "rates"),
    [
        ({}, [8, 8, 8, 8, 8, 8, 8, 8]),
        ({"warmup": 0.5}, [2, 4, 6, 8, 8, 8, 8, 8]),
        ({"schedule": "cosine"}, [8 * (1 + math.cos(math.pi * i / 8)) / 2 for i in range(8)]),
        ({"schedule": "cosine", "warmup": 0.5}, [2, 4, 6, 8, 8, 4 + 4 / math.sqrt(2), 4, 4 - 4 / math.sqrt(2)]),
    ],
)
def test_learning_rates_by_hand(settings: dict[str, object], rates: list[float]) -> None:
    training = Training(epochs=1, learning_rate=8.0, **settings)
    assert [learning_rate(training, step, 8) for step in range(8)] == pytest.approx(rates)


def test_later_rates_by_hand() -> None:
    """Three batches an epoch: 8 for two epochs, 4 for one, then 1; the rise over the first two batches goes before."""
    rates = {3: 1.0, 2: 4.0}
    training = Training(epochs=4, learning_rate=8.0, later_rates=rates)
    assert [learning_rate(training, step, 12) for step in range(12)] == [8] * 6 + [4] * 3 + [1] * 3
    training = Training(epochs=4, learning_rate=8.0, later_rates={**rates, 0: 6.0}, warmup=1 / 6)
    assert [learning_rate(training, step, 12) for step in range(12)] == [4, 8] + [6] * 4 + [4] * 3 + [1] * 3


def test_later_rates_are_those_of_nortje_and_others() -> None:
    """1e-5 to epoch 5, 1e-4 to 20, 5e-5 to 30, 1e-5 afterwards (arXiv:2409.06013), with any number of batches."""
    training = Training(epochs=100, learning_rate=1e-5, later_rates={5: 1e-4, 20: 5e-5, 30: 1e-5})
    for batches in (1, 7, 400):
        for epoch in range(100):
            table = 1e-5 if epoch < 5 else 1e-4 if epoch < 20 else 5e-5 if epoch < 30 else 1e-5
            for step in (epoch * batches, epoch * batches + batches - 1):
                assert learning_rate(training, step, 100 * batches) == table


@given(st.integers(1, 200), st.floats(0, 0.99), st.sampled_from(["constant", "cosine"]))
def test_learning_rates_are_positive_and_no_higher_than_the_recipes(steps: int, warmup: float, schedule: str) -> None:
    training = Training(epochs=1, learning_rate=0.1, warmup=warmup, schedule=schedule)
    rates = [learning_rate(training, step, steps) for step in range(steps)]
    assert all(0 < rate <= 0.1 + 1e-12 for rate in rates)
    peak = int(np.argmax(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
