"""Plots in SVG: localisation of a hit, bars, a reliability curve, labelled points.

Pure functions from numbers to markup. Orange is always what the model predicts, blue what is true. The x-axis of a
localisation and of bars is in percent, so that they fit any width while their letters keep their size; shapes that
stretch are in an inner ``svg`` of 1000 by 100 units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from earmark.core.results import ReliabilityBins
from earmark.core.vocabulary import normalise
from earmark.reports import matchmap_plot, svg
from earmark.reports.example import Example
from earmark.reports.matchmap_data import strongest

Numbers = npt.NDArray[np.floating] | Sequence[float]

WIDTH = 760  # px, of a drawing that stands alone
WIDE, NARROW = 560, 320  # px, the least room that words are laid out for, beside a picture and on a phone
LABEL_ROWS = 3
COLUMNS = 320  # of the waveform
MARGIN = 14  # px, above and below


def localisation_plot(example: Example, title: str = "", subtitle: str = "") -> str:
    """Draw where a query was found: waveform, localisation scores and, where they are known, the true words.

    For an image query, its audio attention and matchmap lie below the scores.

    The location is a dot and a line, the hit's extent is the orange part of the waveform. Blue is where the
    keyword is truly spoken; another word that the location lies in is orange. At most 20 s around the hit are drawn.

    Parameters
    ----------
    example : Example
    title, subtitle : str
        Lines above the drawing, for one that stands alone.

    Returns
    -------
    str
        An ``svg`` element that is a whole SVG file as well.
    """
    example = example.excerpt()
    query = example.hit.query

    def across(seconds: float) -> float:
        """A time as a percentage of the drawing's width."""
        return float(np.clip((seconds - example.offset_s) / example.duration_s, 0, 1)) * 100

    parts: list[str] = []
    y = MARGIN
    if title:
        parts.append(svg.text(title, 0, y + 18, "em-title"))
        y += 30
    if subtitle:
        parts.append(svg.text(subtitle, 0, y + 12, "em-subtitle em-soft"))
        y += 28
    sound_y = y + 20
    curve_y = sound_y + 58 + 28
    matchmap, axis_y = matchmap_plot.lanes(example, curve_y + 80)
    spoken = [word for word in example.words if normalise(word.word) == normalise(query)]
    parts += [svg.column(across(w.start_s), across(w.end_s), sound_y, axis_y, "em-true em-wash") for w in spoken]
    parts += _waveform(example, sound_y, height=58)
    parts += _curve(example, across, curve_y, height=80)
    parts += matchmap
    parts += _time_axis(example, across, axis_y + 15)
    y = axis_y + 22
    if example.words:
        words, rows = _true_words(example, across, y + 26)
        parts += words
        parts.append(svg.text("Words truly spoken", 0, y + 18, "em-caption"))
        y += 36 + 15 * rows
    parts += _location(example, across, sound_y, curve_y, axis_y, height=80)
    parts.append(svg.text("Sound", 0, sound_y - 8, "em-caption"))
    parts.append(svg.text(f"Localisation score for “{query}”, from 0 to 1", 0, curve_y - 10, "em-caption"))
    parts.append(f'<line class="em-playhead" x1="0%" x2="0%" y1="{sound_y}" y2="{axis_y}"/>')
    height = y + MARGIN
    inner = f'<svg x="2%" width="96%" height="{height}" overflow="visible">{"".join(parts)}</svg>'
    card = '<rect class="em-card" width="100%" height="100%" rx="8"/>'
    return svg.drawing(WIDTH, height, describe(example), card + inner)


