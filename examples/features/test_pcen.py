from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import earmark
import pcen
from earmark.features import extractor


@pytest.fixture(autouse=True, scope="module")
def registered() -> Iterator[None]:
    earmark.register("features", "pcen", pcen)
    yield
    earmark.unregister("features", "pcen")


def test_equation_1_with_a_filter_of_scipys() -> None:
    signal = pytest.importorskip("scipy.signal")
    energies = np.random.default_rng(0).random((60, 13)) * 100
    settings = pcen.Settings(mel_filters=13, smoothing=0.1, gain=0.9, bias=1.5, power=0.3)
    average, _ = signal.lfilter([0.1], [1, -0.9], energies, axis=0, zi=0.9 * energies[:1])
    expected = (energies / (pcen.EPSILON + average) ** 0.9 + 1.5) ** 0.3 - 1.5**0.3
    np.testing.assert_allclose(pcen.pcen(torch.from_numpy(energies), settings).numpy(), expected, rtol=1e-9)


def test_steady_noise_is_removed() -> None:
    settings = pcen.Settings()
    speech = torch.ones(400, 1)
    speech[200:210] = 10.0
    loud = pcen.pcen(1000 * speech, settings)
    quiet = pcen.pcen(speech, settings)
    torch.testing.assert_close(loud, quiet, rtol=0.15, atol=0.0)
    assert quiet[205] > 2 * quiet[150]


def test_a_recipe_names_it_and_a_model_learns_from_it(tmp_path: Path) -> None:
    corpus = earmark.prepare_corpus("tones", tmp_path / "tones", size=24)
    earmark.tag(corpus, "bow")
    recipe = earmark.read_recipe(
        "earmark-mfcc",
        [
            "features={kind: pcen, mel_filters: 20}",
            "supervision=bow",
            "augment.speeds=[1.0]",
            "training={epochs: 8, batch_size: 8, learning_rate: 0.01}",
            "model.encoder=[{channels: 16, kernel: 9, stride: 4, norm: true},"
            " {channels: keywords, kernel: 5, relu: false}]",
        ],
    )
    assert extractor(recipe.features)(np.zeros(1600, dtype=np.float32)).shape == (10, 20)
    metrics = earmark.evaluate(earmark.train(recipe, corpus, tmp_path / "run"), corpus, "test").metrics
    assert metrics.detection.mean_average_precision is not None
    assert metrics.detection.mean_average_precision > 0.7  # guessing: about 0.4


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"] == {"earmark.features.kinds": {"pcen": pcen.__name__}}
