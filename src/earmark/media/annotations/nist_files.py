"""NIST's files of spoken term detection: what was found, what is spoken, which terms and which sound.

- KWSLIST (OpenKWS) and STDLIST (STD 2006): detections, by term;
- KWLIST and TERMLIST: terms with their texts;
- ECF: the excerpts of sound that are searched;
- RTTM: what is spoken when, of which the LEXEME lines are read.

Both generations of the two lists hold the same under other names. Times are in seconds from the start of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.vocabulary import read_text
from earmark.media.annotations.safe_xml import parse


@dataclass(frozen=True)
class Detection:
    """A moment where a system found a term.

    Attributes
    ----------
    term : str
        Its id.
    file, channel : str
    start_s, duration_s : float
    score : float
        The higher, the surer.
    decision : bool
        The system's own yes.
    """

    term: str
    file: str
    channel: str
    start_s: float
    duration_s: float
    score: float
    decision: bool


@dataclass(frozen=True)
class Excerpt:
    """A stretch of sound that is searched."""

    file: str
    channel: str
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class Lexeme:
    """A spoken word; the speaker is "" where none is named."""

    file: str
    channel: str
    start_s: float
    duration_s: float
    word: str
    speaker: str = ""


class ListForm(NamedTuple):
    """The names that a generation of NIST's lists has for the same."""

    root: str
    terms_file: str
    of_term: str
    term_id: str
    hit: str
    of_list: Mapping[str, str]
    of_terms: Mapping[str, str]


KWSLIST = ListForm(
    *("kwslist", "kwlist_filename", "detected_kwlist", "kwid", "kw"),
    of_list={},
    of_terms={"search_time": "0", "oov_count": "0"},
)
STDLIST = ListForm(
    *("stdlist", "termlist_filename", "detected_termlist", "termid", "term"),
    of_list={"indexing_time": "0", "index_size": "0"},
    of_terms={"term_search_time": "0", "oov_term_count": "0"},
)
TERM_LISTS = {"kwlist": ("kw", "kwid", "kwtext"), "termlist": ("term", "termid", "termtext")}


def read_detections(path: Path) -> list[Detection]:
    """The detections of a KWSLIST or STDLIST.

    Raises
    ------
    EarmarkError
        If the file is missing, damaged or of another kind, or a detection lacks something.
    """
    forms = {form.root: form for form in (KWSLIST, STDLIST)}
    root = _root(path, forms)
    form = forms[root.tag]
    return [
        Detection(
            term=_text(of_term, form.term_id, path),
            file=_text(hit, "file", path),
            channel=_text(hit, "channel", path),
            start_s=_number(hit, "tbeg", path),
            duration_s=_number(hit, "dur", path),
            score=_number(hit, "score", path),
            decision=_text(hit, "decision", path).upper() == "YES",
        )
        for of_term in root.iter(form.of_term)
        for hit in of_term.iter(form.hit)
    ]


def write_detections(
    path: Path, detections: Iterable[Detection], terms_file: str, language: str = "", form: ListForm = KWSLIST
) -> None:
    """Write a KWSLIST or STDLIST; the terms are in the order of their ids, and of each, the best-scored come first."""
    root = ET.Element(
        form.root, {form.terms_file: terms_file, "language": language, "system_id": "Earmark", **form.of_list}
    )
    for term, found in groupby(sorted(detections, key=lambda one: (one.term, -one.score)), attrgetter("term")):
        of_term = ET.SubElement(root, form.of_term, {form.term_id: term, **form.of_terms})
        for one in found:
            attributes = {"file": one.file, "channel": one.channel, **_times(one.start_s, one.duration_s)}
            decision = "YES" if one.decision else "NO"
            ET.SubElement(of_term, form.hit, {**attributes, "score": repr(float(one.score)), "decision": decision})
    _write_xml(path, root)


def read_terms(path: Path) -> dict[str, str]:
    """Texts of terms by their ids, from a KWLIST or TERMLIST.

    Raises
    ------
    EarmarkError
        If the file is missing, damaged or of another kind, or a term has no text or is there twice.
    """
    root = _root(path, TERM_LISTS)
    element, term_id, text = TERM_LISTS[root.tag]
    terms: dict[str, str] = {}
    for term in root.iter(element):
        name = _text(term, term_id, path)
        if name in terms:
            raise EarmarkError(f"{path} has the term {name} twice: leave one out.")
        terms[name] = (term.findtext(text) or "").strip()
        if not terms[name]:
            raise EarmarkError(f"{path} has no text for the term {name}: give it one in <{text}>.")
    return terms


