"""Where terms of one or several words are spoken, from the words of an RTTM."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import NamedTuple

from earmark.core.vocabulary import normalise
from earmark.media.annotations.nist_files import Lexeme

LONGEST_PAUSE_S = 0.5  # STDEval's option -F
SLACK_S = 1e-6  # times have been rounded


class Occurrence(NamedTuple):
    """A place where a term is spoken."""

    term: str
    recording: tuple[str, str]
    start_s: float
    end_s: float


def recording_of(file: str, channel: str) -> tuple[str, str]:
    """What a file and a channel are called in all lists: without folders, and without the ending of a sound file."""
    path = PurePath(file.replace("\\", "/"))
    return (path.stem if path.suffix.lower() in SOUND_ENDINGS else path.name), channel


SOUND_ENDINGS = (".wav", ".sph", ".flac", ".mp3", ".ogg", ".m4a", ".raw")


def find_terms(lexemes: Iterable[Lexeme], terms: Mapping[str, str]) -> list[Occurrence]:
    """Every place where the words of a term follow each other.

    Words are compared without case and Unicode form. Those of one term are spoken by one speaker in one channel, and
    each begins at most :data:`LONGEST_PAUSE_S` after the one before has ended.

    Parameters
    ----------
    lexemes : iterable of Lexeme
    terms : mapping of str to str
        Texts by id.
    """
    streams = _streams(lexemes)
    places = defaultdict(list)
    for stream in streams:
        for position, (word, _) in enumerate(stream):
            places[word].append((stream, position))
    found = []
    for term, text in terms.items():
        words = normalise(text).split()
        for stream, position in places[words[0]]:
            stretch = stream[position : position + len(words)]
            if [word for word, _ in stretch] == words and _flows([lexeme for _, lexeme in stretch]):
                first, last = stretch[0][1], stretch[-1][1]
                recording = recording_of(first.file, first.channel)
                found.append(Occurrence(term, recording, first.start_s, last.start_s + last.duration_s))
    return found


def _streams(lexemes: Iterable[Lexeme]) -> list[list[tuple[str, Lexeme]]]:
    """The words of each speaker in each channel, in the order of time."""
    streams = defaultdict(list)
    for lexeme in lexemes:
        streams[recording_of(lexeme.file, lexeme.channel), lexeme.speaker].append((normalise(lexeme.word), lexeme))
    return [sorted(stream, key=lambda one: one[1].start_s) for stream in streams.values()]


def _flows(words: Sequence[Lexeme]) -> bool:
    ends_s = [word.start_s + word.duration_s for word in words[:-1]]
    return all(
        after.start_s - end_s <= LONGEST_PAUSE_S + SLACK_S for end_s, after in zip(ends_s, words[1:], strict=True)
    )
