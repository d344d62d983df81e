from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import EarmarkError
from earmark.core.model_folder import read_weights, write_weights
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models.checkpoint import read_checkpoint, write_description, write_global_threshold, write_thresholds
from earmark.models.keyword_models import KeywordModel, build
from earmark.recipe import Recipe

LAST = {
    "frame scores": {"channels": "keywords", "kernel": 3, "relu": False},
    "attention": {"channels": 4, "kernel": 3},
}
REST = {
    "frame scores": {"pooling": {"kind": "log-mean-exp", "r": 1.2}},
    "attention": {"pooling": {"kind": "attention"}, "classifier": [6]},
}
KINDS = tuple(LAST)
WORDS = Vocabulary(["dog", "ọmọ", "red house"])
THRESHOLDS = np.array([0.25, 0.5, 0.125])


def recipe(kind: str) -> Recipe:
    encoder = [{"channels": 4, "kernel": 5, "stride": 4, "norm": True}, LAST[kind]]
    return Recipe.model_validate(
        {
            "name": "a model ọmọ",
            "localisation": "score-aggregation",
            "features": {"kind": "log-mel", "mel_filters": 13},
            "model": {"encoder": encoder, **REST[kind]},
            "training": {"epochs": 1},
        }
    )


def trained(folder: Path, kind: str = "frame scores", words: Vocabulary = WORDS) -> KeywordModel:
    """A model in a folder, as training leaves it."""
    how = recipe(kind)
    model = build(how.model, extractor(how.features).dimension, words)
    model(torch.randn(2, 40, 13), torch.tensor([40, 30]))  # its batch norm has seen something
    write_description(folder, how, words)
    write_weights(folder, model.state_dict())
    write_thresholds(folder, words, np.resize(THRESHOLDS, len(words)))
    write_global_threshold(folder, 0.375)
    return model.eval()


def complaint(folder: Path) -> str:
    """The one sentence with which a checkpoint is refused."""
    with pytest.raises(EarmarkError) as error:
        read_checkpoint(folder)
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read_again(tmp_path: Path, kind: str) -> None:
    model = trained(tmp_path / "a run ọmọ", kind)
    read = read_checkpoint(str(tmp_path / "a run ọmọ"))
    assert read.recipe == recipe(kind)
    assert read.vocabulary == WORDS
    assert read.folder == tmp_path / "a run ọmọ"
    assert not read.model.training
    np.testing.assert_array_equal(read.thresholds, THRESHOLDS)
    assert read.global_threshold == 0.375
    features, lengths = torch.randn(2, 50, 13), torch.tensor([50, 20])
    device = next(read.model.parameters()).device
    with torch.no_grad():
        logits_read = read.model(features.to(device), lengths.to(device)).cpu()
        torch.testing.assert_close(logits_read, model(features, lengths))
    for name, weight in model.state_dict().items():
        assert torch.equal(read.model.state_dict()[name].cpu(), weight)


def test_the_folder_is_what_its_description_says(tmp_path: Path) -> None:
    trained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "global-threshold.json",
        "model.safetensors",
        "recipe.yaml",
        "thresholds.json",
        "vocabulary.txt",
    ]
    assert (tmp_path / "vocabulary.txt").read_bytes() == "dog\nọmọ\nred house\n".encode()
    assert json.loads((tmp_path / "thresholds.json").read_text(encoding="utf-8")) == {
        "dog": 0.25,
        "ọmọ": 0.5,
        "red house": 0.125,
    }


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=1, max_size=5))
@settings(deadline=None, max_examples=25)
def test_any_words_are_read_again(tmp_path_factory: pytest.TempPathFactory, written: list[str]) -> None:
    try:
        words = Vocabulary(written)
    except EarmarkError:
        return  # the same word twice
    folder = tmp_path_factory.mktemp("run")
    trained(folder, words=words)
    assert read_checkpoint(folder).vocabulary == words


