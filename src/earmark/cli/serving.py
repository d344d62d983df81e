"""The archive's page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

verbs = typer.Typer()


@verbs.command()
def serve(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A folder that 'earmark index' made.")],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 for any that is free.")] = 8765,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Beyond this machine, a token is needed.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(envvar="EARMARK_TOKEN", help="Whoever opens the page has to have it.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = False,
) -> None:
    """Search and judge on a page of this machine. Nothing leaves it."""
    from earmark.web.serve import serve as run

    run(archive, host, port, token, open_page)
