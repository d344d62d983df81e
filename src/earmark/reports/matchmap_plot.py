"""Heat maps in one colour, and the lanes that an image query adds to a localisation plot.

A heat map is a PNG in which 0 is transparent. Its colour is the orange of predictions, between that of light and of
dark pages, because an image does not follow the page's scheme: its contrast with both is more than 3.9 to 1.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from earmark.reports import svg
from earmark.reports.example import Example
from earmark.reports.matchmap_data import MatchmapData

SHADE = (200, 101, 28)


def levels(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Values in [0, 1] as whole numbers to 255."""
    whole: npt.NDArray[np.uint8] = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return whole


def heat_uri(levels: npt.NDArray[np.uint8]) -> str:
    """A heat map as a data URI: one pixel a value, as opaque as it is high.

    Parameters
    ----------
    levels : numpy.ndarray, shape = (height, width)
    """
    pixels = np.empty((*levels.shape, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = SHADE, levels
    file = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(file, "PNG", optimize=True)
    return data_uri("image/png", file.getvalue())


def strip(levels: npt.NDArray[np.uint8], start: float, end: float, y: int, height: int) -> str:
    """A heat map between percentages of a drawing's width, `height` px high; what lies outside of it is cut off."""
    place = f'x="{start:.3f}%" width="{end - start:.3f}%" height="{height}" preserveAspectRatio="none"'
    image = f'<image class="em-heat" {place} href="{heat_uri(levels)}"/>'
    ground = '<rect class="em-rule em-ground" width="100%" height="100%"/>'
    return f'<svg x="0%" y="{y}" width="100%" height="{height}" overflow="hidden">{ground}{image}</svg>'


def data_uri(kind: str, content: bytes) -> str:
    """A file's content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


ATTENTION, MATCHMAP = 12, 72  # px, the heights of the lanes
GAP = 26  # px above each, for its caption


def lanes(example: Example, y: int) -> tuple[list[str], int]:
    """Draw audio attention and matchmap below `y` px, on the time axis of the example's other lanes.

    A row of the matchmap lane is a row of the image: the best match of its pixels with each frame.

    Returns
    -------
    parts : list of str
        Empty where the example has no image query.
    bottom : int
        In px, the lower edge.
    """
    data = example.matchmap_data.downsampled() if example.matchmap_data else None
    if not data or not data.frames:
        return [], y
    start, end = _edges(example, data)
    attention_y = y + GAP
    matchmap_y = attention_y + ATTENTION + GAP
    audio = levels(data.audio_attention)[None]
    rows = data.levels().max(axis=2).T
    parts = [
        strip(audio, start, end, attention_y, ATTENTION),
        strip(rows, start, end, matchmap_y, MATCHMAP),
        svg.text("Audio attention", 0, attention_y - 8, "em-caption"),
        svg.text("Matchmap: the image’s rows, from top to bottom", 0, matchmap_y - 8, "em-caption"),
    ]
    return parts, matchmap_y + MATCHMAP


def _edges(example: Example, data: MatchmapData) -> tuple[float, float]:
    """Where the first frame starts and the last one ends, in percent of the width; a lone frame is all of it."""
    if data.frames == 1:
        return 0.0, 100.0
    first_s, last_s = (float(data.times_s[i]) - example.offset_s for i in (0, -1))
    half_s = data.step_s / 2
    return 100 * (first_s - half_s) / example.duration_s, 100 * (last_s + half_s) / example.duration_s
