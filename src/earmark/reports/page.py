"""Self-contained pages: a template, and everything that it shows, in one HTML file.

A page opens offline from any folder. Its content security policy lets it load nothing from outside and run no
script but its own, whatever names and captions it shows.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from earmark.core.files import write_text
from earmark.core.timing import SAMPLE_RATE
from earmark.core.types import Prompt
from earmark.media.audio import Waveform
from earmark.media.images import read_image
from earmark.reports import matchmap_data, matchmap_plot, plots, svg
from earmark.reports.matchmap_plot import data_uri

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_PICTURE = (320, 320)  # px
OPUS_COMPRESSION = 0.9  # of libsndfile's 0 to 1: about 32 kbit/s, clear speech
SHORTEST_SOUND_S = 0.4  # a shorter sound is a click that nobody understands
DASH = "–"


def write_page(path: Path | str, template: str, context: Mapping[str, Any]) -> None:
    """Fill a template of this package and write it as one HTML file, in one step.

    Parameters
    ----------
    path : path
    template : str
        File name in ``templates/``.
    context : mapping
        What the template shows. All text is escaped.

    Raises
    ------
    EarmarkError
        If a picture can't be read.
    """
    once = {"prompt_uri": cache(prompt_uri)}  # a page shows the same prompt beside many examples
    page = _environment().get_template(template).render({**context, **once})
    write_text(path, svg.printable(page))


def audio_uri(waveform: Waveform) -> str:
    """A mono 16 kHz waveform as a data URI of Ogg Opus, about 5 kB a second."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(
        file,
        waveform.clip(-1, 1),
        SAMPLE_RATE,
        format="OGG",
        subtype="OPUS",
        compression_level=OPUS_COMPRESSION,
    )
    return data_uri("audio/ogg", file.getvalue())


def image_uri(path: Path | str) -> str:
    """A picture as a data URI, in JPEG, scaled down to fit 320 by 320.

    Raises
    ------
    EarmarkError
        If the picture is missing or can't be read.
    """
    picture = read_image(path)
    picture.thumbnail(LARGEST_PICTURE)
    return _jpeg_uri(picture)


def prompt_uri(prompt: Prompt) -> str:
    """The image of a prompt as a data URI, in JPEG, scaled up or down to 320 px on its longer side.

    Raises
    ------
    EarmarkError
        If the picture is missing or can't be read, or the part lies outside it.
    """
    picture = read_image(prompt.path, prompt.box)
    scale = max(LARGEST_PICTURE) / max(picture.size)
    return _jpeg_uri(picture.resize([max(1, round(scale * side)) for side in picture.size]))


def _jpeg_uri(picture: Image) -> str:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=80)
    return data_uri("image/jpeg", file.getvalue())


def percent(fraction: float | None) -> str:
    """A fraction in percent with one decimal, without the sign; a dash for None and NaN.

    >>> percent(0.57349), percent(None)
    ('57.3', '–')
    """
    return DASH if fraction is None or math.isnan(fraction) else f"{100 * fraction:.1f}"


def grouped(number: int | None) -> str:
    """A whole number with thin spaces between thousands; a dash for None."""
    return DASH if number is None else f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("earmark.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "audio_uri": audio_uri,
        "image_uri": image_uri,
        "percent": percent,
        "grouped": grouped,
        "clock": plots.clock,
        "describe": plots.describe,
        "localisation_plot": lambda example: Markup(plots.localisation_plot(example)),
        "heat_uri": matchmap_plot.heat_uri,
        "heat_levels": matchmap_plot.levels,
        "base64": lambda content: base64.b64encode(content).decode(),
        "strongest": matchmap_data.strongest,
        "bars": lambda rows, series: Markup(plots.bars(rows, series)),
        "scatter": lambda it: Markup(plots.scatter(it.points, it.across, it.up)),
        "reliability": lambda bins: Markup(plots.reliability(bins)),
    }
    script = _beside("player.js") + _beside("matchmap.js")
    environment.globals |= {
        "shortest_s": SHORTEST_SOUND_S,
        "places": ["strongest " + place for row in matchmap_data.PLACES for place in row],
        "shade": matchmap_plot.SHADE,
        "style": Markup(_palette() + _beside("style.css")),
        "script": Markup(script),
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }
    return environment


def _palette() -> str:
    """The drawings' colours as variables of the page's style."""
    light, dark = (";".join(f"--{n}:{pair[i]}" for n, pair in svg.COLOURS.items()) for i in (0, 1))
    return f":root{{{light};--shade:rgb{matchmap_plot.SHADE}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}\n"


def _beside(name: str) -> str:
    return resources.files("earmark.reports").joinpath(name).read_text(encoding="utf-8")
