"""Drawings in SVG: a localisation, bars, a reliability curve.

Pure functions from figures to markup. Each drawing carries its own style, follows light and dark, and so stands
alone as an ``.svg`` file as well as in a page. Orange is always what the model says, blue what is true.

Across, a localisation and bars are laid out in percent, so that they fit any width while their letters keep their
size. Shapes that have to stretch lie in an inner ``svg`` of 1000 by 100 units.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from earmark.corpus import Word
from earmark.pages.moment import Moment
from earmark.vocabulary import normalise

Numbers = npt.NDArray[np.floating] | Sequence[float]

# name: (on light, on dark); style.css uses the same names
COLOURS = {
    "paper": ("#fbfaf7", "#15171a"),
    "card": ("#ffffff", "#1d2024"),
    "ink": ("#22252a", "#e9e6e0"),
    "soft": ("#5f656d", "#a3a8b0"),
    "rule": ("#e2ded4", "#363a40"),
    "sound": ("#a9aeb6", "#6d737c"),
    "found": ("#b4500c", "#f3a268"),
    "true": ("#23609f", "#84b8ee"),
}

_STYLE = (
    ".em text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}"
    ".em .em-title{font-size:18px;font-weight:600}.em .em-subtitle{font-size:13px}"
    ".em .em-small{font-size:11px}.em .em-strong{font-weight:700}"
    ".em-middle{text-anchor:middle}.em-end{text-anchor:end}"
    ".em .em-caption{font-size:11px;paint-order:stroke;stroke-width:4px;stroke-linejoin:round}"
    ".em-thin,.em-stroke,.em-dashed,.em-playhead{fill:none;vector-effect:non-scaling-stroke}"
    ".em-stroke{stroke-width:2;stroke-linejoin:round}.em-dashed{stroke-dasharray:4 4}"
    ".em-wash{opacity:.16}.em-dot{stroke-width:2}.em-playhead{stroke-width:1.5;visibility:hidden}"
    # The row of a word's label: -w in a wide drawing, -n in a narrow one, x where it finds no room.
    ".em-w1{transform:translateY(15px)}.em-w2{transform:translateY(30px)}.em-wx{visibility:hidden}"
    "@media(max-width:700px){.em-n0{transform:none}.em-n1{transform:translateY(15px)}"
    ".em-n2{transform:translateY(30px)}.em-n0,.em-n1,.em-n2{visibility:visible}.em-nx{visibility:hidden}}"
)
_COLOURED = (
    ".em-card{{fill:{card}}}.em text{{fill:{ink}}}.em .em-soft{{fill:{soft}}}"
    ".em-sound{{fill:{sound}}}.em-rule{{fill:{rule}}}.em-thin{{stroke:{rule}}}.em-dashed{{stroke:{soft}}}"
    ".em .em-caption{{fill:{soft};stroke:{card}}}"
    ".em-found,.em text.em-found{{fill:{found}}}.em-true,.em text.em-true{{fill:{true}}}"
    ".em-stroke{{stroke:{found}}}.em-dot{{stroke:{card}}}.em-playhead{{stroke:{ink}}}"
)

WIDTH = 760  # px, of a drawing that stands alone
WIDE, NARROW = 560, 320  # px, the least room that words are laid out for, beside a picture and on a phone
LABEL_ROWS = 3
COLUMNS = 320  # of the waveform
MARGIN = 14  # px, above and below


def localisation_plot(moment: Moment, title: str = "", subtitle: str = "") -> str:
    """Draw where a keyword was found: waveform, localisation scores and, where they are known, the true words.

    The location is a dot and a line, the hit's extent is the orange part of the waveform. Blue is where the
    keyword is truly spoken. At most 20 s around the hit are drawn.

    Parameters
    ----------
    moment : Moment
    title, subtitle : str
        Lines above the drawing, for one that stands alone.

    Returns
    -------
    str
        An ``svg`` element that is a whole SVG file as well.
    """
    moment = moment.excerpt()
    query = moment.hit.query

    def across(seconds: float) -> float:
        """A moment as a percentage of the drawing's width."""
        return float(np.clip((seconds - moment.offset_s) / moment.duration_s, 0, 1)) * 100

    parts: list[str] = []
    y = MARGIN
    if title:
        parts.append(_text(title, 0, y + 18, "em-title"))
        y += 30
    if subtitle:
        parts.append(_text(subtitle, 0, y + 12, "em-subtitle em-soft"))
        y += 28
    sound_y = y + 20
    curve_y = sound_y + 58 + 28
    axis_y = curve_y + 80
    spoken = [word for word in moment.words if normalise(word.word) == normalise(query)]
    parts += [_column(across(w.start_s), across(w.end_s), sound_y, axis_y, "em-true em-wash") for w in spoken]
    parts += _waveform(moment, sound_y, height=58)
    parts += _curve(moment, across, curve_y, height=80)
    parts += _time_axis(moment, across, axis_y + 15)
    y = axis_y + 22
    if moment.words:
        words, rows = _true_words(moment.words, query, across, y + 26)
        parts += words
        parts.append(_text("Words truly spoken", 0, y + 18, "em-caption"))
        y += 36 + 15 * rows
    parts += _location(moment, across, sound_y, curve_y, height=80)
    parts.append(_text("Sound", 0, sound_y - 8, "em-caption"))
    parts.append(_text(f"Localisation score for “{query}”, from 0 to 1", 0, curve_y - 10, "em-caption"))
    parts.append(f'<line class="em-playhead" x1="0%" x2="0%" y1="{sound_y}" y2="{axis_y}"/>')
    height = y + MARGIN
    inner = f'<svg x="2%" width="96%" height="{height}" overflow="visible">{"".join(parts)}</svg>'
    card = '<rect class="em-card" width="100%" height="100%" rx="8"/>'
    return _svg(WIDTH, height, describe(moment), card + inner)


