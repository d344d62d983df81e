"""Input masking: all versions at once against one version at a time through the whole model."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.localisation import LocalisationScores, method
from earmark.localisation.methods import _fast_attention, _fast_encoder, _fast_masking
from earmark.localisation.methods._fast_encoder import shared_features, steps_of
from earmark.localisation.methods._fast_masking import masked_logits
from earmark.localisation.methods._segments import segments_of
from earmark.models.encoded import encode
from earmark.models.keyword_models import AttentionModel, KeywordModel, build
from earmark.models.speech_encoders.conv import ConvEncoder
from earmark.recipe import ConvLayer, KeywordModelSettings, read_recipe
from support.random_models import CLOSE, CNN_ATTEND, FEATURES, LENGTHS, MODELS, SEED, WORDS, batch, encoders, fresh

GRIDS = st.tuples(st.integers(1, 9), st.integers(0, 12), st.integers(1, 4))  # shortest, how much longer, step
RECIPES = ["earmark-mfcc", *(f"olaleye2022/{name}" for name in ("psc", "cnn-pool", "cnn-attend", "cnn-pool-attend"))]


def exchanged(outside: Tensor, inside: Tensor, segments: Tensor) -> Tensor:
    """Every version written out: (S, T, F)."""
    versions = outside.repeat(len(segments), 1, 1)
    for version, (start, end) in zip(versions, segments.tolist(), strict=True):
        version[start:end] = inside[start:end]
    return versions


def one_by_one(model: KeywordModel, outside: Tensor, inside: Tensor, segments: Tensor, queries: Tensor) -> Tensor:
    """Logits of every version by the whole model, each by itself: (S, Q)."""
    length = torch.tensor([len(outside)])
    versions = exchanged(outside, inside, segments)
    return torch.cat([model(version[None], length)[:, queries] for version in versions])


def utterance(length: int, seed: int) -> Tensor:
    return batch(torch.tensor([length]), seed)[0, :length]


def grid(length: int, shortest: int, longer: int, step: int) -> Tensor:
    return segments_of(length, shortest, shortest + longer, step)


# --- which segments --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("features", "count"), [(61, 105), (300, 1225), (400, 1687), (800, 3563)])
def test_the_papers_grid_has_as_many_segments_as_its_code(features: int, count: int) -> None:
    assert len(segments_of(features)) == count


def test_segments_by_hand() -> None:
    """Of 200 to 270 ms in an utterance of 260 ms: at 0 of three lengths, at 30 ms of two, at 60 ms of one."""
    assert segments_of(26, longest=27).tolist() == [[0, 20], [0, 23], [0, 26], [3, 23], [3, 26], [6, 26]]
    assert segments_of(19).tolist() == [[0, 19]]  # too short for any segment: it is one itself


@given(st.integers(1, 120), GRIDS)
def test_segments_are_all_that_the_loops_of_the_code_find(features: int, shape: tuple[int, int, int]) -> None:
    shortest, longer, step = shape
    found = []
    start = 0
    while start < features:
        end = start + shortest
        while end <= features and end - start <= shortest + longer:
            found.append([start, end])
            end += step
        start += step
    assert grid(features, *shape).tolist() == (found or [[0, features]])


# --- the encoder -----------------------------------------------------------------------------------------------------


@given(encoders(most=4), st.integers(1, 50), GRIDS, SEED)
@settings(deadline=None)
def test_shared_frames_are_every_versions_frames(
    layers: list[ConvLayer], length: int, shape: tuple[int, int, int], seed: int
) -> None:
    torch.manual_seed(seed)
    encoder = ConvEncoder(FEATURES, layers, len(WORDS)).double().eval()
    outside, inside, segments = utterance(length, seed), utterance(length, seed + 1), grid(length, *shape)
    with torch.no_grad():
        shared = shared_features(outside, inside, segments)
        for step in steps_of(encoder):
            shared = shared.apply(step)
        expected, _ = encoder(exchanged(outside, inside, segments), torch.full((len(segments),), length))
    torch.testing.assert_close(shared.frames_of(torch.arange(len(segments))), expected, **CLOSE)


@given(st.lists(st.tuples(st.integers(0, 29), st.integers(1, 30)), min_size=1, max_size=8), encoders(), SEED)
@settings(deadline=None, max_examples=50)
def test_segments_may_lie_anywhere_and_repeat(pairs: list[tuple[int, int]], layers: list[ConvLayer], seed: int) -> None:
    torch.manual_seed(seed)
    segments = torch.tensor([[start, min(start + size, 30)] for start, size in pairs])
    encoder = ConvEncoder(FEATURES, layers, len(WORDS)).double().eval()
    outside, inside = utterance(30, seed), utterance(30, seed + 1)
    with torch.no_grad():
        shared = shared_features(outside, inside, segments)
        for step in steps_of(encoder):
            shared = shared.apply(step)
        expected, _ = encoder(exchanged(outside, inside, segments), torch.full((len(segments),), 30))
    torch.testing.assert_close(shared.frames_of(torch.arange(len(segments))), expected, **CLOSE)


def test_shared_frames_have_no_more_rows_than_needed() -> None:
    """The paper's CNN on 4 s: of 675,000 frames that all versions have together, 7 of 100 are distinct."""
    recipe = read_recipe("olaleye2022/cnn-attend")
    torch.manual_seed(0)
    encoder = ConvEncoder(39, recipe.model.encoder[:-1], 67)
    segments = segments_of(400)
    shared = shared_features(torch.zeros(400, 39), torch.randn(400, 39), segments)
    with torch.no_grad():
        for step in steps_of(encoder):
            shared = shared.apply(step)
    assert len(shared.rows) < 0.07 * len(segments) * 400


