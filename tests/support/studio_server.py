"""A project folder, and clients of its recorder that send what the pages send."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import soundfile
from fastapi.testclient import TestClient
from PIL import Image

from earmark.studio.project import Project, open_project
from earmark.web.app import create_app
from support.live_server import ADDRESS, PAGE_HEADERS

PICTURES = ("dog", "mtoto", "nyumba")


def write_project(folder: Path) -> Project:
    """A project with three pictures."""
    project = open_project(folder)
    project.update(lambda _: {"name": "Swahili", "consent": "You may use my voice for research."})
    project.pictures.mkdir(exist_ok=True)
    for number, name in enumerate(PICTURES):
        Image.new("RGB", (640, 480), ("red", "green", "blue")[number]).save(project.pictures / f"{name}.jpg")
    return project


def studio_client(project: Project, **how: Any) -> TestClient:
    """A client that sends the headers of the page."""
    return TestClient(
        create_app(None, project=project, **how), base_url=ADDRESS, headers=PAGE_HEADERS, follow_redirects=False
    )


def take_parameters(content: bytes, **values: Any) -> dict[str, Any]:
    """What the page states about a take."""
    about = soundfile.info(io.BytesIO(content))
    stated = {"samples": about.frames, "sample_rate": about.samplerate, "recorded_at": "2026-01-01T00:00:00.000Z"}
    return {"sha256": hashlib.sha256(content).hexdigest(), **stated, **values}


def take_id(number: int) -> str:
    """An id as the page makes them."""
    return f"{number:032x}"
