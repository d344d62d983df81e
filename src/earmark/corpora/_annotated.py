"""From annotated recordings to a corpus: each passage that somebody wrote down or translated becomes an utterance.

No sound is copied: an utterance is a stretch of its recording.
"""

from __future__ import annotations

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from earmark.core.corpus import SPLITS, Corpus, Word
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_keywords
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import SHARES_END, hashed_split
from earmark.media.annotations.eaf_media import Medium, origin_of_stem
from earmark.media.annotations.tiers import Annotation, Companions, Tier, TimedWords, whole
from earmark.media.kinds import is_named_as_audio
from earmark.media.lookup import MediaFolder

logger = logging.getLogger(__name__)

TIERS = 12  # names in one sentence
REFERENCE = re.compile(r"\S*\d\S?")  # "12", "3.1", "tale.007": what templates of FLEx and Toolbox call each phrase
FILMS = {".mp4", ".m4v", ".mov", ".mpg", ".mpeg", ".avi", ".mts", ".m2ts", ".mkv", ".webm", ".wmv", ".3gp", ".flv"}


class SplitBy(StrEnum):
    """What stays together in one split."""

    utterance = "utterance"
    document = "document"


Documents = Annotated[Path, "Folder of the documents, and all below."]
TierNames = Annotated[
    list[str] | None,
    "Name or linguistic type of tiers with the text, such as 'tx@*'; may be repeated.",
]
TranslationTiers = Annotated[list[str] | None, "The same of tiers with the translation, such as 'ft@*'."]
WordTiers = Annotated[list[str] | None, "The same of tiers with words that have times of their own."]
MediaFolderOption = Annotated[Path | None, "Folder of the recordings, if they are not where the documents say."]
SplitByOption = Annotated[SplitBy, "What stays together in one of train, dev and test."]
CorpusName = Annotated[str | None, "Name of the corpus; else its folder's."]
LanguageOption = Annotated[str, "Language that is spoken."]
Licence = Annotated[str, "Licence and consent of the collection."]


@dataclass(frozen=True)
class Passage:
    """A stretch of a recording that is annotated.

    Attributes
    ----------
    id : str
        Unique in its document.
    start_s, end_s : float or None
        In the document's time; None where it is not bound to the recording.
    text, translation, speaker : str
        "" where unknown.
    words : tuple of Word
        In seconds from the passage's start; empty where unknown.
    media : sequence of Medium
        What it may be spoken in, the likeliest first.
    """

    id: str
    start_s: float | None
    end_s: float | None
    text: str
    translation: str
    speaker: str
    words: tuple[Word, ...] = ()
    media: Sequence[Medium] = ()


@dataclass(frozen=True)
class Choice:
    """Which tiers are read, by patterns of their names or types.

    Attributes
    ----------
    texts, translations, words : sequence of str
        Without one for the text, it is in all tiers that depend on no other and are no tiers of translations or words;
        for one of phrases' numbers alone, in the first that depends on it and has more than numbers.
    participant : str
        Only tiers of this speaker; "" for all.
    """

    texts: Sequence[str] = ()
    translations: Sequence[str] = ()
    words: Sequence[str] = ()
    participant: str = ""


