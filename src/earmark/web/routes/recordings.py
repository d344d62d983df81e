"""Routes of recordings: metadata, waveform overview, sound, and the file itself."""

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
from earmark.web.recording_files import (
    display_folder,
    file_name,
    indexed_folders,
    read_segment,
    recording_file,
    recording_row,
)
from earmark.web.responses import PartialFile
from earmark.web.state import State

MAX_SOUND_S = 120.0
FULL_SCALE = 32_768  # of 16 bits
BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}

router = APIRouter(prefix="/api/recordings", tags=["recordings"])

Start = Annotated[Seconds, Query(examples=[1.0])]
End = Annotated[Seconds, Query(examples=[3.5])]


class RecordingResponse(BaseModel):
    """A recording with its metadata."""

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


class PeaksResponse(BaseModel):
    """Waveform overview: lowest and highest sample of each column, in [-1, 1]."""

    start_s: float
    end_s: float = Field(description="The recording's end, if the segment reaches beyond it.")
    lowest: list[float]
    highest: list[float]


@router.get("/{number}", responses=documented(404))
def recording(state: State, number: Number) -> RecordingResponse:
    """The metadata of a recording."""
    with state.archive.session() as archive:
        row = recording_row(archive, number)
        labels = indexed_folders(archive)
    return RecordingResponse(
        id=row.id,
        name=file_name(row.path),
        folder=display_folder(row.path, row.folder, labels),
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
    state: State,
    number: Number,
    start_s: Start,
    end_s: End,
    channel: Channel = 1,
    count: Annotated[int, Query(ge=1, le=10_000, description="Columns.")] = 800,
) -> PeaksResponse:
    """The waveform overview of a segment, as it was indexed."""
    with state.archive.session() as archive:
        row = recording_row(archive, number, channel)
        end_s = _clip_end(start_s, end_s, row.duration_s)
        lowest, highest = peaks(archive, row, channel, start_s, end_s, count).astype(float) / LOUDEST
    return PeaksResponse(start_s=start_s, end_s=end_s, lowest=lowest.tolist(), highest=highest.tolist())


@router.get(
    "/{number}/sound",
    response_class=Response,
    responses={**documented(400, 404, 409), 200: {"description": "A wav file.", "content": {"audio/wav": BYTES}}},
)
def sound(state: State, number: Number, start_s: Start, end_s: End, channel: Channel = 1) -> Response:
    """A segment of one channel, 16 bits at 16 kHz, exact to the sample; at most 120 s."""
    row = recording_row(state.archive, number, channel)
    end_s = _clip_end(start_s, end_s, row.duration_s)
    if end_s - start_s > MAX_SOUND_S:
        raise HTTPException(400, f"That is too long: request {MAX_SOUND_S:.0f} s at most.")
    return Response(wav_of(read_segment(row, channel, start_s, end_s)), media_type="audio/wav")


@router.get(
    "/{number}/file",
    response_class=PartialFile,
    responses={
        **documented(404, 409, 416),
        200: {"description": "The file.", "content": {"*/*": BYTES}},
        206: {"description": "A part of the file.", "content": {"*/*": BYTES}},
    },
)
def file(state: State, number: Number) -> PartialFile:
    """The file of a recording; a part of it, if the request has a range."""
    row = recording_row(state.archive, number)
    path, status = recording_file(row)
    kind = mimetypes.guess_type(path.name)[0] or ""
    safe = kind if kind.startswith(("audio/", "video/")) else "application/octet-stream"
    return PartialFile(path, media_type=safe, filename=path.name, stat_result=status, content_disposition_type="inline")


def wav_of(waveform: npt.NDArray[np.float32]) -> bytes:
    """A wav file of 16 bits at 16 kHz. Samples that came from 16 bits come out as they were."""
    samples = np.clip(np.rint(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(samples.tobytes())
    return buffer.getvalue()


def _clip_end(start_s: float, end_s: float, duration_s: float) -> float:
    """The end of a segment, clipped to its recording."""
    end_s = min(end_s, duration_s)
    if not start_s < end_s:
        raise HTTPException(
            400,
            f"{start_s:g} s is not before the end, and the recording lasts {duration_s:g} s: request a part.",
        )
    return end_s
