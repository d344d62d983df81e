"""The model that understands words and pictures as keywords, against its formulae, one number at a time."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.models.keyword_models import build
from earmark.models.shared_keywords import MIN_LOG_ODDS, SharedKeywords
from earmark.recipe import ConvLayer, KeywordModelSettings, LogMeanExp
from support.random_image_queries import DIMENSION, WORDS, fresh, speech, subjects

R = 1.5
LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=3)
SEED = st.integers(0, 2**31)


def shared(seed: int = 0) -> Any:
    """A model in double precision that knows how often its keywords are shown."""
    model = fresh("keywords", seed=seed).double()
    assert isinstance(model, SharedKeywords)
    with torch.no_grad():
        model.frame_bias.normal_()
        model.pixel_bias.normal_().sub_(torch.tensor([0.0, 5.0, 7.0]))  # about as low as evidence goes
    model.fit_prior(torch.rand(20, len(WORDS), dtype=torch.float64) ** 4 * torch.tensor([1.0, 1.0, 0.0]))
    return model.requires_grad_(False)


MODEL = shared()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def soft_maximum(values: list[float]) -> float:
    """Log-mean-exp."""
    return math.log(sum(math.exp(R * value) for value in values) / len(values)) / R


def slow_logits(vectors: Tensor, biases: Tensor) -> list[list[float]]:
    """How far each vector says or shows each keyword: a row a keyword."""
    return [
        [sum(word[d] * vector[d] for d in range(DIMENSION)) + bias for vector in vectors.tolist()]
        for word, bias in zip(MODEL.words.weight.tolist(), biases.tolist(), strict=True)
    ]


def slow_meant(subject: Tensor) -> list[float]:
    """p(w is meant | pictures) ~ exp(sqrt(n) mean_i z_i)."""
    image_logits = [
        [soft_maximum(row) for row in slow_logits(picture.flatten(0, 1), MODEL.pixel_bias)] for picture in subject
    ]
    evidence = []
    for w, prior_logits in enumerate(MODEL.prior_logits.tolist()):
        evidence.append(
            sum(max(picture[w], min(MIN_LOG_ODDS, prior_logits)) - prior_logits for picture in image_logits)
            / len(image_logits)
        )
    weights = [math.exp(math.sqrt(len(image_logits)) * z) for z in evidence]
    return [weight / sum(weights) for weight in weights]


# The formula


@given(lengths=LENGTHS, counts=st.lists(st.integers(1, 4), min_size=1, max_size=3), seed=SEED)
@settings(deadline=None, max_examples=25)
def test_pictures_are_answered_by_the_formula(lengths: list[int], counts: list[int], seed: int) -> None:
    frames, _ = speech_batch = speech(lengths, seed)
    query_set = subjects(*counts, seed=seed)
    logits, curves = MODEL.score(speech_batch, MODEL.build_queries(query_set))
    assert curves.shape == (len(lengths), len(counts), frames.shape[1])
    for q, subject in enumerate(query_set):
        meant = slow_meant(subject)
        assert MODEL.build_queries([subject])[0].tolist() == pytest.approx(meant)
        for u, length in enumerate(lengths):
            spoken_logits = slow_logits(frames[u, :length], MODEL.frame_bias)
            spoken = sum(p * sigmoid(soft_maximum(row)) for p, row in zip(meant, spoken_logits, strict=True))
            assert logits[u, q].item() == pytest.approx(logit(spoken))
            for t in range(length):
                spoken = sum(p * sigmoid(row[t]) for p, row in zip(meant, spoken_logits, strict=True))
                assert curves[u, q, t].item() == pytest.approx(logit(spoken))


@given(count=st.integers(1, 5), seed=SEED, strength=st.sampled_from([0.0, 1.0, 1000.0]))
@settings(deadline=None, max_examples=25)
def test_something_is_meant_by_any_pictures(count: int, seed: int, strength: float) -> None:
    [subject] = subjects(count, seed=seed)
    meant = MODEL.build_queries([strength * subject])[0]
    assert ((meant >= 0) & (meant <= 1)).all()
    assert meant.sum().item() == pytest.approx(1)


def test_copies_of_a_picture_weigh_as_its_square_root() -> None:
    [subject] = subjects(1)
    one = MODEL.build_queries([subject])[0].log()
    four = MODEL.build_queries([subject.expand(4, -1, -1, -1)])[0].log()
    torch.testing.assert_close(four - four[0], 2 * (one - one[0]))


def test_what_any_picture_shows_is_no_evidence() -> None:
    """A keyword that is shown as usual weighs as much as another that is; one that is shown more weighs more."""
    model = shared(seed=1)
    image_logits = torch.tensor([[-1.0, -4.0, 0.0]], dtype=torch.float64)
    model.prior_logits = torch.tensor([-1.0, -4.0, -2.0], dtype=torch.float64)
    model.image_logits = lambda pixels: image_logits
    meant = model.build_queries(subjects(1))[0].tolist()
    assert meant == pytest.approx([1 / (2 + math.exp(2)), 1 / (2 + math.exp(2)), math.exp(2) / (2 + math.exp(2))])


@torch.no_grad()
@given(images=st.floats(-60, -6.907), other=st.floats(-60, 5), count=st.integers(1, 9))
def test_a_keyword_without_images_is_not_meant_by_other_images(images: float, other: float, count: int) -> None:
    """However many pictures: it is less likely meant than a keyword that they show no less than usual."""
    model = shared()
    model.fit_prior(torch.tensor([[0.0, 0.5, 0.002]], dtype=torch.float64).expand(5, 3))
    image_logits = torch.tensor([[images, max(other, 0.0), other]], dtype=torch.float64)
    model.image_logits = lambda pixels: image_logits.expand(count, 3)
    never, prior_logits, _ = model.build_queries(subjects(count))[0].tolist()
    assert never <= prior_logits * (1 + 1e-9)


def test_evidence_against_a_keyword_has_a_floor_and_never_turns_in_its_favour() -> None:
    """By hand: nothing for the one that is never shown, -6 - 0 for the one that half of all pictures show."""
    model = shared()
    model.prior_logits = torch.tensor([logit(0.001), 0.0, -2.0], dtype=torch.float64)
    model.image_logits = lambda pixels: torch.tensor([[-30.0, -30.0, -2.0]], dtype=torch.float64)
    weights = [1.0, math.exp(-6.0), 1.0]
    assert model.build_queries(subjects(1))[0].tolist() == pytest.approx([weight / sum(weights) for weight in weights])


def test_the_usual_is_the_log_odds_of_the_mean_tag() -> None:
    model = shared()
    model.fit_prior(torch.tensor([[0.5, 0.0, 1.0], [0.1, 0.0, 1.0]]))
    assert model.prior_logits.tolist() == pytest.approx([logit(0.3), logit(0.001), logit(0.999)], rel=1e-5)


@torch.no_grad()
def test_matches_say_where_picture_and_speech_are_about_the_same() -> None:
    frames, lengths = speech([4])
    [subject] = subjects(2)
    found = MODEL.matchmaps((frames[:, :4], lengths), subject)
    assert found.shape == (2, 2, 3, 4)
    meant = slow_meant(subject)
    spoken_logits = slow_logits(frames[0, :4], MODEL.frame_bias)
    for picture, matches in zip(subject, found.flatten(1, 2).tolist(), strict=True):
        image_logits = slow_logits(picture.flatten(0, 1), MODEL.pixel_bias)
        for j, row in enumerate(matches):
            for t, match in enumerate(row):
                both = [sigmoid(image_logits[w][j]) * sigmoid(spoken_logits[w][t]) for w in range(len(meant))]
                assert match == pytest.approx(sum(p * b for p, b in zip(meant, both, strict=True)))


# Words


@given(lengths=LENGTHS, seed=SEED)
@settings(deadline=None, max_examples=25)
def test_a_word_is_answered_as_by_a_model_for_words_alone(lengths: list[int], seed: int) -> None:
    """One with the same speech network, whose last layer are the keywords' vectors."""
    frames, counts = speech(lengths, seed)
    layer = ConvLayer(channels="keywords", kernel=1, relu=False)
    plain: Any = build(KeywordModelSettings(encoder=[layer], pooling=LogMeanExp(r=R)), DIMENSION, WORDS).double()
    plain.speech_encoder.blocks[0].conv.weight.data = MODEL.words.weight[:, :, None]
    plain.speech_encoder.blocks[0].conv.bias.data = MODEL.frame_bias
    words = [WORDS.words[2], WORDS.words[0]]
    logits, curves = MODEL.score((frames, counts), MODEL.encode_queries(words))
    expected, scores = plain.score(plain.encode_speech(frames, counts), plain.encode_queries(words))
    torch.testing.assert_close(logits, expected.detach())
    for u, length in enumerate(lengths):
        torch.testing.assert_close(curves[u, :, :length], scores[u, :, :length].detach())


