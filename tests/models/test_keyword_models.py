"""The models against loops written from the paper's equations, and what holds whatever the recipe."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from earmark.core.errors import EarmarkError
from earmark.core.timing import FEATURE_GRID, HOP_SAMPLES, layer_frames
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models.keyword_models import AttentionModel, FrameScoreModel, KeywordModel, MaxModel, build
from earmark.models.padding import padding_mask
from earmark.models.pooling import AttentionPooling, log_mean_exp, maximum
from earmark.models.speech_encoders.conv import ConvEncoder, MaskedBatchNorm, max_pool
from earmark.recipe import Attention, ConvLayer, KeywordModelSettings, read_recipe
from support.random_models import (
    CLOSE,
    CNN_ATTEND,
    CNN_POOL,
    FEATURES,
    LENGTHS,
    MODELS,
    PSC,
    SEED,
    WORDS,
    batch,
    encoders,
    fresh,
)

# --- padding ---------------------------------------------------------------------------------------------------------


@given(MODELS, LENGTHS, SEED)
@settings(deadline=None)
def test_an_utterance_is_the_same_alone_and_in_a_batch(
    recipe: KeywordModelSettings, lengths: Tensor, seed: int
) -> None:
    model, features = fresh(recipe, seed), batch(lengths, seed)
    queries = model.encode_queries(WORDS.words)
    with torch.no_grad():
        frames, frame_lengths = model.encode_speech(features, lengths)
        logits, scores = model.score((frames, frame_lengths), queries)
        for number, length in enumerate(lengths):
            alone = model.encode_speech(features[number : number + 1, :length], length[None])
            alone_logits, alone_scores = model.score(alone, queries)
            count = int(frame_lengths[number])
            assert alone[1].tolist() == [count]
            torch.testing.assert_close(frames[number, :count], alone[0][0], **CLOSE)
            torch.testing.assert_close(logits[number], alone_logits[0], **CLOSE)
            if scores is not None:
                torch.testing.assert_close(scores[number, :, :count], alone_scores[0], **CLOSE)
            assert not frames[number, count:].any()


@given(MODELS, LENGTHS, SEED)
@settings(deadline=None)
def test_padding_teaches_nothing(recipe: KeywordModelSettings, lengths: Tensor, seed: int) -> None:
    """In training too: no gradient comes from padded frames, and what stands there makes no difference."""
    model, features = fresh(recipe, seed).train(), batch(lengths, seed).requires_grad_()
    torch.manual_seed(seed)  # dropout falls alike
    logits = model(features, lengths)
    logits.sum().backward()
    real = padding_mask(lengths, features.shape[1])
    assert not features.grad[~real].any()
    again = fresh(recipe, seed).train()
    torch.manual_seed(seed)
    torch.testing.assert_close(again(features.detach() * real[:, :, None], lengths), logits.detach(), **CLOSE)


@given(LENGTHS.filter(lambda lengths: lengths.sum() > 1), SEED)
@settings(deadline=None)
def test_batch_norm_sees_the_real_frames_alone(lengths: Tensor, seed: int) -> None:
    frames = batch(lengths, seed)
    real = padding_mask(lengths, frames.shape[1])
    masked, plain = MaskedBatchNorm(FEATURES).double(), nn.BatchNorm1d(FEATURES).double()
    for _ in range(3):
        out = masked(frames.transpose(1, 2), real).transpose(1, 2)
        torch.testing.assert_close(out[real], plain(frames[real]), **CLOSE)
        frames = 2 * frames + 1
    for one, other in zip(masked.state_dict().values(), plain.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_batch_norm_by_hand() -> None:
    """Frames 1 and 3 of one utterance, 5 of the other: mean 3, variance 8/3; the 99 is padding."""
    frames = torch.tensor([[[1.0, 3.0]], [[5.0, 99.0]]], dtype=torch.float64)
    norm = MaskedBatchNorm(1, eps=1e-12, momentum=1.0).double()
    out = norm(frames, torch.tensor([[True, True], [True, False]]))
    deviation = math.sqrt(8 / 3)
    assert out[0, 0].tolist() == pytest.approx([-2 / deviation, 0])
    assert out[1, 0, 0].item() == pytest.approx(2 / deviation)
    assert norm.running_mean.item() == pytest.approx(3)
    assert norm.running_var.item() == pytest.approx(4)  # the unbiased one, as torch keeps it


def test_a_batch_of_one_frame_can_be_trained_on() -> None:
    """It has no variance: it goes through as in evaluation, and leaves the statistics as they are."""
    norm = MaskedBatchNorm(FEATURES).double()
    nn.init.normal_(norm.running_mean)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    lengths = torch.tensor([1])
    frames, real = batch(lengths).transpose(1, 2), padding_mask(lengths, 4)
    trained = norm.train()(frames, real)[:, :, 0]
    torch.testing.assert_close(trained, norm.eval()(frames, real)[:, :, 0])
    torch.testing.assert_close(norm.state_dict(), before)


# --- where frames lie ------------------------------------------------------------------------------------------------


@given(encoders(), SEED)
@settings(deadline=None, max_examples=25)
def test_the_grid_of_an_encoder_is_where_impulses_come_out(layers: list[ConvLayer], seed: int) -> None:
    """Every single frame in turn holds sound; the frames of the encoder that change are those that see it."""
    stride, whole = math.prod(layer.stride * layer.pool for layer in layers), 0
    assume(stride <= 12)  # so that some frame lies far enough from both edges
    torch.manual_seed(seed)
    encoder = ConvEncoder(FEATURES, layers, len(WORDS)).double().eval()
    for parameter in encoder.parameters():
        if parameter.dim() == 3:
            nn.init.uniform_(parameter, 0.5, 1)  # so that nothing cancels out or is cut off
        elif parameter.dim() == 1:
            nn.init.zeros_(parameter)
    for block in encoder.blocks:
        if block.norm is not None:
            nn.init.ones_(block.norm.weight)
    length = 160
    impulses = torch.eye(length, dtype=torch.float64)[:, :, None].expand(-1, -1, FEATURES)
    with torch.no_grad():
        frames, lengths = encoder(impulses, torch.full((length,), length))
    is_reached = (frames > 0).any(dim=2)  # by place of the impulse and by frame of the encoder
    assert lengths.tolist() == [is_reached.shape[1]] * length
    for frame in range(is_reached.shape[1]):
        places = is_reached[:, frame].nonzero().flatten()
        first, last = int(places[0]), int(places[-1])
        if first >= stride and last < length - stride:  # the edges cut nothing off what it sees
            whole += 1
            assert encoder.grid.centre_s(frame) == pytest.approx(FEATURE_GRID.centre_s((first + last) / 2))
            assert encoder.grid.field == FEATURE_GRID.field + (last - first) * HOP_SAMPLES
    assert whole
    assert encoder.grid.stride == HOP_SAMPLES * stride


@given(encoders(), LENGTHS)
@settings(deadline=None)
def test_no_frame_lies_outside_the_utterance(layers: list[ConvLayer], lengths: Tensor) -> None:
    encoder = ConvEncoder(FEATURES, layers, len(WORDS)).double().eval()
    _, counts = encoder(batch(lengths), lengths)
    expected = lengths
    for layer in layers:
        expected = layer_frames(expected, layer.kernel, layer.stride, layer.kernel // 2)
        expected = (expected // layer.pool).clamp_min(1)
    assert torch.equal(counts, expected)
    assert (counts >= 1).all()
    if all(layer.pool == 1 for layer in layers):
        assert encoder.grid.centre_s(0) == FEATURE_GRID.centre_s(0)
        assert (encoder.grid.centre_s(counts - 1) <= FEATURE_GRID.centre_s(lengths - 1) + 1e-9).all()


@given(LENGTHS, st.integers(1, 5), SEED)
@settings(deadline=None)
def test_max_pooling_takes_the_largest_of_whole_stretches(lengths: Tensor, width: int, seed: int) -> None:
    frames = batch(lengths, seed).transpose(1, 2)
    pooled, counts = max_pool(frames, lengths, width)
    for b, length in enumerate(lengths.tolist()):
        real = frames[b, :, :length].tolist()
        stretches = [slice(start, start + width) for start in range(0, length - width + 1, width)] or [slice(0, length)]
        expected = [[max(row[stretch]) for stretch in stretches] for row in real]
        assert counts[b] == len(stretches)
        assert pooled[b, :, : len(stretches)].tolist() == expected


def test_the_papers_pooled_encoder_keeps_88_of_800_frames() -> None:
    """800 frames, 266 after the first layer's pooling, 88 after the second's."""
    model = published("cnn-pool")
    frames, lengths = model.encode_speech(torch.zeros(2, 800, 39), torch.tensor([800, 8]))
    assert frames.shape == (2, 88, 1024)
    assert lengths.tolist() == [88, 1]  # of 8 frames there are 2 after the first pooling, and 1 after the second


# --- pooling ---------------------------------------------------------------------------------------------------------


@given(LENGTHS, st.floats(0.05, 20), SEED)
@settings(deadline=None)
def test_log_mean_exp_is_equation_10(lengths: Tensor, r: float, seed: int) -> None:
    scores = batch(lengths, seed).transpose(1, 2)
    pooled = log_mean_exp(scores, lengths, r)
    for b, length in enumerate(lengths.tolist()):
        for w in range(FEATURES):
            mean = sum(math.exp(r * scores[b, w, t].item()) for t in range(length)) / length
            assert pooled[b, w].item() == pytest.approx(math.log(mean) / r, abs=1e-9)


@given(LENGTHS, SEED)
@settings(deadline=None)
def test_log_mean_exp_lies_between_mean_and_maximum(lengths: Tensor, seed: int) -> None:
    scores = batch(lengths, seed).transpose(1, 2)
    utterances = [scores[b, :, :length] for b, length in enumerate(lengths.tolist())]
    mean = torch.stack([utterance.mean(dim=1) for utterance in utterances])
    highest = torch.stack([utterance.amax(dim=1) for utterance in utterances])
    torch.testing.assert_close(log_mean_exp(scores, lengths, 1e-6), mean, atol=1e-4, rtol=0)
    torch.testing.assert_close(log_mean_exp(scores, lengths, 1e6), highest, atol=1e-4, rtol=0)
    steps = [mean, *(log_mean_exp(scores, lengths, r) for r in (0.1, 1, 10)), highest]
    assert all((lower <= higher + 1e-9).all() for lower, higher in pairwise(steps))


def test_log_mean_exp_by_hand() -> None:
    """Of 0 and ln 3 with r = 1 the mean of 1 and 3 is 2; huge scores do not overflow."""
    scores = torch.tensor([[[0.0, math.log(3), 7.0]], [[2000.0, 2000.0, 2000.0]]])
    pooled = log_mean_exp(scores, torch.tensor([2, 3]), 1.0)
    assert pooled.flatten().tolist() == pytest.approx([math.log(2), 2000.0])


@given(LENGTHS, SEED)
@settings(deadline=None)
def test_the_maximum_is_that_of_the_real_frames(lengths: Tensor, seed: int) -> None:
    frames = batch(lengths, seed)
    expected = [[max(column) for column in frames[b, :length].T.tolist()] for b, length in enumerate(lengths.tolist())]
    assert maximum(frames, lengths).tolist() == expected


@given(LENGTHS, st.lists(st.integers(0, 2), min_size=1, max_size=4), SEED)
@settings(deadline=None)
def test_attention_is_equations_11_and_12(lengths: Tensor, query_words: list[int], seed: int) -> None:
    torch.manual_seed(seed)
    pooling, frames = AttentionPooling(len(WORDS), FEATURES).double(), batch(lengths, seed)
    contexts, weights = pooling(frames, lengths, torch.tensor(query_words))
    query = pooling.queries.weight
    for b, length in enumerate(lengths.tolist()):
        for q, w in enumerate(query_words):
            exponentials = [
                math.exp(sum((query[w, k] * frames[b, t, k]).item() for k in range(FEATURES))) for t in range(length)
            ]
            alpha = [exponential / sum(exponentials) for exponential in exponentials]
            assert weights[b, q, :length].tolist() == pytest.approx(alpha, abs=1e-9)
            assert weights[b, q, length:].tolist() == [0] * (frames.shape[1] - length)
            assert weights[b, q].sum().item() == pytest.approx(1)
            context = [sum(alpha[t] * frames[b, t, k].item() for t in range(length)) for k in range(FEATURES)]
            assert contexts[b, q].tolist() == pytest.approx(context, abs=1e-9)


@pytest.mark.parametrize("deviation", [None, 1.0])
def test_queries_are_drawn_as_the_recipe_says(deviation: float | None) -> None:
    """Without a number they have unit length; with 1 they are distributed as torch's own lookup table, as released."""
    pooling = AttentionPooling(67, 1000, deviation)
    lengths = pooling.queries.weight.detach().norm(dim=1)
    of_torch = nn.Embedding(67, 1000).weight.detach().norm(dim=1)
    expected = of_torch.mean() if deviation else torch.tensor(1.0)
    assert lengths.mean().item() == pytest.approx(expected.item(), rel=0.02)
    recipe = read_recipe(
        "olaleye2022/cnn-attend", [f"model.pooling={{kind: attention, deviation: {deviation or 'null'}}}"]
    )
    model = build(recipe.model, 39, WORDS)
    assert model.pooling.queries.weight.detach().norm(dim=1).mean().item() == pytest.approx(expected.item(), rel=0.1)


