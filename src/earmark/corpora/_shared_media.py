"""Warnings of pictures and recordings that are in two splits: what is measured on them looks better than it is."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from earmark.core.corpus import SPLITS

logger = logging.getLogger(__name__)


def warn_of_shared_media(kind: str, media: Iterable[tuple[Path, str, int]]) -> None:
    """Log each pair of splits that have media in common.

    Parameters
    ----------
    kind : str
        Such as "image".
    media : iterable of (Path, str, int)
        File, split, and the row that it is listed in.
    """
    rows: dict[Path, dict[str, int]] = defaultdict(dict)
    for path, split, row in media:
        rows[path].setdefault(split, row)
    for one, other in combinations(SPLITS, 2):
        shared = [first for first in rows.values() if one in first and other in first]
        if shared:
            where = f"the first in rows {shared[0][one]} and {shared[0][other]}"
            count = f"1 {kind} file is" if len(shared) == 1 else f"{len(shared)} {kind} files are"
            logger.warning(
                "%s in %s and in %s (%s), so %s will look better than it is.", count, one, other, where, other
            )
