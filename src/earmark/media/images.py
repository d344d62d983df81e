"""Picture files in, upright RGB pictures out; of a file that is none, what it is and what to do with it."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, cast

from earmark.core.errors import EarmarkError
from earmark.core.types import Box

# No EPS or PDF: Pillow would start another program for them.
PICTURE_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
ENOUGH_PIXELS = (256, 256)  # to tell whether a JPEG can be read, it may be decoded at a fraction of its size
MOST_GREYS = 65_536

# How the files of these formats begin, and those of others that people take for pictures.
OURS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")
OTHERS = {
    b"%PDF": ("a PDF", "save the picture in it as JPEG or PNG"),
    b"%!PS": ("PostScript", "save it as PNG"),
    b"8BPS": ("a Photoshop document", "save it as PNG"),
    b"\xff\x0a": ("a JPEG XL picture", "save it as JPEG"),
    b"\0\0\0\x0cJXL ": ("a JPEG XL picture", "save it as JPEG"),
    b"\0\0\0\x0cjP  ": ("a JPEG 2000 picture", "save it as JPEG"),
    b"PK\3\4": ("a ZIP archive or an office document", "save the picture in it as JPEG or PNG"),
}
# Brands of the container that telephones put pictures in, and cameras films.
BRANDS = {
    "an AVIF picture": (b"avif", b"avis"),
    "a HEIC picture": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"),
    "a HEIF picture": (b"mif1", b"msf1", b"mif2", b"heif"),
}
A_HEAD = 1024  # bytes of a file that are enough to identify its format

if TYPE_CHECKING:
    from PIL.Image import Image


def read_image(path: Path | str, box: Box | None = None) -> Image:
    """Read a picture: turned upright by its EXIF orientation, transparency laid on white, in RGB.

    Of an animation or a file of several pages it is the first picture.

    Parameters
    ----------
    path : path
    box : (int, int, int, int), optional
        Left, top, right and bottom of the part that is wanted, in pixels of the upright picture.

    Raises
    ------
    EarmarkError
        If the file is missing, is no picture that can be read, or is far too large; or if the box is not in it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is wrong with a picture, one sentence is enough
        picture = _upright(path)
    if box is None:
        return picture
    left, top, right, bottom = box
    if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
        raise EarmarkError(
            f"The crop {left},{top},{right},{bottom} is no part of {path}, which is {picture.width} pixels wide and "
            f"{picture.height} high: give its left, top, right and bottom."
        )
    return picture.crop(box)


def check_image(path: Path | str) -> None:
    """Make sure that a picture can be read, in less time than it takes to read it; Pillow's warnings are let through.

    Raises
    ------
    EarmarkError
        As :func:`read_image`.
    """
    _upright(path, ENOUGH_PIXELS)


def _upright(path: Path | str, enough: tuple[int, int] | None = None) -> Image:
    """The whole picture; if less is `enough`, a JPEG of no fewer pixels."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if os.path.isdir(path):
        raise EarmarkError(f"{path} is a folder: name a picture.")
    if not os.path.isfile(path):
        raise EarmarkError(f"There is no picture {path}: check its name, or whether it was moved.")
    try:
        with Image.open(path, formats=PICTURE_FORMATS) as opened:
            if opened.width * opened.height > (Image.MAX_IMAGE_PIXELS or float("inf")):
                raise Image.DecompressionBombError
            if enough:
                opened.draft("RGB", enough)
            picture = ImageOps.exif_transpose(opened)
            if _is_of_other_depth(picture):
                raise EarmarkError(f"The pixels of {path} are not of 8 or 16 bits: save it as JPEG or PNG.")
            return _in_rgb(picture)
    except EarmarkError:
        raise
    except Image.DecompressionBombError:
        raise EarmarkError(f"{path} is too large a picture: scale it down to less than 80 megapixels.") from None
    except UnidentifiedImageError:
        raise _no_picture(path) from None
    except Exception as error:  # the decoders of damaged files raise whatever comes up
        raise EarmarkError(f"{path} is a damaged picture ({error}): copy or save it again.") from error


def _in_rgb(picture: Image) -> Image:
    from PIL import Image

    picture = _in_8_bits(picture)
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return picture.convert("RGB")


def _is_of_other_depth(picture: Image) -> bool:
    """Whether its values have no known range: fractions, or integers beyond 16 bits."""
    if picture.mode == "I":
        return not all(0 <= grey < MOST_GREYS for grey in cast("tuple[int, int]", picture.getextrema()))
    return picture.mode == "F"


def _in_8_bits(picture: Image) -> Image:
    """A grey picture of 16 bits in 8; Pillow itself would turn all but its darkest greys white."""
    if not picture.mode.startswith("I"):
        return picture
    picture = picture.convert("I").point(lambda grey: grey * (1 / 257) + 0.5).convert("L")
    picture.info.pop("transparency", None)  # one of 65,536 greys
    return picture


def _no_picture(path: Path | str) -> EarmarkError:
    """The error for a file that Pillow can't identify."""
    with open(path, "rb") as file:
        head = file.read(A_HEAD)
    if head.startswith(OURS):
        return EarmarkError(f"{path} is a damaged picture: copy or save it again.")
    what, advice = _what_it_is(head)
    return EarmarkError(f"{path} can't be read as a picture ({what}): {advice}.")


def _what_it_is(head: bytes) -> tuple[str, str]:
    """What a file is that begins like this, and what to do with it."""
    if not head:
        return "it is empty", "copy it again"
    for beginning, (what, advice) in OTHERS.items():
        if head.startswith(beginning):
            return f"it is {what}", advice
    if head[4:8] == b"ftyp":
        brands = {head[place : place + 4] for place in range(8, min(int.from_bytes(head[:4]), len(head)), 4)}
        for what, its_brands in BRANDS.items():
            if not brands.isdisjoint(its_brands):
                return f"it is {what}", "save it as JPEG"
        return "it is a film or a recording", "save a picture of it as JPEG"
    if b"<svg" in head.lower():
        return "it is an SVG drawing", "export it as PNG"
    if not any(byte < 32 and byte not in b"\t\n\r\f" for byte in head):
        return "it is a text", "check its name"
    return "it is of no kind that is known", "save it as JPEG or PNG"
