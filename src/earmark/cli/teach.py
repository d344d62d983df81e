"""Training an archive's model further on what was judged."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earmark.core.errors import EarmarkError

if TYPE_CHECKING:
    from earmark.archive.archive import Archive
    from earmark.training.teaching import Teaching

verbs = typer.Typer()
JUDGED = "judged"  # folder of the judged places while the model learns


@verbs.command()
def teach(
    archive: Annotated[Path, typer.Argument(metavar="ARCHIVE", help="A folder that 'earmark index' made.")],
    out: Annotated[Path, typer.Option(help="New folder for the model, if it is better.")],
    corpus: Annotated[
        Path | None,
        typer.Option(help="What the model learned from; without it, it learns from the archive's recordings alone."),
    ] = None,
    index: Annotated[
        bool, typer.Option("--index", help="Then index the archive anew with the new model; judgements stay.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a teaching that was stopped.")] = False,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N, if not a GPU where there is one.")] = None,
    precision: Annotated[str | None, typer.Option(help="Mixed precision: no, bf16 or fp16.")] = None,
) -> None:
    """Train the archive's model further on judged hits; it is kept only if it is better on those held out."""
    from earmark.archive.archive import open_archive
    from earmark.archive.renewal import mend_exchange

    mend_exchange(archive)
    opened = open_archive(archive)
    if index and opened.database is not None:
        raise EarmarkError(f"{archive} has its tables in a database: leave --index out, and index into a new folder.")
    taught = _teach(opened, out, corpus, resume, device, precision)
    if taught is not None:
        print(taught)
    print(f"The model is in {out}.")
    if index:
        _index(opened, out)
        print(f"The archive {archive} is indexed with it.")
    else:
        print(f"Index the archive with it, and keep judgements: earmark teach {archive} --out {out} --resume --index")
        print(f"Or make another archive: earmark index {out} FOLDER --archive NEW")


def _teach(
    archive: Archive, out: Path, corpus: Path | None, resume: bool, device: str | None, precision: str | None
) -> Teaching | None:
    """Write the judged places, and let the model learn from them; None where it was done before."""
    from earmark.models.checkpoint import read_checkpoint
    from earmark.training.state import check_folder
    from earmark.training.teaching import TEACHING, NotBetterError, require_keyword_model
    from earmark.training.teaching import teach as run

    model, judged = archive.encoding.folder, out / JUDGED
    old = read_checkpoint(model, "cpu")
    require_keyword_model(old)
    check_folder(out, old.recipe, old.vocabulary, resume)
    try:
        if resume and (out / TEACHING).is_file():
            return None
        if not (resume and (judged / "corpus.yaml").is_file()):
            from earmark.archive.judged_corpus import write_judged_corpus

            write_judged_corpus(archive, judged)
        taught = run(model, judged, out, corpus, resume, device, precision)
    except NotBetterError:
        _remove_judged(out)
        raise
    _remove_judged(out)
    return taught


def _remove_judged(out: Path) -> None:
    """Remove features of people's speech, and the folder if nothing else is in it."""
    shutil.rmtree(out / JUDGED, ignore_errors=True)
    if not any(out.iterdir()):
        out.rmdir()


def _index(archive: Archive, run: Path) -> None:
    """Index the recordings that the archive has."""
    from earmark.archive.executors import make_executor
    from earmark.archive.indexer import index
    from earmark.archive.renewal import index_with

    def into(new: Archive) -> None:
        for problem in index(new, [], make_executor("local")).problems:
            print(f"earmark: {problem}")

    archive.close()
    index_with(archive.folder, run, into).close()
