"""ELAN documents (.eaf) and their recordings, in a folder.

Origin: whatever you have annotated in ELAN. Size: whatever you have. Licence: what you say with ``--licence``.
Citation: yours; of the format, H. Sloetjes and P. Wittenburg, "Annotation by category: ELAN and ISO DCR", LREC 2008.

Each annotation of the tiers with the text becomes an utterance: a stretch of its recording, with its text, its
translation and its speaker, the tier's participant. Tiers are chosen by name or linguistic type, for every project has
its own; without a choice, the text is in the tiers that depend on no other, or, where such a tier has only the phrases'
numbers, in the first that depends on it. What depends on an annotation has its time, so a translation is found through
the tiers' hierarchy, or in a parallel tier by time.

A recording is searched where the document says, then by its name beside the document, then under the document's own
name. Overlapping annotations are utterances each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
from earmark.media.annotations.eaf import read_elan
from earmark.media.annotations.eaf_media import Medium
from earmark.media.annotations.tiers import Tier


def prepare(
    source: Documents,
    out: Out,
    *,
    tier: TierNames = None,
    translation: TranslationTiers = None,
    words: WordTiers = None,
    participant: Annotated[str, "Only tiers of this participant."] = "",
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
        If there is no such folder, it has no document, or no utterance is left.
    """
    choice = Choice(tier or (), translation or (), words or (), participant)

    def read(document: Path) -> tuple[list[Tier], list[Medium]]:
        found = read_elan(document)
        return found.tiers, found.media

    given = Imported(source, out, ".eaf", keywords, media, name, language, licence, split_by)
    return import_tiers(given, choice, read)
