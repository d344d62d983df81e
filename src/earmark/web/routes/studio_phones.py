"""Routes that turn the recorder for phones on and off, and let phones in."""

from __future__ import annotations

from threading import Lock
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, Field, StringConstraints

from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.phone_app import create_phone_app
from earmark.web.phones import PORT, Phones, local_addresses
from earmark.web.recorder_state import OfSpeaker, take_store
from earmark.web.state import open_project_of

router = APIRouter(prefix="/api/studio", tags=["phones"])

_opening = Lock()


def phones_of(request: Request) -> Phones:
    """The phones of the project; off until somebody turns them on."""
    takes = take_store(request)
    with _opening:
        if not hasattr(request.app.state, "phones"):
            project = open_project_of(request)
            request.app.state.phones = Phones(
                project, lambda phones, host: create_phone_app(phones, project, takes, host)
            )
        phones: Phones = request.app.state.phones
        return phones


OfPhones = Annotated[Phones, Depends(phones_of)]


class PhoneResponse(BaseModel):
    """A phone that was let in."""

    speaker: str
    waiting: int = Field(description="Takes that were still on it at the last contact.")
    last_contact_at: float = Field(description="Seconds since 1970; 0 if there was none since the start.")


class PhonesResponse(BaseModel):
    """The recorder for phones."""

    is_on: bool
    address: str
    addresses: list[str] = Field(description="Of this machine, by which phones may reach it.")
    phones: list[PhoneResponse]


class TurnOnRequest(BaseModel):
    """Where to listen for phones."""

    host: Annotated[str, StringConstraints(max_length=60)] = Field("", description='One of the addresses; "" chooses.')


class InvitationResponse(BaseModel):
    """How one phone is let in, within a quarter of an hour."""

    speaker: str
    address: str
    qr: str = Field(description="The address as an SVG drawing.")


@router.get("/phones", responses=documented())
def phones(phones: OfPhones) -> PhonesResponse:
    """Whether phones are on, and which were let in."""
    return PhonesResponse(
        is_on=bool(phones.address),
        address=phones.address,
        addresses=local_addresses(),
        phones=[
            PhoneResponse(speaker=phone.speaker, waiting=phone.waiting, last_contact_at=phone.last_contact_at)
            for phone in phones.phones
        ],
    )


@router.post("/phones", responses=documented(400, 403))
def turn_on(state: OfPhones, request: TurnOnRequest, _: PageHeader) -> PhonesResponse:
    """Let phones of the same Wi-Fi reach the recorder, and nothing else."""
    if request.host and request.host not in local_addresses():
        raise HTTPException(400, f"{request.host} is no address of this machine: choose one of the list.")
    state.turn_on(request.host, PORT)
    return phones(state)


@router.delete("/phones", responses=documented(403))
def turn_off(state: OfPhones, _: PageHeader) -> PhonesResponse:
    """Turn phones off; they keep what they have not sent."""
    state.turn_off()
    return phones(state)


@router.post("/speakers/{speaker}/phone", responses=documented(400, 403, 404))
def invite(state: OfPhones, speaker: OfSpeaker, _: PageHeader) -> InvitationResponse:
    """Show a QR code that lets one phone in, for this speaker."""
    invitation = state.invite(speaker.id)
    return InvitationResponse(speaker=invitation.speaker, address=invitation.address, qr=invitation.qr)