class TierReader:
    """Reads the passages of documents with tiers, and remembers which tiers they had."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._read: Counter[str] = Counter()
        self._others: Counter[str] = Counter()

    def passages(self, tiers: Sequence[Tier], media: Sequence[Medium] = ()) -> list[Passage]:
        """The passages of a document."""
        choice = self._choice
        of_speaker = [t for t in tiers if choice.participant in ("", t.participant) and not t.is_exported]
        translated = [tier for tier in of_speaker if tier.is_called(choice.translations)]
        timed = [tier for tier in of_speaker if tier.is_called(choice.words)]
        if choice.texts:
            written = [tier for tier in of_speaker if tier.is_called(choice.texts)]
        else:
            others = [tier for tier in of_speaker if not (tier in translated or tier in timed)]
            written = [_with_text(tier, others) for tier in others if not tier.parent]
        self._read.update(tier.name for tier in written)
        self._others.update(tier.name for tier in tiers if tier not in written and tier.annotations)
        translations, words = Companions(translated), TimedWords(timed)
        return [
            Passage(
                id=one.id,
                start_s=one.start_s,
                end_s=one.end_s,
                text=one.text,
                translation=translations.text_for(one, tier.participant),
                speaker=tier.participant,
                words=_words(one, words.inside(one, tier.participant)),
                media=media,
            )
            for tier in written
            for one in whole(tier)
        ]

    def report(self) -> None:
        """Log from which tiers the text came, and which others the documents have."""
        for what, names in (("The text is that of the tiers", self._read), ("Other tiers are", self._others)):
            if names:
                logger.info("%s %s.", what, ", ".join(f"{name} ({count})" for name, count in names.most_common(TIERS)))


def _with_text(top: Tier, tiers: Sequence[Tier]) -> Tier:
    """A tier, or where it has numbers alone, the first that depends on it and has more."""
    if not _has_numbers_alone(top):
        return top
    below = (tier for tier in tiers if tier.parent == top.name and any(one.text for one in tier.annotations))
    return next((tier for tier in below if not _has_numbers_alone(tier)), top)


def _has_numbers_alone(tier: Tier) -> bool:
    return all(REFERENCE.fullmatch(one.text) for one in tier.annotations if one.text)


def _words(annotation: Annotation, found: Sequence[Annotation]) -> tuple[Word, ...]:
    """Words by their times in the annotation."""
    times_s = [(max(0.0, one.start_s - annotation.start_s), one.end_s - annotation.start_s) for one in found]
    return tuple(
        Word(one.text, round(start_s, 6), round(end_s, 6)) for one, (start_s, end_s) in zip(found, times_s, strict=True)
    )


@dataclass(frozen=True)
class Imported:
    """What an import of annotated recordings is given.

    Attributes
    ----------
    source, out : Path
    ending : str
        Of the documents' names, in any case.
    keywords, media : Path or None
    name, language, licence, split_by
        As the options say.
    """

    source: Path
    out: Path
    ending: str
    keywords: Path | None = None
    media: Path | None = None
    name: str | None = None
    language: str = ""
    licence: str = ""
    split_by: SplitBy = SplitBy.utterance


def import_tiers(
    given: Imported, choice: Choice, read: Callable[[Path], tuple[Sequence[Tier], Sequence[Medium]]]
) -> Corpus:
    """Prepare a corpus from the tiers of all documents of a folder; see :func:`import_annotated`."""
    reader = TierReader(choice)
    try:
        return import_annotated(given, lambda document: reader.passages(*read(document)))
    finally:
        reader.report()


def import_annotated(given: Imported, read: Callable[[Path], list[Passage]]) -> Corpus:
    """Prepare a corpus from all documents of a folder; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If there is no such folder, it has no such document, or no utterance is left.
    """
    refuse_file(given.out)
    listed = read_keywords(given.keywords).words if given.keywords else ()
    ledger = ImportLog()
    recordings = _Recordings(given.media)
    entries: list[Entry] = []
    words: dict[str, list[Word]] = {}
    for document in _documents(given):
        ledger.read("documents")
        try:
            passages = read(document)
        except EarmarkError as error:
            ledger.skip("documents", "they can't be read", _named(document, given.source), str(error))
            continue
        for entry, passage in _entries(passages, document, given, recordings, ledger):
            entries.append(entry)
            if passage.words:
                words[entry.id] = list(passage.words)
                ledger.read("words", len(passage.words))
    name = given.name or given.source.absolute().name
    corpus = assemble(Corpus(given.out, name, given.language, given.licence, listed), entries, words, ledger)
    _report_splits(corpus, given.split_by)
    return corpus


def _documents(given: Imported) -> list[Path]:
    if not given.source.is_dir():
        raise EarmarkError(f"There is no folder {given.source}: name the folder that holds the documents.")
    found = [
        path
        for path in sorted(given.source.rglob("*"))
        if path.suffix.lower() == given.ending and path.is_file() and not path.name.startswith(".")
    ]
    if not found:
        raise EarmarkError(f"{given.source} holds no {given.ending} file: name the folder that holds the documents.")
    return found


def _entries(
    passages: Sequence[Passage], document: Path, given: Imported, recordings: _Recordings, ledger: ImportLog
) -> Iterator[tuple[Entry, Passage]]:
    """The passages of a document that something is written for and whose recording is found."""
    name = _named(document, given.source)
    ledger.read("utterances", len(passages))
    if not passages:
        ledger.lack("documents", "any annotation in the tiers that are read", name)
    missing: set[str] = set()
    for row, passage in enumerate(passages, start=1):
        key = f"{name.rpartition('.')[0]}-{passage.id}"
        found = recordings.find(passage.media, document)
        if not (passage.text or passage.translation):
            ledger.skip("utterances", "nothing is written in them", key)
        elif passage.start_s is None or passage.end_s is None:
            ledger.skip("utterances", "they have no times", key, passage.text)
        elif found is None:
            ledger.skip("utterances", "their recording is not found", key)
            paths = [path for medium in passage.media for path in medium.paths]
            missing.add(", ".join(paths) or f"one called {document.stem}")
        else:
            audio, origin_s = found
            stretch_s = (round(max(0.0, passage.start_s + origin_s), 6), round(passage.end_s + origin_s, 6))
            together = name if given.split_by == SplitBy.document else key
            split = hashed_split(together, SHARES_END)
            about = (passage.speaker or None, passage.text or None, split, passage.translation or None, stretch_s)
            yield Entry(row, key, audio, None, *about), passage
    for wanted in sorted(missing):
        ledger.lack("documents", "their recording", name, f"searched: {wanted}")


class _Recordings:
    """Finds the recordings of documents: where these say, beside them, or in a folder that the user names."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise EarmarkError(f"There is no folder {folder}: name the folder that holds the recordings.")
        self._folder = folder
        self._found: dict[tuple[tuple[Medium, ...], Path], tuple[Path, float] | None] = {}
        self._lookups: dict[Path, MediaFolder] = {}

    def find(self, media: Sequence[Medium], document: Path) -> tuple[Path, float] | None:
        """A recording and its time at time 0 of the document, in seconds; None where there is none."""
        key = (tuple(media), document)
        if key not in self._found:
            self._found[key] = self._find(media, document)
        return self._found[key]

    def _find(self, media: Sequence[Medium], document: Path) -> tuple[Path, float] | None:
        # Sound goes before films, for it is the better copy where there are both.
        for medium in sorted(media, key=lambda one: all(Path(path).suffix.lower() in FILMS for path in one.paths)):
            names = dict.fromkeys(os.path.basename(path) for path in medium.paths)
            places = [self._in(document.parent, path) for path in (*medium.paths, *names)]
            places += [self._in(self._folder, name) for name in names] if self._folder else []
            if found := next((place for place in places if os.path.isfile(place)), None):
                return found, medium.origin_ms / 1000
        beside = [folder for folder in (document.parent, self._folder) if folder]
        alike = (path for folder in beside for path in self._called(document.stem, folder))
        origin_s = origin_of_stem(list(media), document.stem) / 1000
        return next(((path, origin_s) for path in alike), None)

    def _in(self, folder: Path, name: str) -> Path:
        return self._lookups.setdefault(folder, MediaFolder(folder)).find(name)

    def _called(self, stem: str, folder: Path) -> list[Path]:
        name = unicodedata.normalize("NFC", stem)
        found = [
            path
            for path in sorted(folder.iterdir())
            if is_named_as_audio(path) and unicodedata.normalize("NFC", path.stem) == name
        ]
        return sorted(found, key=lambda path: path.suffix.lower() in FILMS)


def _named(document: Path, source: Path) -> str:
    return document.relative_to(source).as_posix()


def _report_splits(corpus: Corpus, split_by: str) -> None:
    sizes: Mapping[str, int] = Counter({split: len(corpus.utterances(split)) for split in corpus.splits()})
    logger.info("A hash decided: %s.", ", ".join(f"{sizes[split]} utterances in {split}" for split in SPLITS))
    if empty := [split for split in SPLITS if not sizes[split]]:
        or_else = ", or split by utterance" if split_by == SplitBy.document else ""
        logger.warning("Nothing fell to %s: add documents%s.", " and ".join(empty), or_else)