def write_terms(path: Path, terms: Mapping[str, str], excerpts_file: str, language: str = "") -> None:
    """Write a KWLIST of texts by ids."""
    version = {"version": "1", "encoding": "UTF-8", "compareNormalize": "lowercase"}
    root = ET.Element("kwlist", {"ecf_filename": excerpts_file, "language": language, **version})
    for term, text in terms.items():
        ET.SubElement(ET.SubElement(root, "kw", {"kwid": term}), "kwtext").text = text
    _write_xml(path, root)


def read_excerpts(path: Path) -> list[Excerpt]:
    """The excerpts of an ECF.

    Raises
    ------
    EarmarkError
        If the file is missing, damaged or of another kind, or an excerpt lacks something.
    """
    return [
        Excerpt(
            file=_text(excerpt, "audio_filename", path),
            channel=_text(excerpt, "channel", path),
            start_s=_number(excerpt, "tbeg", path),
            duration_s=_number(excerpt, "dur", path),
        )
        for excerpt in _root(path, ("ecf",)).iter("excerpt")
    ]


def write_excerpts(path: Path, excerpts: Sequence[Excerpt], language: str = "") -> None:
    """Write an ECF."""
    total = _seconds(sum(excerpt.duration_s for excerpt in excerpts))
    root = ET.Element("ecf", {"source_signal_duration": total, "language": language, "version": "1"})
    for one in excerpts:
        attributes = {"audio_filename": one.file, "channel": one.channel, **_times(one.start_s, one.duration_s)}
        ET.SubElement(root, "excerpt", {**attributes, "language": language, "source_type": "splitcts"})
    _write_xml(path, root)


def read_rttm(path: Path) -> list[Lexeme]:
    """The spoken words of an RTTM, in its own order: all LEXEME lines, filled pauses and fragments as well.

    Raises
    ------
    EarmarkError
        If the file is missing or is no text, or a LEXEME line is not in order.
    """
    lexemes = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        fields = line.split()
        if not fields or fields[0].upper() != "LEXEME":
            continue
        try:
            _, file, channel, start, duration, word, _, speaker, *_ = fields
            start_s, duration_s = float(start), float(duration)
        except ValueError:
            raise EarmarkError(
                f"{path} line {number} is no LEXEME line: it needs file, channel, start, duration, word, subtype and "
                "speaker, in this order, with blanks between them."
            ) from None
        lexemes.append(Lexeme(file, channel, start_s, duration_s, word, "" if speaker == "<NA>" else speaker))
    return lexemes


def write_rttm(path: Path, lexemes: Iterable[Lexeme]) -> None:
    """Write an RTTM of LEXEME lines.

    Raises
    ------
    EarmarkError
        If a file, word or speaker is empty or has blanks in it, which part the fields.
    """
    lines = []
    for one in lexemes:
        for name in (one.file, one.channel, one.word, one.speaker or "<NA>"):
            if len(name.split()) != 1:
                raise EarmarkError(f"An RTTM can't hold the name {name!r}, because blanks part its fields: rename it.")
        times = " ".join(map(_seconds, (one.start_s, one.duration_s)))
        lines.append(f"LEXEME {one.file} {one.channel} {times} {one.word} lex {one.speaker or '<NA>'} <NA>\n")
    write_text(path, "".join(lines))


def _root(path: Path, tags: Iterable[str]) -> ET.Element:
    wanted = " or ".join(f"<{tag}>" for tag in tags)
    try:
        root = parse(path.read_bytes())
    except FileNotFoundError:
        raise EarmarkError(f"There is no file {path}: check its name.") from None
    except (ET.ParseError, ValueError, LookupError, OSError) as error:
        raise EarmarkError(f"{path} can't be read as XML ({error}): make it again.") from error
    if root.tag not in tags:
        raise EarmarkError(f"{path} begins with <{root.tag}>, not with {wanted}: name another file.")
    return root


def _text(element: ET.Element, name: str, path: Path) -> str:
    value = element.get(name, "").strip()
    if not value:
        raise EarmarkError(f"{path} has a <{element.tag}> without {name}: add it to {_shown(element)}.")
    return value


def _number(element: ET.Element, name: str, path: Path) -> float:
    value = _text(element, name, path)
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise EarmarkError(f"{path} has {name}={value!r} where a number is needed: mend {_shown(element)}.")
    return number


def _shown(element: ET.Element) -> str:
    return f"<{' '.join([element.tag, *(f'{name}={value!r}' for name, value in element.items())])}>"


def _times(start_s: float, duration_s: float) -> dict[str, str]:
    return {"tbeg": _seconds(start_s), "dur": _seconds(duration_s)}


def _seconds(value_s: float) -> str:
    return f"{value_s:.6f}"


def _write_xml(path: Path, root: ET.Element) -> None:
    ET.indent(root)
    write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n')
