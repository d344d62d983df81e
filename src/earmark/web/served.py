"""What the requests of one server share: the archive, pictures that were asked with, hits that were shown."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request

from earmark.archive.archive import Archive
from earmark.archive.found import Found
from earmark.web.pictures import Pictures

MOST_SHOWN = 20_000  # hits; what was shown longest ago is forgotten


class Served:
    """An archive that is served.

    Attributes
    ----------
    archive : Archive
    pictures : Pictures
    model : threading.Lock
        Held by whoever uses the archive's model: it takes one request after the other.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.pictures = Pictures()
        self.model = Lock()
        self._shown: OrderedDict[tuple[str, str], Found] = OrderedDict()

    @property
    def name(self) -> str:
        """Of the archive."""
        return self.archive.folder.resolve().name

    @property
    def private(self) -> dict[str, str]:
        """Folders of this machine, and what they are called to others."""
        folder = self.archive.folder
        return {str(path): self.name for path in (folder, folder.absolute(), folder.resolve())} | {
            str(self.pictures.folder): "the pictures",
            os.path.expanduser("~"): "~",
        }

    def show(self, key: str, found: Iterable[Found]) -> None:
        """Remember hits of a query, which may be judged later."""
        for one in found:
            self._shown[key, str(one.place)] = one
        while len(self._shown) > MOST_SHOWN:
            self._shown.popitem(last=False)

    def shown(self, key: str, place: str) -> Found | None:
        """A hit of a query that was shown; None where that is not known."""
        return self._shown.get((key, place))


def served_by(request: Request) -> Served:
    """What is served by the application that a request goes to."""
    served: Served = request.app.state.served
    return served


ServedHere = Annotated[Served, Depends(served_by)]