def test_the_queries_learn() -> None:
    model, lengths = fresh(CNN_ATTEND).train(), torch.tensor([20, 12])
    assert isinstance(model, AttentionModel)
    before = model.pooling.queries.weight.detach().clone()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    nn.functional.binary_cross_entropy_with_logits(
        model(batch(lengths), lengths), torch.tensor([[1.0, 0, 1], [0, 1, 0]]).double()
    ).backward()
    assert (model.pooling.queries.weight.grad.abs().sum(dim=1) > 0).all()
    optimizer.step()
    assert (model.pooling.queries.weight != before).any(dim=1).all()


def test_fixed_queries_stay_as_they_were_drawn() -> None:
    fixed = CNN_ATTEND.model_copy(update={"pooling": Attention(kind="attention", queries="fixed")})
    model, lengths = fresh(fixed).train(), torch.tensor([20, 12])
    before = model.pooling.queries.weight.detach().clone()
    optimizer = torch.optim.AdamW(model.parameters(), 0.01, weight_decay=0.1)
    model(batch(lengths), lengths).sum().backward()
    optimizer.step()
    assert torch.equal(model.pooling.queries.weight, before)


# --- the contract ----------------------------------------------------------------------------------------------------


@given(MODELS, LENGTHS, st.lists(st.integers(0, 2), max_size=5), SEED)
@settings(deadline=None)
def test_some_queries_score_as_among_all(
    recipe: KeywordModelSettings, lengths: Tensor, query_words: list[int], seed: int
) -> None:
    """In any order, repeated or not, even none."""
    model, features = fresh(recipe, seed), batch(lengths, seed)
    with torch.no_grad():
        speech = model.encode_speech(features, lengths)
        every = model.forward(features, lengths)
        logits, scores = model.score(speech, model.encode_queries([WORDS.words[w] for w in query_words]))
        _, every_score = model.score(speech, model.encode_queries(WORDS.words))
    assert speech[0].shape == (len(lengths), speech[0].shape[1], model.speech_encoder.dimension)
    assert logits.shape == (len(lengths), len(query_words))
    assert every.shape == (len(lengths), len(WORDS))
    torch.testing.assert_close(logits, every[:, query_words], **CLOSE)
    if scores is not None:
        assert scores.shape == (*logits.shape, speech[0].shape[1])
        torch.testing.assert_close(scores, every_score[:, query_words], **CLOSE)


