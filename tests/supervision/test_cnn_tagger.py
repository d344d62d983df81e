from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import COLOURS, picture
from earmark.core.corpus import Corpus, Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.supervision.captions import Picture, named_in_captions
from earmark.supervision.cnn_tagger import CnnTagger, CnnTaggerSettings
from earmark.supervision.taggers import read_tagger, tag
from earmark.training.taggers import one_cycle, train_cnn_tagger
from support.stopping import stopped_after

pytestmark = pytest.mark.usefixtures("command_line")

SMALL = CnnTaggerSettings(side=48, epochs=20, batch_size=16, learning_rate=1e-2)
WORDS = Vocabulary(COLOURS)


def draw(folder: Path, count: int, seed: int) -> list[Picture]:
    """Captioned pictures: two captions each; the first leaves out what the second names."""
    rng = np.random.default_rng(seed)
    pictures = []
    folder.mkdir()
    for number in range(count):
        shown = [str(word) for word in rng.permutation(list(COLOURS))[: 1 + number % 3]]
        picture(shown, rng).save(folder / f"{number}.png")
        pictures.append(Picture(folder / f"{number}.png", ("A picture.", f"{' and '.join(shown)}.")))
    return pictures


def shown_in(pictures: list[Picture]) -> np.ndarray:
    return named_in_captions(pictures, WORDS) > 0


def as_utterances(pictures: list[Picture]) -> list[Utterance]:
    return [Utterance(f"u{i}", Path("u.wav"), 16_000, 16_000, image=p.image) for i, p in enumerate(pictures)]


@pytest.fixture(scope="module")
def tagger_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagger")
    train_cnn_tagger(draw(folder / "pictures", 64, seed=1), WORDS, SMALL, folder / "tagger")
    return folder / "tagger"


def test_it_learns_what_is_shown_from_captions(tagger_folder: Path, tmp_path: Path) -> None:
    unseen = draw(tmp_path / "unseen", 40, seed=2)
    targets = tag(read_tagger(tagger_folder), as_utterances(unseen))
    assert targets.vocabulary == WORDS
    tags = targets.matrix([f"u{i}" for i in range(40)], WORDS)
    assert tags.min() >= 0
    assert tags.max() <= 1
    # Half of the captions name a thing that is shown, so half is what a tag should be.
    shown = shown_in(unseen)
    assert ((tags > 0.25) == shown).mean() > 0.97
    assert tags[shown].mean() == pytest.approx(0.5, abs=0.12)


def test_utterances_of_a_corpus_get_tags_and_one_image_is_encoded_once(
    tagger_folder: Path, tiny_corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    utterances = tiny_corpus.utterances("test")
    twice = [*utterances, Utterance("again", Path("x.wav"), 16_000, 1, image=utterances[0].image)]
    targets = tag(read_tagger(tagger_folder), twice)
    assert list(targets.rows) == [utterance.id for utterance in twice]
    np.testing.assert_array_equal(targets.rows["again"], targets.rows[utterances[0].id])
    assert f"Tagging pictures: {len(utterances)}/{len(utterances)}" in capsys.readouterr().err
    for utterance in utterances:
        spoken = {word.word for word in utterance.words or ()}
        assert [word in spoken for word in WORDS] == list(targets.rows[utterance.id] > 0.25)


def test_tags_do_not_depend_on_the_company(tagger_folder: Path, tmp_path: Path) -> None:
    utterances = as_utterances(draw(tmp_path / "p", 20, seed=3))
    tagger = read_tagger(tagger_folder)
    together, alone = tag(tagger, utterances), tag(tagger, utterances[7:8])
    np.testing.assert_allclose(alone.rows["u7"], together.rows["u7"], atol=1e-5)


def test_same_seed_same_weights(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "p", 6, seed=4)
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        train_cnn_tagger(pictures, WORDS, CnnTaggerSettings(side=32, epochs=2, seed=seed), tmp_path / out)
        torch.rand(3)
    a, b, c = ((tmp_path / out / "model.safetensors").read_bytes() for out in "abc")
    assert a == b
    assert a != c


def test_a_stopped_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "p", 9, seed=4)
    settings = CnnTaggerSettings(side=32, epochs=4, batch_size=4)
    train_cnn_tagger(pictures, WORDS, settings, tmp_path / "whole")
    with stopped_after(2):
        train_cnn_tagger(pictures, WORDS, settings, tmp_path / "stopped")
    with pytest.raises(EarmarkError, match="is not finished: run the same 'earmark tagger train' again"):
        read_tagger(tmp_path / "stopped")
    with pytest.raises(EarmarkError, match="holds a part of a tagger with other settings, keywords or pictures"):
        train_cnn_tagger(pictures[1:], WORDS, settings, tmp_path / "stopped")
    torch.rand(3)
    train_cnn_tagger(pictures, WORDS, settings, tmp_path / "stopped")
    whole, stopped = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "stopped"))
    assert whole == stopped
    assert not (tmp_path / "stopped" / "resume.pt").exists()


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 57])
def test_one_cycle_is_that_of_torch(steps: int) -> None:
    weights = [torch.zeros(1, requires_grad=True)]
    optimizer = torch.optim.AdamW(weights, 0.3)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=steps)
    for step in range(steps):
        (group,) = optimizer.param_groups
        assert one_cycle(0.3, step, steps) == pytest.approx((group["lr"], group["betas"][0]))
        optimizer.step()
        if step + 1 < steps:
            scheduler.step()


