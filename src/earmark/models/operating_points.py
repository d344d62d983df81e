"""Operating points: the expected false alarms per hour from each detection score on, estimated on dev.

``false-alarms.json`` in a run's folder, and ``image-false-alarms.json`` for queries that are pictures:

======================  ==========================================================
``hours``               of speech that the rates were estimated from
``expected_precision``  the share of what the detection thresholds detect there that is expected to be right, or null
``scores``              by keyword, pairs of a rate and the detection score from which it is expected
======================  ==========================================================

Rates that dev is too short to estimate are left out.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.vocabulary import Vocabulary, read_text

OPERATING_POINTS = "false-alarms.json"
IMAGE_OPERATING_POINTS = "image-false-alarms.json"
ANY_PICTURE = "any picture"  # in place of a keyword: one curve serves all queries that are pictures

Curve = tuple[tuple[float, float], ...]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoints:
    """Expected false alarms an hour, by keyword and detection score.

    Attributes
    ----------
    hours : float
        Of speech that the rates were estimated from.
    expected_precision : float or None
        In [0, 1]: the share of what the detection thresholds detect there that is expected to be right; None where
        they detect nothing.
    curves : mapping of str to tuple of pairs
        By keyword (or :data:`ANY_PICTURE` alone), false alarms an hour, which grow, and the detection score in [0, 1]
        from which that many are expected, which falls.
    """

    hours: float
    expected_precision: float | None
    curves: Mapping[str, Curve]

    def threshold(self, word: str, max_fa_per_hour: float) -> float:
        """The detection score from which about `max_fa_per_hour` false alarms an hour are expected.

        Between two known rates, the score's log odds are linear in the logarithm of the rate.

        Raises
        ------
        EarmarkError
            If the word is not known, or dev is too short to estimate so few or so many false alarms.
        """
        curve = self._curve(word)
        if not curve:
            raise EarmarkError(
                f"The model's dev set, {self._length()} long, is too short to estimate false alarms of {word!r}: "
                "give a score instead."
            )
        (fewest, _), (most, _) = curve[0], curve[-1]
        if not fewest <= max_fa_per_hour <= most:
            edge, rather = (fewest, "more") if max_fa_per_hour < fewest else (most, "fewer")
            raise EarmarkError(
                f"The model's dev set, {self._length()} long, gives no score for {max_fa_per_hour:g} false "
                f"alarms an hour of {word!r}: give {edge:g} or {rather}."
            )
        rates, scores = np.array(curve).T
        exact = np.flatnonzero(rates == max_fa_per_hour)
        if len(exact):
            return float(scores[exact[0]])
        between = np.interp(math.log(max_fa_per_hour), np.log(rates), log_odds(scores))
        return float(1 / (1 + np.exp(-between)))

    def rate(self, word: str, score: float) -> float | None:
        """Expected false alarms an hour above a detection score; None where dev is too short.

        Raises
        ------
        EarmarkError
            If the word is not known.
        """
        curve = self._curve(word)
        if not curve or not curve[-1][1] <= score <= curve[0][1]:
            return None
        rates, scores = np.array(curve[::-1]).T
        return float(np.exp(np.interp(log_odds(np.float64(score)), log_odds(scores), np.log(rates))))

    def _curve(self, word: str) -> Curve:
        if word not in self.curves:
            raise EarmarkError(
                f"The model has no operating points of {word!r}: it has those of {', '.join(self.curves)}."
            )
        return self.curves[word]

    def _length(self) -> str:
        return f"{self.hours:.1f} hours" if self.hours >= 1 else f"{self.hours * 60:.1f} minutes"


def log_odds(scores: Any) -> Any:
    """Of scores in [0, 1]; clipped, so that those of 0 and 1 are finite."""
    known = np.clip(scores, 1e-300, 1 - 2**-53)
    return np.log(known) - np.log1p(-known)


def write_operating_points(path: Path, operating_points: OperatingPoints) -> None:
    """Write ``false-alarms.json`` or ``image-false-alarms.json``, scores to the last digit."""
    content = {
        "hours": operating_points.hours,
        "expected_precision": operating_points.expected_precision,
        "scores": operating_points.curves,
    }
    write_text(path, json.dumps(content, ensure_ascii=False) + "\n")


def read_operating_points(folder: Path, vocabulary: Vocabulary) -> OperatingPoints | None:
    """The operating points of a run's keywords; None for a run without them.

    Raises
    ------
    EarmarkError
        If the file is damaged, or lacks a keyword.
    """
    return _read(folder / OPERATING_POINTS, vocabulary.words)


def read_image_operating_points(folder: Path) -> OperatingPoints | None:
    """The same of queries that are pictures."""
    return _read(folder / IMAGE_OPERATING_POINTS, (ANY_PICTURE,))


def _read(path: Path, names: tuple[str, ...]) -> OperatingPoints | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(read_text(path))
        precision = content["expected_precision"]
        return OperatingPoints(
            _checked(content["hours"], 0, math.inf),
            None if precision is None else _checked(precision, 0, 1),
            {name: _curve(content["scores"][name]) for name in names},
        )
    except KeyError as error:
        raise EarmarkError(f"{path} lacks {error}: copy it again, or delete it.") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or delete it.") from error


def _curve(pairs: Any) -> Curve:
    curve = tuple((_checked(rate, 0, math.inf), _checked(score, 0, 1)) for rate, score in pairs)
    for (rate, score), (next_rate, next_score) in itertools.pairwise(curve):
        if not (rate < next_rate and score >= next_score):
            raise ValueError("rates do not grow, or scores do not fall")
    return curve


def _checked(number: Any, lowest: float, highest: float) -> float:
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not lowest <= number <= highest:
        raise ValueError(f"{number!r} is no number from {lowest:g} to {highest:g}")
    return float(number)
