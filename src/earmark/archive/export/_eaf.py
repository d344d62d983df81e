"""Earmark's own tiers in an ELAN document; all else in it stays.

An ``.eaf`` that is there is somebody's work, so elements are taken out and put in, and nothing is rewritten through a
model of the format that might lack a part of it. Earmark's own are the tiers of its linguistic type whose names begin
as its names do, and the properties that do. One that somebody has built upon (with a child tier, or a link) is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from earmark.archive.export._tiers import Tier
from earmark.core.errors import EarmarkError
from earmark.media.annotations.safe_xml import parse
from earmark.media.annotations.tiers import EXPORTED

TYPE = "earmark"  # the linguistic type of our tiers
LAST_ID = "lastUsedAnnotationId"  # the property in which ELAN counts the annotations it names


def read_eaf(path: Path) -> ET.Element:
    """The document in the file `path`, with its comments.

    Raises
    ------
    EarmarkError
        If it is no ELAN document, is damaged, or counts time in something else than milliseconds.
    """
    try:
        root = parse(path.read_bytes(), keep_comments=True)
        _require_document(root)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise EarmarkError(
            f"{path} can't be read as an ELAN document ({error}): repair it in ELAN, or export into another folder."
        ) from error
    return root


def put_tiers(root: ET.Element, tiers: Iterable[Tier]) -> None:
    """Add `tiers`, whose names no tier of the document has."""
    used = {value for element in root.iter() for value in element.attrib.values()}
    annotation, slot = _next("a", used), _next("ts", used)
    slots: list[ET.Element] = []
    elements = []
    for name, intervals in tiers:
        tier = ET.Element("TIER", {"LINGUISTIC_TYPE_REF": TYPE, "TIER_ID": name})
        for start_ms, end_ms, label in intervals:
            ends = [_slot(f"ts{slot + i}", time_ms) for i, time_ms in enumerate((start_ms, end_ms))]
            tier.append(_annotation(f"a{annotation}", ends, label))
            slots += ends
            annotation, slot = annotation + 1, slot + 2
        elements.append(tier)
    _put_slots(_the(root, "TIME_ORDER"), slots)
    _insert(root, elements, after=("LICENSE", "HEADER", "TIME_ORDER", "TIER"))
    if elements and _our_type(root) is None:
        known = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": TYPE, "TIME_ALIGNABLE": "true"}
        _insert(root, [ET.Element("LINGUISTIC_TYPE", known)], after=("TIER", "LINGUISTIC_TYPE"))
    _count_on(root, annotation - 1)


def own_tiers(root: ET.Element) -> list[ET.Element]:
    """The tiers that are Earmark's own."""
    tiers = root.findall("TIER")
    parents = {tier.get("PARENT_REF") for tier in tiers}
    linked = {
        annotation
        for element in root.iter()
        for reference in ("ANNOTATION_REF", "REF1", "REF2", "REFS")
        for annotation in element.get(reference, "").split()
    }

    def is_own(tier: ET.Element) -> bool:
        name = tier.get("TIER_ID", "")
        annotations = {annotation.get("ANNOTATION_ID") for annotation in tier.iter("ALIGNABLE_ANNOTATION")}
        made_here = tier.get("LINGUISTIC_TYPE_REF") == TYPE and name.startswith(EXPORTED)
        return made_here and name not in parents and not annotations & linked

    return [tier for tier in tiers if is_own(tier)]


def take_tiers_out(root: ET.Element) -> None:
    """Remove the tiers that are Earmark's own, with the times that nothing else names."""
    own = own_tiers(root)
    times = {time for tier in own for time in _times(tier)}
    for tier in own:
        root.remove(tier)
    times -= set(_times(root))
    order = _the(root, "TIME_ORDER")
    order[:] = [slot for slot in order if slot.get("TIME_SLOT_ID") not in times]


def put_properties(root: ET.Element, properties: Mapping[str, str]) -> None:
    """Put Earmark's properties into the header, instead of those of before; empty ones are left out."""
    header = _the(root, "HEADER")
    header[:] = [child for child in header if not _is_own_property(child)]
    for name, text in properties.items():
        if text:
            ET.SubElement(header, "PROPERTY", {"NAME": EXPORTED + name}).text = text


