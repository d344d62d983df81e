"""Documents of any kind, by their names' endings: which time of which media is annotated."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.media.annotations.eaf import read_elan
from earmark.media.annotations.eaf_media import Medium
from earmark.media.annotations.flextext import read_flextext
from earmark.media.annotations.textgrids import read_textgrid
from earmark.media.annotations.tiers import Tier

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnnotatedMedia:
    """What a document annotates.

    Attributes
    ----------
    path : Path
        The document.
    media : tuple of Medium
        What it names, of which the stretches are; empty where it is called like its recording.
    stretches_s : list of (float, float)
        Starts and ends, in the document's time, of annotations in which something is written.
    """

    path: Path
    media: tuple[Medium, ...]
    stretches_s: list[tuple[float, float]]


def read_annotated(places: Sequence[Path], tiers: Sequence[str] = ()) -> list[AnnotatedMedia]:
    """What some documents annotate.

    Parameters
    ----------
    places : sequence of Path
        Documents, and folders of documents however deep; in a folder, one that is damaged is logged and passed over.
    tiers : sequence of str
        Patterns of names or linguistic types; by default all tiers but those that Earmark exported.

    Raises
    ------
    EarmarkError
        If there is no document, one that is named is damaged, or none has a tier that is called so.
    """
    found = [read for place in places for read in _read_place(place, tiers)]
    if tiers and not any(read.stretches_s for read in found):
        raise EarmarkError(f"No document has annotations in a tier that is called {' or '.join(tiers)}: check --tier.")
    return found


def _read_place(place: Path, tiers: Sequence[str]) -> Iterator[AnnotatedMedia]:
    if not place.is_dir():
        yield from _read(place, tiers)
        return
    documents = [path for path in sorted(place.rglob("*")) if path.suffix.lower() in READERS and path.is_file()]
    if not documents:
        raise EarmarkError(f"{place} holds no document ({', '.join(READERS)}): name one, or a folder of them.")
    for path in documents:
        try:
            yield from _read(path, tiers)
        except EarmarkError as error:
            logger.warning("%s", error)


def _read(path: Path, tiers: Sequence[str]) -> list[AnnotatedMedia]:
    if path.suffix.lower() not in READERS:
        raise EarmarkError(f"{path} ends in none of {', '.join(READERS)}: name a document, or a folder of them.")
    if not path.is_file():
        raise EarmarkError(f"There is no file {path}: check its name.")
    return READERS[path.suffix.lower()](path, tiers)


def _elan(path: Path, tiers: Sequence[str]) -> list[AnnotatedMedia]:
    document = read_elan(path)
    return [AnnotatedMedia(path, tuple(document.media), _stretches_s(document.tiers, tiers))]


def _textgrid(path: Path, tiers: Sequence[str]) -> list[AnnotatedMedia]:
    return [AnnotatedMedia(path, (), _stretches_s(read_textgrid(path), tiers))]


def _flextext(path: Path, tiers: Sequence[str]) -> list[AnnotatedMedia]:
    """FLEx's phrases are of no tier: a choice of tiers takes none of them."""
    stretches_s: dict[tuple[Medium, ...], list[tuple[float, float]]] = {}
    for phrase in read_flextext(path) if not tiers else ():
        if phrase.start_s is not None and phrase.end_s is not None and (phrase.texts or phrase.translations):
            stretches_s.setdefault(phrase.media, []).append((phrase.start_s, phrase.end_s))
    return [AnnotatedMedia(path, media, found) for media, found in stretches_s.items()]


def _stretches_s(tiers: Sequence[Tier], patterns: Sequence[str]) -> list[tuple[float, float]]:
    chosen = [tier for tier in tiers if (tier.is_called(patterns) if patterns else not tier.is_exported)]
    return [(one.start_s, one.end_s) for tier in chosen for one in tier.annotations if one.text]


READERS: dict[str, Callable[[Path, Sequence[str]], list[AnnotatedMedia]]] = {
    ".eaf": _elan,
    ".textgrid": _textgrid,
    ".flextext": _flextext,
}
