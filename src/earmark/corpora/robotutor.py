"""RoboTutor's storybooks: illustrated children's stories in Swahili and in English, read aloud sentence by sentence.

Origin: RoboTutor LLC and Carnegie Mellon University, for the Global Learning XPRIZE; most stories are from the African
Storybook. Nothing is downloaded; ``docs/corpora.md`` says how the files must lie.
Size: in Swahili 79 stories, 2,269 utterances with a picture, 3.9 hours; in English 177 stories, 566 utterances with a
picture, 27 minutes.
Licence: CC BY 4.0; each Swahili story names its own as well (CC BY 3.0 or 4.0), which ``credits.csv`` in the corpus
lists with its authors and illustrators.
Citation: RoboTutor LLC and Carnegie Mellon University, "RoboTutor: Swahili assets" and "English assets", 2018 and 2019;
African Storybook Initiative.

The format is that of the two repositories of assets and of the program that shows them. A story is a folder below
``assets/story/LANGUAGE`` with a ``storydata.json``: pages, each with a picture and paragraphs of sentences, each of
these with its narrations, one recording each, and times of their words. Its recordings lie in the folder of the same
name below ``assets/audio/LANGUAGE/cmu/xprize/story_reading/quality_low`` (or beside the story), and names are compared
without regard to case, as the program does. Times are numbers of frames of 10 ms by an aligner, the last frame
included, for a word that ends in one frame is followed by a word that starts in the next. They are silver, and early as
a whole against the compressed sound: by 0.13 s in Swahili, by 0.11 s in English.

Each narration is an utterance with its page's picture. A hash of each story's name decides its split; stories that
share a picture, of which there are some, go with the first of them. So no picture or recording of one split is in
another.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from earmark.core.corpus import Corpus, Word
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, sha256_of
from earmark.core.vocabulary import read_keywords
from earmark.corpora._assemble import Entry, assemble, refuse_file
from earmark.corpora._import_log import ImportLog
from earmark.corpora._listings import SHARES_END, caption_in, hashed_split, read_listed, text_in
from earmark.corpora._source import Out, OwnKeywords, Source

NAME = "RoboTutor"
LICENCE = "CC BY 4.0"
STORY_FILE = "storydata.json"
STORIES = "assets/story/"
RECORDINGS = "assets/audio/{}/cmu/xprize/story_reading/quality_low"
FRAMES_PER_SECOND = 100
CREDITS = "credits.csv"
CREDITED = ("title", "authors", "author", "illustrators", "copyright", "license")


def prepare(
    source: Annotated[Path, "Folder of the stories, such as Swahili_ReadingStoryAssets."],
    out: Out,
    *,
    language: Annotated[str, "Code of the language, if the folder has stories in several."] = "",
    keywords: OwnKeywords = None,
) -> Corpus:
    """Prepare the corpus; what is damaged or missing is left out and reported.

    Raises
    ------
    EarmarkError
        If there is no story or no such language, or no utterance is left.
    """
    refuse_file(out)
    listed = read_keywords(keywords).words if keywords else ()
    ledger = ImportLog()
    stories = _stories(Source(source).folder, language)
    entries: list[Entry] = []
    words: dict[str, list[Word]] = {}
    credits = []
    pages_of: dict[Story, list[Any]] = {}
    for story in stories:
        ledger.read("stories")
        try:
            about, pages_of[story] = read_listed(story.folder / STORY_FILE, "data")
        except EarmarkError as error:
            ledger.skip("stories", "they can't be read", story.name, str(error))
            continue
        credits.append([story.name, *(text_in(about, field) for field in CREDITED)])
    splits = _splits(pages_of)
    for story, pages in pages_of.items():
        for entry, spoken in _entries(story, pages, splits[story], ledger):
            entries.append(entry)
            words.setdefault(entry.id, spoken)
    spoken_language = stories[0].language or language
    corpus = assemble(Corpus(out, NAME, spoken_language, LICENCE, listed), entries, words, ledger)
    _write_credits(credits, out)
    return corpus


@dataclass(frozen=True)
class Story:
    """A story's folder; its name below the folder of all stories; its language, "" where the path has none."""

    folder: Path
    name: str
    language: str

    def recordings(self) -> Path:
        """Where its recordings lie."""
        if not self.language:
            return self.folder
        root = self.folder.as_posix().rpartition(f"/{STORIES}{self.language}/")[0]
        return Path(root) / RECORDINGS.format(self.language) / self.name


