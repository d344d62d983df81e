"""Cache of the locations of a costly method, written utterance by utterance: an interruption loses one at most.

A file of JSON lines: first the key of what the locations depend on, then one utterance a line. A file with another key
is overwritten; a line that a crash cut short, and all after it, is ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from earmark.core.corpus import Utterance
from earmark.core.model_folder import WEIGHTS
from earmark.evaluation.data import Floats
from earmark.localisation.spotter import KeywordSpotter
from earmark.media.utterances import identity

Locate = Callable[[Sequence[int], Sequence[int]], Floats]  # indices of utterances (B,) and keywords (Q,) -> (B, Q)
CachedLocations = dict[int, dict[int, float]]  # seconds, by the index of the utterance and of the keyword


class LocationCache:
    """Locations in a file.

    Parameters
    ----------
    path : Path
        The file; its folder is made where it is missing.
    key : str
        Of what the locations depend on: :func:`cache_key`.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.locations = _read(path, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_line(key) + "".join(map(_line, self.locations.items())), encoding="utf-8")

    def cached(self, locate: Locate) -> Locate:
        """`locate` for one utterance at a time, called only for what is not in the cache yet."""

        def located(utterances: Sequence[int], keywords: Sequence[int]) -> Floats:
            (utterance,) = utterances
            known = self.locations.get(utterance, {})
            if not all(keyword in known for keyword in keywords):
                known = dict(zip(keywords, locate(utterances, keywords)[0].tolist(), strict=True))
                self.locations[utterance] = known
                with open(self.path, "a", encoding="utf-8") as file:
                    file.write(_line((utterance, known)))
            return np.array([[known[keyword] for keyword in keywords]])

        return located


def cache_key(spotter: KeywordSpotter, utterances: Sequence[Utterance]) -> str:
    """Hash of what the locations of a model depend on: its weights, the method, and the recordings as they are now."""
    digest = hashlib.sha256((spotter.checkpoint.folder / WEIGHTS).read_bytes())
    digest.update(spotter.checkpoint.recipe.model_dump_json().encode())
    digest.update(json.dumps([spotter.localisation, spotter.keywords]).encode())
    for utterance in utterances:
        digest.update(json.dumps(identity(utterance)).encode())
    return digest.hexdigest()


def _read(path: Path, key: str) -> CachedLocations:
    cached: CachedLocations = {}
    try:
        first, *lines = path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) == key:
            for utterance, times_s in map(json.loads, lines):
                cached[int(utterance)] = {int(keyword): float(time_s) for keyword, time_s in times_s.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        pass  # the lines before are complete
    return cached


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
