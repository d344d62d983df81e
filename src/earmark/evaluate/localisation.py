"""Oracle and actual localisation: does the location lie inside the word?

Both are defined by Olaleye et al. (2022), section IV-C.
"""

from __future__ import annotations

import numpy as np

from earmark.evaluate.counts import Counts
from earmark.evaluate.truth import Bools


def oracle(present: Bools, located: Bools) -> Counts:
    """Counts of oracle localisation, by cell: one location is proposed for each keyword known to be present.

    As every keyword present is given one location, precision and recall are the same: the accuracy.
    """
    return Counts(right=located, made=present, sought=present)


def actual(present: Bools, located: Bools, detections: Bools) -> Counts:
    """Counts of actual localisation, by cell: detect first, then locate.

    A detection is right where its location lies inside any occurrence. One in the wrong place is both a false
    alarm and a miss.
    """
    return Counts(right=np.logical_and(detections, located), made=detections, sought=present)