def describe(moment: Moment) -> str:
    """What a localisation plot shows, in words."""
    hit = moment.hit
    told = (
        f"Waveform and localisation scores for “{hit.query}”: found at {clock(hit.time_s)}, "
        f"from {clock(hit.start_s)} to {clock(hit.end_s)}, detection score {hit.score:.2f}."
    )
    if not moment.words:
        return told
    spoken = [word for word in moment.words if normalise(word.word) == normalise(hit.query)]
    spans = " and ".join(f"from {clock(word.start_s)} to {clock(word.end_s)}" for word in spoken)
    return f"{told} It is truly spoken {spans}." if spoken else f"{told} It is not spoken here."


def bars(rows: Sequence[tuple[str, float | None, float | None]], series: tuple[str, str]) -> str:
    """Draw two bars a row, a thick one and a thin one beneath, from 0 to 100 %.

    Parameters
    ----------
    rows : sequence of (label, thick, thin)
        Fractions in [0, 1]; None is drawn as a dash.
    series : (str, str)
        What the thick and the thin bars measure.
    """
    left, span, step, top = 27.0, 65.0, 25, 24
    bottom = top + step * len(rows)
    parts = []
    for percent in (0, 25, 50, 75, 100):
        x = f"{_number(left + span * percent / 100)}%"
        parts.append(f'<line class="em-thin" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>')
        if percent % 50 == 0:
            parts.append(_text(f"{percent} %", left + span * percent / 100, 14, "em-small em-soft em-middle"))
    for i, (label, thick, thin) in enumerate(rows):
        y = top + step * i
        told = f"{label}: {series[0]} {_percent(thick)}, {series[1]} {_percent(thin)}"
        parts.append(f"<g><title>{_escape(told)}</title>")
        parts.append(_text(_shortened(label, 84), left - 2, y + 16, "em-end"))
        if thick is not None:
            parts.append(_bar(left, y + 5, span * _unit(thick), 9, "em-found"))
        if thin is not None:
            parts.append(_bar(left, y + 16, span * _unit(thin), 4, "em-true"))
        longest = max(_unit(thick or 0), _unit(thin or 0))
        parts.append(_text(_percent(thick), left + span * longest, y + 16, "em-small em-soft", shift=6))
        parts.append("</g>")
    label = f"Bars for {len(rows)} keywords: {series[0]} and {series[1]}; the same figures are in a table below."
    return _svg(WIDTH, bottom + 4, label, "".join(parts))


