"""What a search of an archive finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from earmark.archive.archive import Place
from earmark.doubles import without_doubles
from earmark.hits import Hit

Verdict = Literal["yes", "no", "related"]


@dataclass(frozen=True)
class Found:
    """A hit in an archive.

    Attributes
    ----------
    place : Place
        Where it is; its time is the hit's location. What ``--like`` and judgements name it by.
    hit : Hit
        Its recording is the path of the file; its extent is as a person set it, if one did.
    speaker, date, language : str
        Of the recording, as its owner described it; empty where nobody did.
    verdict : {"yes", "no", "related"} or None
        What a person said of it, for this query.
    """

    place: Place
    hit: Hit
    speaker: str = ""
    date: str = ""
    language: str = ""
    verdict: Verdict | None = None

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of plain values."""
        about = {"speaker": self.speaker, "date": self.date, "language": self.language, "verdict": self.verdict}
        return {"place": str(self.place), "channel": self.place.channel, **self.hit.to_json(), **about}


@dataclass(frozen=True)
class Filters:
    """Which recordings to search: those that meet all that is said; an empty text says nothing.

    Attributes
    ----------
    folder : str
        Recordings somewhere below this folder.
    speaker, language : str
        Exactly so, but for case and Unicode form.
    date : str
        Recordings whose date begins so: ``2019`` or ``2019-04``.
    """

    folder: str = ""
    speaker: str = ""
    date: str = ""
    language: str = ""


def merged(found: Sequence[Found]) -> list[Found]:
    """Hits of one query, the best first; where several overlap, the best stays."""
    by_channel: dict[tuple[int, int], list[Found]] = {}
    for one in found:
        by_channel.setdefault(one.place[:2], []).append(one)
    kept = []
    for same in by_channel.values():
        scores, starts_s, ends_s = np.array([(f.hit.score, f.hit.start_s, f.hit.end_s) for f in same]).T
        kept += [same[i] for i in without_doubles(scores, starts_s, ends_s)]
    return sorted(kept, key=lambda one: -one.hit.score)
