"""Every localisation method, found by its file name, with every model that it can be used with."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark import localisation
from earmark.core.errors import EarmarkError
from earmark.core.timing import FRAMES_PER_SECOND
from earmark.localisation import LocalisationScores as Found
from earmark.models import SpeechModel
from earmark.models.encoded import encode
from earmark.models.keyword_models import build
from earmark.recipe import Attention, ConvLayer, KeywordModelSettings, LogMeanExp, Maximum
from support import random_image_queries as random_pictured
from support import slow_pairs

FEATURES = random_pictured.FEATURES
WORDS = random_pictured.WORDS
LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=4).map(torch.tensor)
PICTURED = {
    "mean matches": "misa",
    "matchmap maximum": "max",
    "localising attention": "localising-attention",
    "shared words": "keywords",
    "shared words by pictures": "keywords",
}
IMAGE_OF = dict(zip(WORDS, random_pictured.subjects(1, 3, 2), strict=True))  # what is asked with instead of each word
CLOSE = {"atol": 1e-9, "rtol": 1e-9}


def models() -> dict[str, SpeechModel]:
    """One of each kind, with and without strides."""
    made: dict[str, SpeechModel] = {}
    for stride in (1, 4):
        first = ConvLayer(channels=4, kernel=5, stride=stride, norm=True)
        settings_of = {
            "frame scores": KeywordModelSettings(
                encoder=[first, ConvLayer(channels="keywords", kernel=3, relu=False)], pooling=LogMeanExp(r=1.0)
            ),
            "attention": KeywordModelSettings(encoder=[first], pooling=Attention(kind="attention"), classifier=[6]),
            "maximum": KeywordModelSettings(encoder=[first], pooling=Maximum(kind="max"), classifier=[6]),
            "pooled attention": KeywordModelSettings(
                encoder=[first.model_copy(update={"pool": 3}), ConvLayer(channels=4, kernel=3, relu=False)],
                pooling=Attention(kind="attention"),
                classifier=[6],
            ),
        }
        for kind, recipe in settings_of.items():
            torch.manual_seed(stride)
            model = build(recipe, FEATURES, WORDS).double()
            model(10 * batch(torch.tensor([60, 40])), torch.tensor([60, 40]))  # its batch norms have seen something
            made[f"{kind}, stride {stride}"] = model.eval().requires_grad_(False)
        for kind, similarity in PICTURED.items():
            made[f"{kind}, stride {stride}"] = random_pictured.fresh(similarity, stride).double().requires_grad_(False)
    return made


def batch(lengths: Tensor, seed: int = 0) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(len(lengths), int(lengths.max()) + 2, FEATURES, generator=rng, dtype=torch.float64)


def encode_words(model: str, words: tuple[str, ...]) -> Any:
    """What a model becomes that is asked for the words, or with the pictures that stand for them."""
    kind = model.partition(",")[0]
    if kind not in PICTURED:
        return MODELS[model].encode_queries(words)
    return MODELS[model].build_queries(words if kind == "shared words" else [IMAGE_OF[word] for word in words])


def can_be_used(name: str, model: SpeechModel) -> bool:
    try:
        return callable(localisation.method(name, model))
    except EarmarkError:
        return False


MODELS = models()
PIECE = {"pooled attention, stride 1": 3, "pooled attention, stride 4": 12}  # features that make a frame
PAIRS = [(name, kind) for name in localisation.names() for kind, model in MODELS.items() if can_be_used(name, model)]


def located(name: str, model: str, features: Tensor, lengths: Tensor, words: tuple[str, ...] = WORDS.words) -> Found:
    encoded = encode(MODELS[model], features, lengths)
    return localisation.method(name, MODELS[model])(MODELS[model], encoded, encode_words(model, words))


def test_the_names_are_those_that_recipes_write() -> None:
    known = {"attention", "grad-cam", "masked-in", "masked-out", "matchmap", "score-aggregation"}
    assert known <= set(localisation.names())
    assert localisation.names() == sorted(localisation.names())
    assert not any(name.startswith("_") or "frames" in name for name in localisation.names())


def test_an_unknown_method_is_an_error() -> None:
    with pytest.raises(EarmarkError, match=r"There is no localisation method 'atention': choose from .*attention"):
        localisation.method("atention", MODELS["attention, stride 1"])


@pytest.mark.parametrize("name", localisation.names())
def test_every_method_can_be_used_with_some_model_and_says_why_not_with_others(name: str) -> None:
    assert name in {method for method, _ in PAIRS}
    for kind in MODELS.keys() - {kind for method, kind in PAIRS if method == name}:
        with pytest.raises(EarmarkError, match=f"The localisation method {name} can't be used here: this model"):
            localisation.method(name, MODELS[kind])


@pytest.mark.parametrize(
    ("name", "model", "reason"),
    [
        ("attention", "frame scores, stride 1", "this model has no attention over time"),
        ("attention", "maximum, stride 4", "this model has no attention over time"),
        ("score-aggregation", "attention, stride 1", "this model's frames have no scores of their own"),
        ("score-aggregation", "maximum, stride 1", "this model's frames have no scores of their own"),
        ("score-aggregation", "mean matches, stride 1", "this model's frames have no scores of their own"),
        ("attention", "localising attention, stride 1", "this model has no attention over time"),
        ("matchmap", "shared words, stride 4", "this model has no matchmap of pixels and frames"),
        ("matchmap", "attention, stride 1", "this model has no matchmap of pixels and frames"),
        ("masked-in", "shared words, stride 1", "this model is not for written queries alone"),
        ("masked-out", "matchmap maximum, stride 1", "this model is not for written queries alone"),
        ("grad-cam", "shared words, stride 1", "this model is not for written queries alone"),
    ],
)
def test_an_impossible_pair_is_refused_with_the_reason(name: str, model: str, reason: str) -> None:
    with pytest.raises(EarmarkError) as error:
        localisation.method(name, MODELS[model])
    assert str(error.value) == f"The localisation method {name} can't be used here: {reason}."


@pytest.mark.parametrize(("name", "model"), PAIRS)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=8)
def test_shapes_padding_places_and_curves(name: str, model: str, lengths: Tensor, seed: int) -> None:
    features = batch(lengths, seed)
    found = located(name, model, features, lengths)
    pieces = found.scores.shape[2]
    assert found.scores.shape == (len(lengths), len(WORDS), pieces)
    assert found.starts_s.shape == found.ends_s.shape == found.times_s.shape == (pieces,)
    assert (found.starts_s < found.ends_s).all()
    # An utterance has the same pieces for all queries, from the first on; there is always one.
    has = found.scores > -math.inf
    assert torch.equal(has, has[:, :1].expand_as(has))
    assert has.any(dim=2).all()
    # The location lies inside the utterance, though pieces at its edges may stick out.
    for number, length in enumerate(lengths.tolist()):
        end_s = length / FRAMES_PER_SECOND
        if length >= PIECE.get(model, 1):  # else its only frame has its middle behind the end
            assert ((found.locations_s()[number] >= 0) & (found.locations_s()[number] <= end_s)).all()
            assert not (has[number, 0] & (found.times_s > end_s)).any()
    detection, _ = MODELS[model].score(MODELS[model].encode_speech(features, lengths), encode_words(model, WORDS.words))
    torch.testing.assert_close(found.detection, detection, **CLOSE)
    curves = found.curves()
    assert curves.shape == found.scores.shape
    assert ((curves >= 0) & (curves <= 1)).all()
    assert not curves[~has].any()
    peak = curves.any(dim=2)  # else it is flat, as where no frame matches any pixel
    # Nearly equal scores can become one value: the best score is where the curve is highest, too.
    at_best = curves.gather(2, found.scores.argmax(dim=2, keepdim=True)).squeeze(2)
    torch.testing.assert_close(at_best[peak], curves.amax(dim=2)[peak], **CLOSE)


@pytest.mark.parametrize(("name", "model"), PAIRS)
@given(lengths=LENGTHS, seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=8)
def test_an_utterance_is_the_same_alone_and_in_a_batch(name: str, model: str, lengths: Tensor, seed: int) -> None:
    features = batch(lengths, seed)
    found = located(name, model, features, lengths)
    for number, length in enumerate(lengths):
        alone = located(name, model, features[number : number + 1, :length], length[None])
        real = found.scores[number, 0] > -math.inf
        own = alone.scores[0, 0] > -math.inf
        torch.testing.assert_close(found.scores[number][:, real], alone.scores[0][:, own], **CLOSE)
        torch.testing.assert_close(found.starts_s[real], alone.starts_s[own], **CLOSE)
        torch.testing.assert_close(found.ends_s[real], alone.ends_s[own], **CLOSE)
        torch.testing.assert_close(found.detection[number], alone.detection[0], **CLOSE)
        torch.testing.assert_close(found.locations_s()[number], alone.locations_s()[0], **CLOSE)


@pytest.mark.parametrize(("name", "model"), PAIRS)
def test_some_queries_are_located_as_among_all(name: str, model: str) -> None:
    lengths = torch.tensor([30, 44])
    features = batch(lengths)
    every = located(name, model, features, lengths)
    some = located(name, model, features, lengths, ("red house", "dog"))
    torch.testing.assert_close(some.scores, every.scores[:, [2, 0]], **CLOSE)
    torch.testing.assert_close(some.detection, every.detection[:, [2, 0]], **CLOSE)


@pytest.mark.parametrize("stride", [1, 4])
def test_attention_is_equation_11(stride: int) -> None:
    """alpha_{w,t}, from the encoder's frames and the queries, one number at a time."""
    model, lengths = MODELS[f"attention, stride {stride}"], torch.tensor([30, 17])
    features = batch(lengths)
    found = located("attention", f"attention, stride {stride}", features, lengths)
    for u, length in enumerate(lengths.tolist()):
        frames, _ = model.encode_speech(features[u : u + 1, :length], torch.tensor([length]))
        for w in range(len(WORDS)):
            query = model.pooling.queries.weight[w]
            exponentials = [math.exp(float(sum(query[k] * h[k] for k in range(len(h))))) for h in frames[0]]
            alpha = [exponential / sum(exponentials) for exponential in exponentials]
            assert found.scores[u, w, : len(alpha)].tolist() == pytest.approx(alpha)
            # Frame t of stride s is centred on frame s t of the features, which lasts from 10 s t to 10 s t + 10 ms.
            best = alpha.index(max(alpha))
            assert found.locations_s()[u, w].item() == pytest.approx(0.01 * stride * best + 0.005)
    assert not found.logits


