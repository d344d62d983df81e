from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from earmark.core.errors import EarmarkError
from earmark.media.images import check_image, read_image
from earmark.media.lookup import check_all_images
from support.media import write_picture

# Columns dark to light, and one corner marked: no turn or mirroring leaves it the same.
UPRIGHT = np.tile(np.linspace(0, 200, 12).astype(np.uint8)[None, :, None], (8, 1, 3))
UPRIGHT[:3, :3] = (255, 0, 0)


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    image = read_image(path)
    assert image.mode == "RGB"
    return np.array(image)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "gif", "jpg"])
def test_common_formats(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"ọmọ 1.{ending}"
    Image.fromarray(np.full((8, 12, 3), (200, 40, 90), np.uint8)).save(path)
    assert pixels(path).shape == (8, 12, 3)
    np.testing.assert_allclose(pixels(path).mean((0, 1)), [200, 40, 90], atol=6)


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (1, UPRIGHT),
        (2, UPRIGHT[:, ::-1]),
        (3, UPRIGHT[::-1, ::-1]),
        (4, UPRIGHT[::-1]),
        (5, UPRIGHT.transpose(1, 0, 2)),
        (6, np.rot90(UPRIGHT, 1)),  # the camera was turned: show it turned 90 degrees clockwise
        (7, UPRIGHT[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90(UPRIGHT, -1)),
    ],
)
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_picture_is_turned_upright(
    tmp_path: Path, orientation: int, stored: npt.NDArray[np.uint8], ending: str
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / f"a.{ending}", exif=exif, quality=100, subsampling=0)
    assert np.abs(pixels(tmp_path / f"a.{ending}").astype(int) - UPRIGHT).mean() < (0.01 if ending == "png" else 12)


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    see_through = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 51]]], np.uint8)
    Image.fromarray(see_through).save(tmp_path / "a.png")
    np.testing.assert_allclose(pixels(tmp_path / "a.png"), [[[255] * 3, [10, 20, 30], [204] * 3]], atol=1)


def test_transparency_of_a_palette_lies_on_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 0, 128, 0])
    image.save(tmp_path / "a.png", transparency=0)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), [[[255] * 3, [0, 128, 0]]])