def describe(example: Example) -> str:
    """What a localisation plot shows, in words."""
    hit = example.hit
    text = (
        f"Waveform and localisation scores for “{hit.query}”: found at {clock(hit.time_s)}, "
        f"from {clock(hit.start_s)} to {clock(hit.end_s)}, detection score {hit.score:.3f}."
    )
    if example.matchmap_data and example.matchmap_data.frames:
        matches = example.matchmap_data.levels()[example.matchmap_data.nearest_frame(hit.time_s)]
        text += f" There the matchmap is {strongest(matches)} of the image."
    if not example.words:
        return text
    spoken = [word for word in example.words if normalise(word.word) == normalise(hit.query)]
    others = [word for word in example.words if word not in spoken and word.start_s <= hit.time_s <= word.end_s]
    text += "".join(f" It lies in “{word.word}”." for word in others)
    spans = " and ".join(f"from {clock(word.start_s)} to {clock(word.end_s)}" for word in spoken)
    return f"{text} It is truly spoken {spans}." if spoken else f"{text} It is not spoken here."


def bars(rows: Sequence[tuple[str, float | None, float | None]], series: tuple[str, str]) -> str:
    """Draw two bars a row, a thick one with its figure and a thin one beneath, from 0 to 100 %.

    Parameters
    ----------
    rows : sequence of (label, thick, thin)
        Fractions in [0, 1]; None is drawn as a dash.
    series : (str, str)
        What the thick and the thin bars measure.
    """
    left, span, step, top = 27.0, 60.0, 25, 24  # right of a whole bar, its figure has room on a phone as well
    bottom = top + step * len(rows)
    parts = []
    for tick in (0, 25, 50, 75, 100):
        x = f"{svg.number(left + span * tick / 100)}%"
        parts.append(f'<line class="em-thin" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>')
        if tick % 50 == 0:
            parts.append(svg.text(f"{tick} %", left + span * tick / 100, 14, "em-small em-soft em-middle"))
    for i, (label, thick, thin) in enumerate(rows):
        y = top + step * i
        text = f"{label}: {series[0]} {svg.whole_percent(thick)}, {series[1]} {svg.whole_percent(thin)}"
        parts.append(f"<g><title>{svg.escape(text)}</title>")
        parts.append(svg.text(svg.shortened(label, 84), left - 2, y + 16, "em-end"))
        if thick is not None:
            parts.append(svg.bar(left, y + 5, span * svg.unit(thick), 9, "em-found"))
        if thin is not None:
            parts.append(svg.bar(left, y + 16, span * svg.unit(thin), 4, "em-true"))
        # In the lane of the thick bar, above the thin one: it is the thick one's figure.
        end = left + span * svg.unit(thick or 0)
        parts.append(svg.text(svg.whole_percent(thick), end, y + 13, "em-small em-soft", shift=6))
        parts.append("</g>")
    label = f"Bars for {len(rows)} keywords: {series[0]} and {series[1]}; the same figures are in a table below."
    return svg.drawing(WIDTH, bottom + 4, label, "".join(parts))


def reliability(bins: ReliabilityBins) -> str:
    """Draw how far detection scores can be read as probabilities.

    Parameters
    ----------
    bins : ReliabilityBins
        Empty bins are left out.
    """
    points = [(svg.unit(float(m)), svg.unit(float(f)), int(n)) for m, f, n in zip(*bins, strict=True) if n]
    side, left, top = 220, 40, 12
    base = top + side

    def point(x: float, y: float) -> tuple[str, str]:
        return svg.number(left + side * x), svg.number(base - side * y)

    parts = []
    for tick in (0, 0.5, 1):
        x, y = point(tick, tick)
        parts.append(f'<line class="em-thin" x1="{left}" x2="{left + side}" y1="{y}" y2="{y}"/>')
        parts.append(svg.pixels(f"{tick:g}", left - 8, float(y) + 4, "em-small em-soft em-end"))
        parts.append(svg.pixels(f"{tick:g}", float(x), base + 16, "em-small em-soft em-middle"))
    parts.append(f'<line class="em-dashed" x1="{left}" y1="{base}" x2="{left + side}" y2="{top}"/>')
    path = " ".join(",".join(point(m, f)) for m, f, _ in points)
    parts.append(f'<polyline class="em-stroke" points="{path}"/>')
    for m, f, n in points:
        x, y = point(m, f)
        text = f"{n} pairs with a mean score of {m:.2f}: the keyword is spoken in {100 * f:.1f} %"
        parts.append(
            f'<circle class="em-found em-dot" cx="{x}" cy="{y}" r="5"><title>{svg.escape(text)}</title></circle>'
        )
    parts.append(svg.pixels("mean detection score", left + side / 2, base + 32, "em-small em-soft em-middle"))
    parts += _histogram(points, left, base + 42, side)
    text = "; ".join(f"score {m:.2f}, spoken in {100 * f:.0f} % of {n}" for m, f, n in points)
    label = f"Reliability curve: {text or 'no scores'}."
    width, height = left + side + 16, base + 42 + 30 + 18
    return svg.drawing(width, height, label, "".join(parts), scaled=True)