# --- logits ----------------------------------------------------------------------------------------------------------


@given(MODELS, st.integers(1, 50), GRIDS, st.lists(st.integers(0, 2), max_size=4), st.booleans(), SEED)
@settings(deadline=None, max_examples=200)
def test_all_versions_at_once_are_as_one_by_one(
    recipe: KeywordModelSettings,
    length: int,
    shape: tuple[int, int, int],
    query_numbers: list[int],
    silent: bool,
    seed: int,
) -> None:
    model, segments, queries = fresh(recipe, seed), grid(length, *shape), torch.tensor(query_numbers, dtype=torch.long)
    inside = utterance(length, seed)
    outside = torch.zeros_like(inside) if silent else utterance(length, seed + 1)
    with torch.no_grad():
        found = masked_logits(model, outside, inside, segments, queries)
        torch.testing.assert_close(found, one_by_one(model, outside, inside, segments, queries), **CLOSE)


@given(MODELS, SEED)
@settings(deadline=None, max_examples=50)
def test_pieces_that_bound_the_memory_change_nothing(recipe: KeywordModelSettings, seed: int) -> None:
    model, segments, queries = fresh(recipe, seed), segments_of(40, 3, 9, 2), torch.tensor([0, 2])
    inside, outside = utterance(40, seed), utterance(40, seed + 1)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        whole = masked_logits(model, outside, inside, segments, queries)
        patch.setattr(_fast_masking, "SEGMENTS_AT_ONCE", 7)
        patch.setattr(_fast_masking, "NUMBERS_AT_ONCE", 100)
        patch.setattr(_fast_attention, "NUMBERS_AT_ONCE", 100)
        patch.setattr(_fast_encoder, "NUMBERS_AT_ONCE", 100)
        torch.testing.assert_close(masked_logits(model, outside, inside, segments, queries), whole, **CLOSE)


def test_attention_that_is_very_sharp_does_not_overflow_or_vanish() -> None:
    """Likenesses thousands apart, some far from the segment: the exponentials of any two could not stand together."""
    recipe = KeywordModelSettings.model_validate(
        {
            "encoder": [{"channels": 4, "kernel": 3, "relu": False}],
            "pooling": {"kind": "attention"},
            "classifier": [6],
        }
    )
    model = fresh(recipe)
    with torch.no_grad():
        model.pooling.queries.weight.mul_(3000)
        outside, inside, segments = utterance(40, 0), utterance(40, 1), segments_of(40, 3, 9, 2)
        found = masked_logits(model, outside, inside, segments, torch.arange(3))
        torch.testing.assert_close(found, one_by_one(model, outside, inside, segments, torch.arange(3)), **CLOSE)


