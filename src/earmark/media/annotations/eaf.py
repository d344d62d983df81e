"""ELAN documents: their tiers with times in seconds, and the media that they are about (EAF 2.7 to 3.0).

An annotation has times of its own (``ALIGNABLE_ANNOTATION``) or those of the annotation that it depends on
(``REF_ANNOTATION``). A time slot without a value lies between its neighbours in the chain of annotations of its tier,
which part the time evenly, as ELAN shows them. The parts of a symbolic subdivision share their parent's time evenly.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.core.errors import EarmarkError
from earmark.media.annotations.eaf_media import Medium, media_of
from earmark.media.annotations.safe_xml import read_root
from earmark.media.annotations.tiers import Annotation, Tier, written

WHAT = "an ELAN document"
DIVIDES = "Symbolic_Subdivision"


@dataclass(frozen=True)
class ElanDocument:
    """An ELAN document.

    Attributes
    ----------
    path : Path
    media : list of Medium
    tiers : list of Tier
        Annotations whose times or parents are missing, and those that are no longer than nothing, are left out.
    """

    path: Path
    media: list[Medium]
    tiers: list[Tier]


def read_elan(path: Path) -> ElanDocument:
    """Read an ELAN document.

    Raises
    ------
    EarmarkError
        If the file is no ELAN document, is damaged, or counts time in something else than milliseconds.
    """
    root = read_root(path, "ANNOTATION_DOCUMENT", WHAT)
    units = next((header.get("TIME_UNITS") for header in root.findall("HEADER")), None) or "milliseconds"
    if units != "milliseconds":
        raise EarmarkError(f"{path} counts time in {units}: save it in ELAN, which counts in milliseconds.")
    return ElanDocument(path, media_of(root, path), _tiers(root, path))


def _tiers(root: ET.Element, path: Path) -> list[Tier]:
    kinds = root.findall("LINGUISTIC_TYPE")
    dividing = {kind.get("LINGUISTIC_TYPE_ID") for kind in kinds if kind.get("CONSTRAINTS") == DIVIDES}
    elements = {tier.get("TIER_ID", ""): tier for tier in root.findall("TIER")}
    divides = {name for name, tier in elements.items() if tier.get("LINGUISTIC_TYPE_REF") in dividing}
    slots_ms = _slots(root, path)
    aligned = {found.id: found for tier in elements.values() for found in _aligned(tier, slots_ms)}
    references = [found for name, tier in elements.items() for found in _references(tier, name)]
    known = _with_dependent(aligned, references, divides)
    tiers = []
    for name, tier in elements.items():
        found = [known[key] for key in _annotation_ids(tier) if key in known]
        tiers.append(
            Tier(
                name=written(name),
                annotations=tuple(sorted(found, key=lambda one: one.start_s)),
                kind=written(tier.get("LINGUISTIC_TYPE_REF")),
                participant=_participant(name, elements),
                parent=written(tier.get("PARENT_REF")),
                divides=name in divides,
            )
        )
    return tiers


def _participant(name: str, elements: Mapping[str, ET.Element]) -> str:
    """Who speaks in a tier: as it or a tier above says, or by custom what its name has after an @."""
    above: list[str] = []
    while name in elements and name not in above:
        above.append(name)
        name = elements[name].get("PARENT_REF", "")
    stated = (written(elements[tier].get("PARTICIPANT")) for tier in above)
    customary = (written(tier.partition("@")[2]) for tier in above)
    return next((found for found in (*stated, *customary) if found), "")


def _slots(root: ET.Element, path: Path) -> dict[str, float | None]:
    """Milliseconds by time slot; None for one without a value."""
    slots: dict[str, float | None] = {}
    for slot in root.iter("TIME_SLOT"):
        value = slot.get("TIME_VALUE")
        try:
            slots[slot.get("TIME_SLOT_ID", "")] = None if value is None else float(int(value))
        except ValueError:
            raise EarmarkError(
                f"{path} can't be read as {WHAT} (the time {value!r} is no number of milliseconds): mend it in ELAN."
            ) from None
    return slots


def _aligned(tier: ET.Element, slots_ms: Mapping[str, float | None]) -> Iterator[Annotation]:
    """The annotations of a tier that have times."""
    found = [
        (one, one.get("TIME_SLOT_REF1", ""), one.get("TIME_SLOT_REF2", "")) for one in tier.iter("ALIGNABLE_ANNOTATION")
    ]
    times_ms = _interpolated([(start, end) for _, start, end in found], slots_ms)
    for one, start, end in found:
        start_ms, end_ms = times_ms.get(start), times_ms.get(end)
        if start_ms is not None and end_ms is not None and start_ms < end_ms:
            yield Annotation(start_ms / 1000, end_ms / 1000, _text(one), one.get("ANNOTATION_ID", ""))


def _interpolated(
    annotations: Sequence[tuple[str, str]], slots_ms: Mapping[str, float | None]
) -> dict[str, float | None]:
    """Times by slot, where those without a value part the time between their neighbours in a chain evenly."""
    following = dict(annotations)
    times_ms = {slot: slots_ms.get(slot) for pair in annotations for slot in pair}
    for start in [slot for slot, _ in annotations if times_ms[slot] is not None]:
        chain = [start]
        while (after := following.get(chain[-1])) is not None and after not in chain:
            chain.append(after)
            if times_ms[after] is not None:
                break
        first_ms, last_ms = times_ms[start], times_ms[chain[-1]]
        if first_ms is None or last_ms is None:
            continue
        for place, slot in enumerate(chain[1:-1], start=1):
            times_ms[slot] = first_ms + (last_ms - first_ms) * place / (len(chain) - 1)
    return times_ms


@dataclass(frozen=True)
class _Reference:
    """An annotation without times of its own: what it depends on, and the part before it, if it is a part."""

    id: str
    text: str
    parent: str
    previous: str | None
    tier: str


def _references(tier: ET.Element, name: str) -> Iterator[_Reference]:
    for one in tier.iter("REF_ANNOTATION"):
        parent, previous = one.get("ANNOTATION_REF", ""), one.get("PREVIOUS_ANNOTATION")
        yield _Reference(one.get("ANNOTATION_ID", ""), _text(one), parent, previous, name)


def _with_dependent(
    aligned: Mapping[str, Annotation], references: Sequence[_Reference], divides: Container[str]
) -> dict[str, Annotation]:
    """All annotations by id: those with times, and those that depend on others, however deep."""
    known, waiting = dict(aligned), list(references)
    while ready := [one for one in waiting if one.parent in known]:  # in the end, parents are missing or go in circles
        waiting = [one for one in waiting if one.parent not in known]
        siblings: dict[tuple[str, str], list[_Reference]] = {}
        for one in ready:
            siblings.setdefault((one.parent, one.tier), []).append(one)
        for (parent, tier), parts in siblings.items():
            known |= _dependent(known[parent], parts, tier in divides)
    return known


def _dependent(parent: Annotation, parts: Sequence[_Reference], divided: bool) -> dict[str, Annotation]:
    """What depends on one parent in one tier, with all of its time or (where it is `divided`) an even share each."""
    edges_s = [(parent.start_s, parent.end_s)] * len(parts)
    if divided:
        parts, length_s = _in_order(parts), (parent.end_s - parent.start_s) / len(parts)
        starts_s = [parent.start_s + place * length_s for place in range(len(parts) + 1)]
        edges_s = list(pairwise(starts_s))
    within = (parent.id, *parent.within)
    return {one.id: Annotation(*edges, one.text, one.id, within) for one, edges in zip(parts, edges_s, strict=True)}


def _in_order(parts: Sequence[_Reference]) -> Sequence[_Reference]:
    """Parts in the order of their chain; where it is broken, in the order of the file."""
    following = {one.previous: one for one in parts}
    ordered: list[_Reference] = []
    part = following.get(None)
    while part is not None and part not in ordered:
        ordered.append(part)
        part = following.get(part.id)
    return ordered if len(ordered) == len(parts) else parts


def _annotation_ids(tier: ET.Element) -> list[str]:
    return [
        one.get("ANNOTATION_ID", "") for one in tier.iter() if one.tag in ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION")
    ]


def _text(annotation: ET.Element) -> str:
    return written(annotation.findtext("ANNOTATION_VALUE"))
