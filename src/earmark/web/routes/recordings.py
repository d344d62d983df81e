"""Recordings: what is known of them, how they look, and how they sound."""

from __future__ import annotations

import io
import mimetypes
import wave
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from earmark.archive.waveform_overview import LOUDEST, peaks
from earmark.core.timing import SAMPLE_RATE
from earmark.web.errors import documented
from earmark.web.parameters import Channel, Number, Seconds
from earmark.web.recording_files import file_of, indexed_folders, name_of, recording_of, shown_folder, stretch
from earmark.web.responses import PartialFile
from earmark.web.state import ServedHere

MOST_SOUND_S = 120.0
FULL_SCALE = 32_768  # of 16 bits
BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}

router = APIRouter(prefix="/api/recordings", tags=["recordings"])

Start = Annotated[Seconds, Query(examples=[1.0])]
End = Annotated[Seconds, Query(examples=[3.5])]


class RecordingAnswer(BaseModel):
    """A recording, as its owner described it."""

    id: int
    name: str
    folder: str
    duration_s: float
    channels: int
    speaker: str
    date: str
    language: str
    licence: str
    consent: str


class PeaksAnswer(BaseModel):
    """The outline of a waveform, one pair of numbers in [-1, 1] a column."""

    start_s: float
    end_s: float = Field(description="The recording's end, if it ends before what was asked for.")
    lowest: list[float]
    highest: list[float]


@router.get("/{number}", responses=documented(404))
def recording(served: ServedHere, number: Number) -> RecordingAnswer:
    """What is known of a recording."""
    row = recording_of(served.archive, number)
    return RecordingAnswer(
        id=row.id,
        name=name_of(row.path),
        folder=shown_folder(row.path, row.folder, indexed_folders(served.archive)),
        duration_s=row.duration_s,
        channels=row.channels,
        speaker=row.speaker,
        date=row.date,
        language=row.language,
        licence=row.licence,
        consent=row.consent,
    )


@router.get("/{number}/peaks", responses=documented(400, 404))
def peaks_of(
    served: ServedHere,
    number: Number,
    start_s: Start,
    end_s: End,
    channel: Channel = 1,
    count: Annotated[int, Query(ge=1, le=10_000, description="Columns.")] = 800,
) -> PeaksAnswer:
    """The outline of a stretch, from what was kept when the recording was heard."""
    row = recording_of(served.archive, number, channel)
    end_s = _end_of(start_s, end_s, row.duration_s)
    lowest, highest = peaks(served.archive, number, channel, start_s, end_s, count).astype(float) / LOUDEST
    return PeaksAnswer(start_s=start_s, end_s=end_s, lowest=lowest.tolist(), highest=highest.tolist())


@router.get(
    "/{number}/sound",
    response_class=Response,
    responses={**documented(400, 404, 409), 200: {"description": "A wav file.", "content": {"audio/wav": BYTES}}},
)
def sound(served: ServedHere, number: Number, start_s: Start, end_s: End, channel: Channel = 1) -> Response:
    """A stretch of one channel, 16 bits at 16 kHz, exact to the sample; at most 120 s."""
    row = recording_of(served.archive, number, channel)
    end_s = _end_of(start_s, end_s, row.duration_s)
    if end_s - start_s > MOST_SOUND_S:
        raise HTTPException(400, f"That is too long: ask for {MOST_SOUND_S:.0f} s at most.")
    return Response(wav_of(stretch(row, channel, start_s, end_s)), media_type="audio/wav")


@router.get(
    "/{number}/file",
    response_class=PartialFile,
    responses={
        **documented(404, 409, 416),
        200: {"description": "The file.", "content": {"*/*": BYTES}},
        206: {"description": "A part of the file.", "content": {"*/*": BYTES}},
    },
)
def file(served: ServedHere, number: Number) -> PartialFile:
    """The file of a recording itself; a part of it, where the request has a range."""
    row = recording_of(served.archive, number)
    path, seen = file_of(row)
    kind = mimetypes.guess_type(path.name)[0] or ""
    safe = kind if kind.startswith(("audio/", "video/")) else "application/octet-stream"
    return PartialFile(path, media_type=safe, filename=path.name, stat_result=seen, content_disposition_type="inline")


def wav_of(waveform: npt.NDArray[np.float32]) -> bytes:
    """A wav file of 16 bits at 16 kHz. Samples that came from 16 bits come out as they were."""
    samples = np.clip(np.rint(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    written = io.BytesIO()
    with wave.open(written, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(samples.tobytes())
    return written.getvalue()


def _end_of(start_s: float, end_s: float, duration_s: float) -> float:
    """Where a stretch ends inside its recording."""
    end_s = min(end_s, duration_s)
    if not start_s < end_s:
        raise HTTPException(
            400,
            f"{start_s:g} s is not before the end, and the recording lasts {duration_s:g} s: ask for a part.",
        )
    return end_s