def opinionated(name: str) -> KeywordModel:
    """A recipe's model with weights so large that its scores differ from segment to segment, as a trained one's do."""
    torch.manual_seed(0)
    recipe = read_recipe(name)
    model = build(recipe.model, extractor(recipe.features).dimension, Vocabulary(WORDS.words)).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(3 if weight.dim() > 1 else 1)
        if isinstance(model, AttentionModel):
            model.pooling.queries.weight.mul_(3)
    return model


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("silent", [True, False])
def test_the_recipes_scores_are_within_a_ten_thousandth_in_single_precision(name: str, silent: bool) -> None:
    model, features_of_one = opinionated(name), torch.randn(130, 39)
    outside, inside = (
        (torch.zeros_like(features_of_one), features_of_one)
        if silent
        else (features_of_one, torch.zeros_like(features_of_one))
    )
    segments = segments_of(130)
    some = torch.randperm(len(segments))[:24]
    with torch.no_grad():
        found = masked_logits(model, outside, inside, segments, torch.arange(3))[some].sigmoid()
        expected = one_by_one(model, outside, inside, segments[some], torch.arange(3)).sigmoid()
    assert (expected.amax(dim=0) - expected.amin(dim=0)).max() > 0.05
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("name", RECIPES)
def test_a_gpu_gives_the_same_scores(name: str) -> None:
    model = opinionated(name)
    features_of_one, segments, queries = torch.randn(130, 39), segments_of(130), torch.arange(3)
    with torch.no_grad():
        expected = masked_logits(model, torch.zeros_like(features_of_one), features_of_one, segments, queries).sigmoid()
        moved = (part.cuda() for part in (torch.zeros_like(features_of_one), features_of_one, segments, queries))
        found = masked_logits(model.cuda(), *moved).sigmoid().cpu()
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_weights_that_change_are_noticed() -> None:
    """What is kept of a model from one utterance to the next is not that of its earlier weights."""
    features_of_one, segments, queries = utterance(40, 1), segments_of(40, 3, 9, 2), torch.arange(3)
    linear = CNN_ATTEND.model_copy(update={"encoder": [ConvLayer(channels=4, kernel=3, relu=False)]})
    model, silence = fresh(linear), torch.zeros_like(features_of_one)
    with torch.no_grad():
        for _ in range(2):
            found = masked_logits(model, silence, features_of_one, segments, queries)
            torch.testing.assert_close(found, one_by_one(model, silence, features_of_one, segments, queries), **CLOSE)
            model.speech_encoder.blocks[-1].conv.weight.mul_(2)
        model.load_state_dict(fresh(linear, seed=1).state_dict())
        found = masked_logits(model, silence, features_of_one, segments, queries)
        torch.testing.assert_close(found, one_by_one(model, silence, features_of_one, segments, queries), **CLOSE)


# --- the two methods -------------------------------------------------------------------------------------------------


def located(name: str, model: KeywordModel, features: Tensor, lengths: Tensor) -> LocalisationScores:
    return method(name, model)(model, encode(model, features, lengths), torch.arange(len(WORDS)))


@given(MODELS, LENGTHS, SEED)
@settings(deadline=None, max_examples=25)
def test_masked_in_and_out_are_equations_8_and_9(recipe: KeywordModelSettings, lengths: Tensor, seed: int) -> None:
    """For each utterance by itself, alpha of every segment from the model's detection scores."""
    model, features = fresh(recipe, seed), batch(lengths, seed)
    masked_in, masked_out = (located(name, model, features, lengths) for name in ("masked-in", "masked-out"))
    for u, length in enumerate(lengths.tolist()):
        features_of_one, mask = features[u, :length], torch.zeros(length, 1, dtype=torch.float64)
        segments = segments_of(length).tolist()
        for found, sign in ((masked_in, 1), (masked_out, 0)):
            own = found.scores[u, 0] > -math.inf
            edges_s = torch.stack([found.starts_s[own], found.ends_s[own]], dim=1)
            torch.testing.assert_close(edges_s, 0.01 * torch.tensor(segments, dtype=torch.float64), **CLOSE)
            alpha = found.scores[u][:, own].sigmoid()
            for number, (start, end) in enumerate(segments):
                m = mask.clone()
                m[start:end] = 1
                with torch.no_grad():
                    score = model((features_of_one * (m if sign else 1 - m))[None], torch.tensor([length]))[0].sigmoid()
                torch.testing.assert_close(alpha[:, number], score if sign else 1 - score, **CLOSE)
