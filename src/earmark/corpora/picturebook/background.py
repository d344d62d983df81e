"""Where a scene plays: sky, ground and weather, with the clutter that nobody speaks of."""

from __future__ import annotations

from math import sin
from random import Random

from earmark.corpora.picturebook.canvas import Canvas, Colour, arc, dark, light, mix

SKY_COLOURS: dict[str, tuple[Colour, ...]] = {
    "clear": ((190, 222, 242), (214, 232, 240), (236, 226, 212), (226, 214, 232)),
    "sun": ((150, 208, 246), (176, 218, 246), (250, 222, 180)),
    "rain": ((140, 150, 162), (158, 164, 170), (122, 134, 150)),
    "night": ((24, 28, 66), (16, 22, 48), (38, 30, 74)),
}
GROUND_COLOURS: dict[str, tuple[Colour, ...]] = {
    "beach": ((236, 212, 156), (226, 198, 140), (244, 224, 178)),
    "snow": ((236, 242, 250), (226, 234, 246)),
    "grass": ((136, 190, 92), (112, 172, 84), (160, 200, 104)),
    "street": ((142, 142, 148), (122, 122, 130), (160, 156, 154)),
    "water": ((66, 134, 188), (84, 158, 196), (52, 116, 170)),
    "mountains": ((150, 160, 112), (168, 156, 124), (138, 150, 128)),
}
SEA: Colour = (80, 150, 196)
NIGHT: Colour = (14, 18, 52)