@pytest.mark.parametrize("kind", ["attention", "maximum", "frame scores"])
@pytest.mark.parametrize("stride", [1, 4])
def test_grad_cam_is_equations_6_and_7(kind: str, stride: int) -> None:
    """The detection score's slope at every number of every frame by itself, from a small step to either side."""
    model, lengths, step = MODELS[f"{kind}, stride {stride}"], torch.tensor([30, 17]), 1e-5
    features = batch(lengths)
    found = located("grad-cam", f"{kind}, stride {stride}", features, lengths)
    for u, length in enumerate(lengths.tolist()):
        frames, counts = model.encode_speech(features[u : u + 1, :length], torch.tensor([length]))
        steps = step * torch.eye(frames[0].numel(), dtype=frames.dtype).view(-1, *frames.shape[1:])
        many = counts.expand(len(steps))
        higher, lower = (
            model.score((frames + sign * steps, many), torch.arange(len(WORDS)))[0].sigmoid() for sign in (1, -1)
        )
        slopes = ((higher - lower) / (2 * step)).view(*frames.shape[1:], len(WORDS))  # (T, K, W)
        gamma = slopes.sum(dim=0) / len(frames[0])
        for w in range(len(WORDS)):
            alpha = [max(0.0, sum((gamma[k, w] * h[k]).item() for k in range(len(h)))) for h in frames[0]]
            assert found.scores[u, w, : len(alpha)].tolist() == pytest.approx(alpha, abs=1e-8)
    assert not found.logits


