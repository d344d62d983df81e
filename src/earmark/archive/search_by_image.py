"""Search by image: windows are ranked by their summaries, and the best ones scored exactly from their stored frames.

Scoring all windows of a hundred hours would take minutes; see :mod:`earmark.archive.window_summaries`.
"""

from __future__ import annotations

from earmark.archive.archive import Archive
from earmark.archive.rescoring import EncodedQuery, Recordings, all_windows, matching_recordings, score_windows
from earmark.archive.results import ArchiveHit, Filters, recording_conditions
from earmark.archive.shards import lookup
from earmark.archive.window_summaries import rank_windows
from earmark.core.errors import EarmarkError
from earmark.core.types import WORDS_ALONE, ImageQuery
from earmark.models.image_query_models import ImageQueryModel, accepts_images

MIN_HITS = 20  # for which candidates are ranked, even where fewer are wanted


def search_pictures(
    archive: Archive,
    query: ImageQuery,
    top: int,
    min_score: float | None = None,
    filters: Filters | None = None,
    exhaustive: bool = False,
) -> list[ArchiveHit]:
    """Hits of an image query, by falling detection score.

    Parameters
    ----------
    archive : Archive
    query : ImageQuery
    top : int
        The largest number of hits.
    min_score : float, optional
        Lowest detection score of a hit.
    filters : Filters, optional
    exhaustive : bool
        Score every window, as a reference.

    Raises
    ------
    EarmarkError
        If a picture can't be read, or the archive's model does not accept image queries.
    """
    _image_query_model(archive, query.name)
    encoded = EncodedQuery(query.name, archive.spotter, archive.spotter.encode_queries([query]))
    rows = matching_recordings(archive, recording_conditions(archive, filters or Filters()))
    found = best(archive, encoded, rows, top, exhaustive)
    return [one for one in found if one.hit.score >= (min_score or 0.0)]


def best(
    archive: Archive, query: EncodedQuery, rows: Recordings, top: int, exhaustive: bool = False
) -> list[ArchiveHit]:
    """The best hits of an encoded image query in some recordings."""
    if exhaustive:
        windows = list(all_windows(rows.values()))
    else:
        folders, windows = lookup(archive, rows)
        candidates = max(MIN_HITS, top) * _image_query_model(archive, query.name).candidate_multiplier
        windows = list(dict.fromkeys(windows + rank_windows(folders, query, rows, candidates)))
    return score_windows(archive, query, windows, rows)[:top]


def _image_query_model(archive: Archive, name: str) -> ImageQueryModel:
    """The archive's model, which must accept image queries."""
    model = archive.spotter.model
    if not accepts_images(model):
        raise EarmarkError(WORDS_ALONE.format(name))
    return model