def test_what_is_pooled_is_what_is_scored() -> None:
    """Score aggregation: the frames' scores are the embeddings, h_{w,t} (Section III-B3)."""
    model, lengths = fresh(PSC), torch.tensor([20, 12])
    frames, counts = model.encode_speech(batch(lengths), lengths)
    logits, scores = model.score((frames, counts), model.encode_queries(WORDS.words))
    assert torch.equal(scores, frames.transpose(1, 2))
    assert torch.equal(logits, log_mean_exp(scores, counts, 1.2))


def test_the_classifier_judges_the_context() -> None:
    """Two layers with ReLU between them, by hand."""
    model, lengths = fresh(CNN_ATTEND), torch.tensor([20, 12])
    speech = model.encode_speech(batch(lengths), lengths)
    queries = model.encode_queries(["dog"])
    logits, _ = model.score(speech, queries)
    contexts, _ = model.pooling(*speech, queries)
    first, _, second = model.classifier
    hidden = (contexts @ first.weight.T + first.bias).clamp_min(0)
    torch.testing.assert_close(logits, (hidden @ second.weight.T + second.bias)[:, :, 0], **CLOSE)


def test_the_classifier_judges_the_maximum_for_all_keywords_at_once() -> None:
    """Two layers with ReLU between them, by hand."""
    model, lengths = fresh(CNN_POOL), torch.tensor([20, 12])
    speech = model.encode_speech(batch(lengths), lengths)
    logits, scores = model.score(speech, model.encode_queries(["red house", "dog"]))
    first, _, second = model.classifier
    hidden = (maximum(*speech) @ first.weight.T + first.bias).clamp_min(0)
    torch.testing.assert_close(logits, (hidden @ second.weight.T + second.bias)[:, [2, 0]], **CLOSE)
    assert scores is None


