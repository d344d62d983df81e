"""The paper's tagger, on a backbone of chance weights."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL.Image import Image
from torch import Tensor, nn

from conftest import COLOURS, picture
from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing
from earmark.core.vocabulary import Vocabulary
from earmark.features import image_cache
from earmark.features.image_cache import cached_vectors, vectors_of
from earmark.features.image_encoder import Backbone, read_backbone
from earmark.features.vgg16 import Vgg16
from earmark.media.images import read_image
from earmark.supervision import backbone_tagger
from earmark.supervision.captions import Picture, named_in_captions
from earmark.supervision.mlp_tagger import MlpTaggerSettings, mlp
from earmark.supervision.taggers import read_tagger, tag
from earmark.training.taggers import _MlpObjective, train_mlp_tagger
from support.stopping import stopped_after

WORDS = Vocabulary(COLOURS)
pytestmark = pytest.mark.usefixtures("no_network", "command_line")


def draw(folder: Path, count: int, seed: int) -> list[Picture]:
    rng = np.random.default_rng(seed)
    folder.mkdir()
    pictures = []
    for number in range(count):
        shown = [str(word) for word in rng.permutation(list(COLOURS))[: 1 + number % 3]]
        picture(shown, rng).save(folder / f"{number}.png")
        pictures.append(Picture(folder / f"{number}.png", (" and ".join(shown),)))
    return pictures


class Counting:
    """A backbone by hand, which sees how much of each colour there is, and how often it was asked."""

    def __init__(self) -> None:
        self.encoded_images = 0

    def __call__(self, pictures: Sequence[Image]) -> Tensor:
        self.encoded_images += len(pictures)
        pixels = np.stack([np.asarray(one, dtype=np.float32).reshape(-1, 3) / 255 for one in pictures])
        red, green, blue = (pixels[:, :, channel] > 0.9 for channel in range(3))
        parts = [red & ~green, blue & ~red, ~red & ~blue & (pixels.min(2) < 0.1), red & green]
        return torch.from_numpy(10 * np.stack([part.mean(1) for part in parts], axis=1)).float()


def counting() -> tuple[Backbone, Counting]:
    eye = Counting()
    return Backbone("by hand", "ab" * 32, eye), eye


def settings_of(backbone: Backbone, **changes: object) -> MlpTaggerSettings:
    small = {"layers": 2, "hidden": 32, "epochs": 60, "batch_size": 16, "learning_rate": 1e-2, "held_out": 0.2}
    return MlpTaggerSettings(backbone=backbone.spec, backbone_sha256=backbone.sha256, **{**small, **changes})


def as_utterances(pictures: list[Picture]) -> list[Utterance]:
    return [Utterance(f"u{i}", Path("u.wav"), 16_000, 16_000, image=p.image) for i, p in enumerate(pictures)]


@pytest.fixture
def vgg16(tmp_path: Path) -> Backbone:
    torch.manual_seed(0)
    torch.save(Vgg16(width=1, hidden=5).state_dict(), tmp_path / "vgg16.pth")
    return read_backbone(f"vgg16:{tmp_path / 'vgg16.pth'}")


def test_the_defaults_are_the_papers() -> None:
    settings = MlpTaggerSettings(backbone="vgg16:w.pth", backbone_sha256="")
    assert (settings.layers, settings.hidden, settings.dropout) == (4, 2048, 0.25)
    assert (settings.learning_rate, settings.batch_size, settings.epochs) == (1e-4, 256, 75)
    with torch.device("meta"):
        head = mlp(4096, settings, 1000)
    layers = [type(layer) for layer in head]
    assert layers == [nn.Linear, nn.ReLU, nn.Dropout] * 4 + [nn.Linear]
    assert [layer.weight.shape for layer in head if isinstance(layer, nn.Linear)] == [
        (2048, 4096), (2048, 2048), (2048, 2048), (2048, 2048), (1000, 2048)
    ]  # fmt: skip


def test_it_learns_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backbone, _ = counting()
    monkeypatch.setattr(backbone_tagger, "read_backbone", lambda _: backbone)
    train_mlp_tagger(draw(tmp_path / "p", 120, 1), WORDS, backbone, settings_of(backbone), tmp_path / "t")
    assert "Training the tagger: 360/360, " in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [
        "curve.jsonl", "learned-from.npz", "model.safetensors", "tagger.yaml", "vectors", "vocabulary.txt"
    ]  # fmt: skip
    unseen = draw(tmp_path / "unseen", 40, 2)
    utterances = as_utterances(unseen)
    tagger = read_tagger(tmp_path / "t")
    tags = tag(tagger, utterances).matrix([u.id for u in utterances], WORDS)
    assert ((tags > 0.5) == (named_in_captions(unseen, WORDS) > 0)).mean() > 0.97
    np.testing.assert_allclose(tag(tagger, utterances[7:8]).rows["u7"], tags[7], atol=1e-5)


def test_the_stored_weights_are_the_best_ones_on_pictures_held_out(tmp_path: Path) -> None:
    backbone, eye = counting()
    pictures = draw(tmp_path / "p", 30, 1)
    patient = settings_of(backbone, epochs=12, patience=3, learning_rate=0.3)
    train_mlp_tagger(pictures, WORDS, backbone, patient, tmp_path / "t")
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    rows = eye([read_image(pictures[int(i)].image) for i in order[:6]]).half().float()
    targets = torch.from_numpy(named_in_captions([pictures[int(i)] for i in order[:6]], WORDS))
    losses = []
    for epochs in range(1, 13):  # each as far as it went, with the last weights and not the best
        train_mlp_tagger(pictures, WORDS, backbone, replaced(patient, epochs=epochs), tmp_path / f"t{epochs}")
        losses.append(loss_of(tmp_path / f"t{epochs}", patient, rows, targets))
    best = loss_of(tmp_path / "t", patient, rows, targets)
    assert best == pytest.approx(min(losses), rel=1e-5)
    assert losses == sorted(losses, reverse=True)  # a longer training never keeps worse weights


def test_pictures_held_out_are_judged_without_dropout_and_weigh_the_same() -> None:
    backbone, _ = counting()
    torch.manual_seed(0)
    rows, targets = torch.rand(9, 4).half(), torch.rand(9, 4)
    settings = settings_of(backbone, dropout=0.8, batch_size=2, held_out=5 / 9)
    head = mlp(4, settings, 4).train()
    objective = _MlpObjective(head, rows, targets, settings)
    dev_loss = objective.dev_loss()
    dev = torch.randperm(9, generator=torch.Generator().manual_seed(0))[:5]
    with torch.no_grad():
        logits = head.eval()(rows[dev].float())
    expected = float(nn.functional.binary_cross_entropy_with_logits(logits, targets[dev]))
    assert dev_loss == pytest.approx(expected, rel=1e-6)
    assert len(objective.dataset) == 4


def test_it_ends_when_it_gets_no_better(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backbone, eye = counting()
    pictures = draw(tmp_path / "p", 12, 1)
    wild = settings_of(backbone, patience=2, learning_rate=0.3)
    train_mlp_tagger(pictures, WORDS, backbone, wild, tmp_path / "t", tmp_path / "cache")
    epochs = len((tmp_path / "t" / "curve.jsonl").read_text().splitlines())
    assert 2 < epochs < 60
    assert f"no better for 2 epochs, ended after {epochs}" in capsys.readouterr().err
    # Without the two epochs that were no better, it would have kept the same weights.
    best = replaced(wild, epochs=int(epochs) - 2)
    train_mlp_tagger(pictures, WORDS, backbone, best, tmp_path / "best", tmp_path / "cache")
    cached, same = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("t", "best"))
    assert cached == same
    assert eye.encoded_images == len(pictures)


def replaced(settings: MlpTaggerSettings, **changes: object) -> MlpTaggerSettings:
    return settings.model_copy(update=changes)


def loss_of(folder: Path, settings: MlpTaggerSettings, rows: Tensor, targets: Tensor) -> float:
    from safetensors.torch import load_file

    head = mlp(4, settings, 4).eval()
    head.load_state_dict(load_file(folder / "model.safetensors"))
    with torch.no_grad():
        return float(nn.functional.binary_cross_entropy_with_logits(head(rows), targets))


def test_a_stopped_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    backbone, eye = counting()
    pictures = draw(tmp_path / "p", 20, 1)
    settings = settings_of(backbone, epochs=6)
    train_mlp_tagger(pictures, WORDS, backbone, settings, tmp_path / "whole")

    with stopped_after(3):
        train_mlp_tagger(pictures, WORDS, backbone, settings, tmp_path / "t")
    with pytest.raises(EarmarkError, match="is not finished: run the same 'earmark tagger train' again"):
        read_tagger(tmp_path / "t")
    for some, words, changed in (
        (pictures, WORDS, replaced(settings, seed=1)),
        (pictures, Vocabulary(["dog"]), settings),
        (pictures[1:], WORDS, settings),
    ):
        with pytest.raises(EarmarkError, match="holds a part of a tagger with other settings, keywords or pictures"):
            train_mlp_tagger(some, words, backbone, changed, tmp_path / "t")
    encoded_images = eye.encoded_images
    train_mlp_tagger(pictures, WORDS, backbone, settings, tmp_path / "t")
    assert eye.encoded_images == encoded_images
    whole, resumed = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "t"))
    assert whole == resumed
    with pytest.raises(EarmarkError, match="already holds a tagger: choose another folder"):
        train_mlp_tagger(pictures, WORDS, backbone, settings, tmp_path / "t")


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    backbone, _ = counting()
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "resume.pt").write_bytes(b"nothing")
    with pytest.raises(EarmarkError, match=r"resume\.pt is damaged \(.*\): delete it to train from the start"):
        train_mlp_tagger(draw(tmp_path / "p", 10, 1), WORDS, backbone, settings_of(backbone), tmp_path / "t")


def test_what_can_not_be_learned_from(tmp_path: Path) -> None:
    backbone, _ = counting()
    pictures = draw(tmp_path / "p", 10, 1)
    with pytest.raises(EarmarkError, match="9 captioned pictures are too few to learn from: give at least 10"):
        train_mlp_tagger(pictures[1:], WORDS, backbone, settings_of(backbone), tmp_path / "t")
    wild = settings_of(backbone, learning_rate=1e30)
    with pytest.raises(EarmarkError, match=r"Loss became NaN or infinite .*: look for damaged pictures or weights"):
        train_mlp_tagger(pictures, WORDS, backbone, wild, tmp_path / "t")
    assert not (tmp_path / "t" / "model.safetensors").exists()


# The backbone that a tagger names


def test_keywords_that_no_caption_says_are_refused_before_pictures_are_encoded(tmp_path: Path) -> None:
    backbone, eye = counting()
    pictures = draw(tmp_path / "pictures", 12, seed=1)
    with pytest.raises(EarmarkError, match=r"No caption says any of the keywords \('zebra'\)"):
        train_mlp_tagger(pictures, Vocabulary(["zebra"]), backbone, settings_of(backbone), tmp_path / "tagger")
    assert eye.encoded_images == 0
    assert not (tmp_path / "tagger").exists()


def test_a_tagger_knows_its_backbone_again(vgg16: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = draw(tmp_path / "p", 10, 1)
    settings = settings_of(vgg16, epochs=1)
    train_mlp_tagger(pictures, WORDS, vgg16, settings, tmp_path / "ọmọ")
    description = yaml.safe_load((tmp_path / "ọmọ" / "tagger.yaml").read_text(encoding="utf-8"))
    assert description["backbone"] == f"vgg16:{tmp_path / 'vgg16.pth'}"
    targets = tag(read_tagger(tmp_path / "ọmọ"), as_utterances(pictures))
    assert len(targets.rows) == 10

    torch.manual_seed(1)
    torch.save(Vgg16(width=1, hidden=5).state_dict(), tmp_path / "vgg16.pth")
    with pytest.raises(EarmarkError, match=r"vgg16\.pth is not the one that the tagger in .*ọmọ was trained on: put"):
        read_tagger(tmp_path / "ọmọ")
    (tmp_path / "vgg16.pth").unlink()
    with pytest.raises(EarmarkError, match=r"ọmọ needs its backbone \(tagger\.yaml says which\): There are no weights"):
        read_tagger(tmp_path / "ọmọ")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tagger.yaml", b"backbone: x"),
        ("tagger.yaml", b"backbone: [1"),
        ("vocabulary.txt", b"dog\n"),
        ("model.safetensors", b"no weights"),
    ],
)
def test_a_damaged_tagger_is_one_sentence(vgg16: Backbone, tmp_path: Path, name: str, content: bytes) -> None:
    out = tmp_path / "t"
    train_mlp_tagger(draw(tmp_path / "p", 10, 1), WORDS, vgg16, settings_of(vgg16, epochs=1), out)
    (out / name).write_bytes(content)
    with pytest.raises(EarmarkError, match=r"The tagger in .* is damaged \(\w+\): train it again"):
        read_tagger(out)


# Vectors, computed once


def test_vectors_are_computed_once_and_again_where_a_picture_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(image_cache, "A_FILE", 4)
    monkeypatch.setattr(image_cache, "A_BATCH", 3)
    images = [picture.image for picture in draw(tmp_path / "p", 10, 1)]
    eye = Counting()
    expected = eye([read_image(image) for image in images]).half().numpy()

    def rows(some: list[Path]) -> np.ndarray:
        eye.encoded_images = 0
        return vectors_of(some, eye, tmp_path / "cache", "Looking")

    np.testing.assert_array_equal(rows(images[:5]), expected[:5])
    assert eye.encoded_images == 5
    assert "Looking: 5/5" in capsys.readouterr().err
    np.testing.assert_array_equal(rows([images[8], *images, images[8]]), expected[[8, *range(10), 8]])
    assert eye.encoded_images == 5
    assert rows(images).dtype == np.float16
    assert eye.encoded_images == 0
    images[2].write_bytes(images[3].read_bytes())
    np.testing.assert_array_equal(rows(images), expected[[0, 1, 3, *range(3, 10)]])
    assert eye.encoded_images == 1


def test_no_more_is_in_memory_than_a_file_and_what_was_requested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is any file held open, of which a program can have about a thousand."""
    monkeypatch.setattr(image_cache, "A_FILE", 2)
    images = [picture.image for picture in draw(tmp_path / "p", 40, 1)]
    maps = torch.arange(float(len(images)))[:, None].expand(-1, 100_000)  # 200 kB each, 8 MB in all
    drawn = iter(maps.split(2))
    opened = Path("/proc/self/fd")
    for _ in range(2):  # computed, then read
        before = len(list(opened.iterdir())) if opened.is_dir() else 0
        tracemalloc.start()
        cached = cached_vectors(images, lambda some: next(drawn), tmp_path / "cache", "Looking")
        np.testing.assert_array_equal(cached[[7, 7, 30]], maps[[7, 7, 30]])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4e6
        assert (len(list(opened.iterdir())) if opened.is_dir() else 0) == before
    assert len(cached) == len(images)
    np.testing.assert_array_equal(cached[range(40)], maps)