def tier_names(root: ET.Element) -> set[str]:
    """Names of all tiers."""
    return {tier.get("TIER_ID", "") for tier in root.findall("TIER")}


def to_bytes(root: ET.Element) -> bytes:
    """The document as a file, indented as ELAN does it."""
    ET.indent(root, " " * 4)
    # A carriage return within a text was written as a reference, or the parser would have made it a line feed.
    text = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _require_document(root: ET.Element) -> None:
    if root.tag != "ANNOTATION_DOCUMENT" or any(len(root.findall(tag)) != 1 for tag in ("HEADER", "TIME_ORDER")):
        raise ValueError("it has not the parts of one")
    units = _the(root, "HEADER").get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise ValueError(f"it counts time in {units}, and Earmark in milliseconds")
    for slot in _the(root, "TIME_ORDER").iter("TIME_SLOT"):
        int(slot.get("TIME_VALUE", "0"))
    kind = _our_type(root)
    if kind is not None and (kind.get("CONSTRAINTS") or kind.get("TIME_ALIGNABLE", "true") not in ("true", "1")):
        raise ValueError(f"its linguistic type {TYPE!r} has no times of its own")


def _the(root: ET.Element, tag: str) -> ET.Element:
    return root.findall(tag)[0]


def _our_type(root: ET.Element) -> ET.Element | None:
    return next((kind for kind in root.findall("LINGUISTIC_TYPE") if kind.get("LINGUISTIC_TYPE_ID") == TYPE), None)


def _is_own_property(child: ET.Element) -> bool:
    return child.tag == "PROPERTY" and child.get("NAME", "").startswith(EXPORTED)


def _next(letters: str, used: Iterable[str]) -> int:
    """The number after the highest that stands after `letters` in an identifier."""
    numbers = (re.fullmatch(rf"{letters}([0-9]{{1,15}})", identifier) for identifier in used)
    return 1 + max((int(number[1]) for number in numbers if number), default=0)


def _slot(identifier: str, time_ms: int) -> ET.Element:
    return ET.Element("TIME_SLOT", {"TIME_SLOT_ID": identifier, "TIME_VALUE": str(time_ms)})


def _annotation(identifier: str, ends: list[ET.Element], label: str) -> ET.Element:
    annotation = ET.Element("ANNOTATION")
    times = {f"TIME_SLOT_REF{i}": end.get("TIME_SLOT_ID", "") for i, end in enumerate(ends, start=1)}
    alignable = ET.SubElement(annotation, "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": identifier, **times})
    ET.SubElement(alignable, "ANNOTATION_VALUE").text = label
    return annotation


def _times(part: ET.Element) -> Iterator[str]:
    """Identifiers of the times that annotations in a part of the document name."""
    for annotation in part.iter("ALIGNABLE_ANNOTATION"):
        yield annotation.get("TIME_SLOT_REF1", "")
        yield annotation.get("TIME_SLOT_REF2", "")


def _put_slots(order: ET.Element, slots: list[ET.Element]) -> None:
    """Put times where they belong, for one without a value lies between those it stands between."""
    waiting = sorted(slots, key=_time_ms, reverse=True)
    merged = []
    for slot in order:
        if slot.get("TIME_VALUE") is not None:
            while waiting and _time_ms(waiting[-1]) < _time_ms(slot):
                merged.append(waiting.pop())
        merged.append(slot)
    order[:] = [*merged, *reversed(waiting)]


def _time_ms(slot: ET.Element) -> int:
    return int(slot.get("TIME_VALUE", "0"))


def _insert(root: ET.Element, elements: list[ET.Element], after: tuple[str, ...]) -> None:
    place = 1 + max(i for i, child in enumerate(root) if child.tag in after)
    root[place:place] = elements


def _count_on(root: ET.Element, number: int) -> None:
    """Let ELAN's own count of annotations go on after ours, or it would give their names away again."""
    for child in _the(root, "HEADER").findall("PROPERTY"):
        text = (child.text or "").strip()
        if child.get("NAME") == LAST_ID and re.fullmatch("[0-9]{1,15}", text) and int(text) < number:
            child.text = str(number)
