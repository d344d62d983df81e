"""A corpus of judged places, for further training of the archive's model.

An utterance is the window about one judged place. Its tag ``judged`` of the judged word is 1 where the place was
accepted and 0 where it was rejected; of all other words nothing is known. Places that people disagree on, or called
*related*, are left out.

====== ==========================================================================================================
split  utterances
====== ==========================================================================================================
train  judged places to learn from
test   judged places that are held out, to measure whether a model got better: three in ten of each word and verdict
dev    windows of the same recordings where nothing was judged, half of them with likely hits, for which the model is
       to stay as it is
====== ==========================================================================================================

Recordings are cut into blocks. All judged places of a block are in one split, and their windows end where it ends, so
no sound is in two splits. A hash of the block decides which are held out first.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Row, select

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import Judgement, judgements
from earmark.archive.query_aliases import resolve_query
from earmark.archive.rescoring import Recordings, all_windows, frames_of, matching_recordings
from earmark.archive.schema import SEARCHED, postings, recordings, timeline_of
from earmark.core.corpus import Corpus, Utterance, write_corpus
from earmark.core.errors import EarmarkError, UnknownWordError
from earmark.localisation.windows import WINDOW_S
from earmark.supervision.targets import Targets, targets_path, unknown_row, write_targets

TAGS = "judged"
BLOCK_S = 30.0
HELD_OUT = 0.3  # of the places of each word and verdict
NEEDED = 10  # accepted places, and as many rejected ones
NEEDED_PAIRS = 8  # held-out pairs of an accepted and a rejected place of one word
SHORTEST_S = 0.5  # of what is left of a window
UNJUDGED_WINDOWS = 400
SEED = 0


@dataclass(frozen=True)
class JudgedPlace:
    """A judged place, and the window that is its utterance.

    Attributes
    ----------
    keyword : str
        Of the model.
    is_accepted : bool
    position : Position
    extent_s, window_s : (float, float)
        Start and end.
    """

    keyword: str
    is_accepted: bool
    position: Position
    extent_s: tuple[float, float]
    window_s: tuple[float, float]

    @property
    def stratum(self) -> tuple[str, bool]:
        """Word and verdict."""
        return self.keyword, self.is_accepted

    @property
    def block(self) -> tuple[int, int]:
        """Recording, and number of the block in it."""
        return self.position.recording, int(self.window_s[0] // BLOCK_S)

    @property
    def name(self) -> str:
        """Of its utterance."""
        return f"{self.position} {self.keyword}"


def write_judged_corpus(archive: Archive, folder: Path) -> Corpus:
    """Write the judged places of an archive as a corpus.

    Raises
    ------
    EarmarkError
        If too few hits of the model's keywords were judged.
    """
    rows = {
        number: row
        for number, row in matching_recordings(archive, [recordings.c.status.in_(SEARCHED)]).items()
        if os.path.isfile(row.path)
    }
    places = judged_places(archive, rows)
    held_out = held_out_places(places, rows)
    _refuse_too_few(archive, places, held_out)
    keywords = archive.vocabulary
    corpus = Corpus(folder, f"judgements of {archive.folder.name}", keywords=keywords.words)
    parts = {"train": [one for one in places if one not in held_out], "test": list(held_out)}
    splits = {name: [_utterance(one.name, one, rows) for one in part] for name, part in parts.items()}
    splits["dev"] = _unjudged_windows(archive, places, rows)
    tags = {utterance.id: unknown_row(keywords) for some in splits.values() for utterance in some}
    for one in places:
        tags[one.name][keywords.index(one.keyword)] = float(one.is_accepted)
    folder.mkdir(parents=True, exist_ok=True)
    write_targets(targets_path(corpus, TAGS), Targets(keywords, tags))
    return write_corpus(corpus, splits)


def judged_places(archive: Archive, rows: Recordings) -> list[JudgedPlace]:
    """Judged places of the model's keywords in some recordings, in the order of the judgements.

    The window of a rejected place ends where an accepted one of the same word begins.
    """
    everything = judgements(archive)
    keywords = {key: _keyword(archive, key) for key in {one.query for one in everything}}
    places: dict[str, JudgedPlace] = {}
    for one in everything:
        keyword = keywords[one.query]
        if keyword is None or one.verdict == "related" or one.opinions or one.position.recording not in rows:
            continue
        if place := _place(keyword, one, rows[one.position.recording]):
            places[place.name] = place
    accepted = [one for one in places.values() if one.is_accepted]
    cut = [one if one.is_accepted else _without(one, accepted) for one in places.values()]
    return [one for one in cut if one.window_s[1] - one.window_s[0] >= SHORTEST_S]


def held_out_places(places: Sequence[JudgedPlace], rows: Recordings) -> list[JudgedPlace]:
    """The places that are held out: whole blocks, about the share :data:`HELD_OUT` of each word and verdict."""
    wanted = Counter({stratum: HELD_OUT * n for stratum, n in Counter(one.stratum for one in places).items()})
    blocks: dict[tuple[int, int], list[JudgedPlace]] = {}
    for place in places:
        blocks.setdefault(place.block, []).append(place)
    held_out: list[JudgedPlace] = []
    for block in sorted(blocks, key=lambda one: _hash(rows[one[0]].sha256, one[1])):
        more = held_out + blocks[block]
        if _distance(more, wanted) < _distance(held_out, wanted):
            held_out = more
    return held_out


def _distance(places: Sequence[JudgedPlace], wanted: Mapping[tuple[str, bool], float]) -> float:
    """How far numbers of places of each word and verdict are from those that are wanted."""
    counts = Counter(one.stratum for one in places)
    return sum(abs(number - counts[stratum]) for stratum, number in wanted.items())


def _hash(sha256: str, block: int) -> bytes:
    return hashlib.sha256(f"{SEED} {sha256} {block}".encode()).digest()


def _refuse_too_few(archive: Archive, places: Sequence[JudgedPlace], held_out: Sequence[JudgedPlace]) -> None:
    accepted = sum(one.is_accepted for one in places)
    rejected = len(places) - accepted
    counts = Counter(one.stratum for one in held_out)
    pairs = sum(count * counts[keyword, False] for (keyword, is_accepted), count in counts.items() if is_accepted)
    if min(accepted, rejected) < NEEDED or pairs < NEEDED_PAIRS:
        raise EarmarkError(
            f"Too little is judged to teach the model of {archive.folder}: {NEEDED} accepted and {NEEDED} rejected "
            "hits of its keywords are needed at least, about five of each for two words or ten of each for one, and "
            f"{accepted} and {rejected} can be used: judge more with 'earmark serve'."
        )


def _keyword(archive: Archive, key: str) -> str | None:
    """The one keyword that judgements of a query are about."""
    try:
        keywords = resolve_query(archive, key).keywords
    except UnknownWordError:  # a picture, a clip, or a word outside the vocabulary
        return None
    return keywords[0] if len(keywords) == 1 else None


def _place(keyword: str, judged: Judgement, row: Row[Any]) -> JudgedPlace | None:
    """A judged place; None for one at the edge of a block."""
    extent_s = (judged.start_s, min(judged.end_s, row.duration_s))
    block_s = sum(extent_s) / 2 // BLOCK_S * BLOCK_S
    window_s = _window_about(sum(extent_s) / 2, max(block_s, row.start_s), min(block_s + BLOCK_S, row.duration_s))
    if extent_s[0] < window_s[0] or window_s[1] < extent_s[1]:
        return None
    return JudgedPlace(keyword, judged.verdict == "yes", judged.position, extent_s, window_s)


def _window_about(time_s: float, first_s: float, last_s: float) -> tuple[float, float]:
    """A window with a time in its middle, as far as the sound between two times allows."""
    start_s = max(first_s, min(time_s - WINDOW_S / 2, last_s - WINDOW_S))
    return round(start_s, 3), round(min(start_s + WINDOW_S, last_s), 3)


def _without(place: JudgedPlace, accepted: Iterable[JudgedPlace]) -> JudgedPlace:
    """A rejected place whose window holds no accepted place of the word."""
    start_s, end_s = place.window_s
    middle_s = sum(place.extent_s) / 2
    for one in accepted:
        if one.keyword == place.keyword and one.position[:2] == place.position[:2]:
            if sum(one.extent_s) / 2 < middle_s:
                start_s = max(start_s, one.extent_s[1])
            else:
                end_s = min(end_s, one.extent_s[0])
    return replace(place, window_s=(start_s, end_s))


def _utterance(name: str, place: JudgedPlace, rows: Recordings) -> Utterance:
    return _stretch(name, rows[place.position.recording], place.position.channel, place.window_s)


def _stretch(name: str, row: Row[Any], channel: int, stretch_s: tuple[float, float]) -> Utterance:
    return Utterance(
        id=name,
        audio=Path(row.path),
        sample_rate=row.sample_rate,
        samples=math.ceil(row.duration_s * row.sample_rate),
        channels=row.channels,
        speaker=row.speaker or None,
        stretch_s=stretch_s,
        channel=channel if row.channels > 1 else None,
    )


def _unjudged_windows(archive: Archive, places: Sequence[JudgedPlace], rows: Recordings) -> list[Utterance]:
    """Windows where nothing was judged: half of them about the best hits of every keyword, half drawn."""
    found: dict[str, Utterance] = {}
    judged: dict[int, list[tuple[float, float]]] = {}
    for place in places:
        judged.setdefault(place.position.recording, []).append(place.window_s)

    def add(position: Position, window_s: tuple[float, float]) -> None:
        if not any(_overlap(window_s, other) for other in judged.get(position.recording, ())):
            found[f"{position}"] = _stretch(f"{position}", rows[position.recording], position.channel, window_s)

    for position in _likely_places(archive, rows):
        row = rows[position.recording]
        add(position, _window_about(position.time_s, row.start_s, row.duration_s))
    windows = list(all_windows(rows.values()))
    for number in np.random.default_rng(SEED).permutation(len(windows)):
        if len(found) >= UNJUDGED_WINDOWS:
            break
        window = windows[int(number)]
        if frames_of(archive, window, rows).any():
            row = rows[window.recording]
            start_s = timeline_of(row).window_start_s(window.number)
            stretch_s = (start_s, round(min(start_s + WINDOW_S, row.duration_s), 3))
            if stretch_s[1] - stretch_s[0] >= SHORTEST_S:
                add(Position(window.recording, window.channel, start_s), stretch_s)
    return list(found.values())


def _likely_places(archive: Archive, rows: Recordings) -> list[Position]:
    """The best hits of every keyword, half as many in all as windows are wanted."""
    each = max(1, UNJUDGED_WINDOWS // 2 // max(1, len(archive.vocabulary)))
    columns = (postings.c.recording, postings.c.channel, postings.c.time_s)
    found = []
    with archive.reading() as connection:
        for keyword in range(min(len(archive.vocabulary), UNJUDGED_WINDOWS // 2)):
            best = select(*columns).where(postings.c.keyword == keyword).order_by(postings.c.score.desc()).limit(each)
            found += [Position(*row) for row in connection.execute(best) if row.recording in rows]
    return found


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
