"""Draw a scene: the background, then figures on the ground and in the air, the farthest first.

It also gives the box of each keyword that the caption names (:func:`crops`), for image queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from colorsys import hsv_to_rgb
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw

from earmark.core.types import Box
from earmark.corpora.picturebook.background import Background
from earmark.corpora.picturebook.canvas import Canvas, Colour, sample_style
from earmark.corpora.picturebook.figure import Appearance
from earmark.corpora.picturebook.scenes import KEYWORDS, Group, Scene
from earmark.corpora.picturebook.shapes import FIGURES

SIZE = 128  # pixels a side
FINER = 2  # drawn so many times larger, then averaged down

# Height (of the picture) and width (of the height) of each kind.
EXTENT = {
    "dog": (0.48, 1.3),
    "cat": (0.46, 1.2),
    "horse": (0.58, 1.4),
    "bird": (0.36, 1.3),
    "fish": (0.32, 1.6),
    "boy": (0.52, 0.75),
    "girl": (0.52, 0.75),
    "ball": (0.3, 1.0),
    "car": (0.3, 2.1),
    "boat": (0.44, 1.35),
    "house": (0.46, 1.2),
    "tree": (0.52, 0.8),
    "balloon": (0.42, 0.65),
    "flowers": (0.36, 1.3),
}
CROWDED = 1.45  # how far a row may be wider than the picture before its figures are drawn smaller
SMALLEST = 0.22  # height of the picture, for anybody to tell what it is
LYING = 1.6  # how much wider a sleeper is than the same one standing
FAR_BACK = ("house", "tree")  # these stand far back

# Hue, saturation and brightness of each colour name: from, to.
COLOUR_RANGES = {
    "red": ((-0.02, 0.015), (0.8, 0.95), (0.84, 0.97)),
    "blue": ((0.59, 0.64), (0.65, 0.9), (0.65, 0.92)),
    "green": ((0.31, 0.39), (0.55, 0.85), (0.45, 0.68)),
    "yellow": ((0.135, 0.16), (0.7, 0.92), (0.92, 1.0)),
    "black": ((0.0, 1.0), (0.0, 0.15), (0.1, 0.19)),
    "white": ((0.0, 1.0), (0.0, 0.03), (0.94, 1.0)),
    "brown": ((0.06, 0.085), (0.55, 0.75), (0.45, 0.62)),
}


@dataclass(frozen=True)
class Placed:
    """One figure in the picture: where its feet are, and how tall it is, in pixels of the finer canvas."""

    group: Group
    x: float
    y: float
    height: float
    flip: bool


@dataclass(frozen=True)
class Drawing:
    """A picture of a scene.

    Attributes
    ----------
    image : PIL.Image.Image
        RGB, `SIZE` by `SIZE` pixels.
    boxes : dict of Group to Box
        Left, top, right and bottom of what was drawn of each group, in pixels of the image.
    """

    image: Image.Image
    boxes: dict[Group, Box]


def draw_scene(scene: Scene, rng: Random) -> Drawing:
    """Draw a scene."""
    side = SIZE * FINER
    image = Image.new("RGB", (side, side))
    style = sample_style(rng)
    page = Canvas(ImageDraw.Draw(image), style, rng)
    backdrop = Background(scene.place, scene.sky, page, side, rng)
    backdrop.paint()
    appearances = {
        group: Appearance(sample_colour(group.colour, rng), group.action, backdrop.water) for group in scene.groups
    }
    boxes: dict[Group, Box] = {}
    for placed in _place(scene, backdrop, rng):
        appearance = appearances[placed.group]
        if _on_ground(placed.group) and scene.place != "water":
            _shadow(placed, page, backdrop.ground)
        pen = Canvas(page.canvas, style, rng, (placed.x, placed.y), placed.height, placed.flip)
        before = image.copy()
        FIGURES[placed.group.kind](pen, appearance, rng)
        if drawn := ImageChops.difference(before, image).getbbox():
            boxes[placed.group] = _around(drawn, boxes.get(placed.group, drawn))
    backdrop.paint_weather()
    return Drawing(image.reduce(FINER), {group: _reduced(box) for group, box in boxes.items()})


def _around(one: Box, other: Box) -> Box:
    """The smallest box around two."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _reduced(box: Box) -> Box:
    """A box of the finer canvas as one of the picture, with every pixel that has a part in it."""
    left, top, right, bottom = box
    return left // FINER, top // FINER, -(-right // FINER), -(-bottom // FINER)


def sample_colour(name: str, rng: Random) -> Colour:
    """A colour that people would call by this name."""
    hue, saturation, brightness = (rng.uniform(*span) for span in COLOUR_RANGES[name])
    red, green, blue = (round(255 * part) for part in hsv_to_rgb(hue % 1, saturation, brightness))
    return red, green, blue


