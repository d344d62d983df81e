"""Praat's TextGrids and the recordings that are called like them, in a folder.

Origin: whatever you have annotated in Praat, or aligned by force. Size: whatever you have. Licence: what you say with
``--licence``. Citation: yours; of the program, P. Boersma and D. Weenink, "Praat: doing phonetics by computer".

Each labelled interval of the tiers with the text becomes an utterance: a stretch of the recording, with its text, its
translation (in a parallel tier) and its speaker, which a tier's name has after an @ or before a hyphen with blanks
around it. Without a choice of tiers, all interval tiers but those of translations and words have text.
"""

from __future__ import annotations

from earmark.core.corpus import Corpus
from earmark.corpora._annotated import (
    Choice,
    CorpusName,
    Documents,
    Imported,
    LanguageOption,
    Licence,
    MediaFolderOption,
    SplitBy,
    SplitByOption,
    TierNames,
    TranslationTiers,
    WordTiers,
    import_tiers,
)
from earmark.corpora._source import Out, OwnKeywords
from earmark.media.annotations.textgrids import read_textgrid


def prepare(
    source: Documents,
    out: Out,
    *,
    tier: TierNames = None,
    translation: TranslationTiers = None,
    words: WordTiers = None,
    media: MediaFolderOption = None,
    keywords: OwnKeywords = None,
    split_by: SplitByOption = SplitBy.utterance,
    name: CorpusName = None,
    language: LanguageOption = "",
    licence: Licence = "",
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If there is no such folder, it has no TextGrid, or no utterance is left.
    """
    choice = Choice(tier or (), translation or (), words or ())
    given = Imported(source, out, ".textgrid", keywords, media, name, language, licence, split_by)
    return import_tiers(given, choice, lambda document: (read_textgrid(document), ()))