@pytest.mark.parametrize(
    ("recipe", "kind"), [(PSC, FrameScoreModel), (CNN_POOL, MaxModel), (CNN_ATTEND, AttentionModel)]
)
def test_the_recipe_says_which_model(recipe: KeywordModelSettings, kind: type[KeywordModel]) -> None:
    model = fresh(recipe)
    assert type(model) is kind
    assert model.grid == model.speech_encoder.grid


@pytest.mark.parametrize("recipe", [PSC, CNN_POOL, CNN_ATTEND])
def test_words_are_found_however_they_are_written(recipe: KeywordModelSettings) -> None:
    model = fresh(recipe)
    query_words = ["RED  HOUSE", "o\N{COMBINING DOT BELOW}mo\N{COMBINING DOT BELOW}", "dog", "dog"]
    assert model.encode_queries(query_words).tolist() == [2, 1, 0, 0]


@pytest.mark.parametrize("recipe", [PSC, CNN_POOL, CNN_ATTEND])
def test_an_unknown_word_is_an_error(recipe: KeywordModelSettings) -> None:
    with pytest.raises(EarmarkError, match=r"The word 'dogs' is not among the 3 keywords .* nearest are dog,"):
        fresh(recipe).encode_queries(["dog", "dogs"])


@given(MODELS, SEED)
@settings(deadline=None, max_examples=25)
def test_a_step_against_the_gradient_lowers_the_loss(recipe: KeywordModelSettings, seed: int) -> None:
    """Every model can be taught: whatever the recipe, its gradient is that of its loss."""
    lengths = torch.tensor([30, 17, 5])
    model, features = fresh(recipe, seed), batch(lengths, seed)
    targets = torch.from_numpy(np.random.default_rng(seed).random((3, len(WORDS))))
    loss = nn.functional.binary_cross_entropy_with_logits(model(features, lengths), targets)
    loss.backward()
    steepness = sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None)
    assume(steepness > 1e-8)
    step = 1e-7 / math.sqrt(steepness)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter -= step * parameter.grad
        lower = nn.functional.binary_cross_entropy_with_logits(model(features, lengths), targets)
    assert (loss - lower).item() == pytest.approx(step * steepness, rel=0.05)


