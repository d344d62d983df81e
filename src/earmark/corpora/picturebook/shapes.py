"""How things are drawn, about one unit tall and facing right; and all figures, by name."""

from __future__ import annotations

from random import Random

from earmark.corpora.picturebook.canvas import PAPER, Canvas, Colour, arc, curve, dark, light, mix
from earmark.corpora.picturebook.creatures import bird, boy, cat, dog, fish, girl, horse
from earmark.corpora.picturebook.figure import Appearance, Figure, ripples

WOOD: Colour = (112, 76, 46)
GLASS: Colour = (206, 230, 240)


def ball(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A ball: striped, dotted or in gores."""
    pen = pen.at(0, 0.5, rng.uniform(0, 360))
    pen.oval((0, 0), (0.5, 0.5), appearance.colour)
    pattern, pale = rng.randrange(3), light(appearance.colour, 0.8)
    if pattern == 0:
        pen.shape([*arc((0, 0), (0.48, 0.48), -18, 18), *arc((0, 0), (0.48, 0.48), 162, 198)], pale)
    elif pattern == 1:
        for start in (0, 120, 240):
            pen.shape([(0, 0), *arc((0, 0), (0.47, 0.47), start, start + 45)], pale)
    else:
        for x, y in ((0, 0), (0.28, 0.1), (-0.25, 0.18), (0.05, -0.3), (-0.2, -0.18), (0.08, 0.32)):
            pen.dot((x, y), 0.07, pale)
    pen.at(0, 0, -pen.turn).dot((-0.2, 0.22), 0.06, light(appearance.colour, 0.6))


def car(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A car with a roof of some shape."""
    colour, back, roof = appearance.colour, rng.uniform(-0.75, -0.4), rng.uniform(0.72, 0.92)
    pen.shape([(back, 0.45), (back + 0.18, roof), (0.2, roof), (0.5, 0.45)], colour)
    pen.shape([(-1.0, 0.16), (1.0, 0.16), (1.0, 0.38), (0.85, 0.5), (-0.95, 0.52), (-1.0, 0.4)], colour)
    middle = (back + 0.35) / 2
    pen.shape(
        [(back + 0.12, 0.5), (back + 0.23, roof - 0.08), (middle - 0.03, roof - 0.08), (middle - 0.03, 0.5)], GLASS
    )
    pen.shape([(middle + 0.03, 0.5), (middle + 0.03, roof - 0.08), (0.17, roof - 0.08), (0.38, 0.5)], GLASS)
    for x in (-0.58, 0.58):
        pen.oval((x, 0.16), (0.2, 0.2), (40, 40, 46))
        pen.dot((x, 0.16), 0.09, (190, 190, 196))
    pen.dot((0.94, 0.36), 0.06, (250, 226, 120))


def boat(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A sailing boat, or one with a cabin."""
    colour = appearance.colour
    pen = pen.at(0, 0, rng.uniform(-7, 7))
    if rng.random() < 0.6:
        pen.limb([(0, 0.2), (0, 1.05)], 0.04, WOOD)
        sail = rng.choice((PAPER, PAPER, colour, light(colour, 0.3)))
        pen.shape([(0.05, 0.36), (0.05, 1.0), (rng.uniform(0.4, 0.58), 0.36)], sail)
        if rng.random() < 0.6:
            pen.shape([(-0.05, 0.36), (-0.05, 0.85), (-0.4, 0.36)], sail)
    else:
        pen.box(-0.34, 0.3, 0.22, 0.6, PAPER)
        pen.box(-0.12, 0.55, 0.06, 0.86, colour)
        for x in (-0.22, -0.02, 0.14):
            pen.dot((x, 0.46), 0.05, (90, 130, 170))
    pen.shape([(-0.62, 0.34), (0.72, 0.34), (0.5, 0.0), (-0.45, 0.0)], colour)
    pen.line([(-0.56, 0.24), (0.64, 0.24)], 0.05, light(colour, 0.6))
    ripples(pen, appearance.water, 0.08, 0.7, depth=0.14)


def house(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A house with painted walls and a roof of some other colour."""
    half, eaves = rng.uniform(0.38, 0.56), rng.uniform(0.5, 0.6)
    roof = rng.choice(((122, 72, 54), (92, 88, 96), (148, 98, 66)))
    if rng.random() < 0.6:
        pen.box(half * 0.4, eaves, half * 0.4 + 0.13, 0.98, (150, 90, 76))
    pen.box(-half, 0, half, eaves, appearance.colour)
    flat = rng.choice((0.0, 0.0, 0.3))
    pen.shape([(-half - 0.1, eaves), (half + 0.1, eaves), (half * flat, 1.0), (-half * flat, 1.0)], roof)
    door = rng.choice((-half * 0.5, 0.0, half * 0.5))
    pen.box(door - 0.09, 0, door + 0.09, 0.32, dark(WOOD, 0.1))
    for x in (-half * 0.55, 0.0, half * 0.55):
        if abs(x - door) > 0.15:
            pen.box(x - 0.075, 0.22, x + 0.075, 0.4, (250, 236, 160))


def tree(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A leafy tree, a fir, or a round one."""
    colour, shape = appearance.colour, rng.randrange(3)
    pen.limb([(0, 0.02), (rng.uniform(-0.03, 0.03), 0.5)], rng.uniform(0.09, 0.14), WOOD)
    if shape == 0:
        for x, y, r in ((-0.2, 0.6, 0.2), (0.2, 0.58, 0.2), (0.0, 0.55, 0.2), (-0.02, 0.78, 0.23)):
            pen.oval((x + rng.uniform(-0.03, 0.03), y), (r, r * 0.92), mix(colour, dark(colour), rng.uniform(0, 0.35)))
    elif shape == 1:
        for bottom, half in ((0.25, 0.34), (0.47, 0.27), (0.68, 0.2)):
            pen.shape([(-half, bottom), (half, bottom), (0, bottom + 0.36)], dark(colour, 0.15))
    else:
        pen.oval((0, 0.66), (rng.uniform(0.26, 0.36), 0.35), colour)
        for _ in range(rng.randint(0, 5)):
            pen.dot((rng.uniform(-0.16, 0.16), rng.uniform(0.5, 0.84)), 0.035, dark(colour, 0.3))


def balloon(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A balloon on its string."""
    colour, sway = appearance.colour, rng.uniform(-0.14, 0.14)
    pen.line(curve((0, 0.4), (sway, 0.2), (-sway, 0.0)), 0.025, (110, 100, 100))
    pen.shape([(0, 0.42), (-0.06, 0.34), (0.06, 0.34)], dark(colour, 0.15))
    pen.oval((0, 0.7), (rng.uniform(0.24, 0.28), 0.3), colour)
    pen.oval((-0.1, 0.8), (0.045, 0.08), light(colour, 0.65), turn=-24)


def flowers(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A bunch of flowers that grow together."""
    centre = (250, 206, 70) if appearance.colour[0] < 225 or appearance.colour[1] < 150 else (150, 90, 40)
    count, round_petals = rng.randint(3, 5), rng.random() < 0.6
    for index in range(count):
        x = (index - (count - 1) / 2) * 0.32 + rng.uniform(-0.05, 0.05)
        y = rng.uniform(0.55, 0.88)
        pen.line(curve((x * 0.6, 0), (x * 0.7, y * 0.5), (x, y)), 0.05, (60, 130, 60))
        pen.oval((x * 0.75 + 0.07, y * 0.4), (0.1, 0.04), (76, 150, 70), turn=35)
        blossom = pen.at(x, y, rng.uniform(0, 72))
        for petal in range(5):
            around = blossom.at(0, 0, 72 * petal)
            if round_petals:
                around.oval((0.1, 0), (0.09, 0.075), appearance.colour)
            else:
                around.shape([(0, -0.08), (0.12, -0.07), (0.24, 0), (0.12, 0.07), (0, 0.08)], appearance.colour)
        blossom.dot((0, 0), 0.055, centre)


FIGURES: dict[str, Figure] = {
    "dog": dog,
    "cat": cat,
    "horse": horse,
    "bird": bird,
    "fish": fish,
    "boy": boy,
    "girl": girl,
    "ball": ball,
    "car": car,
    "boat": boat,
    "house": house,
    "tree": tree,
    "balloon": balloon,
    "flowers": flowers,
}
