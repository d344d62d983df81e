"""Tiers of annotations, and what belongs together across them."""

from __future__ import annotations

import bisect
import fnmatch
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

EXPORTED = "earmark: "  # how the names of tiers begin that Earmark's exports write


@dataclass(frozen=True)
class Annotation:
    """A stretch of a document's time and what is written there.

    Attributes
    ----------
    start_s, end_s : float
    text : str
        In composed letters (NFC), without blanks around it.
    id : str
        Unique in its document.
    within : tuple of str
        The annotations that it belongs to, from its parent up; empty where time alone says what belongs together.
    """

    start_s: float
    end_s: float
    text: str
    id: str
    within: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tier:
    """A tier of a document.

    Attributes
    ----------
    name : str
    annotations : tuple of Annotation
        In the order of time.
    kind : str
        Its linguistic type; "" where there are none.
    participant : str
        Who speaks; "" where unknown.
    parent : str
        Name of the tier that it depends on; "" for none.
    divides : bool
        Whether its annotations are the parts, without times of their own, that their parents are divided into.
    """

    name: str
    annotations: tuple[Annotation, ...]
    kind: str = ""
    participant: str = ""
    parent: str = ""
    divides: bool = False

    @property
    def is_exported(self) -> bool:
        """Whether it holds hits that Earmark has exported, not somebody's annotations."""
        return self.name.startswith(EXPORTED)

    def is_called(self, patterns: Iterable[str]) -> bool:
        """Whether its name or its linguistic type is one of `patterns`, such as ``tx@*``, in any case."""
        names = [_folded(name) for name in (self.name, self.kind) if name]
        return any(fnmatch.fnmatchcase(name, _folded(pattern)) for pattern in patterns for name in names)


def whole(tier: Tier) -> list[Annotation]:
    """A tier's annotations; the parts that one parent is divided into are put together, with its times."""
    if not tier.divides:
        return list(tier.annotations)
    parts: dict[str, list[Annotation]] = {}
    for annotation in tier.annotations:
        parts.setdefault(annotation.within[0] if annotation.within else annotation.id, []).append(annotation)
    return [
        Annotation(group[0].start_s, group[-1].end_s, joined(group), group[0].id, group[0].within)
        for group in parts.values()
    ]


class Companions:
    """What is written in other tiers for an annotation, such as its translation.

    What depends on the annotation, or directly on what the annotation depends on, belongs to it; and where no such tie
    is known, what shares half of its own time or of the annotation's. Tiers of the same participant go before others.

    Parameters
    ----------
    tiers : sequence of Tier
    """

    def __init__(self, tiers: Iterable[Tier]) -> None:
        pairs = [(other, tier.participant) for tier in tiers for other in whole(tier)]
        self._others = sorted(pairs, key=lambda pair: pair[0].start_s)
        self._starts_s = [other.start_s for other, _ in self._others]
        self._longest_s = max((other.end_s - other.start_s for other, _ in self._others), default=0.0)
        self._of: dict[str, set[int]] = {}  # by their own ids and those of their parents
        self._below: dict[str, set[int]] = {}  # by all that they depend on
        for number, (other, _) in enumerate(self._others):
            for key in (other.id, *other.within[:1]):
                self._of.setdefault(key, set()).add(number)
            for key in other.within:
                self._below.setdefault(key, set()).add(number)

    def text_for(self, annotation: Annotation, participant: str) -> str:
        """What belongs to an annotation of a participant's tier; "" if nothing does."""
        tied = set(self._below.get(annotation.id, ()))
        for key in (annotation.id, *annotation.within):
            tied |= self._of.get(key, set())
        at_once = self._at_once(annotation)
        for is_of_anyone in (False, True):
            numbers: Iterable[int]
            for numbers in (sorted(tied), at_once):
                found = [self._others[n] for n in numbers]
                if text := joined(other for other, whose in found if is_of_anyone or whose == participant):
                    return text
        return ""

    def _at_once(self, annotation: Annotation) -> list[int]:
        first = bisect.bisect_left(self._starts_s, annotation.start_s - self._longest_s)
        last = bisect.bisect_right(self._starts_s, annotation.end_s)
        return [number for number in range(first, last) if _shares_half(annotation, self._others[number][0])]


class TimedWords:
    """Words that have times of their own, by the annotations that hold their middle."""

    def __init__(self, tiers: Iterable[Tier]) -> None:
        pairs = [(one, tier.participant) for tier in tiers for one in tier.annotations if one.text]
        self._words = sorted(pairs, key=lambda pair: _middle_s(pair[0]))
        self._middles_s = [_middle_s(one) for one, _ in self._words]

    def inside(self, annotation: Annotation, participant: str) -> list[Annotation]:
        """The words in an annotation, of the same participant or of no one."""
        first, last = (bisect.bisect_left(self._middles_s, edge_s) for edge_s in (annotation.start_s, annotation.end_s))
        return [one for one, whose in self._words[first:last] if whose in ("", participant)]


def joined(annotations: Iterable[Annotation]) -> str:
    """Their texts with a blank between them, those of the same time once."""
    texts = dict.fromkeys((one.start_s, one.id, one.text) for one in annotations if one.text)
    return " ".join(text for _, _, text in texts)


def written(text: str | None) -> str:
    """A text as annotations have it: composed (NFC), lines and blanks run together."""
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def _middle_s(annotation: Annotation) -> float:
    return (annotation.start_s + annotation.end_s) / 2


def _shares_half(one: Annotation, other: Annotation) -> bool:
    shared_s = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    shorter_s = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return shared_s > 0 and shared_s >= shorter_s / 2


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