# --- the paper's models ----------------------------------------------------------------------------------------------

KEYWORDS_67 = Vocabulary([f"keyword {number}" for number in range(67)])
FIVE_LAYERS = (39 * 9 + 1) * 96 + 4 * (96 * 11 + 1) * 96  # weights and biases by hand


def parameters(part: nn.Module) -> int:
    return sum(parameter.numel() for parameter in part.parameters() if parameter.requires_grad)


def published(name: str) -> KeywordModel:
    recipe = read_recipe(f"olaleye2022/{name}")
    return build(recipe.model, extractor(recipe.features).dimension, KEYWORDS_67)


def test_psc_has_the_papers_size() -> None:
    model = published("psc")
    assert isinstance(model, FrameScoreModel)
    assert parameters(model) == FIVE_LAYERS + (96 * 11 + 1) * 67


def test_cnn_attend_has_the_papers_size() -> None:
    model = published("cnn-attend")
    assert isinstance(model, AttentionModel)
    assert parameters(model.speech_encoder) == FIVE_LAYERS + (96 * 11 + 1) * 1000 == 1_496_680
    assert parameters(model.pooling) == 67 * 1000
    assert parameters(model.classifier) == 1001 * 4096 + 4097
    assert parameters(model) == parameters(model.speech_encoder) + 67 * 1000 + 1001 * 4096 + 4097


