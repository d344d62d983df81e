"""Route of the pages' languages."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from earmark.web.catalogues import page_languages
from earmark.web.errors import documented

PATH = "/api/languages"

router = APIRouter(tags=["languages"])


class LanguageResponse(BaseModel):
    """A language of the pages."""

    code: str
    name: str
    direction: Literal["ltr", "rtl"]


@router.get(PATH, responses=documented())
def languages() -> list[LanguageResponse]:
    """The languages of the pages."""
    return [LanguageResponse(code=one.code, name=one.name, direction=one.direction) for one in page_languages()]
