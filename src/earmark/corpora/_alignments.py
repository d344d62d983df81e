"""Word times that come with somebody's corpus: reading them, and laying them beside the utterances.

Words from a Praat TextGrid, long or short, UTF-8 or UTF-16.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from earmark.core.corpus import Word
from earmark.core.csv_tables import Problems, read_table
from earmark.core.errors import EarmarkError
from earmark.core.vocabulary import read_text
from earmark.media.annotations.textgrids import read_textgrid

PAST_THE_END_S = 0.05  # aligners count in frames, so a last word may end this much after its recording


@dataclass(frozen=True)
class SpokenWord:
    """A word of some utterance, and the row that says so."""

    row: int
    utterance_id: str
    word: Word


def read_words(path: Path | str, problems: Problems) -> list[SpokenWord]:
    """Read word times.

    A ``.csv`` or ``.tsv`` file is a table with the columns ``utterance_id, word, start_s, end_s``. A ``.ctm``
    file (NIST time-marked words) has lines ``utterance channel start duration word [confidence]``, and comments
    after ``;;``. Times are seconds from the start of the utterance; a decimal comma is understood. A row without
    a word is silence and is passed over.

    Raises
    ------
    EarmarkError
        If the file is missing, is not UTF-8, or has another ending.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return _from_table(path, problems)
        case ".ctm":
            return ctm_words(enumerate(read_text(path).splitlines(), start=1), path, problems)
        case other:
            raise EarmarkError(f"{path} ends in {other!r}: word times are read from .csv, .tsv and .ctm files.")


def align(
    spoken: Iterable[SpokenWord], durations_s: Mapping[str, float], path: Path, problems: Problems
) -> dict[str, tuple[Word, ...]]:
    """Words of each utterance, in the order of their starts, none after the utterance's end.

    Parameters
    ----------
    spoken : iterable of SpokenWord
        What `path` says.
    durations_s : mapping
        Seconds by utterance id; infinite where unknown. Words of any other utterance are a problem.
    path : Path
        Where the words come from, for naming it.
    problems : Problems
        Takes unknown utterances (once each) and words past the end.
    """
    words: dict[str, list[Word]] = {}
    unknown: set[str] = set()
    for item in spoken:
        end_s = durations_s.get(item.utterance_id)
        if end_s is None:
            if item.utterance_id not in unknown:
                problems.add(path, item.row, f"there is no utterance {item.utterance_id!r}")
            unknown.add(item.utterance_id)
        elif (word := clipped(item.word, end_s)) is None:
            times = f"{item.word.start_s:g} to {item.word.end_s:g} s"
            what = f"the word {item.word.word!r} ({times}) runs past the end of {item.utterance_id!r}"
            problems.add(path, item.row, f"{what} at {end_s:.2f} s")
        else:
            words.setdefault(item.utterance_id, []).append(word)
    return {key: in_order(found) for key, found in words.items()}


def clipped(word: Word, end_s: float) -> Word | None:
    """The word, cut off where its utterance ends; None where it runs past that by more than a frame or two."""
    if word.start_s >= end_s or word.end_s > end_s + PAST_THE_END_S:
        return None
    return Word(word.word, word.start_s, min(word.end_s, end_s))


def in_order(words: Iterable[Word]) -> tuple[Word, ...]:
    """Words in the order of their starts."""
    return tuple(sorted(words, key=lambda word: word.start_s))


def _from_table(path: Path, problems: Problems) -> list[SpokenWord]:
    table = read_table(path, ("utterance_id", "word", "start_s", "end_s"), (), problems)
    found = (
        spoken_word(path, row.number, row.get("utterance_id"), row.get("word"), times, problems)
        for row in table.rows
        if (times := seconds(path, row.number, row.get("start_s"), row.get("end_s"), problems))
    )
    return [item for item in found if item]


def ctm_words(lines: Iterable[tuple[int, str]], path: Path, problems: Problems) -> list[SpokenWord]:
    """Words of the numbered lines of a CTM file; `path` names it."""
    found = []
    for number, line in lines:
        fields = line.split(";;")[0].split()
        if not fields:
            continue
        if len(fields) not in (5, 6):
            wanted = "utterance channel start duration word [confidence]"
            problems.add(path, number, f"there are {len(fields)} fields where 5 or 6 belong ({wanted})")
        elif times := seconds(path, number, fields[2], fields[3], problems):
            start_s, length_s = times
            # Sums of decimal numbers are not exact in binary; no aligner counts in less than microseconds.
            end_s = round(start_s + length_s, 6)
            found.append(spoken_word(path, number, fields[0], fields[4], (start_s, end_s), problems))
    return [item for item in found if item]


def spoken_word(
    path: Path, row: int, utterance_id: str, word: str, times: tuple[float, float], problems: Problems
) -> SpokenWord | None:
    """A word from `times` on until, or None where it is silence or (a problem) its times make no sense."""
    start_s, end_s = times
    if not utterance_id:
        problems.add(path, row, "there is no utterance_id")
    elif start_s < 0:
        problems.add(path, row, f"the word {word!r} starts before the utterance, at {start_s:g} s")
    elif end_s < start_s:
        problems.add(path, row, f"the word {word!r} ends at {end_s:g} s, before it starts at {start_s:g} s")
    elif word:
        nfc = unicodedata.normalize("NFC", word)
        return SpokenWord(row, unicodedata.normalize("NFC", utterance_id), Word(nfc, start_s, end_s))
    return None


def seconds(path: Path, row: int, first: str, second: str, problems: Problems) -> tuple[float, float] | None:
    """Both times of a row as numbers, or None and a problem for each that is none."""
    times = [_number(text) for text in (first, second)]
    for text, time_s in zip((first, second), times, strict=True):
        if time_s is None:
            problems.add(path, row, f"{text!r} is no number of seconds" if text else "a time is missing")
    start_s, end_s = times
    return None if start_s is None or end_s is None else (start_s, end_s)


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None


def textgrid_words(path: Path, tier_name: str = "words") -> list[Word]:
    """The labelled intervals of the tier called `tier_name`, or else of the first interval tier.

    Raises
    ------
    EarmarkError
        If the file is missing, is damaged, or has no interval tier.
    """
    tiers = read_textgrid(path)
    if not tiers:
        raise EarmarkError(
            f"{path} can't be read as a TextGrid (it has no interval tier): copy it again, or save it in Praat."
        )
    named = [tier for tier in tiers if tier.name.casefold() == tier_name]
    return [Word(one.text, one.start_s, one.end_s) for one in (named or tiers)[0].annotations]
