from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from earmark.errors import EarmarkError
from earmark.images import read_image
from media import write_picture

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


@pytest.mark.parametrize("limit", [400, 900])  # of 1,000 pixels: Pillow refuses from twice its limit, warns below
def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    Image.new("RGB", (50, 20)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(EarmarkError, match=r"a\.png is too large a picture: scale it down"):
        read_image(tmp_path / "a.png")


def test_the_limit_is_the_one_in_the_sentence() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert 80e6 <= Image.MAX_IMAGE_PIXELS < 90e6


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"])
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(EarmarkError, match=r"a\.jpg can't be read as a picture: save it as JPEG or PNG"):
        read_image(tmp_path / "a.jpg")


def test_half_a_picture_is_refused(tmp_path: Path) -> None:
    whole = write_picture(tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EarmarkError, match="can't be read as a picture"):
        read_image(tmp_path / "a.png")


def test_a_missing_picture_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(EarmarkError, match=r"There is no picture .*none\.png: check its name"):
        read_image(tmp_path / "none.png")
    with pytest.raises(EarmarkError, match="can't be read as a picture"):
        read_image(tmp_path)


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
