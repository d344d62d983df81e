"""Small documents of ELAN, Praat and FLEx, written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

# Of a tier: its attributes, and its annotations as (id, time or parent, text) with
# a pair of slots for a time, and (parent, previous or "") for what depends on one.
Row = tuple[str, tuple[str, str], str]


def eaf(
    slots: Mapping[str, int | None],
    tiers: Sequence[tuple[Mapping[str, str], Sequence[Row]]],
    media: Sequence[Mapping[str, str]] = (),
    constraints: Mapping[str, str] | None = None,
    units: str = "milliseconds",
) -> str:
    """An ELAN document; tiers with a PARENT_REF whose rows name no slots depend on others."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<ANNOTATION_DOCUMENT>",
        f'<HEADER TIME_UNITS="{units}">',
    ]
    lines += [f"<MEDIA_DESCRIPTOR {_attributes(medium)}/>" for medium in media]
    lines += ["</HEADER>", "<TIME_ORDER>"]
    for slot, value in slots.items():
        lines.append(f'<TIME_SLOT TIME_SLOT_ID="{slot}"' + ("/>" if value is None else f' TIME_VALUE="{value}"/>'))
    lines.append("</TIME_ORDER>")
    for attributes, rows in tiers:
        lines.append(f"<TIER {_attributes(attributes)}>")
        for name, (first, second), text in rows:
            if first in slots:
                start = f"ALIGNABLE_ANNOTATION ANNOTATION_ID={quoteattr(name)} TIME_SLOT_REF1='{first}'"
                start += f" TIME_SLOT_REF2='{second}'"
            else:
                start = f"REF_ANNOTATION ANNOTATION_ID={quoteattr(name)} ANNOTATION_REF='{first}'"
                start += f" PREVIOUS_ANNOTATION='{second}'" if second else ""
            value = f"<ANNOTATION_VALUE>{escape(text)}</ANNOTATION_VALUE>"
            lines.append(f"<ANNOTATION><{start}>{value}</{start.split()[0]}></ANNOTATION>")
        lines.append("</TIER>")
    for kind, constraint in (constraints or {}).items():
        lines.append(f'<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="{kind}" CONSTRAINTS="{constraint}"/>')
    return "\n".join([*lines, "</ANNOTATION_DOCUMENT>"])


def tier(name: str, kind: str = "default", parent: str = "", participant: str = "") -> dict[str, str]:
    """The attributes of a tier."""
    known = {"TIER_ID": name, "LINGUISTIC_TYPE_REF": kind, "PARENT_REF": parent, "PARTICIPANT": participant}
    return {key: value for key, value in known.items() if value}


def textgrid(end_s: float, tiers: Mapping[str, Sequence[tuple[float, float, str]]]) -> str:
    """A long TextGrid."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end_s}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", f"        xmax = {end_s}", f"        intervals: size = {len(intervals)}"]
        for place, (start_s, stop_s, text) in enumerate(intervals, start=1):
            lines += [f"        intervals [{place}]:", f"            xmin = {start_s}", f"            xmax = {stop_s}"]
            lines.append(f'            text = "{text}"')
    return "\n".join(lines) + "\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a document."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


def _attributes(attributes: Mapping[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
