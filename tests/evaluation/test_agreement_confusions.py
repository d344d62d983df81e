"""In which words a keyword is located: by hand, and against a slow twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from earmark.core.corpus import Word
from earmark.evaluation.agreement import BEST_RANKED, MOST_COMMON, NO_WORD, commonly_located, located_word

SPOKEN = (Word("The", 0.1, 0.3), Word("surfer,", 0.3, 0.8), Word("ọmọ", 1.0, 1.4), Word("!", 1.5, 1.6))


def test_the_located_word_by_hand() -> None:
    places_s = [0.0, 0.1, 0.2, 0.3, 0.5, 0.8, 0.9, 1.4, 1.55, 2.0, np.nan]
    words = ["–", "the", "the", "the", "surfer", "surfer", "–", "ọmọ", "–", "–", "–"]
    assert [located_word(SPOKEN, time_s) for time_s in places_s] == words
    assert located_word((), 0.5) == NO_WORD


def test_the_commonest_words_by_hand() -> None:
    # 22 utterances that all say the same; the best one locates "the", then twelve "surfer", six nothing, one "ọmọ";
    # the two worst, which would be "the" again, are not among the first twenty.
    times_s = np.array([0.2] + 12 * [0.5] + 6 * [0.9] + [1.2] + 2 * [0.2])
    scores = np.linspace(0.9, 0.1, 22)
    expected = [("surfer", 12), ("–", 6), ("the", 1), ("ọmọ", 1)]
    assert commonly_located(scores, times_s, [SPOKEN] * 22) == expected
    order = np.random.default_rng(0).permutation(22)
    assert commonly_located(scores[order], times_s[order], [SPOKEN] * 22) == expected


def slow_commonly_located(scores, times_s, words):
    """Word by word, utterance by utterance."""
    best = sorted(range(len(scores)), key=lambda u: (-scores[u], u))[:20]
    found: list[str] = []
    for u in best:
        holding = [w.word for w in words[u] if w.start_s <= times_s[u] <= w.end_s]
        found.append(holding[0] if holding else "–")
    kinds = sorted(set(found), key=lambda word: (-found.count(word), found.index(word)))
    return [(word, found.count(word)) for word in kinds[:5]]


@given(st.data())
def test_the_commonest_words_agree_with_a_slow_twin(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 30))
    tenths = st.integers(0, 10).map(lambda n: n / 10)
    scores, times_s = (np.array(data.draw(st.lists(tenths, min_size=size, max_size=size))) for _ in range(2))
    names = st.permutations(list("abcdefgh"))
    words = [
        [Word(name, i / 8, (i + 0.7) / 8) for i, name in enumerate(order)]
        for order in data.draw(st.lists(names, min_size=size, max_size=size))
    ]
    assert (BEST_RANKED, MOST_COMMON) == (20, 5)
    assert commonly_located(scores, times_s, words) == slow_commonly_located(scores, times_s, words)
