"""How animals and children are drawn, about one unit tall and facing right, in many poses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from earmark.corpora.picturebook.canvas import INK, PAPER, Canvas, Colour, Point, arc, curve, dark, light, mix
from earmark.corpora.picturebook.figure import Appearance, Figure, in_water

SKIN: tuple[Colour, ...] = ((250, 214, 186), (226, 176, 138), (176, 120, 82), (112, 74, 52))
HAIR: tuple[Colour, ...] = ((58, 38, 26), (30, 26, 28), (150, 96, 44), (222, 184, 96))


@dataclass(frozen=True)
class BodyShape:
    """The proportions of a four-legged animal."""

    belly: float  # height of the middle of the body
    body: Point  # radii
    head: Point  # middle, standing
    skull: Point  # radii
    leg: float  # width


DOG = BodyShape(belly=0.48, body=(0.4, 0.18), head=(0.44, 0.8), skull=(0.22, 0.19), leg=0.12)
CAT = BodyShape(belly=0.4, body=(0.36, 0.16), head=(0.38, 0.7), skull=(0.27, 0.23), leg=0.085)
HORSE = BodyShape(belly=0.6, body=(0.36, 0.15), head=(0.6, 0.98), skull=(0.15, 0.08), leg=0.075)

# Degrees by which each leg swings forward from hanging: two hind legs, two front legs.
SWING = {
    "standing": (-4, 6, -5, 5),
    "running": (-58, -30, 34, 62),
    "jumping": (-70, -52, 48, 72),
    "swimming": (-30, 10, -10, 30),
}


def _beast(build: BodyShape, head: Figure, tail: Callable[[Canvas, Colour, str, Random], None]) -> Figure:
    """A four-legged animal with its own head and tail."""

    def figure(pen: Canvas, appearance: Appearance, rng: Random) -> None:
        if appearance.action == "sleeping":
            _lying(pen, build, head, tail, appearance, rng)
        elif appearance.action == "sitting":
            _sitting(pen, build, head, tail, appearance, rng)
        else:
            lift = {"jumping": 0.42, "running": 0.06}.get(appearance.action, 0.0)
            if appearance.action == "running":
                _dust(pen.at(-0.62, 0.05), rng)
            tilt = {"jumping": rng.uniform(14, 26), "running": rng.uniform(-6, 6)}.get(appearance.action, 0.0)
            _on_legs(pen.at(0, lift, tilt), build, head, tail, appearance, rng)

    return figure


def _coat(pen: Canvas, build: BodyShape, colour: Colour, rng: Random) -> None:
    """A body about the origin: with stripes for a cat, a patch for many a dog."""
    rx, ry = build.body
    pen.oval((0, 0), build.body, colour)
    marked = light(colour, 0.4) if sum(colour) < 200 else dark(colour, 0.3)
    if build is CAT:
        for x in (-0.2, -0.06, 0.08):
            pen.line([(x, ry * 0.85), (x - 0.03, rng.uniform(-0.04, 0.02))], 0.045, marked)
    elif build is DOG and rng.random() < 0.5:
        pen.oval((rng.uniform(-0.2, 0.1), 0.04), (rx * 0.3, ry * 0.55), marked)


def _on_legs(
    pen: Canvas,
    build: BodyShape,
    head: Figure,
    tail: Callable[[Canvas, Colour, str, Random], None],
    appearance: Appearance,
    rng: Random,
) -> None:
    rx, ry = build.body
    tail(pen.at(-rx * 0.9, build.belly + ry * 0.3), appearance.colour, appearance.action, rng)
    hips = (-rx * 0.72, -rx * 0.5, rx * 0.5, rx * 0.72)
    swings = [swing + rng.uniform(-6, 6) for swing in SWING[appearance.action]]
    for near in (False, True):  # the far legs are behind the body, and darker
        for hip, swing in list(zip(hips, swings, strict=True))[near::2]:
            leg = pen.at(hip, build.belly, swing)
            colour = appearance.colour if near else dark(appearance.colour, 0.2)
            leg.limb([(0, 0), (0.02, -build.belly * 0.5), (0, -build.belly + 0.04)], build.leg, colour)
        if not near:
            _coat(pen.at(0, build.belly), build, appearance.colour, rng)
    if build is HORSE:
        neck = [(rx * 0.45, build.belly + 0.06), (rx * 0.95, build.belly), build.head, (0.46, 1.02)]
        pen.shape(neck, appearance.colour)
    else:
        pen.limb([(rx * 0.75, build.belly + 0.03), build.head], build.leg * 1.6, appearance.colour)
    head(pen.at(*build.head), appearance, rng)


def _sitting(
    pen: Canvas,
    build: BodyShape,
    head: Figure,
    tail: Callable[[Canvas, Colour, str, Random], None],
    appearance: Appearance,
    rng: Random,
) -> None:
    colour = appearance.colour
    tail(pen.at(-0.26, 0.1), colour, appearance.action, rng)
    pen.limb([(0.16, 0.5), (0.24, 0.05)], build.leg, dark(colour, 0.2))
    _coat(pen.at(-0.02, 0.38, 58), build, colour, rng)
    pen.limb([(0.1, 0.5), (0.15, 0.05)], build.leg, colour)
    pen.oval((-0.12, 0.15), (0.19, 0.15), colour)
    head(pen.at(0.19, 0.82, rng.uniform(-8, 8)), appearance, rng)


def _lying(
    pen: Canvas,
    build: BodyShape,
    head: Figure,
    tail: Callable[[Canvas, Colour, str, Random], None],
    appearance: Appearance,
    rng: Random,
) -> None:
    tail(pen.at(-0.34, 0.12), appearance.colour, appearance.action, rng)
    pen.limb([(0.1, 0.06), (0.46, 0.05)], build.leg, dark(appearance.colour, 0.2))
    _coat(pen.at(0, 0.19), build, appearance.colour, rng)
    pen.limb([(-0.3, 0.06), (-0.05, 0.05)], build.leg, appearance.colour)
    head(pen.at(0.42, 0.22, -12), appearance, rng)
    _snore(pen.at(0.6, 0.5), rng)


def _dust(pen: Canvas, rng: Random) -> None:
    """What a runner leaves behind: dust, and lines of speed."""
    for step in range(rng.randint(1, 3)):
        pen.dot((-0.13 * step, 0.03 + 0.03 * step), 0.07 - 0.015 * step, (214, 208, 198))
    for height in (0.25, 0.45, 0.65)[: rng.randint(1, 3)]:
        pen.line([(-0.3 - rng.uniform(0, 0.1), height), (0, height)], 0.03, (214, 208, 198))


def _snore(pen: Canvas, rng: Random) -> None:
    """Zzz."""
    for step in range(rng.choice((2, 3))):
        x, y, size = 0.13 * step, 0.19 * step, 0.13 + 0.035 * step
        for width, colour in ((0.09, INK), (0.045, PAPER)):
            pen.line([(x, y + size), (x + size, y + size), (x, y), (x + size, y)], width, colour)


def _eye(pen: Canvas, x: float, y: float, action: str, colour: Colour) -> None:
    ink = PAPER if sum(colour) < 200 else INK
    if action == "sleeping":
        pen.line(arc((x, y + 0.02), (0.045, 0.035), 200, 340), 0.028, ink)
    else:
        pen.dot((x, y), 0.03, ink)


def _dog_head(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    colour = appearance.colour
    pen.oval((0.22, -0.07), (0.17, 0.1), light(colour, 0.12))
    pen.oval((0, 0), DOG.skull, colour)
    pen.dot((0.37, -0.02), 0.05)
    pen.oval((-0.13, -0.07), (0.09, rng.uniform(0.18, 0.24)), dark(colour, 0.4), turn=rng.uniform(-25, 0))
    _eye(pen, 0.07, 0.05, appearance.action, colour)
    if appearance.action in ("running", "jumping"):
        pen.limb([(0.24, -0.15), (0.25, -0.26)], 0.06, (228, 110, 120))


def _dog_tail(pen: Canvas, colour: Colour, action: str, rng: Random) -> None:
    if action == "sleeping":
        pen.limb(curve((0, 0), (-0.15, -0.03), (-0.24, 0.05)), 0.08, colour)
    else:
        pen.limb(curve((0, 0), (-0.16, 0.04), (-0.2 - rng.uniform(0, 0.05), rng.uniform(0.18, 0.3))), 0.08, colour)


def _cat_head(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    colour, ear = appearance.colour, rng.uniform(0.38, 0.46)
    for side in (-1, 1):
        pen.shape([(side * 0.26, 0.04), (side * 0.22, ear), (side * 0.04, 0.2)], colour)
        pen.shape([(side * 0.2, 0.15), (side * 0.2, ear - 0.08), (side * 0.1, 0.2)], (236, 150, 156))
    pen.oval((0, 0), CAT.skull, colour)
    for side in (-1, 1):
        _eye(pen, 0.04 + side * 0.1, 0.03, appearance.action, colour)
    pen.dot((0.05, -0.05), 0.028, (236, 130, 140))
    whisker = light(colour, 0.6) if sum(colour) < 380 else dark(colour, 0.6)
    for side in (-1, 1):
        for rise in (-0.04, 0.05):
            pen.line([(0.05 + side * 0.09, -0.08), (0.05 + side * 0.34, -0.08 + rise)], 0.014, whisker)


def _cat_tail(pen: Canvas, colour: Colour, action: str, rng: Random) -> None:
    if action in ("sleeping", "sitting"):
        pen.limb(curve((0, 0), (-0.3, -0.1), (-0.38, 0.14 + rng.uniform(0, 0.1))), 0.065, colour)
    else:
        pen.limb(curve((0, 0), (-0.42, -0.04), (-0.28 - rng.uniform(0, 0.08), 0.5), 9), 0.065, colour)


def _horse_head(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    colour = appearance.colour
    mane = dark(colour, 0.55) if sum(colour) > 250 else light(colour, 0.35)
    for step in range(5):
        pen.dot((-0.14 - 0.045 * step, 0.05 - 0.085 * step), 0.062, mane)
    pen.shape([(-0.1, 0.06), (-0.07, 0.2), (-0.01, 0.07)], colour)
    pen.oval((0.06, -0.03), (0.19, 0.09), colour, turn=-32)
    _eye(pen, 0.02, 0.03, appearance.action, colour)
    pen.dot((0.18, -0.12), 0.016)


def _horse_tail(pen: Canvas, colour: Colour, action: str, rng: Random) -> None:
    hair = dark(colour, 0.55) if sum(colour) > 250 else light(colour, 0.35)
    drop = -0.38 if action == "standing" else -0.08
    pen.limb(curve((0.02, 0), (-0.16, 0.06), (-0.18 - rng.uniform(0, 0.06), drop)), 0.09, hair)


def bird(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A bird on the wing, or on its legs."""
    colour = appearance.colour
    beak = (240, 160, 40)
    if appearance.action == "flying":
        pen = pen.at(0, 0.5, rng.uniform(-10, 18))
        up = rng.uniform(0.3, 0.5) * rng.choice((1, 1, -0.8))
        pen.shape([(0.06, 0.04), (-0.24, 0.04), (-0.3, up * 1.15), (-0.12, up * 0.9)], dark(colour, 0.25))
        pen.shape([(-0.3, 0.03), (-0.6, 0.12), (-0.58, -0.1)], dark(colour, 0.15))
        pen.oval((0, 0), (0.36, 0.15), colour)
        pen.shape([(0.16, 0.02), (-0.14, 0.02), (-0.06, up), (0.1, up * 0.86)], light(colour, 0.15))
        head = pen.at(0.36, 0.08)
    else:
        sit = 0.14 if appearance.action == "sitting" else 0.0
        if not sit:
            for x in (-0.05, 0.07):
                pen.line([(x, 0.28), (x, 0.0), (x + 0.09, 0.0)], 0.04, (214, 130, 40))
        pen = pen.at(0, -sit)
        pen.shape([(-0.24, 0.4), (-0.62, 0.26), (-0.5, 0.46)], dark(colour, 0.15))
        pen.oval((0, 0.44), (0.34, 0.24), colour, turn=22)
        pen.oval((-0.06, 0.44), (0.22, 0.12), dark(colour, 0.25), turn=12)
        head = pen.at(0.26, 0.7)
    head.shape([(0.1, 0.05), (0.32, -0.02), (0.1, -0.09)], beak)
    head.oval((0, 0), (0.16, 0.15), colour)
    _eye(head, 0.05, 0.04, appearance.action, colour)


