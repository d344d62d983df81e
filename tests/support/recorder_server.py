"""A program that serves a project's studio until it is killed: ``python -m support.recorder_server FOLDER PORT``."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn

from earmark.studio.project import open_project
from earmark.web.app import create_app


def main(folder: Path, port: int) -> None:
    config = uvicorn.Config(create_app(None, project=open_project(folder)), port=port, log_level="error")
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
