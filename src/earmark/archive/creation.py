"""Making an archive: by a model, by features alone, or one after the other."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqlalchemy import Connection, insert, select

from earmark.archive import schema
from earmark.archive.archive import (
    DESCRIPTION,
    FORM,
    SQLITE,
    Archive,
    Description,
    open_archive,
    read_setting,
    write_settings,
)
from earmark.archive.encoding import FEATURES, KINDS, MODEL, settings_of
from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.vocabulary import Vocabulary
from earmark.models.checkpoint import Checkpoint, read_checkpoint, write_features_model
from earmark.recipe import FeatureSettings


def make_archive(folder: Path | str, run: Path | str, database: str | None = None) -> Archive:
    """Open an archive, or make it; the model of the folder `run` indexes its recordings.

    An archive that was indexed with features alone gets the model, and keeps the features for spoken queries.

    Raises
    ------
    EarmarkError
        If `run` holds no model or another than the archive's, or `folder` is something else.
    """
    run = Path(run)
    checkpoint = read_checkpoint(run)  # a run that can't be used is refused before anything is written
    return _make(Path(folder), MODEL, checkpoint, run.resolve().name, database)


def make_features_archive(folder: Path | str, features: FeatureSettings, database: str | None = None) -> Archive:
    """Open an archive, or make it, that is indexed with features alone: no model is trained, spoken examples find.

    An archive of a model gets the features, for its spoken queries.

    Raises
    ------
    EarmarkError
        If a pretrained network is missing, or `folder` was indexed with other features, or is something else.
    """
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / features.kind
        write_features_model(model, features)
        return _make(Path(folder), FEATURES, read_checkpoint(model), features.kind, database)


def _make(folder: Path, kind: str, checkpoint: Checkpoint, name: str, database: str | None) -> Archive:
    settings = settings_of(kind, checkpoint, name)
    if (folder / DESCRIPTION).is_file():
        archive = open_archive(folder)
        if database is not None and database != archive.database:
            raise EarmarkError(f"{folder} has its tables elsewhere: leave --database out.")
        known = archive.encodings.get(kind)
        if known is None:
            return _add(archive, kind, checkpoint, settings)
        if known.identity != settings[kind]:
            other = "another model" if kind == MODEL else "other features"
            raise EarmarkError(
                f"{folder} was indexed with {other} ({known.name}): its scores can't stand beside those of this "
                "index; index into a new folder."
            )
        return archive
    if folder.exists() and (not folder.is_dir() or any(_foreign_files(folder))):
        raise EarmarkError(f"{folder} is there and is no archive: name a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _copy_model(checkpoint.folder, folder / kind)
    archive = Archive(folder, Description(database))
    with archive.writing() as connection:
        schema.metadata.create_all(connection)
        _refuse_taken(connection, archive)
        _set_keywords(connection, checkpoint.vocabulary)
        write_settings(connection, {**settings, "folder": str(folder.absolute())})
    # Written last: a folder without it is made again from the start.
    write_text(folder / DESCRIPTION, json.dumps({"form": FORM, "database": database}, indent=1) + "\n")
    return archive


def _add(archive: Archive, kind: str, checkpoint: Checkpoint, settings: Mapping[str, str]) -> Archive:
    """Add a model to an archive of features, or features to that of a model; its recordings are to be indexed."""
    with archive.writing() as connection:
        _copy_model(checkpoint.folder, archive.folder / kind)
        if kind == MODEL:  # what was indexed so far is of the features
            of_features = select(*(schema.chunks.c[column.name] for column in schema.feature_chunks.c))
            connection.execute(insert(schema.feature_chunks).from_select(list(schema.feature_chunks.c), of_features))
            connection.execute(schema.chunks.delete())
            connection.execute(schema.shards.delete())
            _set_keywords(connection, checkpoint.vocabulary)
        connection.execute(
            schema.recordings.update().where(schema.recordings.c.status == schema.DONE).values(status=schema.NEW)
        )
        write_settings(connection, settings)
    archive.close()
    return open_archive(archive.folder)


def _copy_model(source: Path, goal: Path) -> None:
    for path in sorted(source.iterdir()):
        if path.is_file() and path.suffix != ".pt":  # a training's state is of no use here
            with replacing(goal / path.name) as partial:
                shutil.copyfile(path, partial)


def _foreign_files(folder: Path) -> Iterator[Path]:
    """Files that are not left over from an interrupted :func:`make_archive`."""
    own = (SQLITE, f".{Path(DESCRIPTION).stem}.")  # the second: a description that was not finished
    return (path for path in folder.iterdir() if path.name not in KINDS and not path.name.startswith(own))


def _refuse_taken(connection: Connection, archive: Archive) -> None:
    """Raise an EarmarkError if a database of its own belongs to another folder, or to one that was deleted."""
    if archive.database is None:
        return
    other = read_setting(connection, "folder") not in ("", str(archive.folder.absolute()))
    used = connection.execute(select(schema.recordings.c.id).limit(1)).first() is not None
    if other or (used and not (archive.folder / DESCRIPTION).is_file()):
        raise EarmarkError(f"The database {archive.address} holds an archive already: name an empty one.")


def _set_keywords(connection: Connection, vocabulary: Vocabulary) -> None:
    rows = [{"id": i, "word": word} for i, word in enumerate(vocabulary)]
    known = connection.execute(select(schema.keywords).order_by(schema.keywords.c.id)).mappings().all()
    if [dict(row) for row in known] != rows:  # none, or those of a model that was to be another
        connection.execute(schema.keywords.delete())
        connection.execute(schema.keywords.insert(), rows)