def test_a_keyword_may_begin_as_a_comment_does(tmp_path: Path) -> None:
    trained(tmp_path, words=Vocabulary(["#1", "dog"]))
    assert read_checkpoint(tmp_path).vocabulary.words == ("#1", "dog")


def test_an_editors_marks_on_the_vocabulary_do_no_harm(tmp_path: Path) -> None:
    """A byte order mark, other line ends, no last line end."""
    trained(tmp_path)
    (tmp_path / "vocabulary.txt").write_bytes(b"\xef\xbb\xbf" + "dog\r\nọmọ\r\nred house".encode())
    assert read_checkpoint(tmp_path).vocabulary == WORDS


def test_without_thresholds_they_are_the_papers(tmp_path: Path) -> None:
    """Section IV-C: 0.5."""
    trained(tmp_path)
    (tmp_path / "thresholds.json").unlink()
    assert read_checkpoint(tmp_path).thresholds.tolist() == [0.5, 0.5, 0.5]


def test_a_run_may_be_without_one_threshold(tmp_path: Path) -> None:
    trained(tmp_path)
    (tmp_path / "global-threshold.json").unlink()
    assert read_checkpoint(tmp_path).global_threshold is None


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b'"high"', b"1.5", b"-0.1", b"NaN", b"\xff"])
def test_a_damaged_one_threshold(tmp_path: Path, content: bytes) -> None:
    trained(tmp_path)
    (tmp_path / "global-threshold.json").write_bytes(content)
    assert str(tmp_path / "global-threshold.json") in complaint(tmp_path)


def test_thresholds_go_by_the_word_not_by_the_order(tmp_path: Path) -> None:
    trained(tmp_path)
    (tmp_path / "thresholds.json").write_text('{"red house": 1, "ọmọ": 0, "dog": 0.75}', encoding="utf-8")
    assert read_checkpoint(tmp_path).thresholds.tolist() == [0.75, 0.0, 1.0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is damaged"),
        (b"{", "is damaged"),
        (b"[0.1, 0.2, 0.3]", "is damaged"),
        (b"null", "is damaged"),
        (b'{"dog": 0.1, "red house": 0.2}', "has no threshold for the keyword 'ọmọ'"),
        ('{"dog": 1.5, "ọmọ": 0.1, "red house": 0.1}'.encode(), "a threshold is not between 0 and 1"),
        ('{"dog": NaN, "ọmọ": 0.1, "red house": 0.1}'.encode(), "a threshold is not between 0 and 1"),
        ('{"dog": null, "ọmọ": 0.1, "red house": 0.1}'.encode(), "a threshold is not between 0 and 1"),
        ('{"dog": "high", "ọmọ": 0.1, "red house": 0.1}'.encode(), "is damaged"),
        ('{"dog": [0.5], "ọmọ": 0.1, "red house": 0.1}'.encode(), "is damaged"),
        (b"\xff", "is not UTF-8"),
    ],
)
def test_damaged_thresholds(tmp_path: Path, content: bytes, says: str) -> None:
    trained(tmp_path)
    (tmp_path / "thresholds.json").write_bytes(content)
    sentence = complaint(tmp_path)
    assert str(tmp_path / "thresholds.json") in sentence
    assert says in sentence


def cut_short(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-10])


def half_the_header(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:40])


def flipped_header(weights: Path) -> None:
    content = bytearray(weights.read_bytes())
    content[8] ^= 0xFF
    weights.write_bytes(content)


def longer(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes() + b"more")


def empty(weights: Path) -> None:
    weights.write_bytes(b"")


def text(weights: Path) -> None:
    weights.write_text("version https://git-lfs.example/spec/v1\nsize 12345\n")


