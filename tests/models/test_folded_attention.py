"""Attention is pooled without the last convolution's frames, and gives what pooling them gives, gradients too."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from earmark.core.timing import FEATURE_GRID
from earmark.core.vocabulary import Vocabulary
from earmark.models import build
from earmark.models import keyword_models as module
from earmark.models.folded_attention import is_affine, saves_work
from earmark.models.keyword_models import AttentionModel
from earmark.recipe import ConvLayer, KeywordModelSettings

PLAIN = [ConvLayer(channels=6, kernel=5), ConvLayer(channels=8, kernel=3, stride=2)]
AFFINE = [
    ConvLayer(channels=40, kernel=7, relu=False),
    ConvLayer(channels=40, kernel=5, stride=3, relu=False),
    ConvLayer(channels=40, kernel=1, relu=False),
]
LENGTHS = torch.tensor([60, 41, 3, 1])


def attention(last: ConvLayer, keywords: int = 3) -> AttentionModel:
    torch.manual_seed(0)
    settings = KeywordModelSettings(encoder=[*PLAIN, last], pooling={"kind": "attention"}, classifier=[16])
    model = build(settings, 4, Vocabulary([f"word{number}" for number in range(keywords)]), FEATURE_GRID)
    assert isinstance(model, AttentionModel)
    nn.init.normal_(model.pooling.queries.weight, std=2.0)  # so that the attention is sharp
    return model


def logits_and_gradients(model: AttentionModel, logits: Tensor) -> list[Tensor]:
    model.zero_grad()
    (logits * torch.linspace(-1, 2, logits.numel()).view_as(logits)).sum().backward()
    return [logits.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize("last", AFFINE)
def test_folded_attention_equals_attention_over_frames(last: ConvLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    model = attention(last)
    features = torch.randn(len(LENGTHS), 60, 4)
    expected = logits_and_gradients(
        model, model.score(model.encode_speech(features, LENGTHS), torch.arange(len(model.vocabulary)))[0]
    )
    monkeypatch.setattr(model.pooling, "forward", None)  # it is not what is called
    found = logits_and_gradients(model, model(features, LENGTHS))
    assert len(found) == len(expected) > 8
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    "last",
    [
        ConvLayer(channels=40, kernel=3),  # ReLU
        ConvLayer(channels=40, kernel=3, relu=False, norm=True),
        ConvLayer(channels=40, kernel=3, relu=False, pool=2),
        ConvLayer(channels=40, kernel=3, relu=False, dropout=0.1),
        ConvLayer(channels=8, kernel=3, relu=False, residual=True),
    ],
)
def test_a_block_that_is_not_affine_is_not_folded(last: ConvLayer, monkeypatch: pytest.MonkeyPatch) -> None:
    model = attention(last).eval()
    monkeypatch.setattr(module, "folded_contexts", None)
    features = torch.randn(len(LENGTHS), 60, 4)
    expected = model.score(model.encode_speech(features, LENGTHS), torch.arange(3))[0]
    torch.testing.assert_close(model(features, LENGTHS), expected)
    assert not is_affine(model.speech_encoder.blocks[-1])


def test_frames_are_computed_where_they_are_fewer_than_keywords(monkeypatch: pytest.MonkeyPatch) -> None:
    model = attention(AFFINE[0], keywords=40)
    monkeypatch.setattr(module, "folded_contexts", None)
    model(torch.randn(2, 60, 4), torch.tensor([60, 50]))
    # 30 frames of 40 channels against twice 30 frames and 40 contexts for each of 40 keywords
    assert not saves_work(model.speech_encoder.blocks[-1], 30, 40)
    assert saves_work(model.speech_encoder.blocks[-1], 30, 3)