def fish(pen: Canvas, appearance: Appearance, rng: Random) -> None:
    """A fish among bubbles."""
    colour = appearance.colour
    pen = pen.at(0, 0.5, rng.uniform(-14, 14))
    spread = rng.uniform(0.22, 0.34)
    pen.shape([(-0.42, 0), (-0.8, spread), (-0.7, 0), (-0.8, -spread)], dark(colour, 0.15))
    pen.shape([(-0.12, 0.2), (0.02, 0.46), (0.2, 0.2)], dark(colour, 0.15))
    pen.oval((0, 0), (0.54, rng.uniform(0.26, 0.36)), colour)
    for x in (-0.18, 0.02)[: rng.randint(0, 2)]:
        pen.line(arc((x - 0.1, 0), (0.1, 0.22), -70, 70), 0.06, light(colour, 0.5))
    pen.dot((0.33, 0.07), 0.09, PAPER)
    pen.dot((0.35, 0.07), 0.045)
    pen.line([(0.4, -0.1), (0.51, -0.08)], 0.03)
    for step in range(rng.randint(1, 3)):
        pen.dot((0.66 + 0.1 * step, 0.16 + 0.17 * step), 0.035 + 0.012 * step, light(appearance.water, 0.6))


def _person(
    clothes: Callable[[Canvas, Colour, Colour], None], hair: Callable[[Canvas, Colour, Random], None]
) -> Figure:
    """A child in clothes of the colour and with hair of some kind."""

    def figure(pen: Canvas, appearance: Appearance, rng: Random) -> None:
        skin, locks = rng.choice(SKIN), rng.choice(HAIR)
        legs, arms, pen = _limbs(pen, appearance.action, rng)
        if appearance.action == "sleeping":
            _snore(pen.at(0.1, 1.12, -90), rng)
        elif appearance.action == "running":
            _dust(pen.at(-0.42, 0.05), rng)
        for joints in legs:
            pen.limb(joints, 0.1, mix(skin, (70, 80, 110), 0.0 if clothes is _dress else 0.75))
            pen.limb([joints[-1], (joints[-1][0] + 0.06, joints[-1][1])], 0.09, (70, 50, 46))
        for joints in arms:
            pen.limb(joints, 0.08, skin)
        clothes(pen, appearance.colour, skin)
        pen.limb([(0, 0.6), (0, 0.66)], 0.1, skin)
        hair(pen, locks, rng)
        pen.oval((0.01, 0.8), (0.155, 0.155), skin)
        pen.shape([*arc((0, 0.83), (0.175, 0.15), -5, 185), (-0.06, 0.86)], locks)  # the fringe
        for x in (-0.03, 0.09):
            _eye(pen, x, 0.79, appearance.action, skin)
        pen.line(arc((0.03, 0.745), (0.05, 0.035), 200, 340), 0.025, dark(skin, 0.55))

    return figure