def clock(seconds: float) -> str:
    """A time as people read it: ``1.32 s``, from a minute on ``1:05.32``.

    >>> clock(1.318), clock(65.3), clock(3605)
    ('1.32 s', '1:05.30', '1:00:05.00')
    """
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    if not minutes:
        return f"{hundredths / 100:.2f} s"
    hours, minutes = divmod(minutes, 60)
    ahead = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{ahead}:{rest // 100:02d}.{rest % 100:02d}"


def _waveform(example: Example, y: int, height: int) -> list[str]:
    """The waveform's envelope, in orange within the hit's extent, the loudest sample filling the lane."""
    samples = example.waveform.astype(np.float64)
    columns = min(COLUMNS, len(samples))
    starts = np.linspace(0, len(samples), columns, endpoint=False).astype(int)
    loudest = max(float(np.abs(samples).max()), 1e-9)
    high = 50 - 49 * np.maximum.reduceat(samples, starts) / loudest
    low = 50 - 49 * np.minimum.reduceat(samples, starts) / loudest
    edges = np.linspace(0, 1000, columns + 1)
    centres_s = example.offset_s + (np.arange(columns) + 0.5) / columns * example.duration_s
    found = (centres_s >= example.hit.start_s) & (centres_s <= example.hit.end_s)
    # One shape for each stretch of columns of one colour; neighbours share an edge.
    turns = [0, *(np.flatnonzero(np.diff(found)) + 1).tolist(), columns]
    shapes = [
        _envelope(edges[a : b + 1], high[a:b], low[a:b], "em-found" if found[a] else "em-sound")
        for a, b in pairwise(turns)
    ]
    return [svg.stretched(y, height, "".join(shapes))]


def _envelope(edges: Numbers, high: Numbers, low: Numbers, kind: str) -> str:
    """Columns from `low` to `high` as one filled shape, never thinner than a hair."""
    centres = [(a + b) / 2 for a, b in pairwise(edges)]
    xs = [edges[0], *centres[1:-1], edges[-1]] if len(centres) > 1 else [edges[0], edges[-1]]
    tops, bottoms = (list(v) if len(centres) > 1 else [v[0], v[0]] for v in (high, low))
    there = [f"{svg.number(x)},{svg.number(min(top, 49.4))}" for x, top in zip(xs, tops, strict=True)]
    back = [f"{svg.number(x)},{svg.number(max(bottom, 50.6))}" for x, bottom in zip(xs, bottoms, strict=True)]
    return f'<path class="{kind}" d="M{" ".join(there + back[::-1])}Z"/>'


def _curve(example: Example, across: Callable[[float], float], y: int, height: int) -> list[str]:
    """The localisation scores as a line with its area, between hairlines at 0 and 1."""
    lines = [f'<line class="em-thin" x1="0%" x2="100%" y1="{at}" y2="{at}"/>' for at in (y, y + height / 2, y + height)]
    if not len(example.curve):
        return lines
    xs = [svg.number(across(time_s) * 10) for time_s in example.curve_times_s.tolist()]
    points = [f"{x},{svg.number(100 - 100 * svg.unit(s))}" for x, s in zip(xs, example.curve.tolist(), strict=True)]
    area = f'<path class="em-found em-wash" d="M{xs[0]},100 {" ".join(points)} {xs[-1]},100Z"/>'
    line = f'<polyline class="em-stroke" points="{" ".join(points)}"/>'
    return [*lines, svg.stretched(y, height, area + line)]


def _location(
    example: Example, across: Callable[[float], float], sound_y: int, curve_y: int, axis_y: int, height: int
) -> list[str]:
    """The line of the location from the sound to the axis, its dot on the curve, and its time below."""
    time_s = example.hit.time_s
    if not example.offset_s <= time_s <= example.end_s:
        return []
    x = across(time_s)
    score = float(np.interp(time_s, example.curve_times_s, example.curve)) if len(example.curve) else 0.0
    dot_y = curve_y + height * (1 - svg.unit(score))
    label = _found_at(example)
    label_x, anchor = _anchored(label, x / 100)
    return [
        f'<line class="em-stroke" x1="{svg.number(x)}%" x2="{svg.number(x)}%" y1="{sound_y}" y2="{axis_y}"'
        ' style="stroke-width:1"/>',
        f'<circle class="em-found em-dot" cx="{svg.number(x)}%" cy="{svg.number(dot_y)}" r="5"/>',
        svg.text(label, 100 * label_x, axis_y + 15, f"em-found em-strong {anchor}"),
    ]


def _time_axis(example: Example, across: Callable[[float], float], y: int) -> list[str]:
    """At most seven round times, none that touches the location's own label or an end in a drawing of its width."""
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if example.duration_s / s <= 7)
    first, last = int(np.ceil(example.offset_s / step)), int(np.floor(example.end_s / step))
    own = across(example.hit.time_s) / 100
    ticks = []
    for time_s in (tick * step for tick in range(first, last + 1)):
        label = f"{time_s:.3g} s" if time_s < 60 else clock(time_s).removesuffix(".00")
        x = across(time_s)
        fits = [_is_free(label, x / 100, _span(_found_at(example), own, room), room) for room in (WIDE, NARROW)]
        if any(fits):
            wide, narrow = ("0" if is_free else "x" for is_free in fits)
            ticks.append(svg.text(label, x, y, f"em-small em-soft em-middle em-w{wide} em-n{narrow}"))
    return ticks


