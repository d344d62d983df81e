"""An archive of the same recordings with another model: scores of two models can't stand side by side.

The new archive is made beside the old one, which is searched meanwhile, and takes its place at the end. Recordings keep
their numbers, so that judgements, spoken examples and the lexicon are of the same places.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Table, select

from earmark.archive import schema
from earmark.archive.archive import DESCRIPTION, Archive, open_archive
from earmark.archive.creation import make_archive, make_features_archive
from earmark.archive.encoding import FEATURES, model_identity
from earmark.archive.schema import DONE, NEW
from earmark.core.files import flush_folder
from earmark.models.checkpoint import read_checkpoint

# What people made, parents before children. Hits that a model found are none of it.
MADE_BY_PEOPLE = (
    schema.judgements,
    schema.judgement_log,
    schema.lexicon_words,
    schema.lexicon_spellings,
    schema.lexicon_files,
)
FILES_BY_PEOPLE = ("lexicon", "queries")
SETTINGS_BY_PEOPLE = ("licence", "consent")
NEXT, FORMER = "{}-next", "{}-former"  # names of the folders beside the archive's


def index_with(folder: Path, run: Path, index: Callable[[Archive], None]) -> Archive:
    """Index into the archive of a folder with the model of a run, whichever model it has now.

    An interrupted call goes on where it was, if it is called again with the same model.

    Parameters
    ----------
    folder : Path
        Of the archive; made where it is missing. It must have no database of its own.
    run : Path
    index : callable
        Indexes recordings into the archive that it is given.

    Raises
    ------
    EarmarkError
        If the model or the archive can't be used.
    """
    mend_exchange(folder)
    following, _ = _beside(folder)
    identity = model_identity(read_checkpoint(run))
    if not (folder / DESCRIPTION).is_file() or _model_of(folder) == identity:
        archive = make_archive(folder, run)
        index(archive)
        return archive
    if (following / DESCRIPTION).is_file() and _model_of(following) != identity:
        shutil.rmtree(following)  # of a model that was to be the next
    old, new = open_archive(folder), make_archive(following, run)
    if (features := old.encodings.get(FEATURES)) is not None:
        new.close()
        new = make_features_archive(following, features.spotter.checkpoint.recipe.features)
    carry_over(old, new)
    index(new)
    _exchange(old, new)
    return open_archive(folder)


def _exchange(old: Archive, new: Archive) -> None:
    """Put an archive in the place of another. Nobody can judge meanwhile, so nothing that was judged is lost."""
    following, former = _beside(old.folder)
    with old.writing():
        carry_over(old, new)  # what was judged while the new one was indexed
        new.close()
        shutil.rmtree(former, ignore_errors=True)
        os.replace(old.folder, former)
        os.replace(following, old.folder)
        flush_folder(old.folder.parent)
    old.close()
    shutil.rmtree(former, ignore_errors=True)


def mend_exchange(folder: Path) -> None:
    """Put an archive back that a power cut left between the two steps of the exchange."""
    _, former = _beside(folder)
    if not folder.exists() and former.exists():
        os.replace(former, folder)


def _beside(folder: Path) -> tuple[Path, Path]:
    """The folders of the next archive, and of the former one."""
    return folder.with_name(NEXT.format(folder.name)), folder.with_name(FORMER.format(folder.name))


def carry_over(old: Archive, new: Archive) -> None:
    """Bring recordings and all that people made from one archive to another; recordings are to be indexed there."""
    with old.reading() as connection:
        recordings = _rows(connection, schema.recordings)
        made = {table: _rows(connection, table) for table in MADE_BY_PEOPLE}
    settings = {key: old.setting(key) for key in SETTINGS_BY_PEOPLE}
    with new.writing() as connection:
        present = {row["id"] for row in _rows(connection, schema.recordings)}
        for row in recordings:
            if row["id"] not in present:
                status = NEW if row["status"] == DONE else row["status"]
                connection.execute(schema.recordings.insert().values({**row, "status": status}))
        for table in reversed(MADE_BY_PEOPLE):
            connection.execute(table.delete())
        for table, rows in made.items():
            if rows:
                connection.execute(table.insert(), rows)
    new.set(**settings)
    for name in FILES_BY_PEOPLE:
        if (old.folder / name).is_dir():
            shutil.copytree(old.folder / name, new.folder / name, dirs_exist_ok=True)


def _rows(connection: Connection, table: Table) -> list[dict[str, object]]:
    return [dict(row) for row in connection.execute(select(table)).mappings()]


def _model_of(folder: Path) -> str:
    archive = open_archive(folder)
    try:
        return archive.setting("model")
    finally:
        archive.close()