def test_rows_stay_while_another_program_writes_the_same_file(tmp_path: Path) -> None:
    images = [picture.image for picture in draw(tmp_path / "p", 3, 1)]
    eye = Counting()
    cached = cached_vectors(images, eye, tmp_path / "cache", "Looking")
    expected = cached[range(3)]
    (file,) = (tmp_path / "cache").iterdir()
    content = file.read_bytes()
    with replacing(file) as partial:
        partial.write_bytes(content)
    np.testing.assert_array_equal(cached[range(3)], expected)
    file.unlink()
    np.testing.assert_array_equal(cached[[2, 0]], expected[[2, 0]])
    np.testing.assert_array_equal(vectors_of(images, eye, tmp_path / "cache", "Looking"), expected)


def test_what_was_done_before_a_stop_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_cache, "A_FILE", 4)
    monkeypatch.setattr(image_cache, "A_BATCH", 2)
    images = [picture.image for picture in draw(tmp_path / "p", 10, 1)]
    eye = Counting()

    def stopping(pictures: Sequence[Image]) -> Tensor:
        if eye.encoded_images == 6:
            raise KeyboardInterrupt
        return eye(pictures)

    with pytest.raises(KeyboardInterrupt):
        vectors_of(images, stopping, tmp_path / "cache", "Looking")
    eye.encoded_images = 0
    vectors_of(images, eye, tmp_path / "cache", "Looking")
    assert eye.encoded_images == 6
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_damaged_file_of_vectors_is_made_anew_and_others_are_left_alone(tmp_path: Path) -> None:
    images = [picture.image for picture in draw(tmp_path / "p", 3, 1)]
    eye = Counting()
    expected = vectors_of(images, eye, tmp_path / "cache", "Looking")
    (cached,) = (tmp_path / "cache").iterdir()
    cached.write_bytes(cached.read_bytes()[:50])
    (tmp_path / "cache" / "other.safetensors").write_bytes(b"somebody's")
    np.testing.assert_array_equal(vectors_of(images, eye, tmp_path / "cache", "Looking"), expected)
    assert eye.encoded_images == 6
    np.testing.assert_array_equal(vectors_of(images, eye, tmp_path / "cache", "Looking"), expected)
    assert eye.encoded_images == 6
    assert (tmp_path / "cache" / "other.safetensors").read_bytes() == b"somebody's"


def test_maps_are_stored_however_they_lie_in_memory(tmp_path: Path) -> None:
    images = [picture.image for picture in draw(tmp_path / "p", 2, 1)]
    turned = torch.arange(12.0).reshape(2, 2, 3).transpose(1, 2)
    for _ in range(2):  # computed, then read
        cached = vectors_of(images, lambda some: turned, tmp_path / "cache", "Looking")
        np.testing.assert_array_equal(cached, turned)


def test_pictures_and_vectors_that_can_not_be_used(tmp_path: Path) -> None:
    images = [picture.image for picture in draw(tmp_path / "p", 2, 1)]
    with pytest.raises(EarmarkError, match="not numbers"):
        vectors_of(images, lambda some: torch.full((len(some), 2), 1e6), tmp_path / "c", "Looking")
    images[1].write_bytes(b"nothing")
    with pytest.raises(EarmarkError, match=r"1\.png can't be read as a picture"):
        vectors_of(images, Counting(), tmp_path / "c", "Looking")
    os.remove(images[1])
    with pytest.raises(EarmarkError, match=r"There is no picture .*1\.png"):
        vectors_of(images, Counting(), tmp_path / "c", "Looking")
