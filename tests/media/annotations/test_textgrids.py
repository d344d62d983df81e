"""TextGrids as Praat reads them; pympi writes some of them."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from pympi.Praat import TextGrid

from earmark.core.errors import EarmarkError
from earmark.media.annotations.textgrids import read_textgrid
from support.annotated import textgrid

INTERVALS = [(0.0, 0.5, ""), (0.5, 1.25, 'he said "mbwa"'), (1.25, 2.0, "ọmọ!")]
LONG = textgrid(2.0, {"tx@A": [(start_s, end_s, text.replace('"', '""')) for start_s, end_s, text in INTERVALS]})
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
2
<exists>
2
"TextTier"
"points"
0
2
1
1.5
"here"
"IntervalTier"
"tx@A"
0 2
3
0 0.5 ""
0.5 1.25 "he said ""mbwa\"""
1.25 2 "ọmọ!"
"""
CHRONOLOGICAL = """"Praat chronological TextGrid text file"
0 2   ! Time domain.
2   ! Number of tiers.
"IntervalTier" "tx@A" 0 2
"TextTier" "points" 0 2
1 0 0.5
""
1 0.5 1.25
"he said ""mbwa\"""
2 1 "here"
1 1.25 2
"ọmọ!"
"""


def read(path: Path, content: str | bytes) -> list[tuple[float, float, str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (tier,) = read_textgrid(path)
    assert (tier.name, tier.participant) == ("tx@A", "A")
    return [(one.start_s, one.end_s, one.text) for one in tier.annotations]


@pytest.mark.parametrize("form", [LONG, SHORT, CHRONOLOGICAL], ids=["long", "short", "chronological"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "utf-8", "utf-16-le", "utf-16-be"])
def test_text_files(tmp_path: Path, form: str, line_end: str, mark: str) -> None:
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    content = marks.get(mark, b"") + form.replace("\n", line_end).encode(mark or "utf-8")
    assert read(tmp_path / "a.TextGrid", content) == INTERVALS[1:]


@pytest.mark.parametrize("mode", ["normal", "short", "binary"])
def test_what_pympi_writes(tmp_path: Path, mode: str) -> None:
    grid = TextGrid(xmax=2.0)
    tier = grid.add_tier("tx@A")
    for start_s, end_s, text in INTERVALS[1:2]:
        tier.add_interval(start_s, end_s, text)
    grid.to_file(str(tmp_path / "b.TextGrid"), mode=mode)
    assert read(tmp_path / "a.TextGrid", (tmp_path / "b.TextGrid").read_bytes()) == INTERVALS[1:2]


@pytest.mark.parametrize("start", ["5.551115123125783e-17", "0.0 ! from the start", "+0", "-0.0"])
def test_numbers_as_praat_writes_them(tmp_path: Path, start: str) -> None:
    content = LONG.replace("xmin = 0.5", f"xmin = {start}")
    (first, *_) = read(tmp_path / "a.TextGrid", content)
    assert first == (pytest.approx(0, abs=1e-16), 1.25, 'he said "mbwa"')


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "ends too early"),
        (LONG[:400], "ends too early"),
        (LONG.replace("xmin = 0.5", "xmin = 0,5"), r"before line 22 a number is missing"),
        (LONG.replace("IntervalTier", "Tier"), "a tier of the kind 'Tier'"),
        (LONG.replace("TextGrid", "Collection"), "of another kind"),
        (LONG.replace("ọ", "ö").encode("latin-1"), "utf-8"),
        (CHRONOLOGICAL + "9 0 1", "list index"),
        (b"ooBinaryFile\x08TextGrid" + bytes(20) + b"\1" + bytes(9), "unpack|ord|Tiertype"),
    ],
)
def test_damaged_files_are_one_sentence(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(EarmarkError, match=problem):
        read(tmp_path / "a.TextGrid", content)