@pytest.mark.parametrize("kind", ["attention", "maximum", "frame scores"])
def test_grad_cam_is_that_of_captum(kind: str) -> None:
    captum = pytest.importorskip("captum.attr")
    model, length = MODELS[f"{kind}, stride 4"], torch.tensor([44])
    features = batch(length)[:, :44]

    class Scores(torch.nn.Module):
        """From features to detection scores, with the encoder's frames (B, K, T) where captum can take hold of them."""

        def __init__(self) -> None:
            super().__init__()
            self.frames = torch.nn.Identity()

        def forward(self, taps: Tensor) -> Tensor:
            frames, lengths = model.encode_speech(taps, length)
            tapped = self.frames(frames.transpose(1, 2)).transpose(1, 2)
            return model.score((tapped, lengths), torch.arange(len(WORDS)))[0].sigmoid()

    network = Scores()
    cam = captum.LayerGradCam(network, network.frames)
    found = located("grad-cam", f"{kind}, stride 4", features, length)
    for w in range(len(WORDS)):
        theirs = cam.attribute(features.requires_grad_(), target=w, relu_attributions=True)
        torch.testing.assert_close(found.scores[0, w], theirs[0, 0].detach(), **CLOSE)
    assert found.scores.max() > 0


def test_grad_cam_sees_a_slope_where_the_score_rounds_to_1() -> None:
    """In single precision the sigmoid of 20 is 1, and its derivative there would be 0."""
    torch.manual_seed(0)
    model = build(
        KeywordModelSettings(encoder=[ConvLayer(channels=4, kernel=5)], pooling=Maximum(kind="max"), classifier=[6]),
        FEATURES,
        WORDS,
    )
    with torch.no_grad():
        model.classifier[-1].bias.fill_(20.0)
    lengths = torch.tensor([30])
    features = batch(lengths).float()
    found = localisation.method("grad-cam", model)(model, encode(model, features, lengths), torch.arange(len(WORDS)))
    assert found.detection.sigmoid().eq(1).all()
    assert (found.scores > 0).any(dim=2).any()


