"""From an archive to what is taken home: what people judged, and the best candidates that nobody has judged yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from earmark.archive.archive import Archive
from earmark.archive.review import judgements, query_key, with_verdicts
from earmark.archive.search import search_words
from earmark.archive.tables import recordings
from earmark.errors import EarmarkError
from earmark.export._collection import Collection, Marked, MarkedRecording
from earmark.hits import Hit

HitsOf = dict[int, list[Marked]]  # by the number of their recording


def collection(archive: Archive, queries: Sequence[str] = (), top: int = 50, accepted_only: bool = False) -> Collection:
    """What an export is made from.

    Parameters
    ----------
    archive : Archive
    queries : sequence of str
        Keywords, or the keys of pictures and spoken examples that judgements are kept under; by default all queries
        of which a hit was judged.
    top : int
        Candidates of each keyword that nobody has judged, at most; the likeliest ones.
    accepted_only : bool
        Leave out these candidates, and what was judged to be related or no hit.

    Raises
    ------
    EarmarkError
        If there is nothing to take home, or a query is neither judged nor a keyword.
    """
    asked = {query_key(query): query for query in queries} or _judged(archive)
    found: HitsOf = defaultdict(list)
    for key, name in asked.items():
        _add_judged(archive, key, name, accepted_only, found)
        if not accepted_only:
            _add_candidates(archive, key, name, top, found)
    if not found:
        raise EarmarkError(_nothing(archive, list(asked.values()), accepted_only))
    return Collection(
        name=archive.folder.resolve().name,
        model=archive.setting("model_name"),
        licence=archive.setting("licence"),
        consent=archive.setting("consent"),
        recordings=tuple(_recordings(archive, found)),
    )


def _judged(archive: Archive) -> dict[str, str]:
    """Keys of all queries of which a hit was judged, with their names: keywords are spelt as the model has them."""
    keys = sorted({judgement.query for judgement in judgements(archive)})
    spelt = {query_key(word): word for word in archive.vocabulary}
    return {key: spelt.get(key, key) for key in keys}


def _add_judged(archive: Archive, key: str, name: str, accepted_only: bool, found: HitsOf) -> None:
    for judgement in judgements(archive, key):
        if judgement.verdict == "yes" or not accepted_only:
            place = judgement.place
            hit = Hit("", name, judgement.score, place.time_s, judgement.start_s, judgement.end_s)
            found[place.recording].append(Marked(hit, place.channel, judgement.verdict))


def _add_candidates(archive: Archive, key: str, name: str, top: int, found: HitsOf) -> None:
    known = len(judgements(archive, key))
    if known and key not in archive.vocabulary:
        return  # pictures, or a spoken example: judged, and not to be looked up as a word
    hits = with_verdicts(archive, key, search_words(archive, [name], top + known))
    for candidate in [one for one in hits if one.verdict is None][:top]:
        found[candidate.place.recording].append(Marked(candidate.hit, candidate.place.channel))


def _recordings(archive: Archive, found: Mapping[int, Sequence[Marked]]) -> Iterator[MarkedRecording]:
    with archive.reading() as connection:
        rows = connection.execute(select(recordings).order_by(recordings.c.path)).all()
    for row in rows:
        if row.id in found:
            hits = [_of(row.path, marked) for marked in found[row.id]]
            yield MarkedRecording(
                path=Path(row.path),
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
        return (
            f"Nobody has judged a hit in {archive.folder} yet: judge some with 'earmark serve', or name words to take."
        )
    said = ", ".join(names)
    if accepted_only:
        return f"Nobody has accepted a hit of {said}: judge some with 'earmark serve', or take candidates as well."
    return f"{archive.folder} holds no hit of {said}: index more recordings, or name other words."
