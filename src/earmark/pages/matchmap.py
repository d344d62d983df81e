"""The lanes of a localisation plot that an image query adds: audio attention and matchmap over time."""

from __future__ import annotations

from earmark.pages import heat, svg
from earmark.pages.moment import Moment
from earmark.pages.sight import Sight

ATTENTION, MATCHMAP = 12, 72  # px, the heights of the lanes
GAP = 26  # px above each, for its caption


def lanes(moment: Moment, y: int) -> tuple[list[str], int]:
    """Draw audio attention and matchmap below `y` px, on the time axis of the moment's other lanes.

    Of the matchmap, a row is a row of the picture, in which the pixel that goes best with a frame counts.

    Returns
    -------
    parts : list of str
        None where the moment has no image query.
    bottom : int
        In px, where the next thing has room.
    """
    sight = moment.sight.thinned() if moment.sight else None
    if not sight or not sight.frames:
        return [], y
    start, end = _edges(moment, sight)
    attention_y = y + GAP
    matchmap_y = attention_y + ATTENTION + GAP
    audio = heat.levels(sight.audio_attention)[None]
    rows = sight.levels().max(axis=2).T
    parts = [
        heat.strip(audio, start, end, attention_y, ATTENTION),
        heat.strip(rows, start, end, matchmap_y, MATCHMAP),
        svg.text("Audio attention: what the model listens to", 0, attention_y - 8, "em-caption"),
        svg.text("Matchmap: the picture’s rows, from top to bottom", 0, matchmap_y - 8, "em-caption"),
    ]
    return parts, matchmap_y + MATCHMAP


def _edges(moment: Moment, sight: Sight) -> tuple[float, float]:
    """Where the first frame starts and the last one ends, in percent of the width; a lone frame is all of it."""
    if sight.frames == 1:
        return 0.0, 100.0
    first_s, last_s = (float(sight.times_s[i]) - moment.offset_s for i in (0, -1))
    half_s = sight.step_s / 2
    return 100 * (first_s - half_s) / moment.duration_s, 100 * (last_s + half_s) / moment.duration_s
