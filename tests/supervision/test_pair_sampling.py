"""Positives and negatives by keyword, against the rules that they are drawn by."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.core.errors import EarmarkError
from earmark.recipe import ContrastiveLoss, Sampled
from earmark.supervision.pair_sampling import PairSampler, labels

Bools = npt.NDArray[np.bool_]
SEED = st.integers(0, 2**31)


def wanted(positives: int = 1, negatives: int = 3, draw: Literal["corpus", "batch"] = "corpus") -> Sampled:
    return ContrastiveLoss(kind="contrastive", positives=positives, negatives=negatives, draw=draw)


@st.composite
def data(draw: st.DrawFn) -> tuple[Bools, list[int]]:
    """Labels of pairs, which pictures they show, and how often; some pictures' captions differ in their labels."""
    utterances, keywords = draw(st.integers(1, 10)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(SEED))
    labelled = rng.random((utterances, keywords)) < draw(st.sampled_from([0.0, 0.3, 0.5, 0.9]))
    pictures = rng.integers(draw(st.integers(1, utterances)), size=utterances).tolist()
    if draw(st.booleans()):  # as where the tags are those of pictures
        labelled = labelled[pictures]
    return labelled, pictures


def shows(labelled: Bools, pictures: Sequence[int], pair: int, keyword: int) -> bool:
    """Whether any pair of this pair's picture is labelled with the keyword."""
    return any(labelled[u, keyword] for u in range(len(labelled)) if pictures[u] == pictures[pair])


def negatives_by_keyword(labelled: Bools, pictures: Sequence[int], keyword: int) -> dict[int, list[int]]:
    """Pairs of each other keyword whose pictures lack this one."""
    found: dict[int, list[int]] = {}
    for pair in range(len(labelled)):
        for other in range(labelled.shape[1]):
            if other != keyword and labelled[pair, other] and not shows(labelled, pictures, pair, keyword):
                found.setdefault(other, []).append(pair)
    return found


def keywords_of(labelled: Bools, pictures: Sequence[int], anchor: int) -> list[int]:
    """The keywords of an anchor that have negatives."""
    own = np.flatnonzero(labelled[anchor]).tolist()
    return [keyword for keyword in own if negatives_by_keyword(labelled, pictures, keyword)]


# Rules


@given(data=data(), positives=st.integers(1, 3), negatives=st.integers(1, 4), seed=SEED)
@settings(deadline=None)
def test_every_draw_keeps_the_rules(data: tuple[Bools, list[int]], positives: int, negatives: int, seed: int) -> None:
    labelled, pictures = data
    anchors = [u for u in range(len(labelled)) if keywords_of(labelled, pictures, u)]
    if not anchors:
        with pytest.raises(EarmarkError, match=r"No two pictures differ in their labels .*0\.6.*: lower loss\.least"):
            PairSampler(labelled, pictures, wanted(positives, negatives))
        return
    sampler = PairSampler(labelled, pictures, wanted(positives, negatives))
    assert sampler.anchors == anchors
    rng = np.random.default_rng(seed)
    for anchor in anchors:
        draw = sampler.draw(anchor, rng)
        assert draw.anchor == anchor
        assert draw.keyword in keywords_of(labelled, pictures, anchor)
        assert draw.positives.shape == (positives,)
        assert labelled[draw.positives, draw.keyword].all()
        elsewhere = [u for u in np.flatnonzero(labelled[:, draw.keyword]) if pictures[u] != pictures[anchor]]
        if elsewhere:
            assert set(draw.positives) <= set(elsewhere)
        assert draw.negatives.shape == (negatives,)
        for negative in draw.negatives:
            assert not shows(labelled, pictures, negative, draw.keyword)
            assert labelled[negative].any()


