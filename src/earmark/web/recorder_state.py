"""What requests of the recorder share: the takes of the project, and the speaker that a path names."""

from __future__ import annotations

import secrets
from threading import Lock
from typing import Annotated

from fastapi import Depends, HTTPException, Request

from earmark.core.errors import EarmarkError
from earmark.studio.project import Project
from earmark.studio.speakers import Speaker, read_speaker, withdrawn
from earmark.studio.takes import TakeStore
from earmark.studio.withdrawal import complete_withdrawals
from earmark.web.errors import RefusedError
from earmark.web.state import OfProject, open_project_of

PROJECT_ID = "id"
_opening = Lock()


def take_store(request: Request) -> TakeStore:
    """The takes of the project; opened when they are first needed."""
    with _opening:
        if not hasattr(request.app.state, "takes"):
            store = TakeStore(open_project_of(request).folder)
            complete_withdrawals(store)
            request.app.state.takes = store
        takes: TakeStore = request.app.state.takes
        return takes


def project_id(project: Project) -> str:
    """A number of the project: takes that wait in a browser go back into the project they are of.

    It is made when it is first needed, and is part of ``project.yaml``.
    """
    settings = project.settings()
    if not (present := (settings.model_extra or {}).get(PROJECT_ID)):
        fresh = secrets.token_hex(8)
        settings = project.update(lambda now: {PROJECT_ID: (now.model_extra or {}).get(PROJECT_ID) or fresh})
        present = (settings.model_extra or {})[PROJECT_ID]
    return str(present)


def require_project(project: Project, stated: str) -> None:
    """Check that what a browser sends is of this project.

    Raises
    ------
    HTTPException
        409 if it is of another.
    """
    if stated and stated != project_id(project):
        sentence = "This was recorded for another project: open that project, and it is sent there."
        raise RefusedError(409, sentence, "otherProject")


def close_recorder(state: object) -> None:
    """Turn the phones off, if they were on, when an application ends."""
    if (phones := getattr(state, "phones", None)) is not None:
        phones.turn_off()


def known_speaker(project: OfProject, speaker: str) -> Speaker:
    """The speaker that a path names.

    Raises
    ------
    HTTPException
        404 if the project has none of this id, or no longer.
    """
    try:
        if speaker not in withdrawn(project.folder):
            return read_speaker(project.folder, speaker)
    except EarmarkError as problem:
        raise HTTPException(404, str(problem)) from problem
    raise RefusedError(404, "This speaker took the consent back: nothing more is stored.", "withdrawn")


Takes = Annotated[TakeStore, Depends(take_store)]
OfSpeaker = Annotated[Speaker, Depends(known_speaker)]
