"""Spoken queries from files: clips of one word, or folders whose clips are called by their words."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from earmark.archive.search_by_clip import read_clip
from earmark.core.errors import EarmarkError
from earmark.core.types import SpokenQuery
from earmark.media.audio import require_file
from earmark.media.kinds import begins_as_audio, is_named_as_audio

logger = logging.getLogger(__name__)

TAKE = re.compile(r"[-_ ]?\(?\d+\)?$")  # mbwa-2, mbwa_2, mbwa (2): another example of mbwa


def spoken_queries(clips: Sequence[Path], not_clips: Sequence[Path] = ()) -> list[SpokenQuery]:
    """The queries that some paths stand for: files are examples of one word, each folder holds a query a name.

    Parameters
    ----------
    clips : sequence of Path
        Audio files and folders of them. In a folder, ``mbwa.wav`` and ``mbwa-2.wav`` are two examples of ``mbwa``;
        what is no clip of a word there is left out and named.
    not_clips : sequence of Path
        Files with what is not meant.

    Raises
    ------
    EarmarkError
        If a file is missing or a folder holds no audio files.
    """
    if not_clips and not clips:
        raise EarmarkError("--not says what is not meant by --clip: give a clip of what is meant, too.")
    for path in (*clips, *not_clips):
        if not path.exists():
            raise EarmarkError(f"There is no clip {path}: check its name.")
        if not path.is_dir() or path in not_clips:
            require_file(path)
    files = [path for path in clips if not path.is_dir()]
    queries = [SpokenQuery(_word(files[0]), tuple(files), tuple(not_clips))] if files else []
    return queries + [query for folder in clips if folder.is_dir() for query in _of_folder(folder, tuple(not_clips))]


def _of_folder(folder: Path, not_clips: tuple[Path, ...]) -> list[SpokenQuery]:
    by_word: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        if not (is_named_as_audio(path) or begins_as_audio(path)):
            logger.info("%s is no audio file and is left out.", path)
            continue
        try:
            read_clip(path)
        except EarmarkError as problem:
            logger.warning("%s It is left out.", problem)
            continue
        by_word.setdefault(_word(path), []).append(path)
    if not by_word:
        raise EarmarkError(
            f"The folder {folder} holds no audio file that can be read: name one with clips such as mbwa.wav."
        )
    return [SpokenQuery(word, tuple(paths), not_clips) for word, paths in by_word.items()]


def _word(path: Path) -> str:
    """What a clip is called, without the number of its take."""
    stem = unicodedata.normalize("NFC", path.stem)
    return TAKE.sub("", stem) or stem
