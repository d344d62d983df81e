"""Searching an archive with pictures.

Every window is one utterance, whose detection score the model gives from the frames that were kept of it. All windows
of a hundred hours would take minutes; so those that are likely to answer are looked up by what they come to
(:mod:`earmark.archive.digests`), and scored exactly.
"""

from __future__ import annotations

from earmark.archive.archive import Archive
from earmark.archive.rescoring import Asked, Recordings, all_windows, score_windows, searched
from earmark.archive.results import ArchiveHit, Filters, recording_conditions
from earmark.archive.shards import lookup
from earmark.archive.window_summaries import rank_windows
from earmark.core.errors import EarmarkError
from earmark.core.types import WORDS_ALONE, ImageQuery
from earmark.models.image_query_models import ImageQueryModel, accepts_images

FEWEST = 20  # hits that windows are looked up for


def search_pictures(
    archive: Archive,
    query: ImageQuery,
    top: int,
    min_score: float | None = None,
    filters: Filters | None = None,
    exhaustive: bool = False,
) -> list[ArchiveHit]:
    """Where what pictures show may be spoken, the likeliest first.

    Parameters
    ----------
    archive : Archive
    query : ImageQuery
    top : int
        Hits, at most.
    min_score : float, optional
        Detection score from which hits are shown.
    filters : Filters, optional
    exhaustive : bool
        Score every window, to compare with.

    Raises
    ------
    EarmarkError
        If a picture can't be read, or the archive's model is not asked with pictures.
    """
    _pictured(archive, query.name)
    asked = Asked(query.name, archive.spotter, archive.spotter.encode_queries([query]))
    rows = searched(archive, recording_conditions(archive, filters or Filters()))
    found = best(archive, asked, rows, top, exhaustive)
    return [one for one in found if one.hit.score >= (min_score or 0.0)]


def best(archive: Archive, asked: Asked, rows: Recordings, top: int, exhaustive: bool = False) -> list[ArchiveHit]:
    """The best hits of what the model is asked, among some recordings."""
    if exhaustive:
        windows = list(all_windows(rows.values()))
    else:
        folders, windows = lookup(archive, rows)
        several = max(FEWEST, top) * _pictured(archive, asked.name).candidate_multiplier
        windows = list(dict.fromkeys(windows + rank_windows(folders, asked, rows, several)))
    return score_windows(archive, asked, windows, rows)[:top]


def _pictured(archive: Archive, name: str) -> ImageQueryModel:
    """The archive's model, which must be one that is asked with pictures."""
    model = archive.spotter.model
    if not accepts_images(model):
        raise EarmarkError(WORDS_ALONE.format(name))
    return model