def test_one_picture_and_one_epoch_are_enough_to_run(tmp_path: Path) -> None:
    words = Vocabulary(["ọmọ", "#", "fire truck"])
    train_cnn_tagger(draw(tmp_path / "p", 1, seed=0), words, CnnTaggerSettings(side=32, epochs=1), tmp_path / "t")
    assert read_tagger(tmp_path / "t").vocabulary == words


def test_pooling_is_the_log_of_the_mean_of_exponentials() -> None:
    torch.manual_seed(0)
    tagger = CnnTagger(CnnTaggerSettings(side=32), Vocabulary(["a", "b"])).eval()
    pictures = torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        places = tagger.places(pictures - 0.5).double()
        expected = places.exp().mean(dim=(2, 3)).log()
        torch.testing.assert_close(tagger(pictures).double(), expected, atol=1e-5, rtol=1e-5)


# What goes wrong


def test_an_image_that_is_no_picture_stops_training(tmp_path: Path) -> None:
    pictures = draw(tmp_path / "p", 2, seed=0)
    pictures[1].image.write_bytes(b"nothing")
    with pytest.raises(EarmarkError, match=r"1\.png can't be read as a picture"):
        train_cnn_tagger(pictures, WORDS, SMALL, tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_keywords_that_no_caption_says_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [replace(one, captions=("A dog.",)) for one in draw(tmp_path / "pictures", 2, seed=1)]
    settings = SMALL.model_copy(update={"epochs": 1})
    train_cnn_tagger(pictures, Vocabulary(["ọmọ", "dog", "zebra"]), settings, tmp_path / "tagger")
    assert "No caption says 'ọmọ', 'zebra': a keyword" in capsys.readouterr().err
    many = Vocabulary([f"word{number}" for number in range(12)])
    with pytest.raises(EarmarkError, match=r"No caption says any of the keywords \('word0', .*'word9' and 2 more\)"):
        train_cnn_tagger(pictures, many, settings, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_folder_with_a_tagger_is_left_alone(tagger_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match="already holds a tagger: choose another folder"):
        train_cnn_tagger(draw(tmp_path / "p", 1, seed=0), WORDS, SMALL, tagger_folder)


def test_a_loss_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    settings = CnnTaggerSettings(side=32, epochs=3, batch_size=2, learning_rate=1e30)
    with pytest.raises(EarmarkError, match=r"Loss became NaN or infinite \(epoch \d\): lower the learning rate"):
        train_cnn_tagger(draw(tmp_path / "p", 8, seed=0), WORDS, settings, tmp_path / "t")


def test_an_utterance_without_an_image_can_not_be_tagged(tagger_folder: Path) -> None:
    with pytest.raises(EarmarkError, match="Utterance u has no image"):
        tag(read_tagger(tagger_folder), [Utterance("u", Path("u.wav"), 16_000, 16_000)])


def test_no_utterance_no_tags(tagger_folder: Path) -> None:
    assert tag(read_tagger(tagger_folder), []).rows == {}


def test_a_folder_that_is_no_tagger(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"is not a tagger \(it has no tagger.yaml\)"):
        read_tagger(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tagger.yaml", b"side: 5"),
        ("tagger.yaml", b"side: [1"),
        ("tagger.yaml", b"- 3"),
        ("tagger.yaml", b""),
        ("vocabulary.txt", b"dog\n"),
        ("model.safetensors", b"no weights"),
        ("model.safetensors", None),
    ],
)
def test_a_damaged_tagger_is_one_sentence(
    tagger_folder: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    for path in tagger_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    says = r"is damaged \(\w+\): train it again" if content is not None else "is not finished: run the same"
    with pytest.raises(EarmarkError, match=rf"The tagger in .* {says}"):
        read_tagger(tmp_path)
