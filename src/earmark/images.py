"""Picture files in, upright RGB pictures out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from earmark.errors import EarmarkError

# No EPS or PDF: Pillow would start another program for them.
PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")

if TYPE_CHECKING:
    from PIL.Image import Image


def read_image(path: Path | str, box: tuple[int, int, int, int] | None = None) -> Image:
    """Read a picture: turned upright as its camera says, transparency laid on white, in RGB.

    Raises
    ------
    EarmarkError
        If the file is missing, is no picture that can be read, or is far too large.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURE_FORMATS) as opened:
                picture = _in_8_bits(ImageOps.exif_transpose(opened))
                if picture.has_transparency_data:
                    over = picture.convert("RGBA")
                    picture = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
                return picture.convert("RGB").crop(box) if box else picture.convert("RGB")
    except FileNotFoundError:
        raise EarmarkError(f"There is no picture {path}: check its name, or whether it was moved.") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise EarmarkError(f"{path} is too large a picture: scale it down to less than 80 megapixels.") from None
    except Exception as error:  # the decoders of damaged files raise whatever comes up
        raise EarmarkError(f"{path} can't be read as a picture: save it as JPEG or PNG.") from error


def _in_8_bits(picture: Image) -> Image:
    """A grey picture of 16 bits in 8; Pillow itself would turn all but its darkest greys white."""
    if not picture.mode.startswith("I"):
        return picture
    picture = picture.convert("I").point(lambda grey: grey * (1 / 257) + 0.5).convert("L")
    picture.info.pop("transparency", None)  # one of 65,536 greys
    return picture