def _stories(folder: Path, language: str) -> list[Story]:
    """All stories in a folder, in one language.

    Raises
    ------
    EarmarkError
        If there is none, none in `language`, or several languages and no choice.
    """
    found = [_story(path.parent, folder) for path in sorted(folder.rglob(STORY_FILE))]
    if not found:
        raise EarmarkError(f"{folder} holds no {STORY_FILE}: name the folder that holds the stories.")
    languages = sorted({story.language for story in found if story.language})
    if language and languages and language not in languages:
        raise EarmarkError(f"{folder} has no story in {language!r} (it has: {', '.join(languages)}).")
    if not language and len(languages) > 1:
        raise EarmarkError(f"{folder} has stories in {' and '.join(languages)}: choose one with --language.")
    return [story for story in found if not language or story.language in ("", language)]


def _story(folder: Path, source: Path) -> Story:
    """The story in a folder, named from below ``assets/story/LANGUAGE``, or else from below the source."""
    _, known, below = f"{folder.as_posix()}/".rpartition(f"/{STORIES}")
    language, _, name = below.rstrip("/").partition("/")
    if known and name:
        return Story(folder, name, language)
    return Story(folder, folder.relative_to(source).as_posix(), "")


def _splits(pages_of: Mapping[Story, list[Any]]) -> dict[Story, str]:
    """The split of each story, that of the first story with which it shares a page's picture, directly or not."""
    first: dict[Story, Story] = {}
    owner: dict[str, Story] = {}

    def first_of(story: Story) -> Story:
        while first[story] != story:
            story = first[story]
        return story

    for story, pages in pages_of.items():
        first[story] = story
        for digest in _digests(story, pages):
            roots = {first_of(owner.setdefault(digest, story)), first_of(story)}
            earliest = next(known for known in first if known in roots)
            first.update(dict.fromkeys(roots, earliest))
    return {story: hashed_split(unicodedata.normalize("NFC", first_of(story).name), SHARES_END) for story in pages_of}


def _digests(story: Story, pages: list[Any]) -> Iterator[str]:
    """What the pictures of a story's pages hold, as digests."""
    pictures = _files(story.folder)
    for path in {pictures.get(_key(text_in(page, "image"))) for page in pages}:
        if path is not None and path.is_file():
            yield sha256_of(path)


def _entries(story: Story, pages: list[Any], split: str, ledger: ImportLog) -> Iterator[tuple[Entry, list[Word]]]:
    """The narrations of a story that name a recording, each with its words."""
    pictures, recordings = _files(story.folder), _files(story.recordings())
    name = unicodedata.normalize("NFC", story.name)
    for page, item in enumerate(pages, start=1):
        picture = text_in(item, "image")
        image = pictures.get(_key(picture), story.folder / picture) if picture else None
        for number, (text, narration) in enumerate(_narrations(item), start=1):
            key = f"{name}-{page:02}-{number:02}"
            ledger.read("utterances")
            audio = text_in(narration, "audio")
            if not audio:
                ledger.skip("utterances", "no recording is named", key, text)
                continue
            file = recordings.get(_key(audio), story.recordings() / audio)
            yield Entry(page, key, file, image, None, text or None, split), _words(narration, key, ledger)


def _narrations(page: Any) -> Iterator[tuple[str, Any]]:
    """What a page's narrations say, and they; a sentence that is read in several parts has a text for each."""
    for paragraph in _items(page, "text"):
        for sentence in paragraph if isinstance(paragraph, list) else ():
            narrations = _items(sentence, "narration")
            for narration in narrations:
                whole = caption_in(sentence, "sentence") if len(narrations) == 1 else ""
                yield whole or caption_in(narration, "utterances"), narration


def _words(narration: Any, key: str, ledger: ImportLog) -> list[Word]:
    """The words of a narration that have times."""
    words = []
    for segment in _items(narration, "segmentation"):
        ledger.read("words")
        word, start, end = caption_in(segment, "word"), text_in(segment, "start"), text_in(segment, "end")
        if not (word and start.isdecimal() and end.isdecimal() and int(start) <= int(end)):
            ledger.skip("words", "their times make no sense", key, f"{segment}")
            continue
        words.append(Word(word, int(start) / FRAMES_PER_SECOND, (int(end) + 1) / FRAMES_PER_SECOND))
    return words


def _items(item: Any, key: str) -> list[Any]:
    """The list under `key` of an object in a JSON file; empty where there is none."""
    value = item.get(key) if isinstance(item, dict) else None
    return value if isinstance(value, list) else []


def _files(folder: Path) -> dict[str, Path]:
    """A folder's files by their names without regard to case."""
    return {_key(path.name): path for path in sorted(folder.iterdir())} if folder.is_dir() else {}


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _write_credits(credits: list[list[str]], out: Path) -> None:
    """List whose stories these are, as their licences demand."""
    with replacing(out / CREDITS) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["story", *CREDITED])
        rows.writerows(credits)
