"""Hits as a data frame, for whoever works with pandas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Protocol

from earmark.core.errors import EarmarkError
from earmark.core.types import Hit

if TYPE_CHECKING:
    import pandas


class Row(Protocol):
    """What can be a row: a hit, or a hit of an archive."""

    def to_json(self) -> dict[str, Any]:
        """As a dictionary of plain values."""


def hits_to_frame(hits: Iterable[Row]) -> pandas.DataFrame:
    """Hits as a pandas data frame, one row a hit in their order.

    Parameters
    ----------
    hits : iterable of Hit or ArchiveHit

    Returns
    -------
    pandas.DataFrame
        With the columns recording, query, score, time_s, start_s and end_s; hits of an archive have its metadata
        and verdicts beside.

    Raises
    ------
    EarmarkError
        If pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise EarmarkError("Data frames need pandas: install it with 'pip install pandas'.") from None
    rows = [hit.to_json() for hit in hits]
    return pandas.DataFrame(rows, columns=None if rows else [field.name for field in fields(Hit)])
