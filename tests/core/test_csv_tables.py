"""Tables as spreadsheets save them; tests/corpora/test_table.py has what is wrong with a table's rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from earmark.core.csv_tables import Problems, read_table


def rows_of(tmp_path: Path, text: str, encoding: str = "utf-8") -> list[tuple[int, str, str]]:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    problems = Problems()
    table = read_table(path, ("audio",), ("text",), problems)
    problems.stop()
    return [(row.number, row.get("audio"), row.get("text")) for row in table.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("trailing", ["", ";", ";;"])
def test_any_spreadsheet(tmp_path: Path, delimiter: str, encoding: str, line_end: str, trailing: str) -> None:
    text = io.StringIO()
    rows = [("Audio", "Text"), ("a, b.wav", '1,5; "x"\ty'), ("ọ.wav", "two\nlines")]
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(rows)
    tail = trailing.replace(";", delimiter)
    whole = text.getvalue().replace(f'"Text"{line_end}', f'"Text"{tail}{line_end}')
    assert rows_of(tmp_path, whole, encoding) == [(2, *rows[1]), (3, *rows[2])]


@pytest.mark.parametrize("cell", ["a, b.wav", "a; b.wav", "a.wav", '"a, b; c.wav"'])
def test_one_column_with_delimiters_in_its_cells(tmp_path: Path, cell: str) -> None:
    assert rows_of(tmp_path, f"audio\n{cell}\n") == [(2, cell.strip('"'), "")]


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_a_first_line_that_states_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    text = f"sep={delimiter}\r\naudio{delimiter}text\r\na.wav{delimiter}x\r\n"
    assert rows_of(tmp_path, text) == [(3, "a.wav", "x")]


def test_blank_rows_before_the_header(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "\n;;\naudio;text;a,b,c,d\n\na.wav;x;1\n") == [(5, "a.wav", "x")]


def test_a_delimiter_that_gives_the_wanted_columns(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "audio;text;a,b,c,d\na.wav;x;1\n") == [(2, "a.wav", "x")]
