"""Which words a keyword is located in: the common confusions of Olaleye et al. (2022), Section V-C and Table V."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from earmark.corpus import Word
from earmark.evaluate.truth import Floats
from earmark.vocabulary import plain_words

NO_WORD = "–"
TOP = 20  # utterances
MOST = 5  # words


def located_word(words: Sequence[Word], time_s: float) -> str:
    """The word in which a location lies, both of its ends included; a dash where there is none.

    Where two words meet in the location, it is the earlier one.
    """
    for word in words:
        if word.start_s <= time_s <= word.end_s:
            return " ".join(plain_words(word.word)) or NO_WORD
    return NO_WORD


def commonly_located(scores: Floats, times_s: Floats, words: Sequence[Sequence[Word]]) -> list[tuple[str, int]]:
    """The words in which a keyword is most often located, in the utterances with the best detection scores.

    Parameters
    ----------
    scores, times_s : numpy.ndarray, shape = (U,)
        Detection scores of one keyword, and its locations; NaN where it is located nowhere.
    words : sequence of sequence of Word
        The word alignment of each of the U utterances.

    Returns
    -------
    list of (str, int)
        At most five words, the commonest first, each with its number among the twenty best utterances. Of words that
        are equally common, the one in the better utterance comes first.
    """
    best = np.argsort(-scores, kind="stable")[:TOP]
    return Counter(located_word(words[u], float(times_s[u])) for u in best).most_common(MOST)
