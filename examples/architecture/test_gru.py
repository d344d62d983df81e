from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import earmark
import gru
from earmark.core.timing import FEATURE_GRID
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders import build_speech_encoder

RECIPE = Path(__file__).parent / "gru.yaml"


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    earmark.register("speech-encoder", "gru", gru)
    yield
    earmark.unregister("speech-encoder", "gru")


def test_padding_never_leaks() -> None:
    torch.manual_seed(0)
    encoder = build_speech_encoder(gru.Settings(units=5, layers=2), 7, 3, FEATURE_GRID).eval()
    lengths = torch.tensor([12, 1, 30])
    features = torch.randn(3, 33, 7)
    rubbish = torch.where(padding_mask(lengths, 33)[:, :, None], features, 1e3)
    frames, frame_lengths = encoder(rubbish, lengths)
    assert frame_lengths.tolist() == lengths.tolist()
    for row, length in enumerate(lengths.tolist()):
        alone, _ = encoder(features[row : row + 1, :length], torch.tensor([length]))
        torch.testing.assert_close(frames[row, :length], alone[0])
        assert (frames[row, length:] == 0).all()


def test_it_learns_words_from_pictures_and_accepts_both(tmp_path: Path) -> None:
    corpus = earmark.prepare_corpus("tones", tmp_path / "tones", size=32)
    earmark.tag(corpus, "bow", name="vgs")
    small = ["model.speech.units=16", "model.dimension=16", "model.image={kind: small, side: 32, channels: [8, 16]}"]
    training = ["training={epochs: 6, batch_size: 8, learning_rate: 0.01, clip: 1.0}"]
    run = earmark.train(earmark.read_recipe(RECIPE, small + training), corpus, tmp_path / "run")
    model = earmark.load_model(run, device="cpu")
    assert model.accepts_keywords
    assert model.accepts_images
    metrics = earmark.evaluate(model, corpus, "test").metrics
    assert metrics.detection.mean_average_precision is not None
    assert metrics.detection.mean_average_precision > 0.7  # guessing: about 0.4


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"] == {"earmark.models.speech_encoders": {"gru": gru.__name__}}
