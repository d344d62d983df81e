"""Keyword spotting and spotting localisation: are the best-ranked utterances right?

Both are defined by Olaleye et al. (2022), section IV-C.
"""

from __future__ import annotations

import numpy as np

from earmark.evaluate.ranking import Ranking, average_precision, equal_error_rate, precision_at
from earmark.evaluate.truth import Bools, Floats, Ints

TOP = 10


def spotting(ranking: Ranking, present: Bools, located: Bools, weights: Ints) -> dict[str, Floats]:
    """Measures of one keyword's ranking of utterances, by name.

    In spotting an utterance is right where it contains the keyword; in spotting localisation, where the
    location lies inside the keyword too. P@10 looks at the ten best utterances (all where there are fewer),
    P@N at as many as contain the keyword.

    Parameters
    ----------
    ranking : Ranking
        Of the keyword's scores, shape = (U,).
    present, located : numpy.ndarray, shape = (U,), bool
    weights : numpy.ndarray, shape = (U, R)

    Returns
    -------
    dict of numpy.ndarray, shape = (R,)
        NaN where no utterance contains the keyword.
    """
    tally = ranking.tally(weights)
    containing = weights[present].sum(axis=0)

    def p_at(count: Ints, correct: Bools) -> Floats:
        return precision_at(count, ranking, correct, tally)

    ten = np.where(containing > 0, TOP, 0)
    return {
        "detection.average_precision": average_precision(ranking, tally),
        "spotting.p_at_10": p_at(ten, present),
        "spotting.p_at_n": p_at(containing, present),
        "spotting.eer": equal_error_rate(ranking, tally),
        "spotting_localisation.p_at_10": p_at(ten, located),
        "spotting_localisation.p_at_n": p_at(containing, located),
    }
