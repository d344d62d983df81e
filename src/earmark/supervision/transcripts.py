"""Bags of words: the idealised supervision, from transcripts (Olaleye et al. 2022, Section III-A).

Keywords that no transcript or caption has are reported: targets that are never above 0 can't train anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from earmark.core.corpus import Utterance, Word
from earmark.core.errors import EarmarkError
from earmark.core.keyword_map import SPOKEN_AS_WRITTEN, KeywordMap
from earmark.core.vocabulary import KeywordForm, Transcript, Vocabulary, plain_words
from earmark.supervision.targets import Targets

logger = logging.getLogger(__name__)


def occurrences(words: Iterable[Word], keyword: str) -> list[Word]:
    """Every place where `keyword`, one word or several in a row, stands in a word alignment."""
    # An alignment may have several words under one time, or signs of punctuation alone.
    form = KeywordForm(keyword)
    spoken = [(plain, word) for word in words for plain in plain_words(word.word, form.keeps_edges)]
    parts = form.words
    stretches = (spoken[i : i + len(parts)] for i in range(len(spoken) - len(parts) + 1))
    return [Word(keyword, s[0][1].start_s, s[-1][1].end_s) for s in stretches if [plain for plain, _ in s] == parts]


def bag_of_words(
    utterances: Iterable[Utterance], keywords: Vocabulary, keyword_map: KeywordMap = SPOKEN_AS_WRITTEN
) -> Targets:
    """Which keywords are spoken in each utterance: 1 or 0, without order, number or place.

    The words of an alignment go before the text, as evaluation is by them, too. A keyword of `keyword_map` is spoken
    where any of its words is.

    Raises
    ------
    EarmarkError
        If an utterance has neither text nor words.
    """
    forms = [[KeywordForm(word) for word in keyword_map.spoken_for(keyword)] for keyword in keywords]
    rows = {}
    for utterance in utterances:
        transcript = Transcript(transcript_of(utterance), segmented=utterance.words is not None)
        says = [any(transcript.says(form) for form in of_keyword) for of_keyword in forms]
        rows[utterance.id] = np.array(says, dtype=np.float32)
    return Targets(keywords, rows)


def transcript_of(utterance: Utterance) -> str:
    """The words of an utterance's alignment, else its text.

    Raises
    ------
    EarmarkError
        If it has neither.
    """
    if utterance.words is not None:
        return " ".join(word.word for word in utterance.words)
    if utterance.text is not None:
        return utterance.text
    raise EarmarkError(f"Utterance {utterance.id} has no text: bags of words need a transcript of every utterance.")


MOST = 10  # names in one sentence


def report_missing_keywords(keywords: Vocabulary, named: npt.NDArray[np.float32], what: str) -> None:
    """Log the keywords that none of `what` (captions, utterances) says.

    Parameters
    ----------
    keywords : Vocabulary
        W keywords.
    named : numpy.ndarray, shape = (N, W)
        Above 0 where one of the N says the keyword.
    what : str
        What the N are, as in "no caption".

    Raises
    ------
    EarmarkError
        If that is all of them.
    """
    missing = [word for word, column in zip(keywords, named.T, strict=True) if not column.any()]
    if not missing:
        return
    names = ", ".join(map(repr, missing[:MOST])) + (f" and {len(missing) - MOST} more" if len(missing) > MOST else "")
    if len(missing) == len(keywords):
        raise EarmarkError(f"No {what} says any of the keywords ({names}): check their language and spelling.")
    logger.warning("No %s says %s: a keyword that is never said can't be learned.", what, names)
