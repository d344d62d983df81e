"""Earmark finds where a word is spoken in recordings that nobody has transcribed.

>>> import earmark
>>> model = earmark.load_model("runs/first")  # doctest: +SKIP
>>> for hit in model.find("dog", ["a.wav", "b.wav"], top=10):  # doctest: +SKIP
...     print(hit.recording, hit.start_s, hit.end_s, hit.score)
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from earmark.core.version import __version__

if TYPE_CHECKING:
    from earmark.core.corpus import Corpus, Utterance, Word, read_corpus
    from earmark.core.errors import EarmarkError
    from earmark.core.types import Hit, ImageQuery, Prompt
    from earmark.localisation.spotter import KeywordSpotter, load_model

__all__ = [
    "Corpus",
    "EarmarkError",
    "Hit",
    "ImageQuery",
    "KeywordSpotter",
    "Prompt",
    "Utterance",
    "Word",
    "__version__",
    "load_model",
    "read_corpus",
]

# Notes and warnings go where the caller's logging sends them, and nowhere else.
logging.getLogger(__name__).addHandler(logging.NullHandler())

_HOME = {
    "Corpus": "core.corpus",
    "EarmarkError": "core.errors",
    "KeywordSpotter": "localisation.spotter",
    "Hit": "core.types",
    "ImageQuery": "core.types",
    "Prompt": "core.types",
    "Utterance": "core.corpus",
    "Word": "core.corpus",
    "load_model": "localisation.spotter",
    "read_corpus": "core.corpus",
}


def __getattr__(name: str) -> Any:
    # Each name is imported when it is first used, so that the command line starts without torch.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
