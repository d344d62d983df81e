"""Detection of audio and video files by file name and by first bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

# Formats of recorders, telephones, dictaphones, cameras and radio archives. What of them can't be read is named.
ENDINGS = {
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".ogv", ".ogx", ".opus", ".spx"),
    *(".mp3", ".mp2", ".mpga", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".m4a", ".m4b", ".m4r"),
    *(".m4v", ".aac", ".adts", ".mp4", ".mov", ".webm", ".mkv", ".mka", ".3gp", ".3gpp", ".3g2", ".wma"),
    *(".wmv", ".asf", ".amr", ".awb", ".avi", ".mts", ".m2ts", ".mpg", ".mpeg", ".vob", ".flv", ".f4v"),
    *(".ac3", ".eac3", ".dts", ".ape", ".wv", ".tta", ".tak", ".mpc", ".ra", ".rm", ".gsm", ".voc"),
    *(".vox", ".sph", ".nist", ".dss", ".ds2", ".dvf", ".msv", ".qcp", ".oma", ".weba", ".3ga", ".ogm"),
    *(".m4p", ".aax", ".mxf", ".shn", ".sd2", ".sln", ".g722", ".g729", ".pcm", ".ulaw", ".alaw"),
    *(".raw", ".divx", ".aup3"),
}
HEAD = 4096  # bytes of a file that identify its format
PICTURE_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"crx ")
BEGINNINGS = (
    *(
        b"fLaC",
        b"OggS",
        b"ID3",
        b"#!AMR",
        b".snd",
        b"caff",
        b"FLV\1",
        b"wvpk",
        b"MAC ",
        b"TTA1",
        b"tBaK",
        b"MPCK",
        b"MP+",
    ),
    *(
        b"MPCK",
        b"NIST_1A",
        b"Creative Voice File",
        b".RMF",
        b".ra\xfd",
        b"\x02dss",
        b"\x03ds2",
        b"\x1aE\xdf\xa3",
        b"\0\0\1\xba",
    ),
    b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel",  # ASF: wma and wmv
    b"riff.\x91\xcf\x11\xa5\xd6(\xdb\4\xc1\0\0",  # Sony Wave64
)
MP3_BITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, MPEG 1 layer III
MP3_BITS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # of MPEG 2 and 2.5
MP3_RATES = (44_100, 48_000, 32_000)
FRAMES_IN_A_ROW = 3
TRANSPORT = re.compile(rb"G.{187}G.{187}G.{187}G|.{4}G.{191}G.{191}G.{191}G", re.DOTALL)  # packets of 188 or 192 bytes


def is_named_as_audio(path: Path | str) -> bool:
    """Whether a file's name ends as that of a recording or a film does."""
    return Path(path).suffix.lower() in ENDINGS


def begins_as_audio(path: Path | str) -> bool:
    """Whether a file's content begins as that of a recording or a film does, whatever it is called.

    Raises
    ------
    OSError
        If it can't be read.
    """
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if head[:4] in (b"RIFF", b"RF64", b"BW64", b"RIFX"):
        return head[8:12] in (b"WAVE", b"AVI ")
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC", b"8SVX")
    if head[4:8] == b"ftyp":
        return head[8:12] not in PICTURE_BRANDS
    if head[4:8] in (b"moov", b"mdat", b"wide") and len(head) > 64:
        return True
    if head.startswith(BEGINNINGS) or TRANSPORT.match(head):
        return True
    return _frames_in_a_row(head, _mpeg_frame) or _frames_in_a_row(head, _adts_frame)


def _frames_in_a_row(head: bytes, length_of: Callable[[bytes, int], int]) -> bool:
    at, count = 0, 0
    while count < FRAMES_IN_A_ROW:
        length = length_of(head, at)
        if not length:
            return False
        at, count = at + length, count + 1
    return True


def _mpeg_frame(head: bytes, at: int) -> int:
    """Length of the frame of MPEG layer III that begins at a byte, or 0 (ISO/IEC 11172-3, 2.4.2.3)."""
    frame = head[at : at + 4]
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return 0
    version, layer, bits, rate = frame[1] >> 3 & 3, frame[1] >> 1 & 3, frame[2] >> 4, frame[2] >> 2 & 3
    if version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return 0
    first = version == 3
    kbits = (MP3_BITS if first else MP3_BITS_2)[bits]
    hertz = MP3_RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    return (144 if first else 72) * kbits * 1000 // hertz + (frame[2] >> 1 & 1)


def _adts_frame(head: bytes, at: int) -> int:
    """Length of the ADTS frame that begins at a byte, or 0 (ISO/IEC 13818-7, 6.2)."""
    frame = head[at : at + 7]
    if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0 or frame[2] >> 2 & 15 > 12:
        return 0
    length = (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
    return length if length >= 7 else 0
