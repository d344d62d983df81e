"""Collection of hits for an export: judged hits, and the best candidates that nobody has judged yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from earmark.archive.archive import Archive
from earmark.archive.export._collection import Collection, Marked, MarkedRecording
from earmark.archive.export._files import file_names
from earmark.archive.judgements import Judgement, judgements, query_key, with_verdicts
from earmark.archive.lexicon import lexicon
from earmark.archive.query_aliases import stored_words
from earmark.archive.results import ArchiveHit
from earmark.archive.schema import SEARCHED, recordings
from earmark.archive.search_by_keyword import search_keywords
from earmark.archive.search_lexicon import stored_hits
from earmark.core.errors import EarmarkError
from earmark.core.types import Hit

HitsOf = dict[int, list[Marked]]  # by the number of their recording


def collect(archive: Archive, queries: Sequence[str] = (), top: int = 50, accepted_only: bool = False) -> Collection:
    """Collect the hits of an export, by recording.

    Parameters
    ----------
    archive : Archive
    queries : sequence of str
        Words of the model, of the archive's list or of its lexicon, or the keys under which judgements of pictures and
        spoken examples are stored; by default all queries of which a hit was judged.
    top : int
        Candidates of each word that nobody has judged, at most; the likeliest ones. Those of a word of the lexicon are
        its stored hits.
    accepted_only : bool
        Leave out these candidates, and what was judged to be related or no hit.

    Raises
    ------
    EarmarkError
        If there is nothing to export, or a query is neither judged nor a known word.
    """
    spelt, words = _spelling(archive), {word.key: word for word in lexicon(archive)}
    written = {key: word.word for key, word in words.items()} | spelt
    names = {query_key(query): query for query in queries} or {key: written.get(key, key) for key in _judged(archive)}
    found: HitsOf = defaultdict(list)
    for key, name in names.items():
        judged = judgements(archive, key)
        _add_judged(judged, name, accepted_only, found)
        # Pictures and spoken examples are judged, but no words to look up.
        if not accepted_only and (key in written or not judged):
            word = None if key in spelt else words.get(key)
            hits = _keyword_hits(archive, name, top, judged) if word is None else stored_hits(archive, word)
            _add_candidates(hits, top, found)
    collected = tuple(_recordings(archive, found))
    if not collected:
        raise EarmarkError(_nothing(archive, list(names.values()), accepted_only))
    return Collection(
        name=archive.folder.resolve().name,
        model=archive.encoding.name,
        licence=archive.setting("licence"),
        consent=archive.setting("consent"),
        recordings=collected,
    )


def _spelling(archive: Archive) -> dict[str, str]:
    """All words that can be looked up, by the key of their judgements, as the model or the archive's list has them."""
    listed = (meant.word for meant in stored_words(archive))
    return {query_key(word): word for word in (*listed, *archive.vocabulary)}


def _judged(archive: Archive) -> list[str]:
    """Keys of all queries of which a hit was judged."""
    return sorted({judgement.query for judgement in judgements(archive)})


def _add_judged(judged: Sequence[Judgement], name: str, accepted_only: bool, found: HitsOf) -> None:
    for one in judged:
        if one.verdict == "yes" or not accepted_only:
            hit = Hit("", name, one.score, one.position.time_s, one.start_s, one.end_s)
            found[one.position.recording].append(Marked(hit, one.position.channel, one.verdict))


def _keyword_hits(archive: Archive, name: str, top: int, judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """The best hits of a word; among them are as many judged ones as there are, at most."""
    return with_verdicts(search_keywords(archive, [name], top + len(judged)), judged)


def _add_candidates(hits: Sequence[ArchiveHit], top: int, found: HitsOf) -> None:
    """Add the best hits that nobody has judged."""
    for candidate in [one for one in hits if one.verdict is None][:top]:
        found[candidate.position.recording].append(Marked(candidate.hit, candidate.position.channel))


def _recordings(archive: Archive, found: Mapping[int, Sequence[Marked]]) -> Iterator[MarkedRecording]:
    with archive.reading() as connection:
        rows = connection.execute(select(recordings).order_by(recordings.c.path, recordings.c.id)).all()
    names = file_names(Path(row.path) for row in rows)
    # Where a file was changed, hits in what it held before have no place in what it holds now.
    now_at = {row.path: row.id for row in sorted(rows, key=lambda row: row.status in SEARCHED)}
    for row in rows:
        if row.id in found and row.id == now_at[row.path]:
            hits = [_of(row.path, marked) for marked in found[row.id]]
            yield MarkedRecording(
                path=Path(row.path),
                name=names[Path(row.path)],
                duration_s=row.duration_s,
                channels=row.channels,
                hits=tuple(sorted(hits, key=lambda marked: (marked.hit.start_s, marked.hit.end_s, marked.hit.query))),
                speaker=row.speaker,
                date=row.date,
                language=row.language,
                licence=row.licence,
                consent=row.consent,
            )


def _of(path: str, marked: Marked) -> Marked:
    """The hit with its recording where that is now."""
    return replace(marked, hit=replace(marked.hit, recording=path))


def _nothing(archive: Archive, names: Sequence[str], accepted_only: bool) -> str:
    if not names:
        return f"Nobody has judged a hit in {archive.folder} yet: judge some with 'earmark serve', or name words."
    listed = ", ".join(names)
    if accepted_only:
        return f"Nobody has accepted a hit of {listed}: judge some with 'earmark serve', or export candidates as well."
    return f"{archive.folder} holds no hit of {listed}: index more recordings, or name other words."