class Background:
    """The sky, the ground and the weather of one picture.

    Parameters
    ----------
    place, sky : str
        As in the scene.
    pen : Canvas
        At the picture's origin, one unit a pixel, y downwards negative.
    size : int
        Side of the picture in pixels.
    rng : Random
        What varies.
    """

    def __init__(self, place: str, sky: str, pen: Canvas, size: int, rng: Random) -> None:
        self.place, self.sky, self.pen, self.size, self.rng = place, sky, pen, size, rng
        self.horizon = size * rng.uniform(0.42, 0.54)  # pixels from the top
        self.air = _vary(rng.choice(SKY_COLOURS[sky]), rng)
        self.ground = self._lit(_vary(rng.choice(GROUND_COLOURS[place]), rng))
        self.water = self.ground if place == "water" else self._lit(_vary(SEA, rng))

    def paint(self) -> None:
        """Everything behind the things."""
        self._paint_sky()
        getattr(self, f"_paint_{self.place}")()

    def paint_weather(self) -> None:
        """What falls in front of the things."""
        canvas, size, rng = self.pen.canvas, self.size, self.rng
        if self.sky == "rain":
            slant, length = rng.uniform(-0.3, 0.3), size * rng.uniform(0.05, 0.09)
            for _ in range(rng.randint(45, 75)):
                x, y = rng.uniform(0, size), rng.uniform(-length, size)
                canvas.line((x, y, x + slant * length, y + length), fill=(206, 220, 236), width=2)
        elif self.place == "snow" and rng.random() < 0.5:
            for _ in range(rng.randint(20, 45)):
                self._disc(rng.uniform(0, size), rng.uniform(0, size), rng.uniform(1.5, 3), (255, 255, 255))

    def _paint_sky(self) -> None:
        canvas, size, rng = self.pen.canvas, self.size, self.rng
        below = light(self.air, 0.35 if self.sky != "night" else 0.12)
        canvas.rectangle((0, 0, size, size), fill=below)
        bands = 10
        for band in range(bands):
            top = self.horizon * band / bands
            canvas.rectangle((0, top, size, self.horizon), fill=mix(self.air, below, band / bands))
        if self.sky == "night":
            for _ in range(rng.randint(12, 30)):
                self._disc(rng.uniform(0, size), rng.uniform(0, self.horizon), rng.uniform(0.8, 2), (250, 246, 214))
            x, y, r = self._up_in_the_sky(), size * rng.uniform(0.1, 0.2), size * rng.uniform(0.055, 0.085)
            self._disc(x, y, r, (246, 240, 206))
            if rng.random() < 0.6:
                self._disc(x + r * 0.5, y - r * 0.2, r * 0.85, self.air)  # a crescent
        elif self.sky == "sun":
            x, y, r = self._up_in_the_sky(), size * rng.uniform(0.11, 0.2), size * rng.uniform(0.06, 0.09)
            for turn in range(0, 360, 30):
                ray = arc((x, y), (r * 1.7, r * 1.7), turn, turn + 1)[0]
                canvas.line((x, y, *ray), fill=(252, 196, 60), width=4)
            self._disc(x, y, r, (255, 214, 70))
        clouds = {"clear": rng.randint(0, 3), "sun": rng.randint(0, 1), "rain": rng.randint(3, 5), "night": 0}
        for _ in range(clouds[self.sky]):
            colour = dark(self.air, rng.uniform(0.12, 0.3)) if self.sky == "rain" else light(self.air, 0.7)
            self._cloud(rng.uniform(0, size), size * rng.uniform(0.03, 0.2), size * rng.uniform(0.05, 0.09), colour)

    def _paint_beach(self) -> None:
        size, rng = self.size, self.rng
        shore = self.horizon + size * rng.uniform(0.08, 0.13)
        self._floor(self.horizon, self.water)
        self._waves(self.horizon, shore, 4)
        self._floor(shore, self.ground, swell=size * 0.012)
        self._specks(shore, dark(self.ground, 0.15), 30)
        if rng.random() < 0.4:  # a shell or a stone
            self._disc(rng.uniform(0, size), rng.uniform(shore + 30, size), 5, light(self.ground, 0.6))

    def _paint_snow(self) -> None:
        size, rng = self.size, self.rng
        for _ in range(rng.randint(0, 6)):
            self._fir(rng.uniform(0, size), self.horizon + size * 0.02, size * rng.uniform(0.06, 0.12))
        self._floor(self.horizon, self.ground, swell=size * rng.uniform(0.005, 0.03))
        for _ in range(3):
            y = rng.uniform(self.horizon + 20, size)
            self._drift(rng.uniform(0, size), y, size * rng.uniform(0.08, 0.2))

    def _paint_grass(self) -> None:
        size, rng = self.size, self.rng
        if rng.random() < 0.6:
            self._hill(rng.uniform(0, size), size * rng.uniform(0.3, 0.5), size * 0.09, dark(self.ground, 0.12))
        self._floor(self.horizon, self.ground, swell=size * rng.uniform(0, 0.02))
        for _ in range(rng.randint(18, 40)):
            x, y, h = rng.uniform(0, size), rng.uniform(self.horizon + 8, size), rng.uniform(5, 11)
            for lean in (-0.5, 0, 0.5):
                self.pen.canvas.line((x, y, x + lean * h, y - h), fill=dark(self.ground, 0.25), width=2)

    def _paint_street(self) -> None:
        size, rng, canvas = self.size, self.rng, self.pen.canvas
        x = -rng.uniform(0, 30)
        while x < size:  # a skyline
            width, height = rng.uniform(22, 46), size * rng.uniform(0.08, 0.24)
            wall = mix(self.air, (110, 106, 120), rng.uniform(0.45, 0.7))
            canvas.rectangle((x, self.horizon - height, x + width, self.horizon), fill=wall)
            for row in range(int(height // 14)):
                for column in range(int(width // 12)):
                    if rng.random() < 0.6:
                        left, top = x + 4 + 12 * column, self.horizon - height + 5 + 14 * row
                        lamp = (250, 226, 140) if self.sky == "night" else light(wall, 0.4)
                        canvas.rectangle((left, top, left + 4, top + 6), fill=lamp)
            x += width + rng.uniform(0, 6)
        kerb = self.horizon + size * rng.uniform(0.05, 0.09)
        self._floor(self.horizon, light(self.ground, 0.4))
        self._floor(kerb, self.ground)
        canvas.line((0, kerb, size, kerb), fill=dark(self.ground, 0.35), width=3)
        y, shift = kerb + (size - kerb) * rng.uniform(0.4, 0.6), rng.uniform(0, 44)
        for dash in range(-1, 7):
            left = dash * 44 + shift
            canvas.rectangle((left, y, left + 24, y + 5), fill=light(self.ground, 0.75))

    def _paint_water(self) -> None:
        if self.rng.random() < 0.4:
            size, far = self.size, mix(self.air, (90, 120, 100), 0.5)
            self._hill(self.rng.uniform(0, size), size * 0.3, size * self.rng.uniform(0.04, 0.1), far)
        self._floor(self.horizon, self.water)
        self._waves(self.horizon, self.size, 26)

    def _paint_mountains(self) -> None:
        size, rng, canvas = self.size, self.rng, self.pen.canvas
        rock = self._lit(_vary(rng.choice(((112, 116, 134), (128, 112, 104), (96, 110, 120))), rng))
        for _ in range(rng.randint(3, 5)):
            x, height = rng.uniform(0, size), size * rng.uniform(0.18, 0.36)
            half, top = height * rng.uniform(0.6, 0.9), self.horizon - height
            shade = mix(rock, self.air, rng.uniform(0, 0.3))
            canvas.polygon([(x - half, self.horizon), (x, top), (x + half, self.horizon)], fill=shade)
            canvas.polygon([(x, top), (x + half, self.horizon), (x + half * 0.1, self.horizon)], fill=dark(shade, 0.2))
            if rng.random() < 0.75:
                cap = 0.3
                canvas.polygon(
                    [
                        (x, top),
                        (x - half * cap, top + height * cap),
                        (x - half * cap * 0.2, top + height * cap * 0.75),
                        (x + half * cap * 0.3, top + height * cap * 1.1),
                        (x + half * cap, top + height * cap),
                    ],
                    fill=self._lit((244, 246, 250)),
                )
        self._floor(self.horizon, self.ground, swell=size * 0.01)
        for _ in range(rng.randint(3, 9)):
            self._disc(
                rng.uniform(0, size), rng.uniform(self.horizon + 14, size), rng.uniform(3, 7), dark(self.ground, 0.22)
            )

    def _lit(self, colour: Colour) -> Colour:
        """A colour of the ground in the light of this sky."""
        if self.sky == "night":
            return mix(colour, NIGHT, 0.5)
        return mix(colour, (120, 126, 136), 0.3) if self.sky == "rain" else colour

    def _up_in_the_sky(self) -> float:
        return self.size * self.rng.choice((self.rng.uniform(0.1, 0.3), self.rng.uniform(0.7, 0.9)))

    def _floor(self, top: float, colour: Colour, swell: float = 0) -> None:
        size, phase = self.size, self.rng.uniform(0, 6)
        edge = [(x, top + swell * sin(phase + 7 * x / size)) for x in range(0, size + 1, 16)]
        self.pen.canvas.polygon([*edge, (size, size), (0, size)], fill=colour)

    def _waves(self, top: float, bottom: float, count: int) -> None:
        for _ in range(count):
            x, y = self.rng.uniform(-20, self.size), self.rng.uniform(top + 4, bottom - 2)
            width = self.rng.uniform(14, 34)
            shade = light(self.water, 0.3) if self.rng.random() < 0.6 else dark(self.water, 0.12)
            points = [(x + width * step / 6, y + 2.5 * sin(1.6 * step)) for step in range(7)]
            self.pen.canvas.line(points, fill=shade, width=2)

    def _specks(self, top: float, colour: Colour, count: int) -> None:
        for _ in range(count):
            self._disc(self.rng.uniform(0, self.size), self.rng.uniform(top + 8, self.size), 1.5, colour)

    def _drift(self, x: float, y: float, width: float) -> None:
        self.pen.canvas.line(arc((x, y), (width, width * 0.15), 190, 350), fill=dark(self.ground, 0.1), width=3)

    def _hill(self, x: float, width: float, height: float, colour: Colour) -> None:
        self.pen.canvas.ellipse((x - width, self.horizon - height, x + width, self.horizon + height), fill=colour)

    def _fir(self, x: float, y: float, height: float) -> None:
        shade = mix(self._lit((92, 120, 116)), self.air, 0.4)
        self.pen.canvas.polygon([(x - height * 0.3, y), (x, y - height), (x + height * 0.3, y)], fill=shade)

    def _cloud(self, x: float, y: float, r: float, colour: Colour) -> None:
        for shift, grow in ((-1.1, 0.7), (0.0, 1.0), (1.1, 0.75), (0.5, 0.9)):
            self.pen.canvas.ellipse(
                (x + (shift - grow * 1.2) * r, y - grow * r * 0.6, x + (shift + grow * 1.2) * r, y + grow * r * 0.6),
                fill=colour,
            )

    def _disc(self, x: float, y: float, r: float, colour: Colour) -> None:
        self.pen.canvas.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _vary(colour: Colour, rng: Random) -> Colour:
    red, green, blue = (min(255, max(0, part + rng.randint(-10, 10))) for part in colour)
    return red, green, blue