@pytest.mark.parametrize("stride", [1, 4])
def test_score_aggregation_takes_the_embeddings_as_scores(stride: int) -> None:
    """alpha_{w,t} = h_{w,t} (Section III-B3), each convolution written out."""
    model, lengths = MODELS[f"frame scores, stride {stride}"], torch.tensor([13, 9])
    features = batch(lengths)
    found = located("score-aggregation", f"frame scores, stride {stride}", features, lengths)
    for u, length in enumerate(lengths.tolist()):
        frames = [row.tolist() for row in features[u, :length]]
        for block in model.speech_encoder.blocks:
            frames = slow_block(block, frames)
        for w in range(len(WORDS)):
            scores = [frame[w] for frame in frames]
            assert found.scores[u, w, : len(scores)].tolist() == pytest.approx(scores)
            assert (found.scores[u, w, len(scores) :] == -math.inf).all()
            best = scores.index(max(scores))
            assert found.locations_s()[u, w].item() == pytest.approx(0.01 * stride * best + 0.005)
    assert found.logits


@pytest.mark.parametrize("kind", ["mean matches", "matchmap maximum", "localising attention"])
@pytest.mark.parametrize("stride", [1, 4])
def test_a_matchmap_has_each_frames_best_pixel_of_the_picture_that_matches_best(kind: str, stride: int) -> None:
    """Frames and pixels compared number by number; not the first picture's, as in the released evaluation."""
    model, lengths = MODELS[f"{kind}, stride {stride}"], torch.tensor([30, 17])
    features, similarity = batch(lengths), slow_pairs.SIMILARITIES[PICTURED[kind]]
    found = located("matchmap", f"{kind}, stride {stride}", features, lengths)
    firsts = []
    for u, length in enumerate(lengths.tolist()):
        [frames], _ = model.encode_speech(features[u : u + 1, :length], torch.tensor([length]))
        for w, subject in enumerate(IMAGE_OF.values()):
            pixels, inner = [picture.flatten(0, 1) for picture in subject], slow_pairs.inner(frames)
            best = max(range(len(pixels)), key=lambda i: similarity(pixels[i], inner).item())
            firsts.append(best == 0)
            matches = slow_pairs.best_pixels(pixels[best], inner)
            attends = kind == "localising attention"
            values = [value.item() for value in (slow_pairs.stretched(matches) if attends else matches)]
            curve = slow_pairs.with_edges(values, len(frames), 0.0 if attends else -math.inf)
            assert found.scores[u, w, : len(curve)].tolist() == pytest.approx(curve)
            assert (found.scores[u, w, len(curve) :] == -math.inf).all()
            assert found.locations_s()[u, w].item() == pytest.approx(0.01 * stride * curve.index(max(curve)) + 0.005)
    assert not all(firsts)
    assert not found.logits


