"""Tags from translations: which keywords of one language the translation of an utterance of another one names.

No transcript enters. A translation that names a dog says that a dog is probably spoken of, as a picture of one does,
but not which word of the utterance means it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from earmark.core.corpus import Utterance
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import KeywordForm, Transcript, Vocabulary
from earmark.supervision.captions import commonest_content_words
from earmark.supervision.targets import Targets, unknown_row
from earmark.supervision.transcripts import report_missing_keywords

logger = logging.getLogger(__name__)


def tags_from_translations(utterances: Sequence[Utterance], keywords: Vocabulary) -> Targets:
    """1 where the translation of an utterance names a keyword, 0 where it does not, unknown where there is none.

    Raises
    ------
    EarmarkError
        If no utterance has a translation, or none names any keyword.
    """
    translated = _translated(utterances)
    if lacking := len(utterances) - len(translated):
        logger.warning(
            "%d of %d utterances have no translation: nothing is learned from them.", lacking, len(utterances)
        )
    forms = [KeywordForm(word) for word in keywords]
    rows = {utterance.id: unknown_row(keywords) for utterance in utterances}
    for utterance in translated:
        translation = Transcript(utterance.translation or "")
        rows[utterance.id] = np.array([translation.says(form) for form in forms], dtype=np.float32)
    named = np.stack([rows[utterance.id] for utterance in translated])
    report_missing_keywords(keywords, named, "translation")
    return Targets(keywords, rows)


def commonest_in_translations(utterances: Sequence[Utterance], count: int) -> Vocabulary:
    """The content words that the most translations have, the commonest first.

    Raises
    ------
    EarmarkError
        If no utterance has a translation, or they have no content word.
    """
    return commonest_content_words(((u.translation or "",) for u in _translated(utterances)), count)


def _translated(utterances: Sequence[Utterance]) -> list[Utterance]:
    translated = [utterance for utterance in utterances if utterance.translation is not None]
    if not translated:
        raise EarmarkError(
            "No utterance of the corpus has a translation: prepare it from a table with the column 'translation', or "
            "from documents with a tier of translations."
        )
    return translated
