"""Arguments and options that several importers have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Argument(help="Folder for the corpus.")]
Keywords = Annotated[
    str, typer.Option(help="Keyword list: 67 or 34, those of the papers, or a file, one keyword a line.")
]
Photos = Annotated[Path | None, typer.Option(help="Folder of the photos, if they are not in the source.")]
