"""NIST's files: there and back, what other tools write, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earmark.core.errors import EarmarkError
from earmark.media.annotations.nist_files import (
    KWSLIST,
    STDLIST,
    Detection,
    Excerpt,
    Lexeme,
    read_detections,
    read_excerpts,
    read_rttm,
    read_terms,
    write_detections,
    write_excerpts,
    write_rttm,
    write_terms,
)

NAMES = st.text(st.characters(categories=("L", "M", "N", "P", "S")), min_size=1, max_size=8)
TIMES = st.integers(0, 10**9).map(lambda microseconds: microseconds / 1e6)
SCORES = st.floats(allow_nan=False, allow_infinity=False)
AGAIN = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@AGAIN
@given(
    st.lists(st.builds(Detection, NAMES, NAMES, st.just("1"), TIMES, TIMES, SCORES, st.booleans()), max_size=6),
    st.sampled_from([KWSLIST, STDLIST]),
)
def test_detections_come_back(tmp_path, detections, form):
    write_detections(tmp_path / "list.xml", detections, "kwlist.xml", "yor", form)
    again = read_detections(tmp_path / "list.xml")
    assert sorted(again, key=repr) == sorted(detections, key=repr)
    assert again == sorted(again, key=lambda one: (one.term, -one.score))


@AGAIN
@given(st.dictionaries(NAMES, NAMES, max_size=5))
def test_terms_come_back(tmp_path, terms):
    write_terms(tmp_path / "kwlist.xml", terms, "ecf.xml")
    assert read_terms(tmp_path / "kwlist.xml") == terms


@AGAIN
@given(st.lists(st.builds(Excerpt, NAMES, st.sampled_from(["1", "2"]), TIMES, TIMES), max_size=5))
def test_excerpts_come_back(tmp_path, excerpts):
    write_excerpts(tmp_path / "ecf.xml", excerpts)
    assert read_excerpts(tmp_path / "ecf.xml") == excerpts


@AGAIN
@given(st.lists(st.builds(Lexeme, NAMES, st.just("1"), TIMES, TIMES, NAMES, st.just("") | NAMES), max_size=6))
def test_lexemes_come_back(tmp_path, lexemes):
    write_rttm(tmp_path / "a.rttm", lexemes)
    assert read_rttm(tmp_path / "a.rttm") == lexemes


def test_lists_of_other_tools(tmp_path: Path) -> None:
    written = tmp_path / "system.xml"
    written.write_text(
        '\ufeff<stdlist termlist_filename="t.xml" indexing_time="1.0" language="multiple" index_size="1" '
        'system_id="dtw">\n<detected_termlist termid="q1" term_search_time="2.0" oov_term_count="1">\n'
        '<term file="utt_01" channel="1" tbeg="0" dur="4.36" score="-3.5" decision="no"/>\n</detected_termlist>\n'
        '<detected_termlist termid="q2" term_search_time="2.0" oov_term_count="1"></detected_termlist></stdlist>',
        encoding="utf-8",
    )
    assert read_detections(written) == [Detection("q1", "utt_01", "1", 0.0, 4.36, -3.5, False)]
    terms = tmp_path / "t.xml"
    terms.write_text(
        '<termlist ecf_filename="e.xml"><term termid="q1"><termtext> ọmọ ilé </termtext></term></termlist>', "utf-8"
    )
    assert read_terms(terms) == {"q1": "ọmọ ilé"}
    rttm = tmp_path / "r.rttm"
    rttm.write_text(
        "\ufeff;; a comment\nSPEAKER f 1 0 9 <NA> <NA> ann <NA>\nLEXEME f 1 0.5 0.25 Ọmọ lex ann 0.9 <NA>\n"
        "LEXEME f 1 0.8 0.1 um fp ann 0.9\n\nLEXEME f 1 1 0.5 ilé lex <NA> <NA>\n",
        "utf-8",
    )
    assert read_rttm(rttm) == [
        Lexeme("f", "1", 0.5, 0.25, "Ọmọ", "ann"),
        Lexeme("f", "1", 0.8, 0.1, "um", "ann"),
        Lexeme("f", "1", 1.0, 0.5, "ilé"),
    ]


DETECTION = (
    '<kwslist><detected_kwlist kwid="a"><kw file="f" channel="1" tbeg="{}" dur="1" score="{}"{}/>'
    "</detected_kwlist></kwslist>"
)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("<kwslist", "can't be read as XML"),
        ('<!DOCTYPE kwslist [<!ENTITY a "b">]><kwslist/>', "declares a document type"),
        ("<kwlist/>", "begins with <kwlist>, not with <kwslist> or <stdlist>: name another file."),
        (DETECTION.format(1, 0.5, ""), "has a <kw> without decision: add it to <kw file='f' "),
        (DETECTION.format("x", 0.5, ' decision="YES"'), "has tbeg='x' where a number is needed: mend <kw "),
        (DETECTION.format(1, "nan", ' decision="YES"'), "has score='nan' where a number is needed"),
    ],
)
def test_a_damaged_list_is_refused(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "list.xml").write_text(content, "utf-8")
    with pytest.raises(EarmarkError) as error:
        read_detections(tmp_path / "list.xml")
    assert sentence in str(error.value)


def test_other_files_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no file .*: check its name"):
        read_excerpts(tmp_path / "none.xml")
    twice = tmp_path / "t.xml"
    twice.write_text('<kwlist><kw kwid="a"><kwtext>b</kwtext></kw><kw kwid="a"><kwtext>c</kwtext></kw></kwlist>')
    with pytest.raises(EarmarkError, match="has the term a twice"):
        read_terms(twice)
    twice.write_text('<kwlist><kw kwid="a"/></kwlist>')
    with pytest.raises(EarmarkError, match="no text for the term a: give it one in <kwtext>"):
        read_terms(twice)
    rttm = tmp_path / "a.rttm"
    for line in ("LEXEME f 1 0.5", "LEXEME f 1 0.5 x dog lex ann <NA>"):
        rttm.write_text(f"\n{line}\n")
        with pytest.raises(EarmarkError, match="line 2 is no LEXEME line"):
            read_rttm(rttm)
    with pytest.raises(EarmarkError, match="can't hold the name 'fire truck'"):
        write_rttm(rttm, [Lexeme("f", "1", 0, 1, "fire truck")])