def _limbs(pen: Canvas, action: str, rng: Random) -> tuple[list[list[Point]], list[list[Point]], Canvas]:
    """Joints of the legs and of the arms, and the pen that draws this pose."""
    sway = rng.uniform(-0.03, 0.03)
    if action == "running":
        legs = [[(0.03, 0.34), (0.24, 0.27), (0.3, 0.06)], [(-0.03, 0.34), (-0.16, 0.18), (-0.38, 0.2 + sway)]]
        arms = [[(0.1, 0.58), (0.26, 0.46), (0.36, 0.6 + sway)], [(-0.1, 0.58), (-0.3, 0.5), (-0.32, 0.34)]]
        return legs, arms, pen.at(0, 0.03, -9)
    if action == "jumping":
        legs = [[(x, 0.34), (x * 3.2, 0.26), (x * 2.4, 0.06)] for x in (-0.07, 0.07)]
        arms = [[(x, 0.58), (x * 2.6, 0.72), (x * 2.8, 0.94 + sway)] for x in (-0.12, 0.12)]
        return legs, arms, pen.at(0, 0.36, rng.uniform(-6, 6))
    if action == "sitting":
        legs = [[(x, 0.33), (0.28 + x, 0.36), (0.46 + x, 0.3)] for x in (-0.04, 0.04)]
        arms = [[(0.1, 0.58), (0.24, 0.44), (0.3, 0.4)], [(-0.1, 0.58), (-0.22, 0.44), (-0.26, 0.3)]]
        return legs, arms, pen.at(0, -0.24)
    if action == "sleeping":
        legs = [[(x, 0.34), (x * 1.2, 0.2), (x, 0.03)] for x in (-0.06, 0.07)]
        arms = [[(x, 0.58), (x * 1.8, 0.46), (x * 1.3, 0.34)] for x in (-0.11, 0.12)]
        return legs, arms, pen.at(0.5, 0.17, 90)
    if action == "swimming":
        legs = []
        arms = [[(0.1, 0.58), (0.26, 0.74), (0.42, 0.6 + sway)], [(-0.1, 0.58), (-0.3, 0.6), (-0.42, 0.46)]]
        return legs, arms, pen.at(0, -0.32, rng.uniform(-14, 0))
    legs = [[(x, 0.34), (x * 1.1, 0.18), (x * 1.2, 0.03)] for x in (-0.07, 0.07)]
    arms = [[(x, 0.58), (x * 1.9, 0.46), (x * (2.0 + 10 * sway), 0.34)] for x in (-0.11, 0.11)]
    return legs, arms, pen


