"""Keywords that differ from words of the texts in marks alone, such as "bísí" and "bisi"."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable

from earmark.core.vocabulary import Vocabulary, plain_words, without_marks

logger = logging.getLogger(__name__)
MOST = 10  # keywords in one sentence


def lookalikes(keywords: Iterable[str], texts: Iterable[str]) -> dict[str, Counter[str]]:
    """Words of texts that differ from a keyword in marks, apostrophes or hyphens alone.

    Returns
    -------
    dict of Counter
        For each keyword that has any: in how many texts each of these words stands, and the keyword itself (as its
        plain words) if it does. Upper and lower case, and the Unicode forms of one letter, are no difference.
    """
    # By the bare form: the plain form and the keyword as it is written.
    bare: dict[str, list[tuple[str, str]]] = {}
    lengths = set()
    for keyword in keywords:
        words = plain_words(keyword, keep_edges=True)
        if words:
            lengths.add(len(words))
            bare.setdefault(_bare(words), []).append((" ".join(words), keyword))
    found: dict[str, Counter[str]] = {}
    for text in texts:
        words = plain_words(text, keep_edges=True)
        phrases = {
            tuple(words[start : start + length]) for length in lengths for start in range(len(words) - length + 1)
        }
        for phrase in phrases:
            for _, keyword in bare.get(_bare(phrase), ()):
                found.setdefault(keyword, Counter())[" ".join(phrase)] += 1
    own = {keyword: plain for known in bare.values() for plain, keyword in known}
    return {
        keyword: counts
        for keyword, counts in found.items()
        if any(_unquoted(form) != _unquoted(own[keyword]) for form in counts)
    }


def _bare(words: Iterable[str]) -> str:
    return " ".join(map(without_marks, words))


def _unquoted(form: str) -> str:
    return " ".join(plain_words(form))


def warn_of_lookalikes(keywords: Vocabulary, texts: Iterable[str]) -> None:
    """Log a warning that names keywords whose marks differ from those in the texts, with numbers of texts."""
    found = lookalikes(keywords, texts)
    if not found:
        return
    sentences = []
    for keyword, counts in list(found.items())[:MOST]:
        (own,) = {" ".join(plain_words(keyword))}
        plain: Counter[str] = Counter()
        for form, count in counts.items():
            plain[_unquoted(form)] += count
        others = ", ".join(f"{form!r} {count}" for form, count in plain.most_common() if form != own)
        sentences.append(f"{keyword!r} {plain[own]} ({others})")
    more = f"; and {len(found) - MOST} more keywords" if len(found) > MOST else ""
    logger.warning(
        "Keywords that differ from words of the texts in marks alone, with the number of texts: %s%s. "
        "If they are the same words, write them alike.",
        "; ".join(sentences),
        more,
    )