def _is_free(text: str, middle: float, taken: tuple[float, float], room: int) -> bool:
    """Whether a label around `middle` lies within a drawing of `room` px, and off what is taken there."""
    half = svg.text_width(text) / 2
    start, end = middle * room - half, middle * room + half
    return start >= 0 and end <= room and (end + 8 < taken[0] or start > taken[1] + 8)


def _found_at(example: Example) -> str:
    return f"found at {clock(example.hit.time_s)}"


def _true_words(example: Example, across: Callable[[float], float], y: int) -> tuple[list[str], int]:
    """The true words as bars with their labels below, and how many rows of labels there are.

    The query's own words are blue; another word is orange where the location lies in it.
    """
    words, time_s = example.words, example.hit.time_s
    is_query = [normalise(word.word) == normalise(example.hit.query) for word in words]
    found = [word.start_s <= time_s <= word.end_s for word in words]
    spans = [(across(word.start_s) / 100, across(word.end_s) / 100) for word in words]
    texts = [svg.printable(word.word) for word in words]
    emphasised = [a or f for a, f in zip(is_query, found, strict=True)]
    wide, narrow = (_label_rows(texts, spans, emphasised, room) for room in (WIDE, NARROW))
    kinds = ["em-true" if a else "em-found" if f else "" for a, f in zip(is_query, found, strict=True)]
    parts = []
    for text, (start, end), kind, w, n in zip(texts, spans, kinds, wide, narrow, strict=True):
        parts.append("<g>" + f"<title>{svg.escape(text)}</title>")
        parts.append(svg.column(100 * start, 100 * end, y, y + 6, kind or "em-sound"))
        x, anchor = _anchored(text, (start + end) / 2)
        emphasis = f"{kind} em-strong" if kind else "em-soft"
        parts.append(svg.text(text, 100 * x, y + 20, f"{emphasis} {anchor} em-w{w} em-n{n}"))
        parts.append("</g>")
    return parts, 1 + max((row for row in wide + narrow if isinstance(row, int)), default=0)


