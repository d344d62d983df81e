"""Parts of SVG drawings: the root element with its own style, text, and shapes that stretch.

Every drawing has light and dark colours of its own, and is a whole ``.svg`` file as well as part of a page. Orange is
always what the model predicts, blue what is true.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable

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
    ".em-heat{image-rendering:pixelated}.em-ground{opacity:.4}"
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


def drawing(width: int, height: int, label: str, body: str, scaled: bool = False) -> str:
    """The outermost element: a drawing in percent keeps the size of its letters, a scaled one its shape."""
    size = f'viewBox="0 0 {width} {height}"' if scaled else ""
    return (
        f'<svg class="em" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {size} role="img" '
        f'aria-label="{escape(label)}"><style>{_style()}</style>{body}</svg>'
    )


def _style() -> str:
    light, dark = (_COLOURED.format(**{n: c[i] for n, c in COLOURS.items()}) for i in (0, 1))
    return f"{_STYLE}{light}@media(prefers-color-scheme:dark){{{dark}}}"


def stretched(y: int, height: int, body: str) -> str:
    """Shapes in 1000 by 100 units, as wide as the drawing."""
    return (
        f'<svg x="0%" y="{y}" width="100%" height="{height}" viewBox="0 0 1000 100" preserveAspectRatio="none"'
        f' overflow="visible">{body}</svg>'
    )


def column(start: float, end: float, top: int, bottom: int, kind: str) -> str:
    """A rectangle between percentages of the width, from `top` to `bottom` px."""
    width = max(end - start - 0.15, 0.2)  # a hair of paper between neighbours
    return f'<rect class="{kind}" x="{number(start)}%" width="{number(width)}%" y="{top}" height="{bottom - top}"/>'


def bar(x: float, y: int, width: float, height: int, kind: str) -> str:
    """A lying bar that is `x` and `width` percent across, `y` and `height` px down."""
    return f'<rect class="{kind}" x="{number(x)}%" y="{y}" width="{number(width)}%" height="{height}" rx="1.5"/>'


def text(text: str, x: float, y: int, kind: str, shift: int = 0) -> str:
    """Text at `x` percent and `y` px."""
    moved = f' dx="{shift}"' if shift else ""
    return f'<text class="{kind}" x="{number(x)}%" y="{y}"{moved}>{escape(text)}</text>'


def pixels(text: str, x: float, y: float, kind: str) -> str:
    """Text at `x` and `y` px."""
    return f'<text class="{kind}" x="{number(x)}" y="{number(y)}">{escape(text)}</text>'


def escape(text: str) -> str:
    """Text as markup may hold it."""
    return html.escape(printable(text))


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def whole_percent(value: float | None) -> str:
    """A fraction in whole percent; a dash for None."""
    return "–" if value is None else f"{100 * value:.0f} %"


def unit(value: float) -> float:
    """`value`, kept within 0 and 1."""
    return min(max(value, 0.0), 1.0)


def text_width(text: str) -> float:
    """Roughly the width of `text` at 12 px: marks take no room, East Asian letters take twice as much."""
    return sum(map(_character_width, text))


def _character_width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    return 12.0 if unicodedata.east_asian_width(character) in "WF" else 6.6


def shortened(text: str, room: float) -> str:
    """`text`, cut with an ellipsis where it is wider than `room` px."""
    if text_width(text) <= room:
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
