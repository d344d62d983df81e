"""The studio: from an empty folder to found words, on a page of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

verbs = typer.Typer()


@verbs.command()
def studio(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder of the project; a new or empty one begins a project.")
    ] = Path("my-language"),
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 for any that is free.")] = 8766,
    host: Annotated[
        str, typer.Option(help="Address to listen at. Beyond this machine, a token is needed.")
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option(envvar="EARMARK_TOKEN", help="Whoever opens the page has to have it.")
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
) -> None:
    """Collect pictures, record people, learn, and find words: all on one page. Nothing leaves this machine."""
    import threading
    import webbrowser

    from earmark.web.server import serve_studio

    def started(address: str) -> None:
        print(f"The project {folder} is at {address} (Ctrl-C stops it).", flush=True)
        if open_page:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    serve_studio(folder, host, port, token, started)
    print("Stopped. Everything is kept; work that was under way goes on when the project is opened again.")
