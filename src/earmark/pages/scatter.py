"""A drawing of points with their names, to see whether two measures go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from earmark.pages import svg

SIDE, LEFT, TOP = 340, 48, 44  # px; a phone shows it almost in this size, so that names stay readable
ABOVE_TICKS = TOP + SIDE + 6  # px; below it stand the figures of the axis
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

Box = tuple[float, float, float, float]  # left, top, right, bottom, in px


def scatter(points: Sequence[tuple[str, float, float]], across: str, up: str) -> str:
    """Draw named points in a square from 0 to 100 %.

    A name stands beside its point where there is room for it; every point tells its own where it is pointed at.

    Parameters
    ----------
    points : sequence of (label, x, y)
        Fractions in [0, 1].
    across, up : str
        What the axes measure.

    Returns
    -------
    str
        An ``svg`` element that is a whole SVG file as well.
    """
    base = TOP + SIDE
    places = [(LEFT + SIDE * svg.unit(x), base - SIDE * svg.unit(y)) for _, x, y in points]
    parts = list(_axes(base))
    taken: list[Box] = [(x - 4, y - 4, x + 4, y + 4) for x, y in places]
    for (label, x, y), place in zip(points, places, strict=True):
        told = f"{label}: {across} {svg.percent(x)}, {up} {svg.percent(y)}"
        parts.append(
            f'<circle class="em-found em-dot" cx="{svg.number(place[0])}" cy="{svg.number(place[1])}" r="4">'
            f"<title>{svg.escape(told)}</title></circle>"
        )
        parts += _label(label, place, taken)
    parts.append(svg.pixels(across, LEFT + SIDE / 2, base + 34, "em-small em-soft em-middle"))
    parts.append(svg.pixels(up, 0, 14, "em-small em-soft"))
    told = "; ".join(f"{label} {svg.percent(x)} and {svg.percent(y)}" for label, x, y in points)
    label = f"{up} against {across}: {told or 'no points'}."
    return svg.drawing(LEFT + SIDE + 24, base + 44, label, "".join(parts), scaled=True)


def _axes(base: int) -> Iterator[str]:
    for tick in TICKS:
        x, y = LEFT + SIDE * tick, base - SIDE * tick
        yield f'<line class="em-thin" x1="{LEFT}" x2="{LEFT + SIDE}" y1="{svg.number(y)}" y2="{svg.number(y)}"/>'
        yield f'<line class="em-thin" x1="{svg.number(x)}" x2="{svg.number(x)}" y1="{TOP}" y2="{base}"/>'
        yield svg.pixels(f"{100 * tick:g} %", LEFT - 8, y + 4, "em-small em-soft em-end")
        yield svg.pixels(f"{100 * tick:g} %", x, base + 16, "em-small em-soft em-middle")


def _label(label: str, place: tuple[float, float], taken: list[Box]) -> list[str]:
    """The name of a point, where it touches neither a point nor another name; nothing where there is no such place."""
    x, y = place
    text = svg.shortened(label, 90)
    wide = svg.text_width(text)
    for anchor, text_x, text_y in (
        ("em-start", x + 7, y + 4),
        ("em-end", x - 7, y + 4),
        ("em-middle", x, y - 8),
        ("em-middle", x, y + 16),
    ):
        left = text_x - wide * {"em-start": 0.0, "em-middle": 0.5, "em-end": 1.0}[anchor]
        box = (left, text_y - 9, left + wide, text_y + 2)
        if (
            box[0] >= LEFT
            and box[2] <= LEFT + SIDE
            and box[3] <= ABOVE_TICKS
            and not any(_touch(box, other) for other in taken)
        ):
            taken.append(box)
            return [svg.pixels(text, text_x, text_y, f"em-small {anchor}")]
    return []


def _touch(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