def _shirt(pen: Canvas, colour: Colour, skin: Colour) -> None:
    pen.box(-0.13, 0.28, 0.13, 0.42, (84, 92, 120))
    pen.shape([(-0.14, 0.36), (0.14, 0.36), (0.15, 0.56), (0.1, 0.65), (-0.1, 0.65), (-0.15, 0.56)], colour)
    for side in (-1, 1):
        pen.limb([(side * 0.12, 0.59), (side * 0.18, 0.52)], 0.1, colour)


def _dress(pen: Canvas, colour: Colour, skin: Colour) -> None:
    pen.shape([(-0.27, 0.22), (0.27, 0.22), (0.11, 0.65), (-0.11, 0.65)], colour)


def _short_hair(pen: Canvas, colour: Colour, rng: Random) -> None:
    pen.oval((-0.02, 0.84), (0.18, 0.15), colour)


def _long_hair(pen: Canvas, colour: Colour, rng: Random) -> None:
    if rng.random() < 0.5:
        for side in (-1, 1):  # two bunches
            pen.oval((side * 0.23, 0.76), (0.075, 0.16), colour, turn=side * 18)
        pen.oval((0, 0.84), (0.185, 0.16), colour)
    else:
        pen.shape([*arc((0, 0.82), (0.21, 0.19), 0, 180), (-0.22, 0.54), (0.22, 0.54)], colour)


dog = in_water(_beast(DOG, _dog_head, _dog_tail), 0.46, 0.75)
cat = _beast(CAT, _cat_head, _cat_tail)
horse = _beast(HORSE, _horse_head, _horse_tail)
boy = in_water(_person(_shirt, _short_hair), 0.1, 0.55)
girl = in_water(_person(_dress, _long_hair), 0.1, 0.55)