def _label_rows(
    texts: Sequence[str], spans: Sequence[tuple[float, float]], first: Sequence[bool], room: int
) -> list[int | str]:
    """The row of each label in a drawing of `room` px: the highest where it touches no other, or "x" for none.

    Labels that are emphasised are placed before the others.
    """
    rows: list[int | str] = ["x"] * len(texts)
    taken: list[list[tuple[float, float]]] = [[] for _ in range(LABEL_ROWS)]
    for i in sorted(range(len(texts)), key=lambda i: not first[i]):
        start, end = _span(texts[i], sum(spans[i]) / 2, room)
        for row in range(LABEL_ROWS):
            if all(end + 3 < a or start > b + 3 for a, b in taken[row]):
                taken[row].append((start, end))
                rows[i] = row
                break
    return rows


def _anchored(text: str, middle: float) -> tuple[float, str]:
    """Where a label hangs, as a fraction of the width: at `middle`, unless an edge is near."""
    half = svg.text_width(text) / NARROW / 2
    if middle < half:
        return 0.0, "em-start"
    return (1.0, "em-end") if middle > 1 - half else (middle, "em-middle")


def _span(text: str, middle: float, room: int) -> tuple[float, float]:
    """Left and right end of a label in a drawing of `room` px."""
    x, anchor = _anchored(text, middle)
    width = svg.text_width(text)
    start = x * room - width * {"em-start": 0.0, "em-middle": 0.5, "em-end": 1.0}[anchor]
    return start, start + width


def _histogram(bins: Sequence[tuple[float, float, int]], left: int, y: int, side: int) -> list[str]:
    """How many pairs each bin holds, on a logarithmic scale because most scores are near 0."""
    most = max((n for _, _, n in bins), default=1)
    width = side / max(len(bins), 10) * 0.7
    parts = []
    for m, _, n in bins:
        tall = 26 * np.log1p(n) / np.log1p(most)
        x, top = svg.number(left + side * m - width / 2), svg.number(y + 30 - tall)
        parts.append(
            f'<rect class="em-sound" x="{x}" y="{top}" width="{svg.number(width)}" height="{svg.number(tall)}"/>'
        )
    return [*parts, svg.pixels("pairs, log scale", left + side / 2, y + 44, "em-small em-soft em-middle")]


SIDE, LEFT, TOP = 340, 48, 44  # px; a phone shows it almost in this size, so that names stay readable
ABOVE_TICKS = TOP + SIDE + 6  # px; below it stand the figures of the axis
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)

Box = tuple[float, float, float, float]  # left, top, right, bottom, in px


def scatter(points: Sequence[tuple[str, float, float]], across: str, up: str) -> str:
    """Draw labelled points in a square from 0 to 100 %.

    A name stands beside its point where there is room for it; every point has its name as a tooltip.

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
        text = f"{label}: {across} {svg.whole_percent(x)}, {up} {svg.whole_percent(y)}"
        parts.append(
            f'<circle class="em-found em-dot" cx="{svg.number(place[0])}" cy="{svg.number(place[1])}" r="4">'
            f"<title>{svg.escape(text)}</title></circle>"
        )
        parts += _label(label, place, taken)
    parts.append(svg.pixels(across, LEFT + SIDE / 2, base + 34, "em-small em-soft em-middle"))
    parts.append(svg.pixels(up, 0, 14, "em-small em-soft"))
    text = "; ".join(f"{label} {svg.whole_percent(x)} and {svg.whole_percent(y)}" for label, x, y in points)
    label = f"{up} against {across}: {text or 'no points'}."
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
