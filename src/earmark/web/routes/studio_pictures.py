"""Routes of a project's pictures, words and tags."""

from __future__ import annotations

import mimetypes
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field, StringConstraints

from earmark.core.errors import EarmarkError
from earmark.studio.picture_credits import picture_credits
from earmark.studio.pictures import add_picture, list_pictures, picture_path, remove_pictures, thumbnail_path
from earmark.studio.proposals import can_propose, proposals
from earmark.studio.tags import TagChange, Verdict, change_tags, read_tags
from earmark.studio.words import FEWEST_TAKES, SHOWN_FROM, takes_by_image, word_states
from earmark.web.errors import documented
from earmark.web.parameters import PageHeader
from earmark.web.state import OfProject
from earmark.web.uploads import ANY_FILE, documented_body

router = APIRouter(prefix="/api/studio", tags=["studio"])

Image = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^/\\\x00]+$")]
ImageName = Annotated[Image, Path(description="Name of the picture's file.", examples=["4f0c2b6d1e8a9c37.jpg"])]
Word = Annotated[str, StringConstraints(min_length=1, max_length=500)]
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # what a hash names never changes
BY_HASH = 16


class PictureResponse(BaseModel):
    """A picture."""

    image: str
    name: str
    takes: int = Field(description="Usable takes about it.")
    licence: str = Field(description="Of a picture that came from a set; may be empty.")
    credit: str = Field(description="Whose it is, if it came from a set; may be empty.")
    set: str = Field(description="The set that it came from; may be empty.")


class AddedPicture(BaseModel):
    """A picture that was sent."""

    image: str
    name: str
    is_new: bool = Field(description="False where the same picture was there before.")


class WordResponse(BaseModel):
    """A word, and what there is of it."""

    word: str
    shown: int
    not_shown: int
    undecided: int
    takes: int
    missing_pictures: int
    missing_takes: int
    has_too_few: bool = Field(description="Whether it is hardly ever learned from so few takes.")


class WallResponse(BaseModel):
    """The decisions about one word."""

    verdicts: dict[str, Verdict] = Field(description="Of pictures of which it is decided.")
    proposed: list[str] = Field(description="Undecided pictures, the likeliest first; empty without a proposal.")
    likely: int = Field(description="How many of the first proposed pictures probably show the word.")
    can_propose: bool = Field(description="Whether the network that proposals need is installed.")


class Change(BaseModel):
    """A decision."""

    image: Image
    word: Word
    verdict: Verdict


class Changes(BaseModel):
    """Decisions, in their order."""

    changes: list[Change] = Field(max_length=10_000)


class Removal(BaseModel):
    """Pictures to remove."""

    images: list[Image] = Field(min_length=1, max_length=10_000)


class Count(BaseModel):
    """How many there were."""

    count: int


@router.get("/pictures", responses=documented())
def pictures(project: OfProject) -> list[PictureResponse]:
    """All pictures."""
    takes, credited = takes_by_image(project), picture_credits(project)
    return [
        PictureResponse(
            image=picture.image,
            name=picture.name,
            takes=takes.get(picture.image, 0),
            **{name: getattr(credited.get(picture.image), name, "") for name in ("licence", "credit", "set")},
        )
        for picture in list_pictures(project)
    ]


async def image_body(request: Request) -> bytes:
    """The body of a request that uploads a picture."""
    return await request.body()


@router.put(
    "/pictures",
    responses=documented(400, 403, 413),
    openapi_extra=documented_body(ANY_FILE),
)
def add(
    project: OfProject,
    content: Annotated[bytes, Depends(image_body)],
    name: Annotated[str, Query(max_length=1000, description="Of its file outside; for people.")],
    _: PageHeader,
) -> AddedPicture:
    """Store a picture; its name never becomes a path."""
    added = add_picture(project, content, name)
    return AddedPicture(image=added.image, name=added.name, is_new=added.is_new)


@router.post("/pictures/removed", responses=documented(400, 403))
def remove(project: OfProject, removal: Removal, _: PageHeader) -> Count:
    """Remove pictures: they are moved to a folder, and can be moved back by hand."""
    return Count(count=remove_pictures(project, removal.images))


@router.get("/pictures/{image}/file", response_class=FileResponse, responses=documented(404))
def file(project: OfProject, image: ImageName) -> Response:
    """A picture."""
    try:
        path = picture_path(project, image)
    except EarmarkError as problem:
        raise HTTPException(404, str(problem)) from problem
    headers = FOREVER if len(path.stem) == BY_HASH else None
    return FileResponse(path, media_type=mimetypes.guess_type(path.name)[0], headers=headers)


@router.get("/pictures/{image}/thumbnail", response_class=FileResponse, responses=documented(404))
def thumbnail(project: OfProject, image: ImageName) -> Response:
    """A picture of 320 pixels at most."""
    try:
        path = thumbnail_path(project, image)
    except EarmarkError as problem:
        raise HTTPException(404, str(problem)) from problem
    return FileResponse(path, media_type="image/jpeg", headers=FOREVER if len(path.stem) == BY_HASH else None)


@router.get("/words", responses=documented())
def words(project: OfProject) -> list[WordResponse]:
    """The words, and what each has and needs."""
    return [
        WordResponse(
            word=state.word,
            shown=state.shown,
            not_shown=state.not_shown,
            undecided=state.undecided,
            takes=state.takes,
            missing_pictures=state.missing_pictures,
            missing_takes=state.missing_takes,
            has_too_few=state.takes < FEWEST_TAKES,
        )
        for state in word_states(project)
    ]


@router.get("/tags", responses=documented(400))
def wall(project: OfProject, word: Annotated[Word, Query(examples=["dog"])]) -> WallResponse:
    """Which pictures show a word: what is decided, and proposals for the rest."""
    tags = read_tags(project)
    values = {image: row[word] for image, row in tags.items() if word in row}
    proposed, likely = proposals(project, values)
    return WallResponse(
        verdicts={image: "yes" if value >= SHOWN_FROM else "no" for image, value in values.items()},
        proposed=proposed,
        likely=likely,
        can_propose=can_propose(),
    )


@router.post("/tags", responses=documented(400, 403))
def decide(project: OfProject, changes: Changes, _: PageHeader) -> Count:
    """Store decisions."""
    change_tags(project, [TagChange(change.image, change.word, change.verdict) for change in changes.changes])
    return Count(count=len(changes.changes))