@given(data=data(), share=st.sampled_from([0.3, 0.6, 1.0]), seed=SEED)
@settings(deadline=None)
def test_every_draw_among_some_keeps_the_rules(data: tuple[Bools, list[int]], share: float, seed: int) -> None:
    """From them alone, never the anchor's own picture, and nothing where a rule can't be kept."""
    labelled, pictures = data
    anchors = [u for u in range(len(labelled)) if keywords_of(labelled, pictures, u)]
    if not anchors:
        return
    sampler = PairSampler(labelled, pictures, wanted(2, 3))
    rng = np.random.default_rng(seed)
    members = np.array([u for u in anchors if rng.random() < share] or anchors[:1])
    for anchor in members.tolist():
        possible = {}
        for keyword in np.flatnonzero(labelled[anchor]).tolist():
            right = [u for u in members if labelled[u, keyword] and pictures[u] != pictures[anchor]]
            wrong = [u for u in members if labelled[u].any() and not shows(labelled, pictures, u, keyword)]
            if right and wrong:
                possible[keyword] = set(right), set(wrong)
        draw = sampler.sample_from(anchor, members, rng)
        assert (draw is None) == (not possible)
        if draw:
            right, wrong = possible[draw.keyword]
            assert draw.anchor == anchor
            assert draw.positives.shape == (2,)
            assert draw.negatives.shape == (3,)
            assert set(draw.positives) <= right
            assert set(draw.negatives) <= wrong


LABELLED = np.array(
    [[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0]], dtype=bool
)
PICTURES = [0, 1, 2, 3, 4, 5, 5, 0]


def is_as_likely(counts: Counter[int], odds: dict[int, float]) -> bool:
    """Whether what was drawn could have come about with these odds."""
    assert set(counts) <= {outcome for outcome, odd in odds.items() if odd}
    expected = np.array([odds[outcome] for outcome in odds])
    found = np.array([counts[outcome] for outcome in odds])
    return bool(scipy.stats.chisquare(found, expected / expected.sum() * found.sum()).pvalue > 1e-3)


@pytest.mark.parametrize("among", [False, True])
def test_keyword_positive_and_negative_are_each_drawn_by_chance(among: bool) -> None:
    """A keyword of the anchor's, a pair of that keyword, another keyword, a pair of that: uniformly, each in turn."""
    sampler = PairSampler(LABELLED, PICTURES, wanted())
    rng, every = np.random.default_rng(0), np.arange(len(LABELLED))
    draws = [sampler.sample_from(0, every, rng) if among else sampler.draw(0, rng) for _ in range(3000)]
    assert is_as_likely(Counter(draw.keyword for draw in draws), {0: 1, 1: 1})
    for keyword, positives in ((0, [1, 2]), (1, [3, 4])):
        some = [draw for draw in draws if draw.keyword == keyword]
        found = Counter(int(positive) for draw in some for positive in draw.positives)
        assert is_as_likely(found, dict.fromkeys(positives, 1.0))
        negatives = negatives_by_keyword(LABELLED, PICTURES, keyword)
        odds = dict.fromkeys(range(len(LABELLED)), 0.0)
        for pairs in negatives.values():
            for pair in pairs:
                odds[pair] += 1 / len(negatives) / len(pairs)
        odds = {pair: odd for pair, odd in odds.items() if odd}
        assert is_as_likely(Counter(int(negative) for draw in some for negative in draw.negatives), odds)


