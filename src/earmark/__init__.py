"""Earmark finds where a word is spoken in recordings that nobody has transcribed.

>>> import earmark
>>> model = earmark.load_model("runs/first")  # doctest: +SKIP
>>> for hit in model.find("dog", ["a.wav", "b.wav"], top=10):  # doctest: +SKIP
...     print(hit.recording, hit.start_s, hit.end_s, hit.score)

This is the public interface, all of it; ``docs/python.md`` is its reference.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from earmark.core.version import __version__

if TYPE_CHECKING:
    from earmark.archive.results import ArchiveHit
    from earmark.archive.searchable import SearchableArchive, make_archive, open_archive
    from earmark.core.corpus import Corpus, Utterance, Word, read_corpus, write_corpus
    from earmark.core.data_frames import hits_to_frame
    from earmark.core.errors import EarmarkError
    from earmark.core.progress import report_progress_to
    from earmark.core.registry import (
        list_corpora,
        list_export_formats,
        list_feature_kinds,
        list_image_encoders,
        list_localisation_methods,
        list_speech_encoders,
        register,
        unregister,
    )
    from earmark.core.results import Metrics
    from earmark.core.types import Hit, ImageQuery, Prompt, SpokenQuery
    from earmark.core.vocabulary import Vocabulary
    from earmark.corpora import prepare_corpus
    from earmark.corpora._hugging_face import from_datasets, to_datasets
    from earmark.evaluation import arrays as metrics
    from earmark.evaluation.comparison import Difference, compare
    from earmark.evaluation.runner import Evaluation, evaluate
    from earmark.localisation.hub_models import from_pretrained, push_to_hub, save_pretrained
    from earmark.localisation.results import Embedding, Localisation
    from earmark.localisation.spotter import KeywordSpotter, load_model
    from earmark.recipe import Recipe, list_recipes, read_recipe
    from earmark.supervision.tagging import tag
    from earmark.training.callbacks import Callback, TensorBoard, TrainingRun
    from earmark.training.loop import train
    from earmark.training.teaching import NotBetterError, Teaching, teach
    from earmark.training.teaching_measures import JudgedMeasures

# Where each public name is. It is imported when it is first used, so that the command line starts without torch.
_HOME = {
    "ArchiveHit": "archive.results",
    "Callback": "training.callbacks",
    "Corpus": "core.corpus",
    "Difference": "evaluation.comparison",
    "EarmarkError": "core.errors",
    "Embedding": "localisation.results",
    "Evaluation": "evaluation.runner",
    "Hit": "core.types",
    "ImageQuery": "core.types",
    "JudgedMeasures": "training.teaching_measures",
    "KeywordSpotter": "localisation.spotter",
    "Localisation": "localisation.results",
    "Metrics": "core.results",
    "NotBetterError": "training.teaching",
    "Prompt": "core.types",
    "Recipe": "recipe",
    "SearchableArchive": "archive.searchable",
    "SpokenQuery": "core.types",
    "Teaching": "training.teaching",
    "TensorBoard": "training.callbacks",
    "TrainingRun": "training.callbacks",
    "Utterance": "core.corpus",
    "Vocabulary": "core.vocabulary",
    "Word": "core.corpus",
    "compare": "evaluation.comparison",
    "evaluate": "evaluation.runner",
    "from_datasets": "corpora._hugging_face",
    "from_pretrained": "localisation.hub_models",
    "hits_to_frame": "core.data_frames",
    "list_corpora": "core.registry",
    "list_export_formats": "core.registry",
    "list_feature_kinds": "core.registry",
    "list_image_encoders": "core.registry",
    "list_localisation_methods": "core.registry",
    "list_recipes": "recipe",
    "list_speech_encoders": "core.registry",
    "load_model": "localisation.spotter",
    "make_archive": "archive.searchable",
    "open_archive": "archive.searchable",
    "prepare_corpus": "corpora",
    "push_to_hub": "localisation.hub_models",
    "read_corpus": "core.corpus",
    "read_recipe": "recipe",
    "register": "core.registry",
    "report_progress_to": "core.progress",
    "save_pretrained": "localisation.hub_models",
    "tag": "supervision.tagging",
    "teach": "training.teaching",
    "to_datasets": "corpora._hugging_face",
    "train": "training.loop",
    "unregister": "core.registry",
    "write_corpus": "core.corpus",
}
_MODULES = {"metrics": "evaluation.arrays"}

__all__ = [
    "ArchiveHit",
    "Callback",
    "Corpus",
    "Difference",
    "EarmarkError",
    "Embedding",
    "Evaluation",
    "Hit",
    "ImageQuery",
    "JudgedMeasures",
    "KeywordSpotter",
    "Localisation",
    "Metrics",
    "NotBetterError",
    "Prompt",
    "Recipe",
    "SearchableArchive",
    "SpokenQuery",
    "Teaching",
    "TensorBoard",
    "TrainingRun",
    "Utterance",
    "Vocabulary",
    "Word",
    "__version__",
    "compare",
    "evaluate",
    "from_datasets",
    "from_pretrained",
    "hits_to_frame",
    "list_corpora",
    "list_export_formats",
    "list_feature_kinds",
    "list_image_encoders",
    "list_localisation_methods",
    "list_recipes",
    "list_speech_encoders",
    "load_model",
    "make_archive",
    "metrics",
    "open_archive",
    "prepare_corpus",
    "push_to_hub",
    "read_corpus",
    "read_recipe",
    "register",
    "report_progress_to",
    "save_pretrained",
    "tag",
    "teach",
    "to_datasets",
    "train",
    "unregister",
    "write_corpus",
]

# Notes and warnings go where the caller's logging sends them, and nowhere else.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    import importlib

    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{_MODULES[name]}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
