from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import earmark
import gradient_times_input
from earmark.media.audio import read_audio

CHANGES = [
    "supervision=bow",
    "augment.speeds=[1.0]",
    "training={epochs: 10, batch_size: 8, learning_rate: 0.01}",
    "model.encoder=[{channels: 24, kernel: 9, stride: 4, norm: true}, {channels: 24, kernel: 5, norm: true},"
    " {channels: keywords, kernel: 1, relu: false}]",
]


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    earmark.register("localisation", "gradient-times-input", gradient_times_input)
    yield
    earmark.unregister("localisation", "gradient-times-input")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> earmark.Corpus:
    corpus = earmark.prepare_corpus("tones", tmp_path_factory.mktemp("tones") / "corpus", size=32)
    earmark.tag(corpus, "bow")
    return corpus


@pytest.fixture(scope="module")
def model(corpus: earmark.Corpus, tmp_path_factory: pytest.TempPathFactory) -> earmark.KeywordSpotter:
    recipe = earmark.read_recipe("earmark-mfcc", CHANGES)
    run = earmark.train(recipe, corpus, tmp_path_factory.mktemp("runs") / "model")
    return earmark.load_model(run, device="cpu", localisation="gradient-times-input")


def test_it_finds_words(model: earmark.KeywordSpotter, corpus: earmark.Corpus) -> None:
    metrics = earmark.evaluate(model, corpus, "test").metrics
    assert metrics.localisation == "gradient-times-input"
    assert metrics.oracle.accuracy is not None
    assert metrics.oracle.accuracy > 0.6  # guessing is right in about one of four


def test_scores_are_first_order_parts_of_the_logit(model: earmark.KeywordSpotter, corpus: earmark.Corpus) -> None:
    """Against a derivative by differences: scaling frame t by 1 + e changes the logit by e times its score."""
    features = model.features(read_audio(corpus.utterances("test")[0].audio))[None]
    encoded = model.encode(features, torch.tensor([features.shape[1]]))
    queries = model.encode_queries(model.keywords)
    scores = model.localise_encoded(encoded, queries).scores[0].numpy()
    frames, lengths = (part.double() if part.is_floating_point() else part for part in encoded.speech)
    step = 1e-6
    for t in range(0, frames.shape[1], 5):
        more, less = frames.clone(), frames.clone()
        more[:, t] *= 1 + step
        less[:, t] *= 1 - step
        with torch.no_grad():
            slope = (model.model.score((more, lengths), queries)[0] - model.model.score((less, lengths), queries)[0])[0]
        np.testing.assert_allclose(scores[:, t], np.maximum(slope.numpy() / (2 * step), 0), atol=1e-4)


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
    named = {"gradient-times-input": gradient_times_input.__name__}
    assert project["project"]["entry-points"] == {"earmark.localisation.methods": named}
