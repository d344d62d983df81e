"""Tiers of annotations, and what belongs together across them."""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Iterable, Sequence
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


def matching(annotation: Annotation, tiers: Sequence[Tier], participant: str) -> str:
    """What is written in other tiers for an annotation, such as its translation; "" if nothing is.

    Tiers of the same participant go before those of none or of others. In them, what depends on the annotation, or on
    the same one as it does, belongs to it; and where no such tie is known, what shares half of its time or of the
    annotation's.
    """
    for tiers_of_one in ([t for t in tiers if t.participant == participant], list(tiers)):
        candidates = [other for tier in tiers_of_one for other in whole(tier)]
        tied = [other for other in candidates if _depend_together(annotation, other)]
        found = tied or [other for other in candidates if _shares_half(annotation, other)]
        if text := joined(found):
            return text
    return ""


def inside(annotation: Annotation, tiers: Iterable[Tier], participant: str) -> list[Annotation]:
    """The annotations of some tiers whose middle lies in an annotation, of the same participant or of no one."""
    found = [
        other
        for tier in tiers
        if tier.participant in ("", participant)
        for other in tier.annotations
        if other.text and annotation.start_s <= (other.start_s + other.end_s) / 2 < annotation.end_s
    ]
    return sorted(found, key=lambda other: other.start_s)


def joined(annotations: Iterable[Annotation]) -> str:
    """Their texts with a blank between them, those of the same time once."""
    texts = dict.fromkeys((one.start_s, one.id, one.text) for one in annotations if one.text)
    return " ".join(text for _, _, text in texts)


def written(text: str | None) -> str:
    """A text as annotations have it: composed (NFC), lines and blanks run together."""
    return " ".join(unicodedata.normalize("NFC", text or "").split())


def _depend_together(one: Annotation, other: Annotation) -> bool:
    """Whether the one depends on the other, or the other on the one or directly on what the one depends on."""
    family = {one.id, *one.within}
    return other.id in family or one.id in other.within or bool(family & set(other.within[:1]))


def _shares_half(one: Annotation, other: Annotation) -> bool:
    shared_s = min(one.end_s, other.end_s) - max(one.start_s, other.start_s)
    shorter_s = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return shared_s > 0 and shared_s >= shorter_s / 2


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
