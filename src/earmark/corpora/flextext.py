"""FLEx's interlinear texts (.flextext) and their recordings, in a folder.

Origin: whatever you have interlinearised in FLEx, exported as Flextext. Size: whatever you have. Licence: what you say
with ``--licence``. Citation: yours; of the program, SIL International, "FieldWorks Language Explorer".

Each phrase that is bound to a stretch of a recording becomes an utterance: with its text (or its words), its free
translation, else the literal one, and its speaker. Phrases without times are left out and counted: FLEx keeps the times
that came with a text from ELAN or SayMore. Of several languages, ``--text-language`` and ``--translation-language``
choose one by its code; without them, it is the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from earmark.core.corpus import Corpus
from earmark.corpora._annotated import (
    CorpusName,
    Documents,
    Imported,
    LanguageOption,
    Licence,
    MediaFolderOption,
    Passage,
    SplitBy,
    SplitByOption,
    import_annotated,
)
from earmark.corpora._source import Out, OwnKeywords
from earmark.media.annotations.flextext import read_flextext


def prepare(
    source: Documents,
    out: Out,
    *,
    text_language: Annotated[str, "Code of the text's language, as FLEx writes it."] = "",
    translation_language: Annotated[str, "Code of the translation's language."] = "",
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
        If there is no such folder, it has no interlinear text, or no utterance is left.
    """

    def read(document: Path) -> list[Passage]:
        return [
            Passage(
                id=phrase.id,
                start_s=phrase.start_s,
                end_s=phrase.end_s,
                text=_chosen(phrase.texts, text_language),
                translation=_chosen(phrase.translations, translation_language),
                speaker=phrase.speaker,
                media=phrase.media,
            )
            for phrase in read_flextext(document)
        ]

    given = Imported(source, out, ".flextext", keywords, media, name, language, licence, split_by)
    return import_annotated(given, read)


def _chosen(texts: Mapping[str, str], language: str) -> str:
    """The text in a language; without one, the first."""
    return texts.get(language, "") if language else next(iter(texts.values()), "")