def _place(scene: Scene, backdrop: Background, rng: Random) -> list[Placed]:
    """Put every figure somewhere, side by side as far as there is room, and sort them from far to near."""
    aloft = [group for group in scene.groups if group.is_airborne]
    below = [group for group in scene.groups if not group.is_airborne]
    placed = _row(aloft, backdrop, rng) + _row(below, backdrop, rng)
    return sorted(placed, key=lambda one: (not one.group.is_airborne, one.y))


def _row(groups: list[Group], backdrop: Background, rng: Random) -> list[Placed]:
    """Share the width of the picture among the figures of a row, each group together."""
    side = backdrop.size
    heights = {group: _height(group, rng) * side for group in groups}
    figures = [group for group in rng.sample(groups, len(groups)) for _ in range(group.count)]
    widths = [heights[group] * _width(group) for group in figures]
    room = side * 0.97
    # Where there are many they are drawn smaller, and after that they overlap.
    shrink = min(1.0, CROWDED * room / max(sum(widths), 1.0))
    closer = min(1.0, room / max(shrink * sum(widths), 1.0))
    gap = max(0.0, room - shrink * sum(widths)) / (len(figures) + 1)
    flips = {group: rng.random() < 0.5 for group in groups}
    placed, left = [], side * 0.015
    for group, width in zip(figures, widths, strict=True):
        left += gap
        x = left + shrink * closer * width / 2 + rng.uniform(-0.45, 0.45) * gap
        left += shrink * closer * width
        height = heights[group] * shrink * rng.uniform(0.93, 1.07)
        flip = flips[group] if rng.random() < 0.8 else not flips[group]
        placed.append(Placed(group, x, _feet(group, height, backdrop, rng), height, flip))
    return placed


def _height(group: Group, rng: Random) -> float:
    height = EXTENT[group.kind][0] * group.size * rng.uniform(0.92, 1.15)
    if group.count > 1:
        height *= 0.8
    tallest = 0.46 if group.action == "jumping" else 0.64  # a jump needs room above
    return min(max(height, SMALLEST), tallest)


def _width(group: Group) -> float:
    width = EXTENT[group.kind][1]
    return LYING if group.kind in ("boy", "girl") and group.action == "sleeping" else width


def _feet(group: Group, height: float, backdrop: Background, rng: Random) -> float:
    """How far down the picture a figure stands, floats or flies."""
    side, horizon = backdrop.size, backdrop.horizon
    if group.is_airborne:
        top = side * rng.uniform(0.02, 0.12)
        return top + height
    if group.kind == "boat" and backdrop.place == "beach":
        return horizon + side * rng.uniform(0.04, 0.09)
    if group.kind in FAR_BACK:
        return horizon + side * rng.uniform(0.06, 0.16)
    if group.kind == "fish":
        return max(horizon + height * 1.05, side * rng.uniform(0.7, 0.95))
    jump = 0.3 * height if group.action == "jumping" else 0.0
    return max(horizon + side * 0.16, side * rng.uniform(0.8, 0.95)) + min(jump, side * 0.02)


def _on_ground(group: Group) -> bool:
    return not group.is_airborne and group.kind not in ("boat", "fish")


def _shadow(placed: Placed, page: Canvas, ground: Colour) -> None:
    half = placed.height * _width(placed.group) * 0.4
    if placed.group.action == "jumping":
        half *= 0.7
    dim = tuple(round(part * 0.8) for part in ground)
    page.canvas.ellipse((placed.x - half, placed.y - half * 0.14, placed.x + half, placed.y + half * 0.2), fill=dim)


MARGIN = 3  # pixels around the figures


def crops(scene: Scene, words: Sequence[str], boxes: Mapping[Group, Box]) -> dict[str, Box | None]:
    """The part of a picture that shows each keyword that its caption says; None for the whole picture.

    What a thing is, its colour and what it does are shown by the first group that is so, for a scene is about its first
    group; the place and the weather by the whole picture. A keyword whose figures can't be seen is left out.

    Parameters
    ----------
    scene : Scene
    words : sequence of str
        Of the caption.
    boxes : mapping of Group to Box
        Where in the picture each group is.
    """
    spoken = [keyword for keyword in KEYWORDS if keyword in words and keyword in scene.keywords()]
    visible: dict[str, Box | None] = {}
    for keyword in spoken:
        group = next((one for one in scene.groups if keyword in (one.noun, one.colour, one.action)), None)
        if group is None:
            visible[keyword] = None
        elif group in boxes:
            visible[keyword] = _widened(boxes[group])
    return visible


def _widened(box: Box) -> Box:
    left, top, right, bottom = box
    return max(0, left - MARGIN), max(0, top - MARGIN), min(SIZE, right + MARGIN), min(SIZE, bottom + MARGIN)
