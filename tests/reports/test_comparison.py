"""Tables beside what was published, and points in a square."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from earmark.reports.plots import LEFT, SIDE, TOP, scatter
from earmark.reports.reproduction import Entry, Pair, Table, to_markdown

SVG = "{http://www.w3.org/2000/svg}"


def test_a_table_in_markdown() -> None:
    rows = [(("1", "A|B"), [Entry(Pair(0.4987), Pair(0.573)), Entry(Pair(None, 0.389))])]
    assert to_markdown(Table("T", ("", "who", "x", "y"), rows, ("A note.",))).splitlines() == [
        "### T",
        "",
        "|  | who | x | y |",
        "| --- | --- | ---: | ---: |",
        "| 1 | A\\|B | 49.9 / 57.3 | – (38.9) |",
        "",
        "- A note.",
    ]


def test_a_figure_that_is_undefined_is_a_dash() -> None:
    assert str(Entry(Pair(float("nan"), float("nan")), Pair(None))) == "– (–) / –"


def test_points_stand_where_they_belong() -> None:
    root = ElementTree.fromstring(scatter([("dog", 0.25, 0.75), ("ọmọ", 1.0, 0.0)], "tags", "F1"))
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in root.iter(SVG + "circle")]
    assert dots == [(LEFT + SIDE / 4, TOP + SIDE / 4), (LEFT + SIDE, TOP + SIDE)]
    label = [title.text for title in root.iter(SVG + "title")]
    assert label == ["dog: tags 25 %, F1 75 %", "ọmọ: tags 100 %, F1 0 %"]
    assert {"dog", "ọmọ", "tags", "F1"} <= {text.text for text in root.iter(SVG + "text")}
    assert "dog 25 % and 75 %" in root.get("aria-label", "")


def boxes(root: ElementTree.Element, names: set[str]) -> list[tuple[float, float, float, float]]:
    """Where the names stand: 6.6 px a letter, 11 px high."""
    found = []
    for text in root.iter(SVG + "text"):
        if text.text in names:
            wide = 6.6 * len(text.text)
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("class", "").rsplit("em-", 1)[1]]
            left, base = float(text.get("x", "")) - shift * wide, float(text.get("y", ""))
            found.append((left, base - 9, left + wide, base + 2))
    return found


@pytest.mark.parametrize("count", [1, 12, 67])
def test_names_never_touch(count: int) -> None:
    points = [(f"word{i}", (i * 37 % 67) / 67, (i * 53 % 67) / 67) for i in range(count)]
    root = ElementTree.fromstring(scatter(points, "x", "y"))
    placed = boxes(root, {name for name, _, _ in points})
    assert len(placed) >= 0.8 * count
    for i, one in enumerate(placed):
        for other in placed[:i]:
            assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


def test_names_leave_the_figures_of_the_axis_readable() -> None:
    points = [(f"word{i}", i / 20, 0.0) for i in range(20)]
    placed = boxes(ElementTree.fromstring(scatter(points, "x", "y")), {name for name, _, _ in points})
    assert placed
    assert all(bottom < TOP + SIDE + 16 - 8 for _, _, _, bottom in placed)  # the axis's figures are 8 px high


def test_points_in_a_crowd_have_no_names() -> None:
    root = ElementTree.fromstring(scatter([(f"word{i}", 0.5, 0.5) for i in range(20)], "x", "y"))
    assert len(list(root.iter(SVG + "circle"))) == 20
    assert len(boxes(root, {f"word{i}" for i in range(20)})) < 20
