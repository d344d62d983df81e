"""What a valid EAF 3.0 or 2.8 is, said again in Python, and what ELAN wants beyond its schema: an oracle for tests."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
MANY = (0, None)
NAME = r"[^\W\d][\w.\-\u00b7]*"  # NCName, nearly: no colon, no digit first
REF, LINK = {"EXT_REF": "idrefs", "LANG_REF": "string"}, {"REF_LINK_NAME": "string", "REF_TYPE": "string"}
ANNOTATION = {"ANNOTATION_ID!": "id", **REF, "CVE_REF": "string"}

# element: (children in their order with how many, attributes with their type; ! where required)
RULES: dict[str, tuple[list[tuple[str, tuple[int, int | None]]], dict[str, str]]] = {
    "ANNOTATION_DOCUMENT": (
        [
            ("LICENSE", MANY),
            ("HEADER", (1, 1)),
            ("TIME_ORDER", (1, 1)),
            ("TIER", MANY),
            ("LINGUISTIC_TYPE", MANY),
            ("LOCALE", MANY),
            ("LANGUAGE", MANY),
            ("CONSTRAINT", MANY),
            ("CONTROLLED_VOCABULARY", MANY),
            ("LEXICON_REF", MANY),
            ("REF_LINK_SET", MANY),
            ("EXTERNAL_REF", MANY),
        ],
        {
            "DATE!": "dateTime",
            "AUTHOR!": "string",
            "VERSION!": "string",
            "FORMAT": "string",
            f"{XSI}noNamespaceSchemaLocation": "string",
        },
    ),
    "LICENSE": ([], {"LICENSE_URL": "uri"}),
    "HEADER": (
        [("MEDIA_DESCRIPTOR", MANY), ("LINKED_FILE_DESCRIPTOR", MANY), ("PROPERTY", MANY)],
        {"MEDIA_FILE": "string", "TIME_UNITS": "units"},
    ),
    "MEDIA_DESCRIPTOR": (
        [],
        {
            "MEDIA_URL!": "uri",
            "RELATIVE_MEDIA_URL": "uri",
            "MIME_TYPE!": "string",
            "TIME_ORIGIN": "integer",
            "EXTRACTED_FROM": "uri",
        },
    ),
    "LINKED_FILE_DESCRIPTOR": (
        [],
        {
            "LINK_URL!": "uri",
            "RELATIVE_LINK_URL": "uri",
            "MIME_TYPE!": "string",
            "TIME_ORIGIN": "integer",
            "ASSOCIATED_WITH": "uri",
        },
    ),
    "PROPERTY": ([], {"NAME": "string"}),
    "TIME_ORDER": ([("TIME_SLOT", MANY)], {}),
    "TIME_SLOT": ([], {"TIME_SLOT_ID!": "id", "TIME_VALUE": "natural"}),
    "TIER": (
        [("ANNOTATION", MANY)],
        {
            "TIER_ID!": "string",
            "PARTICIPANT": "string",
            "ANNOTATOR": "string",
            "LINGUISTIC_TYPE_REF!": "string",
            "DEFAULT_LOCALE": "idrefs",
            "PARENT_REF": "string",
            **REF,
        },
    ),
    "ANNOTATION": ([("ALIGNABLE_ANNOTATION", (0, 1)), ("REF_ANNOTATION", (0, 1))], {}),
    "ALIGNABLE_ANNOTATION": (
        [("ANNOTATION_VALUE", (1, 1))],
        {**ANNOTATION, "TIME_SLOT_REF1!": "idrefs", "TIME_SLOT_REF2!": "idrefs", "SVG_REF": "string"},
    ),
    "REF_ANNOTATION": (
        [("ANNOTATION_VALUE", (1, 1))],
        {**ANNOTATION, "ANNOTATION_REF!": "idrefs", "PREVIOUS_ANNOTATION": "idrefs"},
    ),
    "ANNOTATION_VALUE": ([], {}),
    "LINGUISTIC_TYPE": (
        [],
        {
            "LINGUISTIC_TYPE_ID!": "string",
            "TIME_ALIGNABLE": "boolean",
            "CONSTRAINTS": "idrefs",
            "GRAPHIC_REFERENCES": "boolean",
            "CONTROLLED_VOCABULARY_REF": "string",
            "EXT_REF": "idrefs",
            "LEXICON_REF": "idrefs",
        },
    ),
    "LOCALE": ([], {"LANGUAGE_CODE!": "id", "COUNTRY_CODE": "string", "VARIANT": "string"}),
    "LANGUAGE": ([], {"LANG_ID!": "string", "LANG_DEF": "string", "LANG_LABEL": "string"}),
    "CONSTRAINT": ([], {"STEREOTYPE!": "id", "DESCRIPTION": "string"}),
    "CONTROLLED_VOCABULARY": (
        [("DESCRIPTION", MANY), ("CV_ENTRY_ML", MANY)],
        {"CV_ID!": "string", "EXT_REF": "idrefs"},
    ),
    "DESCRIPTION": ([], {"LANG_REF!": "string"}),
    "CV_ENTRY_ML": ([("CVE_VALUE", (1, None))], {"CVE_ID!": "string", "EXT_REF": "idrefs"}),
    "CVE_VALUE": ([], {"LANG_REF!": "string", "DESCRIPTION": "string"}),
    "LEXICON_REF": (
        [],
        {
            "LEX_REF_ID!": "id",
            **{f"{name}!": "string" for name in ("NAME", "TYPE", "URL", "LEXICON_ID", "LEXICON_NAME")},
            "DATCAT_ID": "string",
            "DATCAT_NAME": "string",
        },
    ),
    "REF_LINK_SET": (
        [("CROSS_REF_LINK", MANY), ("GROUP_REF_LINK", MANY)],
        {"LINK_SET_ID!": "id", "LINK_SET_NAME": "string", **REF, "CV_REF": "string"},
    ),
    "CROSS_REF_LINK": (
        [],
        {
            "REF_LINK_ID!": "id",
            **LINK,
            "REF1!": "idrefs",
            "REF2!": "idrefs",
            "DIRECTIONALITY": "string",
            **REF,
            "CVE_REF": "string",
        },
    ),
    "GROUP_REF_LINK": ([], {"REF_LINK_ID!": "id", **LINK, "REFS!": "idrefs", **REF, "CVE_REF": "string"}),
    "EXTERNAL_REF": ([], {"EXT_REF_ID!": "id", "TYPE!": "reference", "VALUE!": "string"}),
}
WITH_TEXT = {"LICENSE", "PROPERTY", "ANNOTATION_VALUE", "DESCRIPTION", "CVE_VALUE"}
FORMS = {
    "id": NAME,
    "idrefs": rf"{NAME}( {NAME})*",
    "integer": r"-?\d+",
    "natural": r"\d+",
    "boolean": "true|false|0|1",
    "units": "milliseconds|NTSC-frames|PAL-frames",
    "reference": "iso12620|ecv|cve_id|lexen_id|resource_url",
    "uri": r"([^%#]|%[0-9a-fA-F]{2})*",
    "string": r"[^\x00]*",
}
KEYS = {  # attribute that names: (element, attribute named)
    "PARENT_REF": ("TIER", "TIER_ID"),
    "LINGUISTIC_TYPE_REF": ("LINGUISTIC_TYPE", "LINGUISTIC_TYPE_ID"),
    "CONTROLLED_VOCABULARY_REF": ("CONTROLLED_VOCABULARY", "CV_ID"),
    "LANG_REF": ("LANGUAGE", "LANG_ID"),
}


def faults(document: bytes | str) -> list[str]:
    """All that is wrong with a document."""
    root = ET.fromstring(document)
    if root.tag != "ANNOTATION_DOCUMENT":
        return [f"the root is {root.tag}"]
    found = [fault for element in root.iter() for fault in _element(element)]
    return found or [*_identifiers(root), *_keys(root), *_times(root)] or [*_annotations(root)]


def _element(element: ET.Element) -> Iterator[str]:
    if element.tag not in RULES:
        yield f"{element.tag} is unknown"
        return
    children, attributes = RULES[element.tag]
    tags = [child.tag for child in element]
    order = [tag for tag, _ in children]
    if any(tag not in order for tag in tags):
        yield f"{element.tag} holds {sorted(set(tags) - set(order))}"
    elif tags != sorted(tags, key=order.index):
        yield f"{element.tag} holds its children in the order {list(dict.fromkeys(tags))}"
    for tag, (least, most) in children:
        if tags.count(tag) < least or (most is not None and tags.count(tag) > most):
            yield f"{element.tag} holds {tags.count(tag)} {tag}"
    if element.tag == "ANNOTATION" and len(tags) != 1:
        yield "an ANNOTATION holds not one annotation"
    if element.tag not in WITH_TEXT and (element.text or "").strip():
        yield f"{element.tag} holds text"
    if (element.tail or "").strip():
        yield f"there is text after {element.tag}"
    types = {name.rstrip("!"): kind for name, kind in attributes.items()}
    for name in attributes:
        if name.endswith("!") and name[:-1] not in element.attrib:
            yield f"{element.tag} lacks {name[:-1]}"
    for name, value in element.attrib.items():
        if name not in types:
            yield f"{element.tag} has {name}"
        elif types[name] == "dateTime":
            yield from _date(value)
        elif not re.fullmatch(FORMS[types[name]], value, re.DOTALL):
            yield f"{name} of {element.tag} is {value!r}"


def _date(value: str) -> Iterator[str]:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        yield f"DATE is {value!r}"
    if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value):
        yield f"DATE is {value!r}"


def _of_kind(element: ET.Element, kind: str) -> Iterator[tuple[str, str]]:
    for name, value in element.attrib.items():
        types = RULES[element.tag][1]
        if kind in (types.get(name), types.get(f"{name}!")):
            yield name, value


def _identifiers(root: ET.Element) -> Iterator[str]:
    given = Counter(value for element in root.iter() for _, value in _of_kind(element, "id"))
    yield from (f"{value} is given {times} times" for value, times in given.items() if times > 1)
    for element in root.iter():
        for name, value in _of_kind(element, "idrefs"):
            yield from (f"{name} names {one}, which is not there" for one in value.split() if one not in given)


def _keys(root: ET.Element) -> Iterator[str]:
    for reference, (tag, key) in KEYS.items():
        names = Counter(element.get(key) for element in root.iter(tag))
        yield from (f"{key} {name} is given twice" for name, times in names.items() if times > 1)
        for element in root.iter():
            if reference in element.attrib and element.get(reference) not in names:
                yield f"{reference} names {element.get(reference)!r}, which is not there"


def _times(root: ET.Element) -> Iterator[str]:
    values = [int(slot.get("TIME_VALUE", "0")) for slot in root.iter("TIME_SLOT") if "TIME_VALUE" in slot.attrib]
    if values != sorted(values):
        yield "the times are not in order"
    named = {value for annotation in root.iter() for _, value in _of_kind(annotation, "idrefs")}
    for slot in root.iter("TIME_SLOT"):
        if slot.get("TIME_SLOT_ID") not in named:
            yield f"nothing names the time {slot.get('TIME_SLOT_ID')}"


def _annotations(root: ET.Element) -> Iterator[str]:
    """What ELAN wants of a tier: annotations with length and without overlap."""
    order = {slot.get("TIME_SLOT_ID"): i for i, slot in enumerate(root.iter("TIME_SLOT"))}
    times = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    kinds = {kind.get("LINGUISTIC_TYPE_ID"): kind for kind in root.iter("LINGUISTIC_TYPE")}
    for tier in root.iter("TIER"):
        kind = kinds[tier.get("LINGUISTIC_TYPE_REF")]
        tags = {annotation.tag for annotation in tier.iterfind("ANNOTATION/*")}
        expected = {"ALIGNABLE_ANNOTATION" if kind.get("TIME_ALIGNABLE") == "true" else "REF_ANNOTATION"}
        if not tags <= expected or (kind.get("CONSTRAINTS") is None) != (tier.get("PARENT_REF") is None):
            yield f"tier {tier.get('TIER_ID')} is not of its type"
        spans = []
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            ends = [annotation.get(f"TIME_SLOT_REF{i}") for i in (1, 2)]
            if order[ends[0]] >= order[ends[1]]:
                yield f"{annotation.get('ANNOTATION_ID')} ends before it begins"
            if all(times[end] is not None for end in ends):
                spans.append(tuple(int(times[end] or 0) for end in ends))
        for start, end in spans:
            if start >= end:
                yield f"an annotation of {tier.get('TIER_ID')} lasts {end - start} ms"
        ordered = sorted(spans)
        if any(a[1] > b[0] for a, b in itertools.pairwise(ordered)):
            yield f"annotations of {tier.get('TIER_ID')} overlap"