def reliability(mean: Numbers, fraction: Numbers, count: Numbers) -> str:
    """Draw how far detection scores can be read as probabilities.

    Parameters
    ----------
    mean, fraction, count : array, shape = (bins,)
        Mean detection score of a bin, the fraction of its pairs of keyword and utterance where the keyword is
        truly spoken, and how many pairs it holds. Empty bins are passed over.
    """
    bins = [(_unit(float(m)), _unit(float(f)), int(n)) for m, f, n in zip(mean, fraction, count, strict=True) if n]
    side, left, top = 220, 40, 12
    base = top + side

    def point(x: float, y: float) -> tuple[str, str]:
        return _number(left + side * x), _number(base - side * y)

    parts = []
    for tick in (0, 0.5, 1):
        x, y = point(tick, tick)
        parts.append(f'<line class="em-thin" x1="{left}" x2="{left + side}" y1="{y}" y2="{y}"/>')
        parts.append(_pixels(f"{tick:g}", left - 8, float(y) + 4, "em-small em-soft em-end"))
        parts.append(_pixels(f"{tick:g}", float(x), base + 16, "em-small em-soft em-middle"))
    parts.append(f'<line class="em-dashed" x1="{left}" y1="{base}" x2="{left + side}" y2="{top}"/>')
    path = " ".join(",".join(point(m, f)) for m, f, _ in bins)
    parts.append(f'<polyline class="em-stroke" points="{path}"/>')
    for m, f, n in bins:
        x, y = point(m, f)
        told = f"{n} pairs with a mean score of {m:.2f}: the keyword is spoken in {100 * f:.1f} %"
        parts.append(f'<circle class="em-found em-dot" cx="{x}" cy="{y}" r="5"><title>{_escape(told)}</title></circle>')
    parts.append(_pixels("mean detection score", left + side / 2, base + 32, "em-small em-soft em-middle"))
    parts += _histogram(bins, left, base + 42, side)
    told = "; ".join(f"score {m:.2f}, spoken in {100 * f:.0f} % of {n}" for m, f, n in bins)
    label = f"Reliability curve: {told or 'no scores'}."
    width, height = left + side + 16, base + 42 + 30 + 18
    return _svg(width, height, label, "".join(parts), scaled=True)


def clock(seconds: float) -> str:
    """A moment as people read it: ``1.32 s``, from a minute on ``1:05.32``.

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


def printable(text: str) -> str:
    """`text` with what no HTML or SVG file may hold (control characters, halves of surrogates) made visible.

    File names can hold both.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs")
        else character
        for character in text
    )


def _waveform(moment: Moment, y: int, height: int) -> list[str]:
    """The waveform's envelope, in orange within the hit's extent, the loudest sample filling the lane."""
    samples = moment.waveform.astype(np.float64)
    columns = min(COLUMNS, len(samples))
    starts = np.linspace(0, len(samples), columns, endpoint=False).astype(int)
    loudest = max(float(np.abs(samples).max()), 1e-9)
    high = 50 - 49 * np.maximum.reduceat(samples, starts) / loudest
    low = 50 - 49 * np.minimum.reduceat(samples, starts) / loudest
    edges = np.linspace(0, 1000, columns + 1)
    centres_s = moment.offset_s + (np.arange(columns) + 0.5) / columns * moment.duration_s
    found = (centres_s >= moment.hit.start_s) & (centres_s <= moment.hit.end_s)
    # One shape for each stretch of columns of one colour; neighbours share an edge.
    turns = [0, *(np.flatnonzero(np.diff(found)) + 1).tolist(), columns]
    shapes = [
        _envelope(edges[a : b + 1], high[a:b], low[a:b], "em-found" if found[a] else "em-sound")
        for a, b in pairwise(turns)
    ]
    return [_stretched(y, height, "".join(shapes))]


def _envelope(edges: Numbers, high: Numbers, low: Numbers, kind: str) -> str:
    """Columns from `low` to `high` as one filled shape, never thinner than a hair."""
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    xs = [edges[0], *middles[1:-1], edges[-1]] if len(middles) > 1 else [edges[0], edges[-1]]
    tops, bottoms = (list(v) if len(middles) > 1 else [v[0], v[0]] for v in (high, low))
    there = [f"{_number(x)},{_number(min(top, 49.4))}" for x, top in zip(xs, tops, strict=True)]
    back = [f"{_number(x)},{_number(max(bottom, 50.6))}" for x, bottom in zip(xs, bottoms, strict=True)]
    return f'<path class="{kind}" d="M{" ".join(there + back[::-1])}Z"/>'


