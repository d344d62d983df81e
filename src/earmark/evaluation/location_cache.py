"""Locations that a costly method has found, kept from utterance to utterance, so that a stop loses one at the most.

A file of JSON lines: first what the locations depend on, then one utterance a line. A file that depends on something
else is begun anew; a line that a crash cut short, and what follows it, counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core.corpus import Utterance
from earmark.evaluation.data import Floats
from earmark.localisation.spotter import KeywordSpotter
from earmark.models.checkpoint import WEIGHTS

Locate = Callable[[Sequence[int], Sequence[int]], Floats]  # numbers of utterances (B,) and keywords (Q,) -> (B, Q)
CachedLocations = dict[int, dict[int, float]]  # location in seconds, by the number of the utterance and of the keyword


class LocationCache:
    """Locations in a file.

    Parameters
    ----------
    path : Path
        The file; its folder is made where it is missing.
    depends_on : str
        What the locations depend on, in any form that can be compared.
    """

    def __init__(self, path: Path, depends_on: str) -> None:
        self.path = path
        self.found = _read(path, depends_on)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_line(depends_on) + "".join(map(_line, self.found.items())), encoding="utf-8")

    def cached(self, locate: Locate) -> Locate:
        """`locate` for one utterance at a time, asked only for what is not kept, and then kept."""

        def located(utterances: Sequence[int], keywords: Sequence[int]) -> Floats:
            (utterance,) = utterances
            known = self.found.get(utterance, {})
            if not all(keyword in known for keyword in keywords):
                known = dict(zip(keywords, locate(utterances, keywords)[0].tolist(), strict=True))
                self.found[utterance] = known
                with open(self.path, "a", encoding="utf-8") as file:
                    file.write(_line((utterance, known)))
            return np.array([[known[keyword] for keyword in keywords]])

        return located


def dependence(finder: KeywordSpotter, utterances: Sequence[Utterance]) -> str:
    """What the locations of a model depend on: its weights, the method, and the recordings as they are now."""
    digest = hashlib.sha256((finder.checkpoint.folder / WEIGHTS).read_bytes())
    digest.update(finder.checkpoint.recipe.model_dump_json().encode())
    digest.update(json.dumps([finder.localisation, finder.keywords]).encode())
    for utterance in utterances:
        status = utterance.audio.stat()
        digest.update(json.dumps([utterance.id, status.st_size, status.st_mtime_ns]).encode())
    return digest.hexdigest()


def _read(path: Path, depends_on: str) -> CachedLocations:
    found: CachedLocations = {}
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) == depends_on:
            for utterance, times_s in map(json.loads, lines):
                found[int(utterance)] = {int(keyword): float(time_s) for keyword, time_s in times_s.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        pass  # what could be read until here is whole
    return found


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
