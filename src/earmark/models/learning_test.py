"""Whether a model has learned anything from its tags, as a permutation test on dev says at the end of training.

``learning-test.json`` in a run's folder:

============  ====================================================================
``learned``   whether the scores fit the tags of dev clearly better than shuffled ones
``p``         the share of shufflings that the scores fit as well, the true order counted in
``shuffles``  how many there were
``pictures``  of dev, whose tags were shuffled among them
============  ====================================================================
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from earmark.core.errors import EarmarkError
from earmark.core.files import write_text
from earmark.core.vocabulary import read_text

LEARNING_TEST = "learning-test.json"
MAX_P = 0.01  # of a model that has learned something


@dataclass(frozen=True)
class LearningTest:
    """The outcome of :func:`earmark.training.permutation.learning_test`.

    Attributes
    ----------
    p : float
        The p-value, in (0, 1].
    shuffles, pictures : int
    """

    p: float
    shuffles: int
    pictures: int

    @property
    def is_learned(self) -> bool:
        """Whether the scores fit the tags clearly better than shuffled ones."""
        return self.p <= MAX_P

    @property
    def warning(self) -> str:
        """A sentence for whoever uses a model that has learned nothing; "" of any other."""
        if self.is_learned:
            return ""
        return (
            f"This model has learned nothing that its dev split can show: its scores fit the tags of {self.pictures} "
            f"pictures there no better than shuffled tags (p = {self.p:.2g}), so its hits, thresholds and rates of "
            "false alarms mean nothing."
        )


def write_learning_test(folder: Path, test: LearningTest) -> None:
    """Write ``learning-test.json``."""
    content = {"learned": test.is_learned, "p": test.p, "shuffles": test.shuffles, "pictures": test.pictures}
    write_text(folder / LEARNING_TEST, json.dumps(content) + "\n")


def read_learning_test(folder: Path) -> LearningTest | None:
    """The outcome for a run; None for a run that was not tested.

    Raises
    ------
    EarmarkError
        If the file is damaged.
    """
    path = folder / LEARNING_TEST
    if not path.is_file():
        return None
    try:
        content = json.loads(read_text(path))
        test = LearningTest(float(content["p"]), int(content["shuffles"]), int(content["pictures"]))
        if not 0 < test.p <= 1:
            raise ValueError(f"p is {test.p:g}")
        return test
    except (ValueError, TypeError, KeyError) as error:
        raise EarmarkError(f"{path} is damaged ({error}): copy it again, or delete it.") from error


def warning_of(test: LearningTest | None) -> str:
    """The warning of a test's outcome; "" where nothing was tested."""
    return test.warning if test is not None else ""
