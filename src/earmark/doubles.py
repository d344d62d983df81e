"""One word heard in two windows is one hit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def without_doubles(scores: Floats, starts_s: Floats, ends_s: Floats, most: int | None = None) -> list[int]:
    """Of hits that overlap in time, keep the best; the best first.

    Parameters
    ----------
    scores, starts_s, ends_s : numpy.ndarray, shape = (n,)
        Of hits of one query in one channel.
    most : int, optional
        Keep this many.

    Returns
    -------
    list of int
        Which are kept. Of equal scores, the earlier hit goes first.
    """
    kept: list[int] = []
    for one in np.lexsort((starts_s, -scores)).tolist():
        if most is not None and len(kept) >= most:
            break
        if not (overlaps(starts_s[one], ends_s[one], starts_s[kept], ends_s[kept])).any():
            kept.append(one)
    return kept


def overlaps(start_s: float, end_s: float, starts_s: Floats, ends_s: Floats) -> npt.NDArray[np.bool_]:
    """Which of some stretches share time with one."""
    return (start_s < ends_s) & (starts_s < end_s)
