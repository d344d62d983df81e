"""FLEx's interlinear texts (``.flextext``): phrases with times, words, free translations, and the media they are of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.media.annotations.eaf_media import Medium, paths_of
from earmark.media.annotations.safe_xml import read_root
from earmark.media.annotations.tiers import written

WORDS, PUNCTUATION, FREE, LITERAL = "txt", "punct", "gls", "lit"  # types of items


@dataclass(frozen=True)
class Phrase:
    """A phrase of an interlinear text.

    Attributes
    ----------
    id : str
        Its number among the file's phrases, from 1 on, with the text's number before it.
    start_s, end_s : float or None
        None where it is not bound to a recording.
    texts, translations : mapping of str to str
        By the code of the language (its writing system), in the order of the file.
    speaker : str
        "" where unknown.
    media : tuple of Medium
        What it may be spoken in: the medium that it names, or else all that its text does.
    """

    id: str
    start_s: float | None
    end_s: float | None
    texts: Mapping[str, str]
    translations: Mapping[str, str]
    speaker: str
    media: tuple[Medium, ...]


def read_flextext(path: Path) -> list[Phrase]:
    """All phrases of the texts in a file.

    Raises
    ------
    EarmarkError
        If the file is no interlinear text or is damaged.
    """
    root = read_root(path, "document", "a FLEx interlinear text")
    return [
        phrase
        for number, text in enumerate(root.iter("interlinear-text"), start=1)
        for phrase in _phrases(text, number, path)
    ]


def _phrases(text: ET.Element, number: int, path: Path) -> Iterator[Phrase]:
    media = {one.get("guid", ""): Medium(tuple(paths_of(one.get("location", ""), path))) for one in text.iter("media")}
    for place, phrase in enumerate(text.iter("phrase"), start=1):
        named = media.get(phrase.get("media-file", ""))
        yield Phrase(
            id=f"{number}.{place}",
            start_s=_seconds(phrase.get("begin-time-offset")),
            end_s=_seconds(phrase.get("end-time-offset")),
            texts=_texts(phrase),
            translations=_items(phrase, FREE) or _items(phrase, LITERAL),
            speaker=written(phrase.get("speaker")),
            media=(named,) if named else tuple(media.values()),
        )


def _texts(phrase: ET.Element) -> dict[str, str]:
    """What a phrase says by language: as it is written whole, else by its words."""
    whole = _items(phrase, WORDS)
    parts: dict[str, list[str]] = {}
    for word in phrase.iter("word"):
        for language, text in _items(word, WORDS).items():
            parts.setdefault(language, []).append(text)
        # Punctuation is a word of its own, written to the word before it.
        for language, sign in _items(word, PUNCTUATION).items():
            if parts.get(language):
                parts[language][-1] += sign
    return {language: " ".join(words) for language, words in parts.items()} | whole


def _items(element: ET.Element, kind: str) -> dict[str, str]:
    """The element's own items of a kind by language, those that are not empty."""
    items = ((item.get("lang", ""), written(item.text)) for item in element.findall("item") if item.get("type") == kind)
    return {language: text for language, text in items if text}


def _seconds(milliseconds: str | None) -> float | None:
    try:
        return None if milliseconds is None else int(milliseconds) / 1000
    except ValueError:
        return None
