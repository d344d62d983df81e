"""Which part of a picture shows a word that is said of it, for whoever asks with a picture instead of the word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from earmark.corpora.picturebook.draw import SIZE
from earmark.corpora.picturebook.scenes import KEYWORDS, Group, Scene
from earmark.images import Box

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
    said = [keyword for keyword in KEYWORDS if keyword in words and keyword in scene.keywords()]
    shown: dict[str, Box | None] = {}
    for keyword in said:
        group = next((one for one in scene.groups if keyword in (one.noun, one.colour, one.action)), None)
        if group is None:
            shown[keyword] = None
        elif group in boxes:
            shown[keyword] = _widened(boxes[group])
    return shown


def _widened(box: Box) -> Box:
    left, top, right, bottom = box
    return max(0, left - MARGIN), max(0, top - MARGIN), min(SIZE, right + MARGIN), min(SIZE, bottom + MARGIN)
