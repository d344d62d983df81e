"""A canvas: shapes in a figure's own coordinates, in the style and colours of one picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import cos, pi, radians, sin
from random import Random

from PIL import ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]

INK: Colour = (35, 32, 40)
PAPER: Colour = (248, 247, 243)


@dataclass(frozen=True)
class Style:
    """How a picture is drawn.

    Attributes
    ----------
    outline : float
        Width of outlines in pixels; 0 for none.
    inked : bool
        Outlines in dark ink, or else in a darker shade of the shape's own colour.
    pale : float
        How far fillings are washed out, from 0 to 1.
    wobble : float
        How far the hand trembles, in pixels.
    """

    outline: float
    inked: bool
    pale: float
    wobble: float


def sample_style(rng: Random) -> Style:
    """Cut paper, ink, crayon or sketch."""
    return rng.choice(
        (
            Style(outline=0, inked=False, pale=0, wobble=0),
            Style(outline=rng.uniform(2, 3.5), inked=True, pale=0, wobble=0.4),
            Style(outline=rng.uniform(2, 4), inked=False, pale=0, wobble=1.6),
            Style(outline=rng.uniform(3, 5), inked=False, pale=0.35, wobble=0.8),
        )
    )


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share of the `other` in it."""
    return (
        round(one[0] + (other[0] - one[0]) * share),
        round(one[1] + (other[1] - one[1]) * share),
        round(one[2] + (other[2] - one[2]) * share),
    )


def dark(colour: Colour, share: float = 0.35) -> Colour:
    """A darker shade."""
    return mix(colour, (0, 0, 0), share)


def light(colour: Colour, share: float = 0.4) -> Colour:
    """A lighter shade."""
    return mix(colour, (255, 255, 255), share)


def arc(centre: Point, radii: Point, start: float = 0, stop: float = 360, turn: float = 0) -> list[Point]:
    """Points along an ellipse, anticlockwise from `start` to `stop` degrees, turned by `turn` degrees."""
    steps = max(4, round(abs(stop - start) / 20))
    c, s = cos(radians(turn)), sin(radians(turn))
    points = []
    for step in range(steps + 1):
        angle = radians(start + (stop - start) * step / steps)
        x, y = radii[0] * cos(angle), radii[1] * sin(angle)
        points.append((centre[0] + c * x - s * y, centre[1] + s * x + c * y))
    return points


def curve(start: Point, bend: Point, end: Point, steps: int = 6) -> list[Point]:
    """Points along a quadratic curve that is drawn towards `bend`."""
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * bend[0] + t * t * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * bend[1] + t * t * end[1],
        )
        for t in (step / steps for step in range(steps + 1))
    ]


@dataclass(frozen=True)
class Canvas:
    """Draws in the coordinates of one figure: x to the right, y up, the origin where it stands.

    Attributes
    ----------
    canvas : ImageDraw.ImageDraw
        What is drawn on.
    style : Style
        Of the whole picture.
    rng : Random
        The trembling of the hand.
    origin : (float, float)
        Of the figure, in pixels.
    unit : float
        Pixels for 1 of the figure's units.
    flip : bool
        Whether left and right are swapped.
    turn : float
        Degrees by which the figure is turned about its origin, anticlockwise (before the flip).
    """

    canvas: ImageDraw.ImageDraw
    style: Style
    rng: Random
    origin: Point = (0.0, 0.0)
    unit: float = 1.0
    flip: bool = False
    turn: float = 0.0

    def at(self, x: float, y: float, turn: float = 0) -> Canvas:
        """The same pen with its origin moved to (x, y) and its axes turned."""
        return replace(self, origin=self._pixel((x, y)), turn=self.turn + turn)

    def shape(self, points: Sequence[Point], colour: Colour) -> None:
        """A filled polygon, with the style's outline."""
        pixels = self._pixels(points)
        style = self.style
        self.canvas.polygon(pixels, fill=light(colour, style.pale * _brightness(colour)))
        if style.outline:
            self._trace([*pixels, pixels[0]], INK if style.inked else dark(colour, 0.3), style.outline)
        elif _brightness(colour) > 0.85:
            self._trace([*pixels, pixels[0]], dark(colour, 0.3), 1.5)  # white on white would not be seen

    def oval(self, centre: Point, radii: Point, colour: Colour, turn: float = 0) -> None:
        """A filled ellipse, with the style's outline."""
        self.shape(arc(centre, radii, turn=turn)[:-1], colour)

    def box(self, left: float, bottom: float, right: float, top: float, colour: Colour) -> None:
        """A filled rectangle, with the style's outline."""
        self.shape([(left, bottom), (right, bottom), (right, top), (left, top)], colour)

    def limb(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A thick line with round ends, with the style's outline: a leg, an arm, a tail."""
        pixels, thick = self._pixels(points), width * self.unit
        if self.style.outline:
            outline = INK if self.style.inked else dark(colour, 0.3)
            self._trace(pixels, outline, thick + 0.8 * self.style.outline)
        elif _brightness(colour) > 0.85:
            self._trace(pixels, dark(colour, 0.3), thick + 2)
        self._trace(pixels, colour, thick)

    def line(self, points: Sequence[Point], width: float, colour: Colour = INK) -> None:
        """A line without outline, at least a pixel wide."""
        self._trace(self._pixels(points), colour, max(2.0, width * self.unit))

    def dot(self, centre: Point, radius: float, colour: Colour = INK) -> None:
        """A small disc without outline, at least two pixels wide."""
        (x, y), r = self._pixel(centre), max(2.0, radius * self.unit)
        self.canvas.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def _trace(self, pixels: list[Point], colour: Colour, width: float) -> None:
        self.canvas.line(pixels, fill=colour, width=max(1, round(width)), joint="curve")
        if width >= 4:
            r = width / 2 - 0.5
            for x, y in (pixels[0], pixels[-1]):
                self.canvas.ellipse((x - r, y - r, x + r, y + r), fill=colour)

    def _pixels(self, points: Iterable[Point]) -> list[Point]:
        wobble = self.style.wobble
        if not wobble:
            return [self._pixel(point) for point in points]
        return [
            (x + self.rng.uniform(-wobble, wobble), y + self.rng.uniform(-wobble, wobble))
            for x, y in map(self._pixel, points)
        ]

    def _pixel(self, point: Point) -> Point:
        angle = self.turn * pi / 180
        x = cos(angle) * point[0] - sin(angle) * point[1]
        y = sin(angle) * point[0] + cos(angle) * point[1]
        return self.origin[0] + (-x if self.flip else x) * self.unit, self.origin[1] - y * self.unit


def _brightness(colour: Colour) -> float:
    return min(colour) / 255 * 0.5 + max(colour) / 255 * 0.5
