"""Contrastive predictive coding: its loss against loops, its stretches against their rules, and whole pretrainings."""

from __future__ import annotations

import json
import math
import unicodedata
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from earmark.core.corpus import Corpus, write_corpus
from earmark.core.errors import EarmarkError
from earmark.core.model_folder import read_weights
from earmark.features import extractor
from earmark.models.cpc_pretraining import Cpc, CpcPretraining, read_cpc_description
from earmark.models.speech_encoders.cpc import CpcEncoder
from earmark.models.speech_encoders.cpc import Settings as CpcSpeech
from earmark.training import cpc
from earmark.training.cpc import objective as prediction
from earmark.training.cpc.data import WindowSampler, find_recordings
from earmark.training.cpc.objective import CpcModel, draw_negatives, info_nce
from support.media import write_tone
from support.random_models import CLOSE, SEED
from support.stopping import stopped_after

pytestmark = pytest.mark.usefixtures("command_line")

NETWORK = Cpc(channels=24, layers=2, latent=8, context=[16])
SMALL = CpcPretraining(
    network=NETWORK, sample_frames=40, utterances=4, speakers=2, steps=2, negatives=5, epochs=6, learning_rate=3e-3
)

# --- the loss --------------------------------------------------------------------------------------------------------


@given(*[st.integers(1, 3)] * 2, st.integers(2, 5), *[st.integers(1, 4)] * 2, SEED)
@settings(deadline=None, max_examples=30)
def test_the_loss_is_the_loop_over_its_definition(s: int, u: int, m: int, d: int, n: int, seed: int) -> None:
    torch.manual_seed(seed)
    predicted, latents = torch.randn(2, s, u, m, d, dtype=torch.float64).requires_grad_()
    wrong = draw_negatives(s, u, m, n, torch.device("cpu"))
    losses, right = [], 0
    for speaker in range(s):
        for stretch in range(u):
            for step_number in range(m):
                prediction = predicted[speaker, stretch, step_number]
                places = [(stretch, step_number), *(divmod(int(i), m) for i in wrong[speaker, stretch, step_number])]
                scores = [(prediction * latents[speaker, a, b]).sum() / math.sqrt(d) for a, b in places]
                losses.append(-(scores[0].exp() / sum(score.exp() for score in scores)).log())
                right += all(scores[0] > score for score in scores[1:])
    loss, accuracy = info_nce(predicted, latents, wrong)
    slow = torch.stack(losses).mean()
    torch.testing.assert_close(loss, slow, **CLOSE)
    assert accuracy.item() == pytest.approx(right / len(losses))
    for one, other in zip(*(torch.autograd.grad(x, (predicted, latents)) for x in (loss, slow)), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_who_knows_nothing_has_the_loss_of_chance() -> None:
    wrong = draw_negatives(2, 3, 4, 17, torch.device("cpu"))
    loss, accuracy = info_nce(torch.zeros(2, 3, 4, 5), torch.randn(2, 3, 4, 5), wrong)
    assert loss.item() == pytest.approx(math.log(18))
    assert accuracy == 0  # all alike is not right


def test_wrong_latents_come_from_every_stretch_and_every_other_step() -> None:
    torch.manual_seed(0)
    s, u, m = 2, 3, 5
    wrong = draw_negatives(s, u, m, 400, torch.device("cpu"))
    assert wrong.shape == (s, u, m, 400)
    for step_number in range(m):
        drawn = set(wrong[:, :, step_number].flatten().tolist())
        assert drawn == {a * m + b for a in range(u) for b in range(m) if b != step_number}


def test_each_step_predicts_so_far_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole forward pass against loops over its network's latents and contexts."""
    drawn = []

    def draw(*arguments):
        drawn.append(draw_negatives(*arguments))
        return drawn[-1]

    monkeypatch.setattr(prediction, "draw_negatives", draw)
    torch.manual_seed(0)
    model, windows = CpcModel(40, SMALL).double(), torch.randn(2, 4, 40, 40, dtype=torch.float64)
    loss, _ = model(windows)
    losses = []
    for step in (1, 2):
        for speaker in range(2):
            parts = [model.network(window[None], torch.tensor([40])) for window in windows[speaker]]
            latents, contexts = (torch.cat([part[i] for part in parts]) for i in (0, 1))
            for stretch in range(4):
                for step_number in range(20 - 2):
                    predicted = model.predictors[step - 1](contexts[stretch, step_number])
                    places = [divmod(int(i), 18) for i in drawn[step - 1][speaker, stretch, step_number]]
                    targets = [latents[a, b + step] for a, b in [(stretch, step_number), *places]]
                    scores = torch.stack([predicted @ latent / math.sqrt(8) for latent in targets])
                    losses.append(-scores.log_softmax(dim=0)[0])
    assert len(drawn) == 2
    torch.testing.assert_close(loss, torch.stack(losses).mean(), **CLOSE)


def test_steps_that_do_not_fit_a_stretch() -> None:
    assert CpcPretraining(sample_frames=16, steps=6)
    with pytest.raises(ValidationError, match="6 steps need sample_frames of 16 at least"):
        CpcPretraining(sample_frames=15, steps=6)


# --- stretches -------------------------------------------------------------------------------------------------------

RECORDINGS = st.lists(st.tuples(st.integers(1, 60), st.sampled_from("abc")), min_size=1, max_size=12)


@given(RECORDINGS, st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
@settings(deadline=None)
def test_an_epoch_hears_everything_once_in_groups_of_a_speaker(recordings, utterances, speakers, epoch) -> None:
    how = CpcPretraining(sample_frames=16, utterances=utterances, speakers=speakers)
    lengths, voices = np.array([length for length, _ in recordings]), [voice for _, voice in recordings]
    sampler = WindowSampler(lengths, voices, how)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    groups = [batch[i : i + utterances] for batch in batches for i in range(0, len(batch), utterances)]
    assert all(len(batch) <= utterances * speakers for batch in batches)
    assert all(len(group) == utterances and len({voices[r] for r, _ in group}) == 1 for group in groups)
    counts = Counter(window for group in groups for window in group)
    for recording, length in enumerate(lengths):
        starts = sorted(first for r, first in counts if r == recording)
        assert len(starts) == length // 16
        assert all(0 <= first <= length - 16 for first in starts)
        assert all(b - a == 16 for a, b in pairwise(starts))
    for voice in set(voices):  # only what fills up the last group is heard again
        windows = [count for (r, _), count in counts.items() if voices[r] == voice]
        assert sum(windows) == math.ceil(len(windows) / utterances) * utterances
        assert not windows or max(windows) - min(windows) <= 1


def test_a_batch_is_of_different_speakers_and_of_chance() -> None:
    lengths, voices = np.full(48, 16), list("abc") * 16
    how = CpcPretraining(sample_frames=16, utterances=2, speakers=3)

    def batches(epoch: int, seed: int = 0) -> list[list[tuple[int, int]]]:
        sampler = WindowSampler(lengths, voices, how.model_copy(update={"seed": seed}))
        sampler.set_epoch(epoch)
        return list(sampler)

    assert all(Counter(voices[r] for r, _ in batch) == {"a": 2, "b": 2, "c": 2} for batch in batches(0))
    assert batches(0) == batches(0)
    assert len({str(some) for some in (batches(0), batches(1), batches(0, seed=1))}) == 3


@pytest.mark.parametrize("devices", range(2, 9))
@pytest.mark.parametrize("recordings", [5, 20, 31, 48])
def test_accelerate_deals_as_many_batches_to_each_device(devices: int, recordings: int) -> None:
    sampler = WindowSampler(
        np.full(recordings, 16),
        [str(i % 3) for i in range(recordings)],
        CpcPretraining(sample_frames=16, utterances=1, speakers=3),
    )
    for epoch in range(8):
        sampler.set_epoch(epoch)
        sharded = [list(BatchSamplerShard(sampler, devices, number)) for number in range(devices)]
        assert {len(some) for some in sharded} == {math.ceil(len(sampler) / devices)}
        assert {r for some in sharded for batch in some for r, _ in batch} == set(range(recordings))


# --- recordings ------------------------------------------------------------------------------------------------------


def test_speech_is_found_in_files_folders_and_corpora(own_corpus: Corpus, tmp_path: Path) -> None:
    train = own_corpus.utterances("train")
    spoken = [replace(u, speaker="Ọlá" if i % 2 else None) for i, u in enumerate(train)]
    write_corpus(own_corpus, {"train": spoken, "dev": own_corpus.utterances("dev")})
    wild = tmp_path / "wild"
    for name in ("Anna/a.wav", "Anna/deep/ẹ̀.flac", "Ben/b.OGG", "Ben/.hidden.wav", ".git/c.wav"):
        write_tone(wild / unicodedata.normalize("NFD", name), 0.2)
    (wild / "Ben" / "notes.txt").write_text("no audio")
    single = write_tone(tmp_path / "single.wav", 0.2, 8_000)
    found = find_recordings([wild, own_corpus.folder, wild / "Anna" / "a.wav", single])
    assert [r.audio for r in found] == sorted(r.audio for r in found)
    speakers = Counter(r.speaker for r in found)
    assert speakers == {"audio": 16, "Ọlá": 16, "Anna": 1, "deep": 1, "Ben": 1, tmp_path.name: 1}
    assert {r.audio for r in found if r.speaker in ("audio", "Ọlá")} == {u.audio.resolve() for u in train}
    assert [(r.sample_rate, r.samples) for r in found if r.audio.name == "single.wav"] == [(8_000, 1_600)]
    assert found == find_recordings([single, own_corpus.folder, wild])


def test_all_bad_files_are_named_before_anything_is_written(tmp_path: Path) -> None:
    folder, out = tmp_path / "speech", tmp_path / "out"
    write_tone(folder / "good.wav", 2.0)
    (folder / "text.mp3").write_text("no audio")
    (folder / "empty.wav").write_bytes(b"")
    with pytest.raises(EarmarkError) as refused:
        cpc.pretrain(SMALL, [folder, tmp_path / "none.wav"], out)
    lines = str(refused.value).splitlines()
    assert len(lines) == 3
    assert all(any(name in line for line in lines) for name in ("text.mp3", "empty.wav", "There is no audio file"))
    assert not out.exists()


def test_a_folder_without_audio(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no audio")
    with pytest.raises(EarmarkError, match=r"holds no audio file \(\.wav, \.flac"):
        find_recordings([tmp_path])


def test_recordings_that_are_too_short_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tone(tmp_path / "short.wav", 0.3)
    with pytest.raises(EarmarkError, match=r"No recording lasts 0\.41 s, as pretraining needs"):
        cpc.pretrain(SMALL, [tmp_path], tmp_path / "out")
    write_tone(tmp_path / "long.wav", 2.0)
    cpc.pretrain(SMALL.model_copy(update={"epochs": 1}), [tmp_path], tmp_path / "out")
    assert "1 of 2 recordings, under 0.41 s, are left out.\n" in capsys.readouterr().out
    assert read_cpc_description(tmp_path / "out").data.recordings == 1


# --- pretraining -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unbroken(tiny_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pretraining on the tiny corpus in one go."""
    out = tmp_path_factory.mktemp("cpc") / "network"
    cpc.pretrain(SMALL, [tiny_corpus.folder], out)
    return out


def curve(out: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (out / "curve.jsonl").read_text().splitlines()]


def result(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in ("model.safetensors", "cpc.yaml", "curve.jsonl")}


def test_what_comes_next_is_learned(unbroken: Path) -> None:
    points = curve(unbroken)
    assert [point["epoch"] for point in points] == [1, 2, 3, 4, 5, 6]
    assert points[-1]["train_loss"] < math.log(6) - 0.3
    assert points[-1]["train_loss"] < points[0]["train_loss"] - 0.1
    assert points[-1]["accuracy"] > 2 / 6


def test_a_pretraining_describes_itself_and_is_a_start(unbroken: Path) -> None:
    known = read_cpc_description(unbroken)
    assert known.pretraining == SMALL
    assert known.data.recordings == 32
    assert known.data.speakers == 1
    assert sorted(path.name for path in unbroken.iterdir()) == sorted([*result(unbroken), "resume.pt"])
    speech = CpcSpeech(kind="cpc", lstm=[4], init_from=str(unbroken), **NETWORK.model_dump())
    network = CpcEncoder(extractor(SMALL.features).dimension, speech)
    network.load_pretrained(SMALL.features)
    weights = read_weights(unbroken)
    assert all(torch.equal(value, weights[name]) for name, value in network.cpc.state_dict().items())


@pytest.mark.parametrize("epochs", [1, 4, 6])
def test_a_stopped_pretraining_goes_on_to_the_same_result(
    tiny_corpus: Corpus, unbroken: Path, tmp_path: Path, epochs: int
) -> None:
    out = tmp_path / "network"
    with stopped_after(epochs):
        cpc.pretrain(SMALL, [tiny_corpus.folder], out)
    assert not (out / "model.safetensors").exists()
    torch.manual_seed(epochs)
    cpc.pretrain(SMALL, [tiny_corpus.folder], out)
    assert result(out) == result(unbroken)


def test_a_finished_pretraining_stays_as_it_is(tiny_corpus: Corpus, unbroken: Path, tmp_path: Path, capsys) -> None:
    before = result(unbroken)
    cpc.pretrain(SMALL, [tiny_corpus.folder], unbroken)
    assert capsys.readouterr().err == ""
    with pytest.raises(EarmarkError, match="was begun with other settings: go on with those"):
        cpc.pretrain(SMALL.model_copy(update={"epochs": 7}), [tiny_corpus.folder], unbroken)
    with pytest.raises(EarmarkError, match="was begun with other recordings: go on with those"):
        cpc.pretrain(SMALL, [tiny_corpus.folder, write_tone(tmp_path / "more.wav")], unbroken)
    assert result(unbroken) == before


def test_a_folder_that_holds_a_model_is_left_alone(tiny_corpus: Corpus, tiny_run: Path) -> None:
    with pytest.raises(EarmarkError, match="already holds a run: choose another folder"):
        cpc.pretrain(SMALL, [tiny_corpus.folder], tiny_run)


def test_a_loss_that_is_no_number_is_an_error(tiny_corpus: Corpus, tmp_path: Path) -> None:
    wild = SMALL.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(EarmarkError, match=r"Loss became NaN or infinite \(epoch \d\): .* lower --learning-rate"):
        cpc.pretrain(wild, [tiny_corpus.folder], tmp_path / "out")
    assert not (tmp_path / "out" / "model.safetensors").exists()


def test_chance_is_the_seed_and_nothing_else(tiny_corpus: Corpus, tmp_path: Path) -> None:
    once = SMALL.model_copy(update={"epochs": 1})
    for name, how in (("a", once), ("b", once), ("c", once.model_copy(update={"seed": 1}))):
        cpc.pretrain(how, [tiny_corpus.folder], tmp_path / name)
        torch.rand(3)
    assert result(tmp_path / "a") == result(tmp_path / "b")
    assert result(tmp_path / "a")["model.safetensors"] != result(tmp_path / "c")["model.safetensors"]
