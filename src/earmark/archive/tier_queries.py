"""Spoken queries from annotations: all annotations of a tier in which one word is written are its examples."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from earmark.archive.search_by_clip import MAX_S, MIN_S, read_clip
from earmark.core.errors import EarmarkError
from earmark.core.types import SpokenQuery
from earmark.core.vocabulary import normalise
from earmark.media.annotations.eaf import read_elan
from earmark.media.annotations.eaf_media import Medium
from earmark.media.annotations.textgrids import read_textgrid
from earmark.media.annotations.tiers import Annotation, Tier, whole
from earmark.media.audio import read_span, write_audio
from earmark.media.kinds import is_named_as_audio

MOST_EXAMPLES = 10  # of a word, over all of the document

logger = logging.getLogger(__name__)


def queries_of_tier(
    document: Path, patterns: Sequence[str], folder: Path, words: Sequence[str] = ()
) -> list[SpokenQuery]:
    """The words that are written in some tiers of a document, with their annotations as clips.

    Parameters
    ----------
    document : Path
        Of ELAN or Praat; its recording is where it says, or beside it under its name.
    patterns : sequence of str
        Names or linguistic types of tiers, such as ``tx@*``.
    folder : Path
        For the clips, which are cut from the recording.
    words : sequence of str
        Only these; by default all.

    Raises
    ------
    EarmarkError
        If the document or its recording can't be read, or no annotation is left.
    """
    if not patterns:
        raise EarmarkError("Say which tier the words are in: give its name or linguistic type with --tier.")
    tiers, media = _read(document)
    chosen = [tier for tier in tiers if tier.is_called(patterns) and not tier.is_exported]
    if not chosen:
        known = ", ".join(tier.name for tier in tiers) or "none"
        raise EarmarkError(f"{document} has no tier that is called {' or '.join(patterns)}: its tiers are {known}.")
    by_word = _by_word(chosen, {normalise(word) for word in words})
    if not by_word:
        raise EarmarkError(f"No annotation in {document} holds a word of {MIN_S:g} to {MAX_S:g} s to search with.")
    recording, origin_s = _recording_of(document, media)
    queries = [
        SpokenQuery(some[0].text, tuple(_cut(recording, origin_s, some, folder, number)))
        for number, some in enumerate(by_word.values())
    ]
    if not any(query.clips for query in queries):
        raise EarmarkError(f"No annotation in {document} has sound in {recording}: check that they belong together.")
    return [query for query in queries if query.clips]


def _read(document: Path) -> tuple[Sequence[Tier], Sequence[Medium]]:
    ending = document.suffix.lower()
    if ending not in (".eaf", ".textgrid"):
        raise EarmarkError(f"{document} is no document of ELAN or Praat: name an .eaf or a .TextGrid.")
    if not document.is_file():
        raise EarmarkError(f"There is no document {document}: check its name.")
    if ending == ".textgrid":
        return read_textgrid(document), ()
    found = read_elan(document)
    return found.tiers, found.media


def _by_word(tiers: Sequence[Tier], wanted: set[str]) -> dict[str, list[Annotation]]:
    """Annotations that are as long as a word can be, by the form in which words are compared; not too many of any."""
    by_word: dict[str, list[Annotation]] = {}
    left_out = 0
    for one in (one for tier in tiers for one in whole(tier) if one.text):
        if wanted and normalise(one.text) not in wanted:
            continue
        if MIN_S <= one.end_s - one.start_s <= MAX_S:
            by_word.setdefault(normalise(one.text), []).append(one)
        else:
            left_out += 1
    if left_out:
        logger.info("Annotations that are shorter than %g s or longer than %g s: %d.", MIN_S, MAX_S, left_out)
    return {
        word: [some[i * len(some) // MOST_EXAMPLES] for i in range(MOST_EXAMPLES)]
        if len(some) > MOST_EXAMPLES
        else some
        for word, some in by_word.items()
    }


def _recording_of(document: Path, media: Sequence[Medium]) -> tuple[Path, float]:
    """The recording of a document, and its time at time 0 of the document, in seconds."""
    for medium in media:
        beside = [path for path in sorted(document.parent.iterdir()) if medium.is_called(path.name)]
        if found := next((path for path in (*map(Path, medium.paths), *beside) if path.is_file()), None):
            return found, medium.origin_ms / 1000
    stem = unicodedata.normalize("NFC", document.stem)
    for path in sorted(document.parent.iterdir()):
        if is_named_as_audio(path) and unicodedata.normalize("NFC", path.stem) == stem:
            return path, 0.0
    raise EarmarkError(f"The recording of {document} is not where it says: put it beside the document.")


def _cut(
    recording: Path, origin_s: float, annotations: Sequence[Annotation], folder: Path, number: int
) -> Iterator[Path]:
    """Clips of annotations; one that is silent, or beyond the end of the recording, is named and left out."""
    for take, one in enumerate(annotations):
        path = folder / f"{number}-{take}.wav"
        start_s, end_s = max(0.0, one.start_s + origin_s), max(MIN_S, one.end_s + origin_s)
        sound = read_span(recording, start_s, end_s)
        write_audio(path, sound.mean(axis=0))
        try:
            read_clip(path)
        except EarmarkError:
            logger.warning(
                "%r at %.2f s is left out: %s has no word there.", one.text, one.start_s, os.path.basename(recording)
            )
            continue
        yield path
