"""Tags by prompts: CLIP's and SigLIP's own answers, by way of transformers, are the oracle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import torch
import transformers

from conftest import picture
from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import Vocabulary
from earmark.media.images import read_image
from earmark.supervision.clip_tagger import read_zero_shot
from earmark.supervision.taggers import tag
from support import networks

WORDS = Vocabulary(["ball", "dog", "ọmọ", "水"])
pytestmark = pytest.mark.usefixtures("no_network", "command_line")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(5)]
    for path in paths:
        picture(["ball", "dog", "snow"], rng).save(path)
    return paths


def pixels(images: list[Path]) -> torch.Tensor:
    squares = [np.asarray(read_image(path).resize((networks.SIDE,) * 2, 2)) / 255 for path in images]
    return torch.from_numpy((np.stack(squares) - [0.4, 0.5, 0.6]) / [0.2, 0.3, 0.5]).permute(0, 3, 1, 2).float()


def ids(*texts: str, longest: int | None = None) -> torch.Tensor:
    """Tokens by hand, filled up with the end."""
    rows = [[1, *(networks.WORDS.index(word) for word in text.split()), 2] for text in texts]
    longest = longest or max(map(len, rows))
    return torch.tensor([row + [2] * (longest - len(row)) for row in rows])


@torch.no_grad()
def clips_logits(folder: Path, images: list[Path], *texts: str) -> torch.Tensor:
    """CLIP's own logits: one row an image, one column a text."""
    model = transformers.CLIPModel.from_pretrained(folder).eval()
    return model(input_ids=ids(*texts), pixel_values=pixels(images)).logits_per_image


def test_clips_tag_is_its_choice_between_the_prompt_and_the_same_with_nothing(
    tmp_path: Path, images: list[Path]
) -> None:
    folder = networks.clip(tmp_path / "clip")
    tags = read_zero_shot(str(folder), WORDS, (), tmp_path / "cache").tags(images)
    assert tags.shape == (5, 4)
    for column, word in enumerate(WORDS):
        pair = clips_logits(folder, images, f"a photo of {word}", "a photo of")
        np.testing.assert_allclose(tags[:, column], pair.softmax(1)[:, 0], atol=2e-3)
    assert np.ptp(tags) > 0.02  # not all the same


def test_siglips_tag_is_its_own_probability(tmp_path: Path, images: list[Path]) -> None:
    folder = networks.siglip(tmp_path / "siglip")
    tags = read_zero_shot(str(folder), WORDS, ["the {}"], tmp_path / "cache").tags(images)
    model = transformers.SiglipModel.from_pretrained(folder).eval()
    texts = ids(*(f"the {word}" for word in WORDS), longest=networks.LONGEST)
    with torch.no_grad():
        expected = model(input_ids=texts, pixel_values=pixels(images)).logits_per_image.sigmoid()
    np.testing.assert_allclose(tags, expected, atol=2e-3)
    assert np.ptp(tags) > 0.02


def test_several_prompts_are_averaged_as_unit_vectors(tmp_path: Path, images: list[Path]) -> None:
    folder = networks.clip(tmp_path / "clip")
    prompts = ["a photo of the {}", "{}", "the {} of {}"]
    tags = read_zero_shot(str(folder), WORDS, prompts, tmp_path / "cache").tags(images)
    model = transformers.CLIPModel.from_pretrained(folder).eval()

    def unit(vectors: torch.Tensor) -> torch.Tensor:
        return vectors / vectors.norm(dim=-1, keepdim=True)

    with torch.no_grad():
        encoded = unit(model.get_image_features(pixels(images)).pooler_output)
        ball = unit(model.get_text_features(ids("a photo of the ball", "ball", "the ball of ball")).pooler_output)
        bare = unit(model.get_text_features(ids("a photo of the", "", "the of")).pooler_output)
        logits = model.logit_scale.exp() * (encoded @ unit(ball.mean(0)) - encoded @ unit(bare.mean(0)))
    np.testing.assert_allclose(tags[:, 0], logits.sigmoid(), atol=2e-3)


