"""Art4Apps: pictures of 1,235 words for learning to read, with the words said alone in English, French and Spanish.

Origin: ET4D and Smart4Kids; the files as in the repository of the library ``art4apps`` by G. Odiard. Nothing is
downloaded; ``docs/corpora.md`` says how the files must lie.
Size: 1,235 pictures; 623 words spoken in English, 1,035 in French, 654 in Spanish; a second each.
Licence: CC BY-SA 3.0 for pictures and recordings.
Citation: Smart4Kids LLC, "Art4Apps", 2012 to 2014.

The format is that of the repository: ``data/words.json`` gives the picture of each English word,
``data/words_LANGUAGE.json`` its translation, and ``audio/LANGUAGE/WORD.ogg`` has it said in that language under its
English name, in which underscores stand for spaces.

Each spoken word of one language is an utterance with its picture, its text and, as translation, the English word. A
hash of each picture's name decides its split. Words said alone are also spoken queries.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Any

from earmark.core.corpus import Corpus
from earmark.core.vocabulary import read_keywords
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import SHARES_END, caption_in, hashed_split, read_object, text_in
from earmark.corpora._source import MediaFolders, Out, OwnKeywords, Source

NAME = "Art4Apps"
LICENCE = "CC BY-SA 3.0"
ENGLISH = "en"


def prepare(
    source: Annotated[Path, "The folder that holds data, images and audio."],
    out: Out,
    *,
    language: Annotated[str, "Code of the language that is spoken: en, fr or es."] = ENGLISH,
    keywords: OwnKeywords = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If the list of words or the recordings of `language` are missing, or no utterance is left.
    """
    refuse_file(out)
    listed = read_keywords(keywords).words if keywords else ()
    folder = Source(source)
    ledger = ImportLog()
    pictures = read_object(folder.require("it says which picture shows a word", "data/words.json"))
    spoken = folder.require("it holds the recordings", f"audio/{language}")
    translations: dict[str, Any] = {}
    if language != ENGLISH:
        path = folder.find_or_note("no utterance has a text", ledger, f"data/words_{language}.json")
        translations = read_object(path) if path else {}
    images = MediaFolders(folder.folder / "images")
    entries = []
    for row, audio in enumerate(sorted(spoken.glob("*.ogg")), start=1):
        ledger.read("utterances")
        word = unicodedata.normalize("NFC", audio.stem)
        picture = text_in(pictures, word)
        if not picture:
            ledger.skip("utterances", "no picture is named", word)
            continue
        english = word.replace("_", " ")
        text = english if language == ENGLISH else caption_in(translations, word) or None
        translation = None if language == ENGLISH else english
        split = hashed_split(picture, SHARES_END)
        entries.append(Entry(row, word, audio, images.find(picture), None, text, split, translation))
    return assemble(Corpus(out, NAME, language, LICENCE, listed), entries, {}, ledger)
