"""Models that are asked with pictures: what they make of pairs, of several pictures, and of a query without some."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from earmark.core.errors import EarmarkError
from earmark.core.model_folder import write_weights
from earmark.core.types import ImageQuery, Prompt, name_of
from earmark.features import extractor
from earmark.media.images import read_image
from earmark.models import build
from earmark.models.checkpoint import read_checkpoint, write_description
from earmark.models.image_encoders import resolve
from earmark.models.image_encoders.pretrained import Settings as PretrainedImage
from earmark.models.image_query_models import IMAGE_BATCH, PairModel
from earmark.models.padding import inner_mask
from earmark.models.prompts import Prompts
from earmark.models.shared_keywords import SharedKeywords
from earmark.recipe import Recipe, read_recipe, write_recipe
from support import networks, random_models, slow_pairs
from support.random_image_queries import (
    PAIR_KINDS,
    SIMILARITIES,
    WORDS,
    fresh,
    pictures,
    query,
    settings_of,
    speech,
    subjects,
)

EDGE = 2  # frames at either end that the recipes leave out
CLOSE = {"atol": 1e-9, "rtol": 1e-9}
LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=3)
SEED = st.integers(0, 2**31)
MODELS = {kind: fresh(kind) for kind in SIMILARITIES}


@pytest.mark.parametrize("kind", PAIR_KINDS)
@given(length=st.integers(1, 12), edge=st.integers(0, 5), seed=SEED)
@settings(deadline=None, max_examples=25)
def test_the_recipe_says_how_many_frames_are_an_edge(kind: str, length: int, edge: int, seed: int) -> None:
    """The score with an edge is that of the utterance cut at it, without one."""
    (pixels, *_), (frames, lengths) = subjects(1, seed=seed), speech([length], seed)
    inset = min(edge, (length - 1) // 2)
    model = copy.deepcopy(MODELS[kind])
    model.edge = edge
    found, curve = model.score((frames, lengths), model.build_queries([pixels]))
    model.edge = 0
    cut = frames[:, inset : length - inset]
    expected, inner = model.score((cut, torch.tensor([cut.shape[1]])), model.build_queries([pixels]))
    torch.testing.assert_close(found, expected, **CLOSE)
    torch.testing.assert_close(curve[:, :, inset : length - inset], inner, **CLOSE)


def test_released_networks_have_no_edge_and_convolutions_have_one() -> None:
    for name in ("attention", "contrastive-davenet", "davenet", "max"):
        assert read_recipe(f"nortje2022/{name}").model.edge == 0
        assert read_recipe(f"nortje2022/small-{name}").model.edge == EDGE


# Scores


def slow_score(kind: str, pixels: Tensor, frames: Tensor) -> tuple[float, list[float]]:
    """The similarity of one picture with one utterance, and its localisation scores: none at the edges."""
    inner = slow_pairs.inner(frames)
    best = slow_pairs.best_pixels(pixels, inner)
    attends = kind == "localising-attention"
    curve = [value.item() for value in (slow_pairs.stretched(best) if attends else best)]
    alike = slow_pairs.SIMILARITIES[kind](pixels, inner).item()
    return alike, slow_pairs.with_edges(curve, len(frames), 0.0 if attends else -math.inf)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("kind", PAIR_KINDS)
@given(lengths=LENGTHS, counts=st.lists(st.integers(1, 3), min_size=1, max_size=3), seed=SEED)
@settings(deadline=None, max_examples=15)
def test_a_query_has_the_mean_score_of_its_pictures_and_the_curve_of_the_best(
    kind: str, lengths: list[int], counts: list[int], seed: int
) -> None:
    model, query_set = MODELS[kind], subjects(*counts, seed=seed)
    frames, _ = speech_batch = speech(lengths, seed)
    logits, curves = model.score(speech_batch, model.build_queries(query_set))
    assert logits.shape == (len(lengths), len(counts))
    assert curves.shape == (len(lengths), len(counts), frames.shape[1])
    for u, length in enumerate(lengths):
        for q, subject in enumerate(query_set):
            each = [slow_score(kind, picture.flatten(0, 1), frames[u, :length]) for picture in subject]
            unit = lambda s: (s - float(model.running_mean)) / float(model.running_std)  # noqa: E731
            mean = sum(sigmoid(unit(score)) for score, _ in each) / len(each)
            assert logits[u, q].item() == pytest.approx(math.log(mean / (1 - mean)))
            assert curves[u, q, :length].tolist() == pytest.approx(max(each)[1])


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=4), edge=st.integers(0, 6), padding=st.integers(0, 3))
def test_inner_frames_are_all_but_those_at_the_edges_and_always_some(
    lengths: list[int], edge: int, padding: int
) -> None:
    found = inner_mask(torch.tensor(lengths), max(lengths) + padding, edge)
    assert found.shape == (len(lengths), max(lengths) + padding)
    for row, length in zip(found.tolist(), lengths, strict=True):
        inner_places = [place for place, inner in enumerate(row) if inner]
        assert inner_places
        assert inner_places == list(
            range(inner_places[0], length - inner_places[0])
        )  # as many are left out at either end
        assert inner_places[0] == edge or (inner_places[0] < edge and len(inner_places) <= 2)


def test_inner_frames_by_hand() -> None:
    """A short utterance keeps its middle."""
    found = inner_mask(torch.tensor([1, 2, 3, 4, 5, 6, 7]), 8, EDGE)
    inner_places = [[place for place, inner in enumerate(row) if inner] for row in found.tolist()]
    assert inner_places == [[0], [0, 1], [1], [1, 2], [2], [2, 3], [2, 3, 4]]


@pytest.mark.parametrize("kind", PAIR_KINDS)
@given(length=st.integers(3, 12), seed=SEED)
@settings(deadline=None, max_examples=25)
def test_a_location_never_lies_at_an_edge(kind: str, length: int, seed: int) -> None:
    """Though nothing matches as well as the outermost frames; nor do these change what is detected."""
    model, [subject] = MODELS[kind], subjects(2, seed=seed)
    quiet = frames, lengths = speech([length], seed)
    inset = min(EDGE, (length - 1) // 2)
    edges = [*range(inset), *range(length - inset, length)]
    loud = frames.clone()
    loud[0, edges] = 100 * subject[:, 0, 0].sum(dim=0)
    query_set = model.build_queries([subject])
    logits, [[curve]] = model.score((loud, lengths), query_set)
    attends = kind == "localising-attention"
    assert curve[edges].tolist() == [0.0 if attends else -math.inf] * len(edges)
    assert inset <= curve.argmax() < length - inset
    for found, same in zip((logits, curve), (part.squeeze() for part in model.score(quiet, query_set)), strict=True):
        torch.testing.assert_close(found.squeeze(), same, **CLOSE)


@pytest.mark.parametrize("kind", PAIR_KINDS)
def test_one_picture_has_the_logit_of_its_similarity_however_sure(kind: str) -> None:
    """In single precision, in which the sigmoid of 20 is 1: what is surer still ranks above it."""
    model = MODELS[kind]
    frames, lengths = speech([5, 3])
    speech_batch = frames.float() * 9, lengths
    [subject] = subjects(1)
    for strength in (1.0, 50.0):
        pixels = strength * subject.float().flatten(1, 2)
        alike = (model.similarities(speech_batch, pixels)[0] - model.running_mean) / model.running_std
        torch.testing.assert_close(model.score(speech_batch, [pixels])[0], alike)
    if kind in ("misa", "sima", "max"):
        assert alike.abs().max() > 30


def test_a_query_of_several_very_sure_pictures_has_a_number_for_a_logit() -> None:
    model = MODELS["sisa"]
    frames = torch.ones(1, 3, 4)
    for signs in ([1, 1], [-1, -1], [1, -1]):
        pixels = torch.stack([torch.full((2, 4), 500.0 * sign) for sign in signs])
        logit = model.score((frames, torch.tensor([3])), [pixels])[0].item()
        assert logit == pytest.approx(2000 * sum(signs) / 2, abs=1e-4)


@pytest.mark.parametrize("kind", SIMILARITIES)
@given(lengths=LENGTHS, seed=SEED)
@settings(deadline=None, max_examples=10)
def test_an_utterance_scores_the_same_alone_and_in_a_batch(kind: str, lengths: list[int], seed: int) -> None:
    model = MODELS[kind].double()
    features = random_models.batch(torch.tensor(lengths), seed)
    query_set = model.build_queries([*subjects(2, 1, seed=seed), *(["dog"] if kind == "keywords" else [])])
    logits, curves = model.score(model.encode_speech(features, torch.tensor(lengths)), query_set)
    for u, length in enumerate(lengths):
        alone = model.encode_speech(features[u : u + 1, :length], torch.tensor([length]))
        logits_alone, curves_alone = model.score(alone, query_set)
        torch.testing.assert_close(logits[u], logits_alone[0], **CLOSE)
        torch.testing.assert_close(curves[u, :, : curves_alone.shape[2]], curves_alone[0], **CLOSE)
    model.float()


@pytest.mark.parametrize("kind", PAIR_KINDS)
def test_matches_are_inner_products(kind: str) -> None:
    frames, lengths = speech([4])
    [subject] = subjects(2)
    found = MODELS[kind].matchmaps((frames[:, :4], lengths), subject)
    assert found.shape == (2, 2, 3, 4)
    for picture in range(2):
        expected = slow_pairs.matches(subject[picture].flatten(0, 1), frames[0, :4])
        torch.testing.assert_close(found[picture].flatten(0, 1), torch.tensor(expected, dtype=torch.float64), **CLOSE)


# Pictures


@torch.no_grad()
def test_pictures_are_encoded_as_one_by_one_and_parts_as_if_cut_out(tmp_path: Path) -> None:
    """More of them than are looked at together, the last one with a box."""
    model = MODELS["misa"]
    prompts = [Prompt(path) for path in pictures(tmp_path, IMAGE_BATCH + 2)]
    read_image(prompts[0].path).crop((4, 2, 19, 15)).save(tmp_path / "cut out.png")
    pixel_maps = model.encode_images([*prompts, Prompt(prompts[0].path, (4, 2, 19, 15))])
    alone = [model.encode_images([prompt])[0] for prompt in [*prompts, Prompt(tmp_path / "cut out.png")]]
    torch.testing.assert_close(pixel_maps, torch.stack(alone))
    assert not torch.allclose(pixel_maps[0], pixel_maps[-1])


@torch.no_grad()
@pytest.mark.parametrize("kind", SIMILARITIES)
def test_asking_is_seeing_first(tmp_path: Path, kind: str) -> None:
    model, paths = MODELS[kind], pictures(tmp_path, 3)
    queries = [query("two", *paths[:2]), query("one", paths[2])]
    query_set = model.encode_queries(queries)
    expected = model.build_queries([model.encode_images(q.prompts) for q in queries])
    for one, other in zip(query_set, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_query_needs_a_picture_and_has_a_name() -> None:
    with pytest.raises(ValueError, match="'dog' has no picture"):
        ImageQuery("dog", ())
    assert name_of(query("dog", Path("a.png"))) == "dog"
    assert name_of("ọmọ") == "ọmọ"


# What a model can't be asked


@pytest.mark.parametrize("kind", PAIR_KINDS)
def test_a_model_of_pairs_takes_no_words(kind: str) -> None:
    with pytest.raises(EarmarkError) as error:
        MODELS[kind].encode_queries(["dog"])
    assert str(error.value).startswith("This model takes pictures alone, not the word 'dog': give ")


@pytest.mark.parametrize("recipe", [random_models.PSC, random_models.CNN_POOL, random_models.CNN_ATTEND])
def test_a_model_for_words_takes_no_pictures(recipe: Any) -> None:
    with pytest.raises(EarmarkError) as error:
        random_models.fresh(recipe).encode_queries(["dog", query("my photo", Path("a.png"))])
    assert str(error.value).startswith("This model takes words alone, not pictures (my photo): train ")


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_a_picture_that_is_missing_or_none_is_one_sentence(tmp_path: Path, kind: str) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name, says in (("gone.png", "There is no picture"), ("text.png", "can't be read as a picture")):
        with pytest.raises(EarmarkError, match=says):
            MODELS[kind].encode_queries([query("dog", tmp_path / name)])


# Never an utterance with its own picture


@torch.no_grad()
@pytest.mark.parametrize("kind", ["misa", "localising-attention", "keywords"])
def test_no_utterance_is_queried_with_its_own_picture(tmp_path: Path, kind: str) -> None:
    """As if every query were built anew for every utterance."""
    model, paths = MODELS[kind], pictures(tmp_path, 5)
    queries = [
        query("three", *paths[:3]),
        query("one", paths[0]),
        ImageQuery("parts", (Prompt(paths[1], (0, 0, 9, 9)), Prompt(paths[1], (5, 5, 20, 20)), Prompt(paths[3]))),
        query("elsewhere", paths[4]),
    ]
    own = [paths[0], None, paths[1], paths[3], tmp_path / "of no query.png"]
    frames, lengths = (part.float() if part.is_floating_point() else part for part in speech([3, 6, 1, 4, 4]))
    for which in (0, 1):  # detection logits, localisation scores

        def answer(rows: Sequence[int], query_set: Any, which: int = which) -> Tensor:
            return model.score((frames[list(rows)], lengths[list(rows)]), query_set)[which]

        found = Prompts(model, queries).predict(own, answer)
        for u, picture in enumerate(own):
            for q, whole in enumerate(queries):
                left = tuple(prompt for prompt in whole.prompts if prompt.path != picture)
                if left:
                    query_set = model.encode_queries([ImageQuery(whole.name, left)])
                    torch.testing.assert_close(found[u, q], answer([u], query_set)[0, 0])
                else:
                    assert found[u, q].isnan().all()
        assert found[0, 1].isnan().all()
        assert found.isnan().flatten(2 if which else 1).sum() == (frames.shape[1] if which else 1)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["misa", "keywords"])
def test_an_own_picture_is_known_by_whatever_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The utterances' are absolute, the query's is relative, or the other way round, or one is a link to it."""
    model, [path, other] = MODELS[kind], pictures(tmp_path, 2)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.png").symlink_to(path)
    frames, lengths = (part.float() if part.is_floating_point() else part for part in speech([5]))

    def score(query: ImageQuery, own: Path | None) -> float:
        def answer(_: Sequence[int], query_set: Any) -> Tensor:
            return model.score((frames, lengths), query_set)[0]

        return Prompts(model, [query]).predict([own], answer).item()

    expected, both = score(query("other", other), None), score(query("two", path, other), None)
    assert expected != both
    for mine, own in ((path, Path(path.name)), (Path(path.name), path), (path, Path("link.png"))):
        assert score(query("two", mine, other), own) == pytest.approx(expected)
        assert math.isnan(score(query("own", mine), own))