def test_many_pairs_and_keywords_take_little_memory() -> None:
    """Less than four tables of pairs and keywords; who keeps all negatives of all keywords keeps hundreds."""
    labelled = np.random.default_rng(0).random((5_000, 100)) < 0.08
    tracemalloc.start()
    try:
        sampler = PairSampler(labelled, range(len(labelled)), wanted())
        draw = sampler.draw(sampler.anchors[0], np.random.default_rng(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    size = sum(part.nbytes for part in (sampler._without, sampler._shows, sampler._others, *sampler._with))
    assert size < 4 * labelled.nbytes
    assert peak < 14 * labelled.nbytes  # while counting, in four bytes a cell, twice
    assert not labelled[draw.negatives, draw.keyword].any()


def test_an_only_picture_is_its_own_positive() -> None:
    """Keyword 0 is shown by one picture, which two utterances describe."""
    labelled = np.array([[1, 0], [1, 0], [0, 1]], dtype=bool)
    sampler = PairSampler(labelled, [0, 0, 1], wanted(positives=8))
    assert set(sampler.draw(0, np.random.default_rng(0)).positives) == {0, 1}


def test_a_caption_without_the_keyword_is_no_negative_if_its_picture_has_another_with_it() -> None:
    labelled = np.array([[1, 0], [0, 1], [0, 1]], dtype=bool)
    sampler = PairSampler(labelled, [0, 0, 1], wanted(negatives=20))
    assert set(sampler.draw(0, np.random.default_rng(0)).negatives) == {2}


@pytest.mark.parametrize(
    ("labelled", "pictures"),
    [
        (np.zeros((3, 2), dtype=bool), [0, 1, 2]),  # nothing is labelled
        (np.ones((3, 2), dtype=bool), [0, 1, 2]),  # all are labelled alike
        (np.array([[1, 0], [0, 1]], dtype=bool), [0, 0]),  # there is but one picture
        (np.array([[1], [0]], dtype=bool), [0, 1]),  # a pair without any keyword is no negative
    ],
)
def test_what_nothing_can_be_drawn_from_is_refused(labelled: Bools, pictures: list[int]) -> None:
    with pytest.raises(EarmarkError) as error:
        PairSampler(labelled, pictures, wanted())
    assert "\n" not in str(error.value)


# Labels


TAG = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


def slow_labels(row: Sequence[float], top: int | None, least: float) -> list[bool]:
    descending = sorted(row, reverse=True)[:top]
    return [tag in descending and tag >= least for tag in row]


@given(
    rows=st.integers(1, 5).flatmap(lambda width: st.lists(st.lists(TAG, min_size=width, max_size=width), min_size=1)),
    top=st.none() | st.integers(1, 4),
    least=st.sampled_from([0.1, 0.25, 0.5, 1]),
)
def test_labels_are_the_highest_tags_that_are_high_enough(
    rows: list[list[float]], top: int | None, least: float
) -> None:
    """Tags that are alike are labels alike."""
    tags = np.array(rows, dtype=np.float32)
    assert labels(tags, top, least).tolist() == [slow_labels(row, top, least) for row in tags.tolist()]


def test_labels_by_hand() -> None:
    tags = np.array([[0.9, 0.6, 0.7, 0.8], [0.6, 0.1, 0.59, 0.6]], dtype=np.float32)
    assert labels(tags, 3, 0.6).tolist() == [[True, False, True, True], [True, False, False, True]]
    assert labels(tags, None, 0.6).tolist() == [[True, True, True, True], [True, False, False, True]]
    assert labels(tags, 1, 0.6).tolist() == [[True, False, False, False], [True, False, False, True]]


def test_a_picture_with_many_utterances_is_no_likelier_than_one_with_one() -> None:
    """As released: a picture is drawn, and then one of its utterances. Against the exact chances."""
    labelled = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [1, 0], [0, 1]], dtype=bool)
    pictures = [0, 1, 1, 1, 2, 3]  # of the first utterance's positives, three show picture 1 and one picture 2
    counts = {}
    for by in ("pair", "picture"):
        settings_of = ContrastiveLoss(kind="contrastive", positives_by=by)
        sampler, rng = PairSampler(labelled, pictures, settings_of), np.random.default_rng(0)
        counts[by] = Counter(int(sampler.draw(0, rng).positives[0]) for _ in range(4000))
    for by, chances in (("pair", [1 / 4] * 4), ("picture", [1 / 6, 1 / 6, 1 / 6, 1 / 2])):
        found = [counts[by][pair] for pair in (1, 2, 3, 4)]
        assert sum(found) == 4000
        assert scipy.stats.chisquare(found, [4000 * chance for chance in chances]).pvalue > 1e-4