POOLED_LAYERS = (39 * 9 + 1) * 64 + (64 * 11 + 1) * 256 + (256 * 11 + 1) * 1024


def test_cnn_pool_has_the_papers_size() -> None:
    model = published("cnn-pool")
    assert isinstance(model, MaxModel)
    assert parameters(model.speech_encoder) == POOLED_LAYERS == 3_087_616
    assert parameters(model) == POOLED_LAYERS + 1025 * 4096 + 4097 * 67


def test_cnn_pool_attend_has_the_papers_size() -> None:
    model = published("cnn-pool-attend")
    assert isinstance(model, AttentionModel)
    assert parameters(model.speech_encoder) == POOLED_LAYERS
    assert parameters(model) == POOLED_LAYERS + 67 * 1024 + 1025 * 4096 + 4097


@pytest.mark.parametrize("name", ["cnn-pool", "cnn-pool-attend"])
def test_the_papers_pooled_frames_are_90_ms_apart(name: str) -> None:
    """Widths of 9, 3, 11, 3 and 11 at strides of 1, 1, 3, 3 and 9 frames."""
    grid = published(name).grid
    assert grid.stride_s == pytest.approx(0.09)
    assert grid.field == FEATURE_GRID.field + (8 + 2 + 10 * 3 + 2 * 3 + 10 * 9) * HOP_SAMPLES
    # The first frame stands for features 0 to 8, whose middle is feature 4.
    assert grid.centre_s(0) == pytest.approx(FEATURE_GRID.centre_s(4))


@pytest.mark.parametrize("name", ["psc", "cnn-attend"])
def test_the_papers_frames_are_those_of_the_features(name: str) -> None:
    """Stride 1 throughout; a frame sees 4 + 5 x 5 frames on either side (Section IV-B)."""
    grid = published(name).grid
    assert (grid.stride, grid.first_centre) == (FEATURE_GRID.stride, FEATURE_GRID.first_centre)
    assert grid.field == FEATURE_GRID.field + 2 * (4 + 5 * 5) * HOP_SAMPLES