# Kept and read again


def recipe_of(kind: str) -> Recipe:
    losses = {
        "keywords": {"kind": "tags"},
        "max": {"kind": "regression", "right": 100.0, "wrong": 0.0, "positives": 4},
        "localising-attention": {"kind": "contrastive", "top": None, "least": 0.5},
    }
    return Recipe.model_validate(
        {
            "name": "a pictured model ọmọ",
            "localisation": "score-aggregation" if kind == "keywords" else "matchmap",
            "features": {"kind": "log-mel", "mel_filters": 13},
            "model": settings_of(kind).model_dump(),
            "loss": losses.get(kind, {"kind": "triplet", "image_to_speech": 1.5, "speech_to_image": 1.2}),
            "training": {"epochs": 10, "later_rates": {3: 1e-4, 5: 1e-5}},
        }
    )


@pytest.mark.parametrize("kind", SIMILARITIES)
def test_a_recipe_is_read_as_it_was_written(tmp_path: Path, kind: str) -> None:
    recipe = recipe_of(kind)
    (tmp_path / "recipe.yaml").write_text(write_recipe(recipe), encoding="utf-8")
    assert read_recipe(tmp_path / "recipe.yaml") == recipe


@torch.no_grad()
@pytest.mark.parametrize("kind", SIMILARITIES)
def test_a_checkpoint_answers_as_the_model_did(tmp_path: Path, kind: str) -> None:
    recipe = recipe_of(kind)
    torch.manual_seed(0)
    model: Any = build(recipe.model, extractor(recipe.features).dimension, WORDS)
    features, lengths = torch.randn(2, 50, 13), torch.tensor([50, 20])
    query_set = [query("two", *pictures(tmp_path, 2)), *(["ọmọ"] if kind == "keywords" else [])]
    model.encode_speech(features, lengths)  # its batch norms have seen something
    model.encode_images(query_set[0].prompts)
    if isinstance(model, SharedKeywords):
        model.fit_prior(torch.rand(8, len(WORDS)))
    write_description(tmp_path / "run", recipe, WORDS)
    write_weights(tmp_path / "run", model.state_dict())
    read: Any = read_checkpoint(tmp_path / "run").model.cpu()
    model.eval()
    assert isinstance(read, SharedKeywords if kind == "keywords" else PairModel)
    logits, curves = model.score(model.encode_speech(features, lengths), model.encode_queries(query_set))
    again = read.score(read.encode_speech(features, lengths), read.encode_queries(query_set))
    torch.testing.assert_close(again, (logits, curves))
    assert model.grid == read.grid