def _curve(moment: Moment, across: Callable[[float], float], y: int, height: int) -> list[str]:
    """The localisation scores as a line with its area, between hairlines at 0 and 1."""
    lines = [f'<line class="em-thin" x1="0%" x2="100%" y1="{at}" y2="{at}"/>' for at in (y, y + height / 2, y + height)]
    if not len(moment.curve):
        return lines
    xs = [_number(across(time_s) * 10) for time_s in moment.curve_times_s.tolist()]
    points = [f"{x},{_number(100 - 100 * _unit(s))}" for x, s in zip(xs, moment.curve.tolist(), strict=True)]
    area = f'<path class="em-found em-wash" d="M{xs[0]},100 {" ".join(points)} {xs[-1]},100Z"/>'
    line = f'<polyline class="em-stroke" points="{" ".join(points)}"/>'
    return [*lines, _stretched(y, height, area + line)]


def _location(moment: Moment, across: Callable[[float], float], sound_y: int, curve_y: int, height: int) -> list[str]:
    """The line and the dot of the location, and its time below."""
    time_s = moment.hit.time_s
    if not moment.offset_s <= time_s <= moment.end_s:
        return []
    x, base = across(time_s), curve_y + height
    score = float(np.interp(time_s, moment.curve_times_s, moment.curve)) if len(moment.curve) else 0.0
    label = _found_at(moment)
    label_x, anchor = _anchored(label, x / 100)
    return [
        f'<line class="em-stroke" x1="{_number(x)}%" x2="{_number(x)}%" y1="{sound_y}" y2="{base}"'
        ' style="stroke-width:1"/>',
        f'<circle class="em-found em-dot" cx="{_number(x)}%" cy="{_number(base - height * _unit(score))}" r="5"/>',
        _text(label, 100 * label_x, base + 15, f"em-found em-strong {anchor}"),
    ]


def _time_axis(moment: Moment, across: Callable[[float], float], y: int) -> list[str]:
    """At most seven round times, none that touches the location's own label or an end."""
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if moment.duration_s / s <= 7)
    first, last = int(np.ceil(moment.offset_s / step)), int(np.floor(moment.end_s / step))
    own_start, own_end = _span(_found_at(moment), across(moment.hit.time_s) / 100, NARROW)
    ticks = []
    for time_s in (tick * step for tick in range(first, last + 1)):
        x = across(time_s)
        label = f"{time_s:.3g} s" if time_s < 60 else clock(time_s).removesuffix(".00")
        start, end = _span(label, x / 100, NARROW)
        if _anchored(label, x / 100)[1] == "em-middle" and (end + 8 < own_start or start > own_end + 8):
            ticks.append(_text(label, x, y, "em-small em-soft em-middle"))
    return ticks


def _found_at(moment: Moment) -> str:
    return f"found at {clock(moment.hit.time_s)}"


def _true_words(words: Sequence[Word], query: str, across: Callable[[float], float], y: int) -> tuple[list[str], int]:
    """The true words as bars with their labels below, and how many rows of labels there are."""
    asked = [normalise(word.word) == normalise(query) for word in words]
    spans = [(across(word.start_s) / 100, across(word.end_s) / 100) for word in words]
    texts = [printable(word.word) for word in words]
    wide, narrow = (_label_rows(texts, spans, asked, room) for room in (WIDE, NARROW))
    parts = []
    for text, (start, end), is_query, w, n in zip(texts, spans, asked, wide, narrow, strict=True):
        parts.append("<g>" + f"<title>{_escape(text)}</title>")
        parts.append(_column(100 * start, 100 * end, y, y + 6, "em-true" if is_query else "em-sound"))
        x, anchor = _anchored(text, (start + end) / 2)
        kind = "em-true em-strong" if is_query else "em-soft"
        parts.append(_text(text, 100 * x, y + 20, f"{kind} {anchor} em-w{w} em-n{n}"))
        parts.append("</g>")
    return parts, 1 + max((row for row in wide + narrow if isinstance(row, int)), default=0)


