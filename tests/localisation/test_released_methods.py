"""Localisation as released with the paper, against the released procedure step by step, and scipy's peaks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import interp1d
from scipy.signal import find_peaks
from torch import Tensor

from earmark import localisation
from earmark.localisation.methods import masked_in_released
from earmark.localisation.methods._released_peaks import last_peak
from earmark.models.encoded import encode
from earmark.models.keyword_models import KeywordModel, build
from earmark.recipe import Attention, ConvLayer, KeywordModelSettings, LogMeanExp, Maximum
from support.random_models import FEATURES, WORDS

QUERIES = torch.arange(len(WORDS))
LENGTHS = torch.tensor([61, 40])


def model_of(kind: str) -> KeywordModel:
    first = ConvLayer(channels=4, kernel=5)
    settings_of = {
        "psc": KeywordModelSettings(
            encoder=[first, ConvLayer(channels="keywords", kernel=3, relu=False)], pooling=LogMeanExp(r=1.2)
        ),
        "cnn-pool": KeywordModelSettings(
            encoder=[first.model_copy(update={"pool": 3}), ConvLayer(channels=6, kernel=3)],
            pooling=Maximum(kind="max"),
            classifier=[6],
        ),
        "cnn-attend": KeywordModelSettings(
            encoder=[first, ConvLayer(channels=5, kernel=3, relu=False)],
            pooling=Attention(kind="attention"),
            classifier=[6],
        ),
    }
    torch.manual_seed(3)
    model = build(settings_of[kind], FEATURES, WORDS).double().eval()
    for parameter in model.parameters():
        parameter.data *= 3  # so that curves have peaks
    return model.requires_grad_(False)


def features_of(seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(2, 61, FEATURES, generator=rng, dtype=torch.float64)


def located(name: str, kind: str, features: Tensor) -> localisation.LocalisationScores:
    model = model_of(kind)
    return localisation.method(name, model)(model, encode(model, features, LENGTHS), QUERIES)


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.52, 1.0]), min_size=1, max_size=25),
    st.sampled_from([0.01, 0.05, 0.3]),
)
@settings(deadline=None, max_examples=300)
def test_the_last_peak_is_scipys(curve: list[float], prominence: float) -> None:
    for width in (0.05, 0.2):  # the released code's
        peaks, _ = find_peaks(np.array(curve), prominence=prominence, width=width)
        assert last_peak(np.array(curve), prominence) == (int(peaks[-1]) if len(peaks) else None)


def test_score_aggregation_takes_the_last_peak() -> None:
    model, features = model_of("psc"), features_of()
    found = located("score-aggregation-released", "psc", features)
    frames, _ = model.encode_speech(features, LENGTHS)
    differs = False
    for b, length in enumerate(LENGTHS.tolist()):
        for w in range(len(WORDS)):
            curve = frames[b, :length, w].sigmoid().numpy()
            peaks, _ = find_peaks(curve, prominence=0.05, width=0.05)
            expected = int(max(peaks)) if len(peaks) else 0
            assert found.locations_s()[b, w].item() == pytest.approx(0.01 * expected + 0.005)
            differs |= expected != int(curve.argmax())
    assert differs


def test_grad_cam_is_the_released_one() -> None:
    model, features = model_of("cnn-pool"), features_of()
    found = located("grad-cam-released", "cnn-pool", features)
    conv = model.speech_encoder.blocks[-1].conv
    for b, length in enumerate(LENGTHS.tolist()):
        inputs, _ = model.speech_encoder.before_last(features[b : b + 1, :length], LENGTHS[b : b + 1])
        embeddings = conv(inputs)[0].T.clone().requires_grad_()  # (T', K), before the ReLU
        for w in range(len(WORDS)):
            logit = model.classifier(embeddings.relu().max(dim=0).values)[w]
            (slopes,) = torch.autograd.grad(logit, embeddings)
            gamma = slopes.mean(dim=0)
            cam = np.ones(len(embeddings))
            for k in range(embeddings.shape[1]):
                cam += (gamma[k] * embeddings[:, k]).detach().numpy()
            cam = np.maximum(cam, 0)
            cam = (cam - cam.min()) / (cam.max() - cam.min())
            points = np.linspace(0, len(cam) - 1, length)
            upsampled = interp1d(np.arange(len(cam)), cam)(points)
            peaks, _ = find_peaks(upsampled, prominence=0.01, width=0.2)
            expected = int(max(peaks)) if len(peaks) else 0
            assert found.locations_s()[b, w].item() == pytest.approx(0.01 * expected + 0.005)


def released_segments(length: int) -> list[tuple[int, int]]:
    """As the released code goes through an utterance."""
    return [
        (start, end) for start in range(0, length, 3) for end in range(start + 20, length + 1, 3) if end - start <= 60
    ]


def test_masks_add_up() -> None:
    """The features of an utterance are silenced segment by segment, and never put back."""
    model, features = model_of("cnn-attend"), features_of()
    found = located("masked-out-released", "cnn-attend", features)
    right = localisation.method("masked-out", model)(model, encode(model, features, LENGTHS), QUERIES)
    for b, length in enumerate(LENGTHS.tolist()):
        left = features[b : b + 1, :length].clone()
        logits = []
        for start, end in released_segments(length):
            left[0, start:end] = 0  # the released code's arrays are one and the same
            logits.append(model(left, LENGTHS[b : b + 1])[0].clone())
        released = torch.stack(logits, dim=1)
        own = found.scores[b][:, found.scores[b, 0] > -math.inf]
        torch.testing.assert_close(own, -released, atol=1e-9, rtol=1e-9)
        for w in range(len(WORDS)):  # of several that are equal but for rounding, any
            middles = [
                0.01 * (start + end) / 2
                for (start, end), logit in zip(released_segments(length), released[w], strict=True)
                if logit <= released[w].min() + 1e-9
            ]
            assert min(abs(found.locations_s()[b, w].item() - middle) for middle in middles) < 1e-6
    assert not torch.equal(found.locations_s(), right.locations_s())


def test_a_segment_is_moved_to_the_front_of_eight_seconds() -> None:
    """800 frames, of which all take part in attention."""
    model, features = model_of("cnn-attend"), features_of()
    found = located("masked-in-released", "cnn-attend", features)
    for b, length in enumerate(LENGTHS.tolist()):
        best = [(-math.inf, (0, 0))] * len(WORDS)
        for start, end in released_segments(length):
            version = torch.zeros(1, masked_in_released.FRAMES, FEATURES, dtype=torch.float64)
            version[0, : end - start] = features[b, start:end]
            scores = model(version, torch.tensor([800]))[0].sigmoid().tolist()
            best = [
                (score, (start, end)) if score > known[0] else known for score, known in zip(scores, best, strict=True)
            ]
        for w, (score, (start, end)) in enumerate(best):
            assert found.locations_s()[b, w].item() == pytest.approx(0.01 * (start + end) / 2, abs=1e-6)
            assert found.scores[b, w].max().sigmoid().item() == pytest.approx(score)