@pytest.mark.parametrize("mode", ["L", "1", "LA", "CMYK", "P"])
def test_other_colour_modes(tmp_path: Path, mode: str) -> None:
    grey = np.repeat(np.array([[0, 255, 0, 255]], np.uint8), 4, axis=0)
    path = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png")
    Image.fromarray(grey).convert("RGB" if mode == "CMYK" else "L").convert(mode).save(path)
    np.testing.assert_array_equal(pixels(path), np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("ending", ["png", "tiff", "pgm"])
def test_16_bits_of_grey_become_the_same_8(tmp_path: Path, ending: str) -> None:
    grey = np.linspace(0, 65_535, 256).reshape(16, 16).round().astype(np.uint16)
    Image.fromarray(grey).save(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(pixels(tmp_path / f"a.{ending}")[..., 0], grey / 257, atol=0.5)


def test_16_bits_with_a_transparent_grey(tmp_path: Path) -> None:
    grey = np.full((4, 4), 30_000, np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png", transparency=117)
    np.testing.assert_allclose(pixels(tmp_path / "a.png"), 117, atol=1)


def test_one_pixel(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "blue").save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), [[[0, 0, 255]]])


def tiff(samples: npt.NDArray[np.generic]) -> bytes:
    """An uncompressed TIFF file of samples (height, width, 1 or 3), in whatever numbers they are."""
    height, width, channels = samples.shape
    bits, form = 8 * samples.dtype.itemsize, {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    colours = 2 if channels == 3 else 1
    tags = [(256, width), (257, height), (258, bits), (259, 1), (262, colours), (273, 0), (277, channels)]
    tags += [(278, height), (279, samples.nbytes), (339, form)]
    lists_at = 8 + 2 + 12 * len(tags) + 4
    places = {258: lists_at, 339: lists_at + 6} if channels == 3 else {}  # a number for each channel
    places[273] = lists_at + 12  # the samples
    entries = b"".join(
        struct.pack(
            "<HHII",
            tag,
            4 if tag in (273, 279) else 3,
            3 if tag in places and tag != 273 else 1,
            places.get(tag, value),
        )
        for tag, value in tags
    )
    lists = struct.pack("<6H", *[bits] * 3, *[form] * 3)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + lists + samples.tobytes()


def png(samples: npt.NDArray[np.uint16], colours: int) -> bytes:
    """A PNG file of 16-bit samples (height, width, channels)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colours, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_16_bits_of_colour_become_the_same_8(tmp_path: Path, ending: str) -> None:
    deep = np.linspace(0, 65_535, 8 * 4 * 3).reshape(8, 4, 3).round().astype("<u2")
    (tmp_path / "a").write_bytes(png(deep, 2) if ending == "png" else tiff(deep))
    np.testing.assert_allclose(pixels(tmp_path / "a"), deep / 257, atol=1)


def test_16_bits_of_colour_and_transparency(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(np.array([[[65_535, 0, 0, 65_535], [65_535, 0, 0, 0]]], np.uint16), 6))
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), [[[255, 0, 0], [255, 255, 255]]])


@pytest.mark.parametrize("samples", [np.array([[[0.5], [1.0]]], "<f4"), np.array([[[70_000], [100]]], "<u4")])
def test_numbers_that_say_not_how_bright_they_are(tmp_path: Path, samples: npt.NDArray[np.generic]) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(samples))
    with pytest.raises(EarmarkError, match=r"The pixels of .*a\.tif are not of 8 or 16 bits: save it as"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("ending", ["jpg", "tiff"])
def test_cmyk(tmp_path: Path, ending: str) -> None:
    Image.new("RGB", (16, 16), (255, 0, 0)).convert("CMYK").save(tmp_path / f"a.{ending}")
    np.testing.assert_allclose(pixels(tmp_path / f"a.{ending}"), np.broadcast_to([255, 0, 0], (16, 16, 3)), atol=2)


@pytest.mark.parametrize("ending", ["gif", "webp", "tiff", "png", "mpo"])
def test_of_several_pictures_the_first(tmp_path: Path, ending: str) -> None:
    first, *more = (Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "lime"))
    first.save(tmp_path / f"a.{ending}", save_all=True, append_images=more)
    np.testing.assert_allclose(pixels(tmp_path / f"a.{ending}"), np.broadcast_to([255, 0, 0], (16, 16, 3)), atol=3)


@pytest.mark.parametrize("limit", [400, 900])  # of 1,000 pixels: Pillow refuses from twice its limit, warns below
def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    Image.new("RGB", (50, 20)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(EarmarkError, match=r"a\.png is too large a picture: scale it down"):
        read_image(tmp_path / "a.png")


def test_the_limit_is_the_one_in_the_sentence() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert 80e6 <= Image.MAX_IMAGE_PIXELS < 90e6


def box_of(kind: bytes, *boxes: bytes) -> bytes:
    """A box of an ISO media file."""
    content = b"".join(boxes)
    return (8 + len(content)).to_bytes(4) + kind + content


HEIC = box_of(b"ftyp", b"heic", bytes(4), b"mif1", b"heic") + box_of(b"meta", bytes(200))
SAVE_AS_JPEG = "save it as JPEG"


@pytest.mark.parametrize(
    ("content", "what", "advice"),
    [
        (HEIC, "a HEIC picture", SAVE_AS_JPEG),
        (box_of(b"ftyp", b"mif1", bytes(4), b"mif1", b"heic", b"miaf"), "a HEIC picture", SAVE_AS_JPEG),
        (box_of(b"ftyp", b"mif1", bytes(4), b"mif1"), "a HEIF picture", SAVE_AS_JPEG),
        (box_of(b"ftyp", b"avif", bytes(4), b"avif", b"mif1", b"miaf"), "an AVIF picture", SAVE_AS_JPEG),
        (box_of(b"ftyp", b"isom", bytes(4), b"mp42"), "a film or a recording", "save a picture of it as JPEG"),
        (b"\xff\x0a" + bytes(40), "a JPEG XL picture", SAVE_AS_JPEG),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), "a JPEG 2000 picture", SAVE_AS_JPEG),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF", "save the picture in it as JPEG or PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript", "save it as PNG"),
        (b"8BPS\0\1" + bytes(40), "a Photoshop document", "save it as PNG"),
        (b"PK\3\4" + bytes(40), "a ZIP archive or an office document", "save the picture in it as JPEG or PNG"),
        ("\ufeff<?xml version='1.0'?>\n<svg xmlns='x'/>".encode(), "an SVG drawing", "export it as PNG"),
        ("Ọmọ náà ń ṣeré.\n".encode(), "a text", "check its name"),
        (b"<!DOCTYPE html><title>404</title>", "a text", "check its name"),
        (bytes(range(40)), "of no kind that is known", "save it as JPEG or PNG"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(tmp_path: Path, content: bytes, what: str, advice: str) -> None:
    (tmp_path / "ọmọ.jpg").write_bytes(content)  # whatever its name says
    with pytest.raises(EarmarkError) as caught:
        read_image(tmp_path / "ọmọ.jpg")
    assert str(caught.value) == f"{tmp_path}/ọmọ.jpg can't be read as a picture (it is {what}): {advice}."


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(EarmarkError, match=r"a\.png can't be read as a picture \(it is empty\): copy it again\.$"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "bmp", "tiff", "ppm"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_part_of_a_picture_is_refused(tmp_path: Path, ending: str, part: float) -> None:
    path = write_picture(tmp_path / f"a.{ending}", (64, 48))
    whole = path.read_bytes()
    path.write_bytes(whole[: max(6, int(len(whole) * part))])
    for read in (read_image, check_image):
        with pytest.raises(EarmarkError, match=rf"a\.{ending} is a damaged picture.*: copy or save it again\.$"):
            read(path)


def test_a_missing_picture_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no picture .*none\.png: check its name"):
        read_image(tmp_path / "none.png")
    with pytest.raises(EarmarkError, match="There is no picture"):
        read_image("a\0b.png")
    with pytest.raises(EarmarkError, match="is a folder: name a picture"):
        read_image(tmp_path)


def test_checking_reads_what_reading_reads(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.jpg", (900, 700))
    check_image(path)
    (tmp_path / "b.jpg").write_bytes(HEIC)
    with pytest.raises(EarmarkError, match="HEIC"):
        check_image(tmp_path / "b.jpg")
    assert check_all_images([path, tmp_path / "b.jpg", path]).keys() == {path, tmp_path / "b.jpg"}


def test_pillows_warnings_are_not_shown(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(UPRIGHT).save(tmp_path / "a.jpg", exif=exif)
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content.replace(b"MM\0*\0\0\0\x08\0\x01", b"MM\0*\0\0\0\x08\0\x09"))
    with pytest.warns(UserWarning, match="EXIF"):
        Image.open(tmp_path / "a.jpg").getexif()
    recwarn.clear()
    assert pixels(tmp_path / "a.jpg").size == UPRIGHT.size
    assert check_all_images([tmp_path / "a.jpg"]) == {tmp_path / "a.jpg": None}
    assert not recwarn.list


# Crops


def test_a_crop_is_of_the_upright_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.ascontiguousarray(np.rot90(UPRIGHT))).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(np.array(read_image(tmp_path / "a.png", (2, 1, 7, 8))), UPRIGHT[1:8, 2:7])
    np.testing.assert_array_equal(np.array(read_image(tmp_path / "a.png", (0, 0, 12, 8))), UPRIGHT)
    assert read_image(tmp_path / "a.png", (11, 7, 12, 8)).size == (1, 1)


@pytest.mark.parametrize(
    "box", [(0, 0, 13, 8), (0, 0, 12, 9), (-1, 0, 5, 5), (0, -1, 5, 5), (5, 0, 5, 5), (0, 5, 5, 4)]
)
def test_a_crop_that_is_no_part_of_the_picture(tmp_path: Path, box: tuple[int, int, int, int]) -> None:
    Image.fromarray(UPRIGHT).save(tmp_path / "a.png")
    with pytest.raises(EarmarkError, match=r"The crop .* is no part of .*a\.png, which is 12 pixels wide and 8 high"):
        read_image(tmp_path / "a.png", box)


def _encoded(ending: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    packed = io.BytesIO()
    ImageOps.expand(Image.fromarray(UPRIGHT), 3).save(packed, ending, exif=exif)
    return packed.getvalue()


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF", "AVIF"]), st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_picture_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, ending: str, data: st.DataObject
) -> None:
    content = bytearray(_encoded(ending))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content)
    with contextlib.suppress(EarmarkError):
        assert read_image(path).mode == "RGB"
