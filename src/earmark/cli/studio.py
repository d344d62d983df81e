"""The studio: from an empty folder to found words, on a page of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.cli.options import HostOption, OpenOption, PortOption, TokenOption, announcement

if TYPE_CHECKING:
    from earmark.archive.archive import Archive
    from earmark.studio.project import Project

verbs = typer.Typer()


@verbs.command()
def studio(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Folder of the project; a new or empty one begins a project.")
    ] = Path("my-language"),
    port: PortOption = 8766,
    host: HostOption = "127.0.0.1",
    token: TokenOption = None,
    open_page: OpenOption = True,
) -> None:
    """Collect pictures, record people, learn, and find words: all on one page. Nothing leaves this machine."""
    from earmark.web.server import serve_studio

    serve_studio(folder, host, port, token, announcement(f"The project {folder}", open_page))
    print("Stopped. Everything is kept; work that was under way goes on when the project is opened again.")


@verbs.command("studio-step", hidden=True)
def studio_step(
    name: Annotated[str, typer.Argument(help="vectors, test, test-taught or index.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the project.")],
) -> None:
    """Run a step of the studio's background work."""
    from earmark.core.errors import EarmarkError
    from earmark.studio.project import Project

    project = Project(folder)
    if name == "vectors":
        from earmark.studio.proposals import compute_vectors

        compute_vectors(project)
    elif name == "test":
        from earmark.studio.held_out import score_held_out

        score_held_out(project)
    elif name == "test-taught":
        from earmark.studio.held_out import score_held_out
        from earmark.studio.teaching import JOB

        score_held_out(project, JOB)
    elif name == "index":
        _index(project)
    else:
        raise EarmarkError(f"There is no step {name!r}: it is vectors, test, test-taught or index.")


def _index(project: Project) -> None:
    """Index the folders that are plugged in; what can't be read is listed with the reasons."""
    from earmark.archive.executors import make_executor
    from earmark.archive.indexer import index
    from earmark.archive.renewal import index_with
    from earmark.studio.recordings import folders, write_problems

    listed = [project.folder / one.path for one in folders(project) if one.is_there]
    problems: list[str] = []
    settings = project.settings()

    def into(archive: Archive) -> None:
        archive.set(licence=settings.licence, consent=settings.consent)
        problems.extend(index(archive, listed, make_executor("local")).problems)

    index_with(project.archive, project.model, into).close()
    write_problems(project, problems)