def _label_rows(
    texts: Sequence[str], spans: Sequence[tuple[float, float]], first: Sequence[bool], room: int
) -> list[int | str]:
    """The row of each label in a drawing of `room` px: the highest where it touches no other, or "x" for none.

    The query's own labels choose before the others.
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
    half = _text_width(text) / NARROW / 2
    if middle < half:
        return 0.0, "em-start"
    return (1.0, "em-end") if middle > 1 - half else (middle, "em-middle")


def _span(text: str, middle: float, room: int) -> tuple[float, float]:
    """Left and right end of a label in a drawing of `room` px."""
    x, anchor = _anchored(text, middle)
    width = _text_width(text)
    start = x * room - width * {"em-start": 0.0, "em-middle": 0.5, "em-end": 1.0}[anchor]
    return start, start + width


def _histogram(bins: Sequence[tuple[float, float, int]], left: int, y: int, side: int) -> list[str]:
    """How many pairs each bin holds, on a logarithmic scale because most scores are near 0."""
    most = max((n for _, _, n in bins), default=1)
    width = side / max(len(bins), 10) * 0.7
    parts = []
    for m, _, n in bins:
        tall = 26 * np.log1p(n) / np.log1p(most)
        x, top = _number(left + side * m - width / 2), _number(y + 30 - tall)
        parts.append(f'<rect class="em-sound" x="{x}" y="{top}" width="{_number(width)}" height="{_number(tall)}"/>')
    return [*parts, _pixels("pairs, log scale", left + side / 2, y + 44, "em-small em-soft em-middle")]


def _svg(width: int, height: int, label: str, body: str, scaled: bool = False) -> str:
    """The outermost element: a drawing in percent keeps the size of its letters, a scaled one its shape."""
    size = f'viewBox="0 0 {width} {height}"' if scaled else ""
    return (
        f'<svg class="em" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {size} role="img" '
        f'aria-label="{_escape(label)}"><style>{_style()}</style>{body}</svg>'
    )


def _style() -> str:
    light, dark = (_COLOURED.format(**{n: c[i] for n, c in COLOURS.items()}) for i in (0, 1))
    return f"{_STYLE}{light}@media(prefers-color-scheme:dark){{{dark}}}"


def _stretched(y: int, height: int, body: str) -> str:
    return (
        f'<svg x="0%" y="{y}" width="100%" height="{height}" viewBox="0 0 1000 100" preserveAspectRatio="none"'
        f' overflow="visible">{body}</svg>'
    )


def _column(start: float, end: float, top: int, bottom: int, kind: str) -> str:
    width = max(end - start - 0.15, 0.2)  # a hair of paper between neighbours
    return f'<rect class="{kind}" x="{_number(start)}%" width="{_number(width)}%" y="{top}" height="{bottom - top}"/>'


def _bar(x: float, y: int, width: float, height: int, kind: str) -> str:
    return f'<rect class="{kind}" x="{_number(x)}%" y="{y}" width="{_number(width)}%" height="{height}" rx="1.5"/>'


def _text(text: str, x: float, y: int, kind: str, shift: int = 0) -> str:
    """Text at `x` percent and `y` px."""
    moved = f' dx="{shift}"' if shift else ""
    return f'<text class="{kind}" x="{_number(x)}%" y="{y}"{moved}>{_escape(text)}</text>'


def _pixels(text: str, x: float, y: float, kind: str) -> str:
    """Text at `x` and `y` px."""
    return f'<text class="{kind}" x="{_number(x)}" y="{_number(y)}">{_escape(text)}</text>'


def _escape(text: str) -> str:
    return html.escape(printable(text))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


def _unit(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _text_width(text: str) -> float:
    """Roughly the width of `text` at 12 px: marks take no room, East Asian letters take twice as much."""
    return sum(map(_character_width, text))


def _character_width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    return 12.0 if unicodedata.east_asian_width(character) in "WF" else 6.6


def _shortened(text: str, room: float) -> str:
    """`text`, cut with an ellipsis where it is wider than `room` px."""
    if _text_width(text) <= room:
        return text
    return text[: _fitting(map(_character_width, text), room - 8)] + "…"


def _fitting(widths: Iterable[float], room: float) -> int:
    """How many of the first `widths` fit into `room`."""
    count = 0
    for width in widths:
        room -= width
        if room < 0:
            break
        count += 1
    return count