def test_a_keyword_is_tagged_by_itself_and_a_picture_is_encoded_once(
    tmp_path: Path, images: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(networks.clip(tmp_path / "clip"))
    together = read_zero_shot(folder, WORDS, (), tmp_path / "cache").tags(images)
    assert "Tagging pictures: 5/5" in capsys.readouterr().err
    alone = read_zero_shot(folder, Vocabulary(["ọmọ"]), (), tmp_path / "cache").tags(images[2:3])
    np.testing.assert_allclose(alone[0, 0], together[2, 2], atol=1e-5)
    assert "Tagging pictures" not in capsys.readouterr().err


def test_utterances_of_a_corpus_are_tagged(tmp_path: Path, tiny_corpus: Corpus) -> None:
    folder = networks.siglip(tmp_path / "siglip")
    utterances = tiny_corpus.utterances("test")
    targets = tag(read_zero_shot(str(folder), WORDS, (), tmp_path / "cache"), utterances)
    matrix = targets.matrix([utterance.id for utterance in utterances], WORDS)
    assert ((matrix > 0) & (matrix < 1)).all()


def test_siglips_own_tokenizer_works(tmp_path: Path, images: list[Path]) -> None:
    """The one that needs sentencepiece: it also makes texts lower case and takes away their punctuation."""
    folder = networks.siglip(tmp_path / "siglip")
    for path in [*folder.glob("tokenizer*"), *folder.glob("special*")]:
        path.unlink()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a photo of the red dog and a ball in snow"] * 20),
        model_prefix=str(folder / "spiece"), vocab_size=30, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["vocab_size"] = 40
    (folder / "config.json").write_text(json.dumps(config))
    model = transformers.SiglipModel(transformers.SiglipConfig(**config))
    networks.saved(model, folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "SiglipTokenizer"}))
    lower = read_zero_shot(str(folder), Vocabulary(["dog", "ball"]), ["{}"], tmp_path / "cache").tags(images)
    upper = read_zero_shot(str(folder), Vocabulary(["Dog!", "ball"]), ["{}"], tmp_path / "cache").tags(images)
    np.testing.assert_array_equal(lower, upper)
    assert not np.allclose(lower[:, 0], lower[:, 1], atol=1e-6)


# What goes wrong


def test_what_can_not_be_read_is_one_sentence(tmp_path: Path) -> None:
    folder = str(networks.clip(tmp_path / "clip"))
    with pytest.raises(EarmarkError, match=r"The prompt 'a photo' has no \{\} in the keyword's place"):
        read_zero_shot(folder, WORDS, ["a photo"], tmp_path)
    with pytest.raises(EarmarkError, match="can't read the keyword 'собака': choose one that knows its script"):
        read_zero_shot(folder, Vocabulary(["собака"]), (), tmp_path)
    with pytest.raises(EarmarkError, match="keyword 'dog' in its prompts is too long for the network"):
        read_zero_shot(folder, Vocabulary(["dog"]), ["a photo of the red {} " * 4], tmp_path)
    with pytest.raises(EarmarkError, match="There is no folder openai/clip"):
        read_zero_shot("openai/clip", WORDS, (), tmp_path)
    with pytest.raises(EarmarkError, match="does not compare pictures with texts: give one of CLIP's kind"):
        read_zero_shot(str(networks.vit(tmp_path / "vit")), WORDS, (), tmp_path)


def test_a_clip_without_its_tokenizer_or_some_weights_is_one_sentence(tmp_path: Path) -> None:
    folder = networks.clip(tmp_path / "clip")
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    from safetensors.torch import load_file, save_file

    rest = load_file(weights)
    del rest["text_projection.weight"]
    save_file(rest, weights, {"format": "pt"})
    with pytest.raises(EarmarkError, match=r"don't fit its config\.json \(see text_projection\.weight\)"):
        read_zero_shot(str(folder), WORDS, (), tmp_path)
    weights.write_bytes(whole)
    for path in folder.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(EarmarkError, match=r"has no tokenizer \(tokenizer\.json, "):
        read_zero_shot(str(folder), WORDS, (), tmp_path)