def test_a_model_whose_frozen_network_is_another_or_gone(tmp_path: Path) -> None:
    """What to mend is in the model's folder."""
    net, run = networks.resnet(tmp_path / "net"), tmp_path / "run"
    image = resolve(PretrainedImage(kind="pretrained", network=str(net), side=32))
    recipe = recipe_of("misa")
    recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"image": image})})
    model = build(recipe.model, extractor(recipe.features).dimension, WORDS)
    write_description(run, recipe, WORDS)
    write_weights(run, model.state_dict())
    read_checkpoint(run)
    needed = (
        r"The model in .*run needs the image network that it was trained with \(named in recipe\.yaml there; if it "
    )
    net.rename(tmp_path / "moved")
    with pytest.raises(
        EarmarkError, match=needed + r"has moved, write its new place there\): There is no folder .*net"
    ):
        read_checkpoint(run)
    text = (run / "recipe.yaml").read_text(encoding="utf-8")
    (run / "recipe.yaml").write_text(text.replace(str(net), str(tmp_path / "moved")), encoding="utf-8")
    read_checkpoint(run)
    networks.convnext(tmp_path / "moved")
    with pytest.raises(EarmarkError, match=needed + r".*: The image network .*moved is not the one that the model was"):
        read_checkpoint(run)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["loss.kind=tags"], ": loss 'tags' does not fit similarity 'matchmap', which learns from triplet or "),
        (
            ["loss={kind: tags}"],
            ": loss 'tags' does not fit similarity 'matchmap', which learns from triplet or ",
        ),
        (["loss.kind=contrastiv"], "the key 'loss.kind' can't be 'contrastiv': it should be 'tags', 'triplet', "),
        (["loss.margn=2"], "there is no key 'loss.margn'; did you mean 'margin'?"),
        (["loss.margin=0"], "the key 'loss.margin' can't be 0: it should be greater than 0"),
        (["model.similarity.pool=max"], "the key 'model.similarity.pool' can't be 'max': it should be 'misa', 'sisa'"),
        (["model.similarity.kind=cosine"], "'model.similarity.kind' can't be 'cosine': it should be 'matchmap'"),
        (["model.similarity=3"], "the key 'model.similarity' can't be 3: it should hold keys with values"),
        (
            ["model.image.kind=resnet"],
            "'model.image.kind' can't be 'resnet': it should be 'efficientnet-lite', 'pretrained'",
        ),
        (
            ["model.image={kind: pretrained, network: ''}"],
            "the key 'model.image.network' can't be '': it should have at",
        ),
        (["model.image.side=8"], "the key 'model.image.side' can't be 8: it should be greater than or equal to 32"),
        (["model.image.channels=[8]"], "the key 'model.image.channels' can't be [8]: it should have at least 2 items"),
        (["model.dimension=0"], "the key 'model.dimension' can't be 0: it should be greater than or equal to 1"),
        (["model.pooling={kind: max}"], "there is no key 'model.pooling'"),
        (["model.speech.layers=[]"], "the key 'model.speech.layers' can't be []: it should have at least 1 item"),
        (["model.speech.layers=[{channels: keywords, kernel: 1}]"], "in 'model.speech.layers' no layer can have 'keyw"),
        (["training.later_rates={3: 0}"], "the key 'training.later_rates.3' can't be 0: it should be greater than 0"),
        (["training.later_rates={soon: 1}"], "'training.later_rates' can't be 'soon': it should be a valid integer"),
        (["training.later_rates={-1: 1}"], "the key 'training.later_rates.-1' can't be -1: it should be greater"),
        (["training.schedule=cosine"], "in 'training' later_rates need a constant schedule, not 'cosine'"),
    ],
)
def test_a_wrong_value_in_a_recipe_is_named(tmp_path: Path, changes: list[str], says: str) -> None:
    (tmp_path / "recipe.yaml").write_text(write_recipe(recipe_of("misa")), encoding="utf-8")
    with pytest.raises(EarmarkError) as error:
        read_recipe(tmp_path / "recipe.yaml", changes)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("changes", [["loss.wrong=-1"], ["loss={kind: regression}"]])
