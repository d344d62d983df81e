"""Counting: precision, recall and F1 from three sums, with NaN where a measure is undefined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from earmark.evaluate.truth import Bools, Floats, Ints


def ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    """`part` / `whole`, elementwise; NaN where `whole` is 0."""
    part, whole = np.broadcast_arrays(part, whole)
    quotient = np.full(part.shape, np.nan)
    np.divide(part, whole, out=quotient, where=whole != 0)
    return quotient


def macro(values: Floats) -> Floats:
    """Mean over the first axis of those values that are defined; NaN where none is."""
    return ratio(np.nansum(values, axis=0), (~np.isnan(values)).sum(axis=0))


@dataclass(frozen=True, eq=False)
class Counts:
    """Answers: how many are right, were made, and were sought; tables (U, W), or sums of them.

    With TP, FP and FN as usual, right = TP, made = TP + FP and sought = TP + FN.
    """

    right: Bools | Ints
    made: Bools | Ints
    sought: Bools | Ints

    def per_keyword(self) -> Counts:
        """Sums over utterances, shape = (W,)."""
        return Counts(self.right.sum(axis=0), self.made.sum(axis=0), self.sought.sum(axis=0))

    def micro(self, weights: Ints) -> Counts:
        """Sums over all cells, shape = (R,), where utterance u counts ``weights[u, r]`` times."""
        return Counts(*(table.sum(axis=1) @ weights for table in (self.right, self.made, self.sought)))

    def precision_recall_f1(self) -> dict[str, Floats]:
        """Precision, recall and their harmonic mean, of sums.

        Precision is 0 where no answer was made although one was sought. Everything else whose denominator is
        0 is NaN.
        """
        precision = ratio(self.right, self.made)
        silent = np.logical_and(np.equal(self.made, 0), np.greater(self.sought, 0))
        return {
            "precision": np.where(silent, 0.0, precision),
            "recall": ratio(self.right, self.sought),
            "f1": ratio(2 * self.right, self.made + self.sought),
        }
