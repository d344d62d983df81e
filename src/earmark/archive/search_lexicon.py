"""Search for the words of the lexicon: one of them, or all at once, whose hits are stored.

Stored hits stay as long as they are those that a search would find: a word is searched again only when its examples, or
the recordings of the archive, have changed. So a long search that was stopped goes on where it ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, insert, select, update

from earmark.archive.archive import Archive, Position
from earmark.archive.judgements import Judgement, judgements, with_verdicts
from earmark.archive.lexicon import LexiconWord, lexicon
from earmark.archive.rescoring import matching_recordings
from earmark.archive.results import ArchiveHit, Filters, recording_conditions
from earmark.archive.schema import lexicon_hits, lexicon_words, recordings
from earmark.archive.search_by_clip import encode_clip, prepare, search_frames, stored_chunks
from earmark.archive.search_by_example import example_frames
from earmark.core.errors import EarmarkError
from earmark.core.progress import progress, report_progress_to, silent
from earmark.core.types import Hit
from earmark.localisation.spoken_queries import Single

STORED = 200  # hits of a word
MOST_ACCEPTED = 10  # hits that are examples: the latest


@dataclass(frozen=True)
class Found:
    """What a search for a word found.

    Attributes
    ----------
    word : LexiconWord
    hits : list of ArchiveHit
        By falling score.
    is_new : frozenset of Position
        Those that were not among the stored hits before.
    """

    word: LexiconWord
    hits: list[ArchiveHit]
    is_new: frozenset[Position]


def search_word(
    archive: Archive, word: LexiconWord, top: int, min_score: float = 0.0, filters: Filters | None = None
) -> list[ArchiveHit]:
    """Hits of a word by falling score, without verdicts.

    Raises
    ------
    EarmarkError
        If the word has no example, or a clip of it can't be used.
    """
    if not word.has_example:
        sentence = f"The word {word.word!r} has no example yet: add a clip, or accept hits of it."
        raise EarmarkError(sentence, code="noWordExample")
    examples = [encode_clip(archive.spoken.spotter, clip.path) for clip in word.clips]
    examples += [frames for one in word.accepted[-MOST_ACCEPTED:] if (frames := _frames_of(archive, one)) is not None]
    negatives = [encode_clip(archive.spoken.spotter, clip.path) for clip in word.not_clips]
    if not examples:
        raise EarmarkError(f"The accepted hits of {word.word!r} are in recordings that are not indexed: add a clip.")
    return search_frames(archive, word.word, examples, negatives, top, min_score, filters)


def search_lexicon(archive: Archive, words: Sequence[LexiconWord] | None = None, top: int = STORED) -> list[Found]:
    """Search for all words that have an example, and store their hits.

    Parameters
    ----------
    archive : Archive
    words : sequence of LexiconWord, optional
        Only these.
    top : int
        Hits of each word to store, at most.

    Returns
    -------
    list of Found
        One for each word that has an example, in the order of the lexicon.
    """
    wanted = [word for word in (lexicon(archive) if words is None else words) if word.has_example]
    indexed = _indexed(archive)
    found = []
    if wanted:
        prepare(archive)
    with progress("Searching for the words of the lexicon", len(wanted)) as advance:
        for word in wanted:
            with report_progress_to(silent):
                found.append(_search_stored(archive, word, f"{_state_of(word)}-{indexed}-{top}", top))
            advance(1, word.word)
    return found


def stored_hits(archive: Archive, word: LexiconWord) -> list[ArchiveHit]:
    """The stored hits of a word by falling score, with their verdicts; none where it was not searched yet."""
    columns = (recordings.c.path, recordings.c.speaker, recordings.c.date, recordings.c.language)
    statement = (
        select(lexicon_hits, *columns)
        .join(recordings, recordings.c.id == lexicon_hits.c.recording)
        .where(lexicon_hits.c.word == word.id, *recording_conditions(archive, Filters()))
        .order_by(lexicon_hits.c.score.desc(), lexicon_hits.c.id)
    )
    with archive.reading() as connection:
        rows = connection.execute(statement).all()
    hits = [
        ArchiveHit(
            Position(row.recording, row.channel, row.time_s),
            Hit(row.path, word.word, row.score, row.time_s, row.start_s, row.end_s),
            row.speaker,
            row.date,
            row.language,
        )
        for row in rows
    ]
    return with_verdicts(hits, judgements(archive, word.key))


def _search_stored(archive: Archive, word: LexiconWord, state: str, top: int) -> Found:
    before = stored_hits(archive, word)
    if word.searched == state:
        return Found(word, before, frozenset())
    hits = search_word(archive, word, top)
    rows = [
        {
            **{"word": word.id, "recording": one.position.recording, "channel": one.position.channel},
            **{"time_s": one.hit.time_s, "start_s": one.hit.start_s, "end_s": one.hit.end_s, "score": one.hit.score},
        }
        for one in hits
    ]
    with archive.writing() as connection:
        connection.execute(delete(lexicon_hits).where(lexicon_hits.c.word == word.id))
        if rows:
            connection.execute(insert(lexicon_hits), rows)
        connection.execute(update(lexicon_words).where(lexicon_words.c.id == word.id).values(searched=state))
    new = frozenset(one.position for one in hits if not any(_is_same(one, other) for other in before))
    return Found(replace(word, searched=state), with_verdicts(hits, judgements(archive, word.key)), new)


def _is_same(one: ArchiveHit, other: ArchiveHit) -> bool:
    same = one.position[:2] == other.position[:2]
    return same and one.hit.start_s < other.hit.end_s and other.hit.start_s < one.hit.end_s


def _frames_of(archive: Archive, accepted: Judgement) -> Single | None:
    """The frames of an accepted hit; None where its recording is not indexed."""
    with archive.reading() as connection:
        row = connection.execute(select(recordings).where(recordings.c.id == accepted.position.recording)).one_or_none()
    if row is None:
        return None
    frames = example_frames(archive, row, accepted.position.channel, accepted.start_s, accepted.end_s)
    return frames if frames.any() else None


def _state_of(word: LexiconWord) -> str:
    """A hash of all that a word is searched with."""
    files = [one.path.name for one in word.clips], [one.path.name for one in word.not_clips]
    places = [(str(one.position), one.start_s, one.end_s) for one in word.accepted[-MOST_ACCEPTED:]]
    return hashlib.sha256(repr((files, places)).encode()).hexdigest()[:16]


def _indexed(archive: Archive) -> str:
    """A hash of all that is searched in."""
    rows = matching_recordings(archive, recording_conditions(archive, Filters()))
    chunks = [(rows[chunk.recording].sha256, *chunk[1:]) for chunk in stored_chunks(archive, rows)]
    return hashlib.sha256(repr((archive.spoken.identity, chunks)).encode()).hexdigest()[:16]