def test_a_similarity_that_can_not_be_reached_is_refused(tmp_path: Path, changes: list[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(write_recipe(recipe_of("max")), encoding="utf-8")
    with pytest.raises(EarmarkError) as error:
        read_recipe(tmp_path / "recipe.yaml", changes)
    says = "loss.wrong -1 can't be reached: the similarity 'max' is at least 0; set it to 0"
    assert str(error.value).endswith(f"recipe.yaml: {says}.")
    assert read_recipe(tmp_path / "recipe.yaml", ["model.similarity.kind=localising-attention", *changes])


@pytest.mark.parametrize("kind", SIMILARITIES)
@pytest.mark.parametrize("loss", ["tags", "triplet", "contrastive", "regression"])
def test_a_loss_fits_what_it_can_teach(kind: str, loss: str) -> None:
    """Contexts for the contrastive loss, keywords for tags, pairs for the others."""
    fits = {"tags": kind == "keywords", "contrastive": kind == "localising-attention"}.get(loss, kind != "keywords")
    values = {**recipe_of(kind).model_dump(), "loss": {"kind": loss} | ({"wrong": 0.0} if loss == "regression" else {})}
    if fits:
        assert Recipe.model_validate(values).loss.kind == loss
    else:
        with pytest.raises(ValueError, match="does not fit similarity"):
            Recipe.model_validate(values)
