"""Tux Paint's stamps: pictures of things, animals and signs, each named aloud in up to fourteen languages.

Origin: the Tux Paint project, New Breed Software and volunteers; Debian's package ``tuxpaint-stamps-default`` puts them
into ``/usr/share/tuxpaint/stamps``. Nothing is downloaded or copied; ``docs/corpora.md`` says how the files must lie.
Size: about 950 pictures; 700 to 930 spoken names each in Belarusian, Bulgarian, Catalan, French, Greek, Romanian,
Russian and Spanish, 320 in Danish, 60 to 90 each in Dutch, English and Lithuanian; a second or two each.
Licence: GPL-2.0 for all of it.
Citation: B. Kendrick and others, "Tux Paint stamps", 2002 to 2022.

The format is that of the package, version 2022.06.04: beside a stamp's picture ``STAMP.png`` (or ``.svg``) lies
``STAMP.txt``, UTF-8, whose first line is its English name and whose other lines are ``LANGUAGE.utf8=name``, and
``STAMP_desc_LANGUAGE.ogg`` (or ``.wav``), in which a person says that name; English is ``STAMP_desc.ogg``.

Each spoken name of one language is an utterance with its picture, its text and, as translation, the English name.
Stamps that are drawn in SVG alone are left out. A hash of each picture's path decides its split.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from earmark.core.corpus import Corpus
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_keywords, read_text
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import SHARES_END, hashed_split
from earmark.corpora._source import Out, OwnKeywords, Source

NAME = "Tux Paint stamps"
LICENCE = "GPL-2.0"
CREDIT = "Tux Paint stamps, New Breed Software and volunteers"
INSTALLED = Path("/usr/share/tuxpaint/stamps")  # by Debian's package
ENGLISH = "en"
SPOKEN_NAME = re.compile(r"(?P<stamp>.+)_desc(?:_(?P<language>[A-Za-z]+(?:_[A-Z]+)?(?:@[a-z]+)?))?\.(?:ogg|wav)")
WRITTEN_NAME = re.compile(r"(?P<language>[^=.\s]+)\.utf8=(?P<name>.*)")


def prepare(
    source: Annotated[Path, "The folder of stamps, such as /usr/share/tuxpaint/stamps."],
    out: Out,
    *,
    language: Annotated[str, "Code of the language that is spoken, such as fr."] = "",
    keywords: OwnKeywords = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If nothing is named in `language`, or no utterance is left.
    """
    refuse_file(out)
    listed = read_keywords(keywords).words if keywords else ()
    folder = Source(source).folder
    ledger = ImportLog()
    entries = []
    for row, (stamp, audio) in enumerate(_spoken_names(folder, language), start=1):
        ledger.read("utterances")
        key = unicodedata.normalize("NFC", stamp.relative_to(folder).as_posix())
        picture = stamp.with_name(f"{stamp.name}.png")
        if not picture.exists() and stamp.with_name(f"{stamp.name}.svg").exists():
            ledger.skip("utterances", "their picture is a drawing in SVG, which is not read", key)
            continue
        names = _written_names(stamp.with_name(f"{stamp.name}.txt"), ledger)
        translation = names.get(ENGLISH) if language != ENGLISH else None
        split = hashed_split(key, SHARES_END)
        entries.append(Entry(row, key, audio, picture, None, names.get(language), split, translation))
    return assemble(Corpus(out, NAME, language, LICENCE, listed), entries, {}, ledger)


def stamps(folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """The pictures of a folder of stamps, by path, and each one's names by language."""
    ledger = ImportLog()
    for picture in sorted(folder.rglob("*.png")):
        names = _written_names(picture.with_suffix(".txt"), ledger)
        if names:
            yield picture, names


def _spoken_names(folder: Path, language: str) -> list[tuple[Path, Path]]:
    """Stamps, as paths without ending, and the recordings of their names in a language.

    Raises
    ------
    EarmarkError
        If there is none.
    """
    found = []
    languages: Counter[str] = Counter()
    for path in sorted(folder.rglob("*_desc*")):
        if matched := SPOKEN_NAME.fullmatch(path.name):
            spoken = matched["language"] or ENGLISH
            languages[spoken] += 1
            if spoken == language:
                found.append((path.with_name(matched["stamp"]), path))
    if not languages:
        raise EarmarkError(f"{folder} holds no spoken name (STAMP_desc_LANGUAGE.ogg): name the folder of the stamps.")
    if not found:
        has = ", ".join(f"{code} ({count})" for code, count in sorted(languages.items()))
        raise EarmarkError(f"{folder} has no stamp that is named in {language!r}: choose a --language of {has}.")
    return found


def _written_names(path: Path, ledger: ImportLog) -> dict[str, str]:
    """A stamp's names by language; empty where the file is missing or is no UTF-8."""
    if not path.is_file():
        return {}
    try:
        first, *others = unicodedata.normalize("NFC", read_text(path)).splitlines() or [""]
    except EarmarkError as error:
        ledger.skip("descriptions", "they can't be read", path.name, str(error))
        return {}
    names = {matched["language"]: matched["name"].strip() for line in others if (matched := WRITTEN_NAME.match(line))}
    return {language: name for language, name in ({**names, ENGLISH: first.strip()}).items() if name}