def slow_block(block: torch.nn.Module, frames: list[list[float]]) -> list[list[float]]:
    """One layer of an encoder on one utterance, with plain numbers."""
    weight, stride = block.conv.weight.tolist(), block.conv.stride[0]
    reach = (len(weight[0][0]) - 1) // 2
    made = []
    for centre in range(0, len(frames), stride):
        frame = []
        for channel, kernel in enumerate(weight):
            total = 0.0 if block.conv.bias is None else block.conv.bias[channel].item()
            for place in range(-reach, reach + 1):
                if 0 <= centre + place < len(frames):
                    taps = frames[centre + place]
                    total += sum(kernel[k][place + reach] * taps[k] for k in range(len(taps)))
            if block.norm is not None:
                norm = block.norm
                total = (total - norm.running_mean[channel].item()) / math.sqrt(norm.running_var[channel] + norm.eps)
                total = total * norm.weight[channel].item() + norm.bias[channel].item()
            frame.append(max(total, 0.0) if block.relu else total)
        made.append(frame)
    return made


def scores(values: list[float], logits: bool) -> Found:
    """Pieces of 40 ms, one after the other."""
    starts_s = 0.04 * torch.arange(len(values), dtype=torch.float64)
    return Found(torch.tensor([[values]], dtype=torch.float64), starts_s, starts_s + 0.04, torch.zeros(1, 1), logits)


def test_curves_and_locations_by_hand() -> None:
    """The highest piece's centre; logits through the sigmoid, other scores as parts of the highest."""
    found = scores([0.1, 0.4, 0.2, -math.inf], logits=False)
    assert found.curves()[0, 0].tolist() == pytest.approx([0.25, 1.0, 0.5, 0.0])
    assert found.locations_s().item() == pytest.approx(0.06)
    found = scores([-1.0, 0.0, math.log(3), -math.inf], logits=True)
    assert found.curves()[0, 0].tolist() == pytest.approx([1 / (1 + math.e), 0.5, 0.75, 0.0])
    assert found.locations_s().item() == pytest.approx(0.1)


def test_a_curve_over_time_takes_the_best_segment_around_each_centre() -> None:
    """Segments from 0 to 0.2, 0 to 0.4, 0.1 to 0.3 and 0.1 to 0.5 s: two of them have their middle at 0.2 s."""
    starts_s, ends_s = torch.tensor([0.0, 0.0, 0.1, 0.1]).double(), torch.tensor([0.2, 0.4, 0.3, 0.5]).double()
    pieces = torch.tensor([[[0.2, 0.4, 0.8, 0.1]]]).double()
    found = Found(pieces, starts_s, ends_s, torch.zeros(1, 1), logits=False)
    assert found.overlap
    times_s, curves = found.over_time()
    assert times_s.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert curves[0, 0].tolist() == pytest.approx([0.25, 1.0, 0.125])


def test_a_curve_over_time_of_frames_is_the_curve() -> None:
    found = scores([0.1, 0.4, 0.2], logits=False)
    assert not found.overlap
    times_s, curves = found.over_time()
    assert times_s.tolist() == pytest.approx([0.02, 0.06, 0.1])
    assert torch.equal(curves, found.curves())


@pytest.mark.parametrize("values", [[0.0, 0.0], [-3.0, -math.inf], [0.0, -1.0]])
def test_a_curve_without_a_peak_is_flat(values: list[float]) -> None:
    assert scores(values, logits=False).curves()[0, 0].tolist() == [0.0, 0.0]
