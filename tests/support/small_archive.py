"""Small archives: with recordings in the tables alone, or indexed by a model with random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from sqlalchemy import insert

from earmark.archive import schema
from earmark.archive.archive import DESCRIPTION, FORM, Archive, Description, Position, open_archive
from earmark.archive.creation import make_archive
from earmark.archive.executors import ThreadExecutor
from earmark.archive.indexer import index
from earmark.archive.results import ArchiveHit, Verdict
from earmark.core.model_folder import write_weights
from earmark.core.types import Hit
from earmark.core.vocabulary import Vocabulary
from earmark.features import extractor
from earmark.models import build
from earmark.models.checkpoint import write_description
from earmark.recipe import Recipe


def unindexed_archive(folder: Path, recordings: int = 2, duration_s: float = 60.0, channels: int = 2) -> Archive:
    """An archive with recordings 1, 2, ... that were not indexed; there is no model in it, and no file."""
    folder.mkdir(parents=True)
    archive = Archive(folder, Description())
    schema.metadata.create_all(archive.engine)
    archive.set(model="of the test", frame_step_s="0.04")
    with archive.writing() as connection:
        for number in range(1, recordings + 1):
            about = {"sha256": f"{number:064x}", "path": f"/media/{number}.wav", "folder": "/media", "status": "done"}
            sound = {"size": 1, "mtime_ns": 1, "duration_s": duration_s, "sample_rate": 16_000, "channels": channels}
            connection.execute(insert(schema.recordings).values(**about, **sound))
    (folder / DESCRIPTION).write_text(json.dumps({"form": FORM, "database": None}))
    return open_archive(folder)


def found_at(
    recording: int, channel: int, start_s: float, end_s: float, word: str = "dog", verdict: Verdict | None = None
) -> ArchiveHit:
    """A hit whose location is the middle of its extent."""
    time_s = (start_s + end_s) / 2
    hit = Hit(f"/media/{recording}.wav", word, 0.5, time_s, start_s, end_s)
    return ArchiveHit(Position(recording, channel, time_s), hit, verdict=verdict)


def write_run(folder: Path, recipe: Recipe, keywords: Sequence[str]) -> Path:
    """A model with random weights, as training would have left it."""
    torch.manual_seed(0)
    features = extractor(recipe.features)
    vocabulary = Vocabulary(keywords)
    model = build(recipe.model, features.dimension, vocabulary, features.grid)
    write_description(folder, recipe, vocabulary)
    write_weights(folder, model.state_dict())
    return folder


def indexed_archive(folder: Path, run: Path, media: Path) -> Archive:
    """An archive of all recordings in a folder."""
    archive = make_archive(folder, run)
    report = index(archive, [media], ThreadExecutor(1))
    assert report.problems == []
    return archive
