"""Heat maps: numbers as the shade of one colour, in PNG, for a page to lay over whatever is below.

The colour is the orange of what the model says, between that of light and of dark pages, because a picture does not
follow the page: its contrast with both grounds is more than 3.9 to 1. Where a number is 0, it is transparent.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

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
