"""Keywords that nobody says: a tag that is never 1 teaches nothing, and whoever asked for it should know."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt

from earmark.errors import EarmarkError
from earmark.vocabulary import Vocabulary

MOST = 10  # names in one sentence


def tell_unsaid(keywords: Vocabulary, named: npt.NDArray[np.float32], what: str) -> None:
    """Name on standard error the keywords that none of `what` (captions, utterances) says.

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
    unsaid = [word for word, column in zip(keywords, named.T, strict=True) if not column.any()]
    if not unsaid:
        return
    names = ", ".join(map(repr, unsaid[:MOST])) + (f" and {len(unsaid) - MOST} more" if len(unsaid) > MOST else "")
    if len(unsaid) == len(keywords):
        raise EarmarkError(f"No {what} says any of the keywords ({names}): check their language and spelling.")
    print(f"note: no {what} says {names}: nothing can be learned of what is never said.", file=sys.stderr)
