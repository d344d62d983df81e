"""Models with several members: what their frames, scores, losses and gradients are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.model_folder import write_weights
from earmark.localisation import method
from earmark.models.checkpoint import read_checkpoint, write_description
from earmark.models.keyword_models import FrameScoreModel, build
from earmark.models.pooling import log_mean_exp
from earmark.models.speech_encoders._ensemble import EnsembleEncoder
from earmark.recipe import KeywordModelSettings, read_recipe
from earmark.training.objectives.tags import known_cross_entropy
from support.random_models import CLOSE, CNN_ATTEND, FEATURES, PSC, WORDS, batch

LENGTHS = torch.tensor([40, 23])


def ensemble(members: int) -> FrameScoreModel:
    torch.manual_seed(0)
    model = build(PSC.model_copy(update={"members": members}), FEATURES, WORDS).double()
    assert isinstance(model, FrameScoreModel)
    return model


def encoder_of(model: FrameScoreModel) -> EnsembleEncoder:
    assert isinstance(model.speech_encoder, EnsembleEncoder)
    return model.speech_encoder


def test_members_begin_differently_and_the_first_like_a_model_without_others() -> None:
    alone, several = ensemble(1), ensemble(3)
    first, second, _ = encoder_of(several).members
    for name, weight in alone.speech_encoder.state_dict().items():
        torch.testing.assert_close(first.state_dict()[name], weight)
    weights = [member.state_dict()["blocks.0.conv.weight"] for member in (first, second)]
    assert not torch.equal(*weights)


@torch.no_grad()
def test_scores_are_means_over_members() -> None:
    model, features = ensemble(3).eval(), batch(LENGTHS, 1)
    speech = model.encode_speech(features, LENGTHS)
    queries = model.encode_queries(WORDS.words[1:])
    logits, scores = model.score(speech, queries)
    every = [member(features, LENGTHS)[0].transpose(1, 2)[:, queries] for member in encoder_of(model).members]
    torch.testing.assert_close(scores, (every[0] + every[1] + every[2]) / 3, **CLOSE)
    pooled = [log_mean_exp(each, speech[1], model.r) for each in every]
    torch.testing.assert_close(logits, (pooled[0] + pooled[1] + pooled[2]) / 3, **CLOSE)
    torch.testing.assert_close(model(features, LENGTHS)[:, 1:], logits, **CLOSE)


def test_each_member_learns_as_if_it_were_alone() -> None:
    model, features = ensemble(2).eval(), batch(LENGTHS, 1)  # without the randomness of training
    targets = torch.rand(2, len(WORDS), generator=torch.Generator().manual_seed(2)).double()
    model.training = True  # the model's own way of training; its parts stay as they are
    outputs = model(features, LENGTHS)
    assert outputs.shape == (2, 2, len(WORDS))
    torch.stack([known_cross_entropy(each, targets) for each in outputs]).mean().backward()
    for member in encoder_of(model).members:
        weight = member.get_parameter("blocks.0.conv.weight")
        assert weight.grad is not None
        together, weight.grad = weight.grad.clone(), None
        frames, lengths = member(features, LENGTHS)
        logits = log_mean_exp(frames.transpose(1, 2), lengths, model.r)
        known_cross_entropy(logits, targets).backward()
        own: Tensor | None = weight.grad
        assert own is not None
        torch.testing.assert_close(together, own / 2, **CLOSE)


@torch.no_grad()
def test_a_folder_gives_the_same_ensemble(tmp_path: Path) -> None:
    recipe = read_recipe("earmark-mfcc", ["model.members=2"])
    torch.manual_seed(0)
    model = build(recipe.model, 39, WORDS).eval()
    write_description(tmp_path, recipe, WORDS)
    write_weights(tmp_path, model.state_dict())
    features, lengths = torch.randn(1, 50, 39), torch.tensor([50])
    torch.testing.assert_close(read_checkpoint(tmp_path).model(features, lengths), model(features, lengths))


@pytest.mark.parametrize("name", ["masked-in", "masked-out"])
def test_masking_needs_one_encoder(name: str) -> None:
    with pytest.raises(EarmarkError, match=r"several members: train it with model\.members=1"):
        method(name, ensemble(2))


def test_only_frame_scores_can_be_averaged() -> None:
    with pytest.raises(ValidationError, match="only a model with log-mean-exp pooling can have several members"):
        KeywordModelSettings.model_validate({**CNN_ATTEND.model_dump(), "members": 2})
