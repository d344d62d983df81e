"""What to judge next: mostly the likeliest hits, and here and there one whose judgement would teach more.

Two kinds take turns. One is *uncertain*: of the hits whose probability is nearest to one half by what the judgements
teach, that in the channel of which least was judged, so that the examples differ. The other is the next of the random
*sample* from which :mod:`earmark.archive.hits_left` estimates how many hits are still to be found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from earmark.archive.archive import Archive
from earmark.archive.hits_left import HitsLeft, does_not_pay, estimate, next_of_sample, strata_of
from earmark.archive.judgements import Judgement, with_verdicts
from earmark.archive.lexicon import LexiconWord
from earmark.archive.query_aliases import Alias
from earmark.archive.results import ArchiveHit
from earmark.archive.search import ArchiveQuery, SearchOptions, ranked_by_model, search
from earmark.archive.word_threshold import RANKED, WordThreshold, threshold_from_dev, threshold_of_hits

FIRST = 4  # judgements, before which only the likeliest hits are in the list
EVERY = 5  # of so many hits, one teaches
UNCERTAIN = 20  # hits of which one is chosen


@dataclass(frozen=True)
class JudgingList:
    """Hits in the order in which they should be judged.

    Attributes
    ----------
    hits : list of ArchiveHit
        The judged ones first; those that teach more than they are likely have `teaches` set.
    left : HitsLeft or None
        How many right hits nobody has judged, of the model's; None where too little was judged to say.
    pays : bool
        Whether judging more is likely to find more.
    threshold : WordThreshold or None
        The word's detection threshold, by its judgements or else by dev; None where neither gives one.
    """

    hits: list[ArchiveHit]
    left: HitsLeft | None
    pays: bool
    threshold: WordThreshold | None = None


def judging_list(
    archive: Archive, query: ArchiveQuery, options: SearchOptions, judged: Sequence[Judgement], mixed: bool = True
) -> JudgingList:
    """Search, and mix in hits that teach more; errors as of :func:`earmark.archive.search.search`.

    Parameters
    ----------
    archive : Archive
    query : ArchiveQuery
    options : SearchOptions
    judged : sequence of Judgement
        All judgements of the query.
    mixed : bool
        False for the likeliest hits alone.
    """
    hits = search(archive, query, options, judged)
    if not judged or isinstance(query, LexiconWord):  # whose own ranking changes with its accepted hits
        return JudgingList(hits, None, True, threshold_from_dev(archive, query))
    deep = max(options.top, RANKED) if isinstance(query, (str, Alias)) else options.top
    key = judged[0].query
    model = with_verdicts(ranked_by_model(archive, query, replace(options, top=deep)), judged)
    left = estimate(strata_of(key, model))
    pays = not does_not_pay(left, sum(hit.verdict is None for hit in model))
    if mixed and len(judged) >= FIRST:
        hits = mix(hits, next_of_sample(key, model), judged)
    return JudgingList(hits, left, pays, threshold_of_hits(archive, query, options, judged, model))


def mix(hits: Sequence[ArchiveHit], sample: Sequence[ArchiveHit], judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """Put an uncertain hit or one of the sample at every fifth place of the hits that nobody has judged.

    Every hit is there once; those of the sample that were not in the list are added.
    """
    first = [hit for hit in hits if hit.verdict is not None]
    likely = [hit for hit in hits if hit.verdict is None]
    teaching = list(_take_turns(uncertain(likely, judged), sample))
    taken = {hit.position for hit in teaching}
    rest = iter([hit for hit in likely if hit.position not in taken])
    mixed: list[ArchiveHit] = []
    for hit in teaching:
        mixed += islice(rest, EVERY - 1)
        mixed.append(replace(hit, teaches=True))
    return [*first, *mixed, *rest]


def uncertain(hits: Sequence[ArchiveHit], judged: Sequence[Judgement]) -> list[ArchiveHit]:
    """Of the hits whose probability is nearest to one half, those of the channels of which least was judged."""
    known = [hit for hit in hits if hit.scorer_probability is not None]
    nearest = sorted(known, key=lambda hit: abs((hit.scorer_probability or 0.0) - 0.5))[:UNCERTAIN]
    counts = Counter(one.position[:2] for one in judged)
    chosen: list[ArchiveHit] = []
    while nearest and len(chosen) < UNCERTAIN // EVERY:
        best = min(nearest, key=lambda hit: counts[hit.position[:2]])  # of equal ones the most uncertain
        counts[best.position[:2]] += 1
        chosen.append(best)
        nearest.remove(best)
    return chosen


def _take_turns(one: Sequence[ArchiveHit], other: Sequence[ArchiveHit]) -> Iterator[ArchiveHit]:
    """Hits of both in turn, each once."""
    found = set()
    for i in range(max(len(one), len(other))):
        for some in (one, other):
            if i < len(some) and some[i].position not in found:
                found.add(some[i].position)
                yield some[i]
