"""The packets of a container, without decoding them: how many there are, and whether their times can be trusted."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from earmark.media._bytes import ByteView

# Playlists and the like would open other files, or the network: only what holds its sound itself is read.
CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dss,dts,eac3,flac,flv,gsm,iff,ircam,latm,loas,matroska,mov,mp3,"
    "mp4,m4a,3gp,3g2,mj2,mpc,mpc8,mpeg,mpegts,nistsphere,ogg,oma,qcp,rm,sox,svx,tak,tta,voc,w64,wav,webm,wv,xwma"
)
JITTER_S = 0.05  # recorders' clocks tremble: a frame this near to the end of the one before follows it
BELIEVED_GAP_S = (
    60.0  # a longer pause between frames is a broken clock, unless the container declares so long a duration
)
LONGEST_GAP_S = 43_200.0
# Containers that declare their length; the others' lengths are guesses of FFmpeg's.
DECLARE_LENGTH = ("mov", "matroska", "asf", "flac", "tta", "wv", "ape", "avi")

log = logging.getLogger(__name__)


def open_container(view: ByteView) -> Any:
    """Open a container for reading.

    Raises
    ------
    av.error.FFmpegError, ValueError, OSError
        If the bytes are no container of a known kind.
    """
    import av

    return av.open(view, options={"format_whitelist": CONTAINERS}, metadata_errors="replace")


@dataclass(frozen=True)
class Scan:
    """Number and times of the packets of a track.

    Attributes
    ----------
    packets : int
    last_pts : int or None
        Of the last packet, in ticks of the track's clock.
    regular : bool
        Whether the packets' times rise without implausible jumps, so that seeking by them is possible.
    """

    packets: int
    last_pts: int | None
    regular: bool


def scan_tracks(container: Any, tracks: list[Any]) -> dict[int, Scan]:
    """Go through the packets of sound tracks without decoding them.

    Returns
    -------
    dict of Scan
        By the index of the stream.
    """
    believed_s = BELIEVED_GAP_S
    if container.format.name.startswith(DECLARE_LENGTH) and container.duration:
        believed_s = max(believed_s, min(container.duration / 1e6, LONGEST_GAP_S))
    packets = {track.index: 0 for track in tracks}
    last: dict[int, int] = {}
    regular = dict.fromkeys(packets, True)
    # Rounded down: where a tick lasts longer than any pause that is believed, no packet is after a pause.
    limits = {track.index: (int(JITTER_S / track.time_base), int(believed_s / track.time_base)) for track in tracks}
    ends: dict[int, int] = {}
    try:
        for packet in container.demux(tracks):
            index, pts = packet.stream.index, packet.pts
            if not packet.size:
                continue
            packets[index] += 1
            if pts is None:
                continue
            end = ends.get(index)
            if end is not None:
                back, ahead = limits[index]
                if not -back <= pts - end <= ahead:
                    regular[index] = False
            last[index] = pts
            ends[index] = pts + (packet.duration or 0)
    except Exception as error:  # what comes after the damage is out of reach
        log.debug("%s", error)
    return {index: Scan(packets[index], last.get(index), regular[index]) for index in packets}
