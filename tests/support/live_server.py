"""A small archive for tests of the server, and a client that sends what the page sends."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fastapi.testclient import TestClient
from sqlalchemy import update

from conftest import PITCHES, SAMPLE_RATE, spoken
from earmark.archive.archive import Archive, open_archive
from earmark.archive.recordings import ABOUT
from earmark.archive.schema import recordings
from earmark.core.corpus import Word
from earmark.recipe import Recipe
from earmark.web.app import create_app
from support.small_archive import indexed_archive, write_run

ADDRESS = "http://127.0.0.1:8765"
PAGE_HEADERS = {"X-Earmark": "1"}
# A name that does harm if it is interpreted as SQL or HTML.
HOSTILE_NAME = "'; DROP TABLE judgements; --<script>alert(1)<／script>.wav"
UNICODE = "ọ̀rọ̀ ẹ̀kọ́ – 1.flac"


def write_media(folder: Path) -> None:
    """One recording of two channels with a different word in each, and two with names that are hard to spell."""
    rng = np.random.default_rng(0)
    channels = [spoken((Word(word, 2.0, 2.32), Word("ball", 7.0, 7.32)), 12.0, rng) for word in ("dog", "ọmọ")]
    for path, samples in (
        (folder / "2019" / "tape.wav", np.stack(channels, axis=1)),
        (folder / HOSTILE_NAME, spoken((Word("snow", 1.0, 1.32),), 4.0, rng)),
        (folder / "2020" / UNICODE, spoken((Word("dog", 3.0, 3.32),), 5.0, rng)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(str(path), samples, SAMPLE_RATE, subtype="PCM_16")


def write_served(folder: Path, recipe: Recipe) -> Path:
    """The archive in a folder, beside the model and the recordings that it was made of."""
    write_media(folder / "field")
    run = write_run(folder / "run", recipe, list(PITCHES))
    archive = indexed_archive(folder / "archive", run, folder / "field")
    archive.set(licence="CC BY", consent="for <b>research</b>")
    with archive.writing() as connection:
        about: dict[str, Any] = dict.fromkeys(ABOUT, "") | {"speaker": "Ọlá", "date": "2019-04-01", "language": "yo"}
        connection.execute(update(recordings).where(recordings.c.path.like("%tape.wav")).values(about))
    archive.close()
    return folder / "archive"


def copy_archive(archive: Path, to: Path) -> Archive:
    """An archive that a test may change; the recordings are the same."""
    shutil.copytree(archive, to)
    return open_archive(to)


def client_of(archive: Archive, **how: Any) -> TestClient:
    """A client that sends the headers of the page."""
    return TestClient(create_app(archive, **how), base_url=ADDRESS, headers=PAGE_HEADERS, follow_redirects=False)


def number_of(client: TestClient, name: str) -> int:
    """The number of the recording with this name."""
    for number in range(1, 10):
        answer = client.get(f"/api/recordings/{number}")
        if answer.status_code == 200 and answer.json()["name"] == name:
            return number
    raise AssertionError(f"no recording {name}")


def sentence(answer: Any, status: int) -> str:
    """The one sentence of a refusal, which names no place of this machine."""
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert set(answer.json()) <= {"detail", "suggestions", "code"}
    assert isinstance(detail, str)
    assert detail.endswith((".", "?"))
    assert "\n" not in detail
    assert not any(secret in detail for secret in ("Traceback", "/tmp", "pytest", "site-packages", "sqlite3"))
    return detail
