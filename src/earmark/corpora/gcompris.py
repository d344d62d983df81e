"""GCompris's voices: words, colours and numbers said alone, in more than forty languages.

Origin: the GCompris project and volunteers of each language. Nothing is downloaded; ``docs/corpora.md`` says how the
files must lie.
Size: 250 to 1,075 words each in Catalan, English, French, German, Portuguese of Brazil, Romanian, Scottish Gaelic and
Spanish; in over forty languages a dozen colours, and letters and numbers; a second each.
Licence: of each recording as the file ``LICENSE`` of the voices says: GPL, CC BY-SA or public domain.
Citation: B. Coudoin, J. Jazeix and others, "GCompris voices".

The format is that of the project's three repositories. Of the voices, ``LANGUAGE/words/NAME.ogg``, ``.../colors`` and
``.../alphabet`` are read: in the first two, NAME is what it is called in English, with underscores for spaces; in the
last, a number or the code of a letter. ``content-LANGUAGE.json``, of the program's activity *lang*, gives the text of
each ``NAME.ogg``, and the project's data have its picture, ``NAME.webp`` or ``.png``.

Each recording of one language is an utterance; those of which nothing says what they name are left out. A hash of the
name decides the split. Words said alone are also spoken queries.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Any

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_keywords
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import SHARES_END, caption_in, hashed_split, read_object
from earmark.corpora._source import Out, OwnKeywords, Source

NAME = "GCompris voices"
LICENCE = "GPL, CC BY-SA or public domain: see the file LICENSE of the voices"
ENGLISH = "en"
NAMED_IN_ENGLISH = ("words", "colors")
FOLDERS = (*NAMED_IN_ENGLISH, "alphabet")
PICTURES = (".webp", ".png")


def prepare(
    source: Annotated[Path, "The folder of the voices, with a folder of each language."],
    out: Out,
    *,
    language: Annotated[str, "Code of the language that is spoken, such as fr."] = "",
    texts: Annotated[Path | None, "The file content-LANGUAGE.json, if not in the source."] = None,
    images: Annotated[Path | None, "Folder of the pictures of words, if there are any."] = None,
    keywords: OwnKeywords = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If there are no voices in `language`, the file of texts is damaged, or no utterance is left.
    """
    refuse_file(out)
    listed = read_keywords(keywords).words if keywords else ()
    folder = Source(source)
    ledger = ImportLog()
    recordings = _recordings(folder.folder, language)
    found = texts or folder.find_or_note("texts are English names at best", ledger, f"content-{language}.json")
    written = read_object(found) if found else {}
    entries = []
    for row, audio in enumerate(recordings, start=1):
        ledger.read("utterances")
        key = unicodedata.normalize("NFC", f"{audio.parent.name}/{audio.stem}")
        english = audio.stem.replace("_", " ") if audio.parent.name in NAMED_IN_ENGLISH else None
        text = _text(written, audio) or (english if language == ENGLISH else None)
        translation = None if language == ENGLISH else english
        picture = _picture(images, audio.stem)
        if not (text or translation or picture):
            ledger.skip("utterances", "nothing says what they name", key)
            continue
        # Colours are in two folders, so the name alone decides.
        split = hashed_split(unicodedata.normalize("NFC", audio.stem), SHARES_END)
        entries.append(Entry(row, key, audio, picture, None, text, split, translation))
    return assemble(Corpus(out, NAME, language, LICENCE, listed), entries, {}, ledger)


def _recordings(folder: Path, language: str) -> list[Path]:
    """The recordings of a language.

    Raises
    ------
    EarmarkError
        If there is none.
    """
    languages = sorted({path.parent.name for name in FOLDERS for path in folder.glob(f"*/{name}")})
    if not languages:
        raise EarmarkError(f"{folder} holds no voices (LANGUAGE/words): name the folder of the voices.")
    if language not in languages:
        has = ", ".join(languages)
        raise EarmarkError(f"{folder} has no voices in {language!r}: choose a --language of {has}.")
    return [path for name in FOLDERS for path in sorted((folder / language / name).glob("*.ogg"))]


def _text(written: dict[str, Any], audio: Path) -> str | None:
    return caption_in(written, unicodedata.normalize("NFC", audio.name)) or None


def _picture(folder: Path | None, name: str) -> Path | None:
    """A word's picture, if there is one."""
    paths = [folder / f"{name}{ending}" for ending in PICTURES] if folder else []
    return next((path for path in paths if path.is_file()), None)
