"""The words of captions: which are the commonest, and which pictures they are said of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from earmark.supervision.pictures import Picture
from earmark.vocabulary import Vocabulary, normalise, plain_words

# Words of English that name nothing in a picture by themselves.
_FUNCTION_WORDS = """
a an the this that these those some any each every either neither both all no none such another other others own
same several few many much more most less least
i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
herself it its itself they them their theirs themselves something someone anything anyone nothing everyone
who whom whose which what when where why how whether
and or but nor so yet if then than because as while until although though since unless
of in on at by for with about against between into through during before after above below to from up down out off
over under again further onto upon near beside besides behind along across around among within without toward
towards
am is are was were be been being have has had having do does did doing done will would shall should can could may
might must
not only just very too also there here once now ever never quite almost even still
don't doesn't didn't isn't aren't wasn't weren't can't couldn't won't wouldn't hasn't haven't hadn't it's he's
she's there's that's they're
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


def commonest_words(pictures: Iterable[Picture], count: int) -> Vocabulary:
    """The content words that occur in the captions of the most pictures, the commonest first.

    What is left out are English function words; in another language, give a keyword list instead.
    """
    pictures_with: dict[str, int] = {}
    for picture in pictures:
        for word in {word for caption in picture.captions for word in plain_words(caption)} - FUNCTION_WORDS:
            pictures_with[word] = pictures_with.get(word, 0) + 1
    return Vocabulary(sorted(pictures_with, key=lambda word: (-pictures_with[word], word))[:count])


def named_in_captions(pictures: Sequence[Picture], keywords: Vocabulary) -> npt.NDArray[np.float32]:
    """For each picture and keyword, the part of the picture's captions that name it: shape (P, W).

    The tagger of the paper has one example a caption instead, with targets of 0 and 1. The binary cross-entropy is
    linear in its target, so its mean over a picture's captions is the one for this mean target: the same loss, from
    a fifth of the examples.
    """
    # By the first word of each keyword: its column, and all of its words.
    forms: dict[str, list[tuple[int, list[str]]]] = {}
    for column, keyword in enumerate(keywords):
        words = normalise(keyword).split()
        forms.setdefault(words[0], []).append((column, words))
    targets = np.zeros((len(pictures), len(keywords)), dtype=np.float32)
    for row, picture in zip(targets, pictures, strict=True):
        for caption in picture.captions:
            said = plain_words(caption)
            named = {
                column
                for place, word in enumerate(said)
                for column, words in forms.get(word, ())
                if said[place : place + len(words)] == words
            }
            row[list(named)] += 1
        row /= len(picture.captions)
    return targets
