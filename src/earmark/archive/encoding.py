"""How an archive's recordings are encoded: by its model, as features alone, or as both, each with its own frames.

Spoken queries are compared with the features where there are such, else with the frames of the model. Words and
pictures need the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Table

from earmark.archive.frame_store import FrameStore
from earmark.archive.schema import chunks, feature_chunks
from earmark.core.model_folder import WEIGHTS
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import Checkpoint, read_checkpoint

MODEL, FEATURES = "model", "features"
KINDS = (MODEL, FEATURES)
FRAME_FOLDERS = {MODEL: "frames", FEATURES: "feature-frames"}
STEPS = {MODEL: "frame_step_s", FEATURES: "feature_step_s"}


@dataclass(frozen=True)
class Encoding:
    """One of the ways in which an archive's recordings are encoded.

    Attributes
    ----------
    kind : str
        ``model`` or ``features``.
    identity : str
        Of :func:`model_identity`.
    name : str
        Of the folder of the model, or the kind of features.
    folder : Path
        With all that describes it.
    frames : FrameStore
        What it has made of the recordings.
    """

    kind: str
    identity: str
    name: str
    folder: Path
    frames: FrameStore

    @cached_property
    def spotter(self) -> KeywordSpotter:
        """What encodes: the model, or one that is features alone and accepts no query."""
        return KeywordSpotter(read_checkpoint(self.folder))


def read_encodings(archive: Path, settings: Mapping[str, str]) -> dict[str, Encoding]:
    """The encodings of the archive in a folder, by kind; the model comes first."""
    return {
        kind: Encoding(
            kind,
            settings[kind],
            settings.get(f"{kind}_name", ""),
            archive / kind,
            FrameStore(archive / FRAME_FOLDERS[kind], float(settings[STEPS[kind]])),
        )
        for kind in KINDS
        if settings.get(kind)
    }


def chunks_of(kind: str, settings: Mapping[str, str]) -> Table:
    """The table with the chunks of which an encoding has made frames, in an archive with these settings."""
    return feature_chunks if kind == FEATURES and settings.get(MODEL) else chunks


def settings_of(kind: str, checkpoint: Checkpoint, name: str) -> dict[str, str]:
    """The settings that :func:`read_encodings` reads."""
    step_s = repr(checkpoint.model.grid.stride_s)
    return {kind: model_identity(checkpoint), f"{kind}_name": name, STEPS[kind]: step_s}


def model_identity(checkpoint: Checkpoint) -> str:
    """A hash of a model's content: the same for every copy of it."""
    digest = hashlib.sha256()
    for name in (WEIGHTS, "recipe.yaml", "vocabulary.txt"):
        digest.update((checkpoint.folder / name).read_bytes())
    return digest.hexdigest()
