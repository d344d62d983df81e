"""The acoustic network against the same thing written frame by frame, and what holds whatever its widths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.model_folder import write_weights
from earmark.core.timing import FEATURE_GRID
from earmark.features.kinds import log_mel, mfcc
from earmark.models.cpc_pretraining import Cpc, CpcPretraining, Description, PretrainingData, write_cpc_description
from earmark.models.padding import padding_mask
from earmark.models.speech_encoders.cpc import CpcEncoder
from earmark.models.speech_encoders.cpc import Settings as CpcSpeech
from earmark.recipe import FeatureSettings, ImageQueryModelSettings
from support.random_models import CLOSE, FEATURES, LENGTHS, SEED, batch

WIDTHS = st.integers(1, 6)
SPEECH = st.builds(
    CpcSpeech,
    kind=st.just("cpc"),
    channels=WIDTHS,
    layers=st.integers(1, 3),
    latent=WIDTHS,
    context=st.lists(WIDTHS, min_size=1, max_size=3),
    lstm=st.lists(WIDTHS, min_size=1, max_size=2),
)
SMALL = CpcSpeech(kind="cpc", channels=24, layers=3, latent=4, context=[6, 5], lstm=[3, 4])
LOG_MEL = log_mel.Settings(mel_filters=FEATURES + 8)


def load_cpc(network: CpcEncoder, features: FeatureSettings, folder: Path) -> None:
    """As a recipe that names the folder."""
    network.settings = network.settings.model_copy(update={"init_from": str(folder)})
    network.load_pretrained(features)


def fresh(recipe: CpcSpeech, seed: int = 0, inputs: int = FEATURES) -> CpcEncoder:
    """A network in double precision whose layer norms are no longer the identity."""
    torch.manual_seed(seed)
    network = CpcEncoder(inputs, recipe).double()
    for part in network.modules():
        if isinstance(part, nn.LayerNorm):
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return network


# --- padding ---------------------------------------------------------------------------------------------------------


@given(SPEECH, LENGTHS, SEED)
@settings(deadline=None, max_examples=40)
def test_an_utterance_is_the_same_alone_and_in_a_batch(recipe: CpcSpeech, lengths: Tensor, seed: int) -> None:
    network, features = fresh(recipe, seed), batch(lengths, seed)
    with torch.no_grad():
        frames, counts = network(features, lengths)
        _, contexts, _ = network.cpc(features, lengths)
        assert frames.shape == (len(lengths), features.shape[1] // 2, network.dimension)
        for number, length in enumerate(lengths):
            count = int(counts[number])
            alone, alone_count = network(features[number : number + 1, :length], length[None])
            assert alone_count.tolist() == [count] == [max(1, int(length) // 2)] == [alone.shape[1]]
            torch.testing.assert_close(frames[number, :count], alone[0], **CLOSE)
            assert not frames[number, count:].any()
            assert not contexts[number, count:].any()


@given(SPEECH, LENGTHS, SEED)
@settings(deadline=None, max_examples=20)
def test_padding_teaches_nothing(recipe: CpcSpeech, lengths: Tensor, seed: int) -> None:
    network, features = fresh(recipe, seed), batch(lengths, seed).requires_grad_()
    frames, _ = network(features, lengths)
    frames.sum().backward()
    real = padding_mask(lengths, features.shape[1])
    assert not features.grad[~real].any()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


# --- what it computes ------------------------------------------------------------------------------------------------


def lstm_by_hand(lstm: nn.LSTM, inputs: Tensor, suffix: str = "") -> Tensor:
    """Gates one after the other, in torch's order: input, forget, cell, output (Hochreiter and Schmidhuber 1997)."""
    weights = [getattr(lstm, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    state = cell = torch.zeros(lstm.hidden_size, dtype=inputs.dtype)
    outputs = []
    for frame in inputs:
        gates = (weights[0] @ frame + weights[2] + weights[1] @ state + weights[3]).chunk(4)
        cell = gates[1].sigmoid() * cell + gates[0].sigmoid() * gates[2].tanh()
        state = gates[3].sigmoid() * cell.tanh()
        outputs.append(state)
    return torch.stack(outputs)


@torch.no_grad()
def by_hand(network: CpcEncoder, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, contexts and frames of one utterance, (T, F)."""
    conv, latents = network.cpc.conv.weight, []
    for frame in range(max(1, len(features) // 2)):
        hidden = torch.zeros(conv.shape[0], dtype=features.dtype)
        for tap in range(4):
            reached_inputs = 2 * frame - 1 + tap
            if 0 <= reached_inputs < len(features):
                hidden += conv[:, :, tap] @ features[reached_inputs]
        hidden = hidden.clamp_min(0)
        for norm, _, linear in zip(*[iter(network.cpc.linear)] * 3, strict=True):
            centred = hidden - hidden.mean()
            hidden = centred / (centred.square().mean() + norm.eps).sqrt() * norm.weight + norm.bias
            hidden = linear.weight @ hidden.clamp_min(0) + (0 if linear.bias is None else linear.bias)
        latents.append(hidden)
    contexts = torch.stack(latents)
    for lstm in network.cpc.context:
        contexts = lstm_by_hand(lstm, contexts)
    frames = contexts
    for lstm in network.lstms:
        back = lstm_by_hand(lstm, frames.flip(0), "_reverse").flip(0)
        frames = torch.cat([lstm_by_hand(lstm, frames), back], dim=1)
    return torch.stack(latents), contexts, frames


@pytest.mark.parametrize("length", [1, 2, 3, 4, 9])
def test_the_network_is_what_its_description_says(length: int) -> None:
    network = fresh(SMALL)
    features = batch(torch.tensor([length]))[:, :length]
    computed = *network.cpc(features, torch.tensor([length]))[:2], network(features, torch.tensor([length]))[0]
    for one, other in zip(computed, by_hand(network, features[0]), strict=True):
        torch.testing.assert_close(one[0], other, **CLOSE)
        assert length < 4 or other.std(dim=0).min() > 1e-4  # the network is no constant, which anything would match


def test_the_papers_widths() -> None:
    """Convolution 40 to 512, five linear layers, the last to 64; LSTMs of 512; both directions 1024 and 2048."""
    network = CpcEncoder(40, CpcSpeech(kind="cpc"))
    assert network.dimension == 2048
    shapes = [tuple(layer.weight.shape) for layer in network.cpc.linear if isinstance(layer, nn.Linear)]
    assert shapes == [(512, 512)] * 4 + [(64, 512)]
    assert [layer.bias is None for layer in network.cpc.linear if isinstance(layer, nn.Linear)] == [True] * 4 + [False]
    assert network.cpc.conv.bias is None
    assert [(lstm.input_size, lstm.hidden_size) for lstm in network.cpc.context] == [(64, 512)] + [(512, 512)] * 3
    assert [(lstm.input_size, lstm.hidden_size) for lstm in network.lstms] == [(512, 512), (1024, 1024)]
    frames, lengths = network(torch.randn(1, 1024, 40), torch.tensor([1024]))
    assert frames.shape == (1, 512, 2048)
    assert lengths.tolist() == [512]


def test_the_future_is_in_the_frames_but_not_in_the_contexts() -> None:
    network, features = fresh(SMALL), batch(torch.tensor([20]))[:, :20]
    later = features.clone()
    later[:, 12:] += 1
    lengths = torch.tensor([20])
    (_, one, _), (_, other, _) = network.cpc(features, lengths), network.cpc(later, lengths)
    torch.testing.assert_close(one[:, :5], other[:, :5], **CLOSE)  # latent 5 sees up to feature 12
    assert ((one - other)[:, 5:].abs().amax(dim=2) > 1e-9).all()
    assert ((network(features, lengths)[0] - network(later, lengths)[0]).abs().amax(dim=2) > 1e-9).all()


def test_the_grid_is_where_impulses_come_out() -> None:
    """Of the latents: every single feature frame in turn holds sound, and those that see it change."""
    network, length = fresh(SMALL), 30
    impulses = torch.eye(length, dtype=torch.float64)[:, :, None].expand(-1, -1, FEATURES)
    silence = torch.zeros(1, length, FEATURES, dtype=torch.float64)
    lengths = torch.full((length,), length)
    with torch.no_grad():
        nn.init.uniform_(network.cpc.conv.weight, 0.5, 1)  # so that nothing cancels out or is cut off
        changed = network.cpc(impulses, lengths)[0] - network.cpc(silence, lengths[:1])[0]
    is_reached = changed.abs().amax(dim=2) > 1e-12
    for frame in range(1, length // 2 - 1):
        reached_inputs = torch.nonzero(is_reached[:, frame]).squeeze(1).double()
        middle = FEATURE_GRID.centre_s(reached_inputs.mean().item())
        assert middle == pytest.approx(network.grid.centre_s(frame))
        assert network.grid.field == FEATURE_GRID.field + FEATURE_GRID.stride * (len(reached_inputs) - 1)
    assert network.grid.stride_s == 0.02


def test_the_dimension_is_that_of_the_last_lstms() -> None:
    image = {"kind": "small"}
    parts = {"speech": SMALL, "image": image, "similarity": {"kind": "localising-attention"}}
    assert ImageQueryModelSettings.model_validate({**parts, "dimension": 8}).speech == SMALL
    with pytest.raises(ValidationError, match=r"dimension 7 .* speech encoder 'cpc': make it 8"):
        ImageQueryModelSettings.model_validate({**parts, "dimension": 7})


# --- starting from a pretrained network ------------------------------------------------------------------------------


def pretrained(folder: Path, recipe: Cpc = SMALL, features: FeatureSettings = LOG_MEL) -> CpcEncoder:
    """Leave a network of chance weights as pretraining does; returns it."""
    widths = {name: getattr(recipe, name) for name in Cpc.model_fields}
    how = CpcPretraining(network=Cpc(**widths), features=features)
    reached_inputs = PretrainingData(recordings=1, speakers=1, hours=0.1, sha256="0")
    write_cpc_description(folder, Description(pretraining=how, data=reached_inputs))
    network = fresh(SMALL, seed=7, inputs=FEATURES + 8).float()
    write_weights(folder, network.cpc.state_dict())
    return network


def started(folder: Path, recipe: CpcSpeech = SMALL, features: FeatureSettings = LOG_MEL) -> CpcEncoder:
    network = fresh(recipe, seed=8, inputs=FEATURES + 8).float()
    load_cpc(network, features, folder)
    return network


def test_a_start_has_the_pretrained_weights_and_fresh_lstms_in_both_directions(tmp_path: Path) -> None:
    before, after, plain = pretrained(tmp_path), started(tmp_path), fresh(SMALL, 8, FEATURES + 8).float()
    assert all(torch.equal(a, b) for a, b in zip(before.cpc.parameters(), after.cpc.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(plain.lstms.parameters(), after.lstms.parameters(), strict=True))
    assert all(parameter.requires_grad for parameter in after.parameters())


@pytest.mark.parametrize(
    ("key", "recipe", "features"),
    [
        ("model.speech.latent is 5 where the folder's is 4", SMALL.model_copy(update={"latent": 5}), LOG_MEL),
        (
            "model.speech.context is [6] where the folder's is [6, 5]",
            SMALL.model_copy(update={"context": [6]}),
            LOG_MEL,
        ),
        ("features.kind is mfcc where the folder's is log-mel", SMALL, mfcc.Settings(mel_filters=FEATURES + 8)),
        ("features.mel_filters is 40 where the folder's is 13", SMALL, log_mel.Settings()),
    ],
)
def test_a_start_that_does_not_fit_is_refused(
    tmp_path: Path, key: str, recipe: CpcSpeech, features: FeatureSettings
) -> None:
    pretrained(tmp_path)
    network = fresh(recipe)
    with pytest.raises(EarmarkError) as refused:
        load_cpc(network, features, tmp_path)
    assert f"{key}: change the recipe, or pretrain for it with 'earmark pretrain cpc' --recipe." in str(refused.value)


def test_folders_that_are_no_start(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"is no pretrained CPC network \(no cpc.yaml\)"):
        started(tmp_path)
    pretrained(tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(weights[:-9])
    with pytest.raises(EarmarkError, match=r"model.safetensors is damaged .*: copy it again"):
        started(tmp_path)
    write_weights(tmp_path, {"other": torch.from_numpy(np.zeros(3))})
    with pytest.raises(EarmarkError, match=r"does not fit cpc\.yaml beside it"):
        started(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(EarmarkError, match="has not ended: go on with it by the same command"):
        started(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "- 3", "pretraining: {}", "a: [1", "pretraining: {latent: 3}\nheard: {}", "é\x00"]
)
def test_a_damaged_description_is_one_sentence(tmp_path: Path, content: str) -> None:
    pretrained(tmp_path)
    (tmp_path / "cpc.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(EarmarkError, match=r"cpc.yaml is damaged \(\w+\): copy it again, or pretrain again"):
        started(tmp_path)