@pytest.mark.parametrize("damage", [cut_short, half_the_header, flipped_header, longer, empty, text])
def test_damaged_weights(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    trained(tmp_path)
    damage(tmp_path / "model.safetensors")
    sentence = complaint(tmp_path)
    assert f"{tmp_path / 'model.safetensors'} is damaged" in sentence
    assert sentence.endswith("copy it again, or train again.")


class Trap:
    """Unpickling it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("save", [pickle.dump, torch.save])
@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "recipe.yaml",
        "vocabulary.txt",
        "thresholds.json",
        "global-threshold.json",
        "false-alarms.json",
    ],
)
def test_nothing_is_unpickled(tmp_path: Path, name: str, save: Callable[[object, object], None]) -> None:
    folder, mark = tmp_path / "run", tmp_path / "mark"
    trained(folder)
    with open(folder / name, "wb") as file:
        save(Trap(mark), file)
    complaint(folder)
    assert not mark.exists()
    if save is pickle.dump:  # the trap is a real one
        pickle.loads((folder / name).read_bytes())
        assert mark.exists()


def test_missing_files(tmp_path: Path) -> None:
    for name, says in (
        ("model.safetensors", f"{tmp_path} holds no trained model (no model.safetensors): train one"),
        ("vocabulary.txt", f"{tmp_path} is not a trained model (it has no vocabulary.txt)"),
        ("recipe.yaml", f"{tmp_path} is not a trained model (it has no recipe.yaml)"),
    ):
        trained(tmp_path)
        (tmp_path / name).unlink()
        assert says in complaint(tmp_path)
    assert "is not a trained model" in complaint(tmp_path / "nowhere")
    with pytest.raises(EarmarkError, match="holds no trained model"):
        read_weights(tmp_path / "nowhere")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", ["dog\nọmọ\n", "dog\nọmọ\nred house\ncat\n"])
def test_another_vocabulary_does_not_fit(tmp_path: Path, kind: str, words: str) -> None:
    trained(tmp_path, kind)
    (tmp_path / "vocabulary.txt").write_text(words, encoding="utf-8")
    assert "model.safetensors does not fit recipe.yaml and vocabulary.txt beside it" in complaint(tmp_path)


def test_the_weights_of_another_model_do_not_fit(tmp_path: Path) -> None:
    trained(tmp_path / "one", "frame scores")
    trained(tmp_path / "other", "attention")
    (tmp_path / "other" / "model.safetensors").replace(tmp_path / "one" / "model.safetensors")
    assert "does not fit" in complaint(tmp_path / "one")


def test_missing_and_unknown_weights_do_not_fit(tmp_path: Path) -> None:
    model = trained(tmp_path)
    weights = dict(model.state_dict())
    safetensors.torch.save_file(weights | {"more": torch.zeros(1)}, tmp_path / "model.safetensors")
    assert "does not fit" in complaint(tmp_path)
    del weights["speech_encoder.blocks.0.conv.weight"]
    safetensors.torch.save_file(weights, tmp_path / "model.safetensors")
    assert "does not fit" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "holds an empty word"), ("dog\n\ncat\n", "holds an empty word"), ("dog\nDog\ncat\n", "is listed twice")],
)
def test_a_damaged_vocabulary(tmp_path: Path, content: str, says: str) -> None:
    trained(tmp_path)
    (tmp_path / "vocabulary.txt").write_text(content, encoding="utf-8")
    sentence = complaint(tmp_path)
    assert sentence.startswith(f"{tmp_path / 'vocabulary.txt'}: ")
    assert says in sentence


def test_a_damaged_recipe(tmp_path: Path) -> None:
    trained(tmp_path)
    with open(tmp_path / "recipe.yaml", "a", encoding="utf-8") as file:
        file.write("training_: {}\n")
    assert "recipe.yaml: there is no key 'training_'; did you mean 'training'?" in complaint(tmp_path)


def test_an_interrupted_write_keeps_the_weights_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = trained(tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()

    def full_disk(path: Path, data: bytes) -> None:
        with open(path, "wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_weights(tmp_path, {name: 2 * weight for name, weight in model.state_dict().items()})
    assert (tmp_path / "model.safetensors").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 5
