"""Praat: grids that Praat itself and pympi read as they were meant."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pympi.Praat import TextGrid

from earmark.archive.export import praat
from support.exports import collection, marked, recording

PRAAT = shutil.which("praat")
# Says each tier's name, and start, end and label of each of its intervals, one a line, into a file.
SCRIPT = r"""form Grid
    text grid
    text told
endform
Read from file: grid$
total = Get total duration
tiers = Get number of tiers
writeFileLine: told$, "total", tab$, fixed$ (total, 6)
for t to tiers
    name$ = Get tier name: t
    intervals = Get number of intervals: t
    appendFileLine: told$, "tier", tab$, name$
    for i to intervals
        start = Get start time of interval: t, i
        end = Get end time of interval: t, i
        label$ = Get label of interval: t, i
        appendFileLine: told$, fixed$ (start, 6), tab$, fixed$ (end, 6), tab$, label$
    endfor
endfor
"""


def export(folder: Path, *hits, name: str = "a.wav", **about) -> Path:
    return praat.write(collection(recording(Path("/sounds") / name, *hits, **about)), folder)[0]


def spoken_to_praat(path: Path, folder: Path) -> list[list[str]]:
    """What Praat says of a grid, when it is run without a window."""
    if PRAAT is None:
        pytest.skip("needs Praat (Debian's package praat)")
    (folder / "tell.praat").write_text(SCRIPT, encoding="utf-8")
    command = [PRAAT, "--run", "--utf8", str(folder / "tell.praat"), str(path), str(folder / "told.txt")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    content = (folder / "told.txt").read_bytes()
    text = content.decode("utf-16" if content[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8")
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.external
@pytest.mark.parametrize("name", ["a.wav", "ọmọ ilé (1).wav", "語り.wav"])
def test_praat_reads_what_was_written(tmp_path, name):
    hits = (
        marked("ọ̀mọ", 0.0, 0.5),
        marked('a "dog"', 1.25, 2.0, None),
        marked('a "dog"', 2.0, 3.001, "related"),
        marked('a "dog"', 1.5, 2.5),
        marked("omi", 11.0, 12.4),
        marked("never", 4, 5, "no"),
    )
    path = export(tmp_path / "out", *hits, name=name, duration_s=12.3456)
    assert path.name == Path(name).with_suffix(".TextGrid").name
    assert spoken_to_praat(path, tmp_path) == [
        ["total", "12.345600"],
        ["tier", 'earmark: a "dog"'],
        ["0", "1.250000", ""],
        ["1.250000", "2.000000", 'a "dog"?'],
        ["2.000000", "3.001000", 'a "dog" (related)'],
        ["3.001000", "12.345600", ""],
        ["tier", 'earmark: a "dog" (2)'],
        ["0", "1.500000", ""],
        ["1.500000", "2.500000", 'a "dog"'],
        ["2.500000", "12.345600", ""],
        ["tier", "earmark: omi"],
        ["0", "11.000000", ""],
        ["11.000000", "12.345000", "omi"],
        ["12.345000", "12.345600", ""],
        ["tier", "earmark: ọ̀mọ"],
        ["0", "0.500000", "ọ̀mọ"],
        ["0.500000", "12.345600", ""],
    ]


@pytest.mark.external
def test_praat_reads_long_grids(tmp_path):
    path = export(tmp_path, *(marked("dog", i, i + 0.5) for i in range(3000)), duration_s=10_000.0)
    lines = spoken_to_praat(path, tmp_path)
    assert len(lines) == 2 + 6000
    assert lines[-1] == ["2999.500000", "10000.000000", ""]


def test_channels_have_tiers_of_their_own(tmp_path):
    path = export(tmp_path, marked("dog", 1, 2, channel=2), marked("dog", 1, 2), channels=2)
    assert [tier.name for tier in TextGrid(str(path)).get_tiers()] == [
        "earmark: dog, channel 1",
        "earmark: dog, channel 2",
    ]


spans = st.lists(st.tuples(st.floats(0, 12), st.floats(0, 4), st.sampled_from("ab")), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(spans=spans, duration_s=st.floats(0.0004, 14))
def test_intervals_cover_the_recording_without_gaps(tmp_path_factory, spans, duration_s):
    hits = [marked(query, start_s, start_s + length_s) for start_s, length_s, query in spans]
    path = export(tmp_path_factory.mktemp("out"), *hits, duration_s=duration_s)
    grid = TextGrid(str(path))
    labels = []
    for tier in grid.get_tiers():
        intervals = [(float(start), float(end), label) for start, end, label in tier.intervals]
        assert intervals[0][0] == grid.xmin == tier.xmin == 0
        assert intervals[-1][1] == grid.xmax == tier.xmax == pytest.approx(max(duration_s, 0.001), abs=1e-6)
        assert all(start < end for start, end, _ in intervals)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(intervals))
        labels += [label for *_, label in intervals if label]
    assert sorted(labels) == sorted(query for *_, query in spans)  # none is lost