def test_a_word_means_itself_alone_however_it_is_written() -> None:
    for number, word in enumerate(WORDS):
        for form in ("NFC", "NFD"):
            written = unicodedata.normalize(form, word).upper()
            assert MODEL.encode_queries([written]).tolist() == [[float(number == w) for w in range(len(WORDS))]]


def test_words_and_pictures_are_queried_together() -> None:
    query_set = MODEL.build_queries(["dog", *subjects(2), "red house"])
    assert query_set.shape == (3, len(WORDS))
    assert query_set[[0, 2]].tolist() == [[1, 0, 0], [0, 0, 1]]
    torch.testing.assert_close(query_set[1], MODEL.build_queries(subjects(2))[0])


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(EarmarkError, match="The word 'dgo' is not among the 3 keywords of this model: the nearest are"):
        MODEL.encode_queries(["dgo"])


@pytest.mark.parametrize("sure", [-300.0, -40.0, 40.0, 300.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_very_sure_scores_do_not_overflow(sure: float, dtype: torch.dtype) -> None:
    """In single precision, too, in which the sigmoid of 40 is 1 and that of -300 is 0."""
    model = fresh("keywords").to(dtype).requires_grad_(False)
    model.words.weight.zero_()
    model.frame_bias.copy_(torch.tensor([sure, -3.0, sure]))
    speech_batch = torch.zeros(1, 4, DIMENSION, dtype=dtype), torch.tensor([3])
    logits, curves = model.score(speech_batch, model.encode_queries(WORDS.words))
    assert logits[0].tolist() == pytest.approx([sure, -3.0, sure], rel=1e-5)
    assert curves[0, :, 0].tolist() == pytest.approx([sure, -3.0, sure], rel=1e-5)
    mixed = model.score(speech_batch, torch.tensor([[0.5, 0.25, 0.25]], dtype=dtype))[0].item()
    exact = math.log(0.75 * sigmoid(sure) + 0.25 * sigmoid(-3)) - math.log(0.75 * sigmoid(-sure) + 0.25 * sigmoid(3))
    assert mixed == pytest.approx(exact, rel=1e-5)


# What it learns from


@torch.no_grad()
def test_training_sees_the_scores_that_asking_gives() -> None:
    """Logits of all keywords, of speech and of pictures."""
    model = fresh("keywords")
    features, lengths = torch.randn(3, 9, 5), torch.tensor([9, 4, 1])
    images = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    spoken_logits, image_logits = model(features, lengths, images)
    expected, _ = model.score(model.encode_speech(features, lengths), model.encode_queries(WORDS.words))
    torch.testing.assert_close(spoken_logits, expected)
    pixels = model.image_encoder(images).flatten(1, 2)
    for picture, row in zip(pixels, image_logits, strict=True):
        logits = (picture @ model.words.weight.T + model.pixel_bias).T.tolist()
        assert row.tolist() == pytest.approx([soft_maximum(each) for each in logits], abs=1e-5)
