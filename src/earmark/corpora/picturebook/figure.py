"""What a figure of a drawing is: a function that draws it on a canvas; and how it stands in water."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from earmark.corpora.picturebook.canvas import Canvas, Colour, light

Figure = Callable[[Canvas, "Appearance", Random], None]


@dataclass(frozen=True)
class Appearance:
    """What is the same for all of a group: colour, action, and the water that they may be in."""

    colour: Colour
    action: str
    water: Colour


def in_water(figure: Figure, level: float, reach: float) -> Figure:
    """A figure of which only the upper part shows when it swims."""

    def afloat(pen: Canvas, appearance: Appearance, rng: Random) -> None:
        figure(pen, appearance, rng)
        if appearance.action == "swimming":
            ripples(pen, appearance.water, level, reach, depth=0.6)

    return afloat


def ripples(pen: Canvas, water: Colour, level: float, reach: float, depth: float) -> None:
    """The water's surface in front of what is in it."""
    crest = [(-reach + 2 * reach * step / 12, level + (0.05 if step % 2 else 0.0)) for step in range(13)]
    flat = Canvas(pen.canvas, pen.style, pen.rng, pen.origin, pen.unit)
    pixels = [*crest, (reach, level - depth), (-reach, level - depth)]
    flat.canvas.polygon(flat._pixels(pixels), fill=water)
    flat.line(crest, 0.035, light(water, 0.55))
