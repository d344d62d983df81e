"""Trained models as folders in the form of a repository of the Hugging Face hub, saved and loaded offline.

======================  ==========================================================
``config.json``         what the model is: kind, recipe's name, what it accepts, version of Earmark
``model.safetensors``   weights
``README.md``           the model card, with metadata in YAML on top
======================  ==========================================================

and the other files of a trained model (:mod:`earmark.models.checkpoint`), but for the state of its training. Such a
folder is a trained model as any other. It goes to the hub only by :func:`push_to_hub`, and comes from there only by
``from_pretrained("hub:NAME", download=True)``.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from earmark.core.errors import EarmarkError
from earmark.core.files import replacing, write_text
from earmark.core.hub import HUB
from earmark.core.model_folder import VOCABULARY, WEIGHTS
from earmark.core.timing import SAMPLE_RATE
from earmark.core.version import __version__
from earmark.core.vocabulary import read_text
from earmark.core.yaml_text import to_yaml
from earmark.localisation.spotter import KeywordSpotter, load_model
from earmark.models.checkpoint import Checkpoint, read_checkpoint

CONFIG, README, CARD = "config.json", "README.md", "model-card.md"
ALLOWED = ("*.json", "*.md", "*.safetensors", "*.txt", "*.yaml")  # files of a repository that are fetched
TAGS = ["keyword-spotting", "speech", "visually-grounded-speech"]

USE = """
## Use

```python
import earmark

model = earmark.from_pretrained("hub:OWNER/NAME", download=True)  # or a folder
hits = model.find({query!r}, ["recording.wav"])
```
"""


def save_pretrained(
    model: KeywordSpotter | Path | str, folder: Path | str, licence: str = "", language: str = ""
) -> Path:
    """Save a trained model as a repository's folder. Nothing leaves the machine.

    Parameters
    ----------
    model : KeywordSpotter or path
        A model, or the folder of a training.
    folder : path
        New, or empty.
    licence : str
        Of the weights, as the hub names it ("cc-by-4.0"): what the corpus and the networks it was made with allow.
    language : str
        Code of the language that it finds words in.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    EarmarkError
        If the model can't be read, needs a network in a folder of this machine, or the folder is taken.
    """
    checkpoint = model.checkpoint if isinstance(model, KeywordSpotter) else read_checkpoint(model, "cpu")
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EarmarkError(f"{folder} is not empty: name a new folder.")
    for path in _local_paths(checkpoint.recipe.model_dump()):
        raise EarmarkError(
            f"The model needs the network in {path}, which others don't have: train with a network of the hub "
            "(hub:NAME) or of a package instead."
        )
    for name in _files(checkpoint.folder):
        with replacing(folder / name) as partial:
            shutil.copyfile(checkpoint.folder / name, partial)
    write_text(folder / README, _readme(checkpoint, licence, language))
    write_text(folder / CONFIG, json.dumps(_config(checkpoint), ensure_ascii=False, indent=2) + "\n")
    return folder


def from_pretrained(
    source: Path | str,
    download: bool = False,
    revision: str | None = None,
    device: str | None = None,
    localisation: str | None = None,
) -> KeywordSpotter:
    """Load a model from a folder, or from the hub as ``hub:OWNER/NAME``.

    Parameters
    ----------
    source : path or str
    download : bool
        Whether it may be fetched from the hub; without it, it must have been before.
    revision : str, optional
        Branch, tag or commit of the repository.
    device, localisation : str, optional
        As for :func:`earmark.load_model`.

    Raises
    ------
    EarmarkError
        If there is no such model, it can't be had, or it is damaged. Nothing in it is unpickled or run.
    """
    if not str(source).startswith(HUB):
        return load_model(source, device, localisation)
    name = str(source).removeprefix(HUB)
    library = _hub_library()
    try:
        folder = library.snapshot_download(
            name, revision=revision, allow_patterns=list(ALLOWED), local_files_only=not download
        )
    except Exception as error:  # the network, the hub's answers, the disk of the cache
        what = "be downloaded" if download else "be found among those downloaded before: allow it by download=True"
        raise EarmarkError(f"{source} can't {what} ({type(error).__name__}).") from error
    return load_model(folder, device, localisation)


def push_to_hub(folder: Path | str, name: str, private: bool = True, token: str | None = None) -> str:
    """Upload a folder that :func:`save_pretrained` wrote to the hub: the only function that sends anything anywhere.

    Parameters
    ----------
    folder : path
    name : str
        OWNER/NAME of the repository, which is made if it is not there.
    private : bool
        Whether a new repository is to be seen by its owner alone.
    token : str, optional
        Without it, that of ``hf auth login``.

    Returns
    -------
    str
        The address of the commit.

    Raises
    ------
    EarmarkError
        If the folder is none of :func:`save_pretrained`, the name is none, or the hub refuses it.
    """
    folder = Path(folder)
    if not all((folder / needed).is_file() for needed in (CONFIG, README, WEIGHTS)):
        raise EarmarkError(f"{folder} was not written by save_pretrained: save the model first, and read its card.")
    if name.count("/") != 1:
        raise EarmarkError(f"{name!r} is no name on the hub: write OWNER/NAME.")
    api = _hub_library().HfApi(token=token)
    try:
        api.create_repo(name, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=name, folder_path=folder, allow_patterns=list(ALLOWED)))
    except Exception as error:  # the network, the hub's answers
        raise EarmarkError(f"{name} can't be uploaded ({type(error).__name__}: {error}).") from error


def _files(run: Path) -> list[str]:
    """The files of a trained model that others need."""
    named = {WEIGHTS, VOCABULARY, "recipe.yaml"}
    found = {path.name for path in run.glob("*.json") if path.is_file() and not path.name.startswith(".")}
    return sorted({*named, *found} - {CONFIG})


def _local_paths(value: Any) -> Iterator[str]:
    """Absolute paths in the values of a recipe."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _local_paths(part)
    if isinstance(value, str) and os.path.isabs(value):
        yield value


def _config(checkpoint: Checkpoint) -> dict[str, Any]:
    recipe = checkpoint.recipe
    return {
        "model_type": "earmark",
        "library_name": "earmark",
        "earmark_version": __version__,
        "architecture": recipe.name,
        "features": recipe.features.kind,
        "localisation": recipe.localisation,
        "supervision": recipe.supervision,
        "accepts": sorted(checkpoint.model.accepts),
        "keywords": len(checkpoint.vocabulary),
        "sample_rate": SAMPLE_RATE,
    }


def _readme(checkpoint: Checkpoint, licence: str, language: str) -> str:
    """The model card with metadata, as the hub reads it."""
    about = {"library_name": "earmark", "pipeline_tag": "audio-classification", "tags": TAGS}
    if licence:
        about["license"] = licence
    if language:
        about["language"] = language
    card = checkpoint.folder / (CARD if (checkpoint.folder / CARD).is_file() else README)
    text = _without_metadata(read_text(card)) if card.is_file() else f"# {checkpoint.recipe.name}\n"
    text = text.split("\n## Use\n")[0].rstrip("\n")
    query = checkpoint.vocabulary.words[0] if checkpoint.vocabulary.words else "word"
    metadata = to_yaml(about)
    return f"---\n{metadata}---\n\n{text}\n{USE.replace('{query!r}', json.dumps(query, ensure_ascii=False))}"


def _without_metadata(card: str) -> str:
    return card.split("\n---\n", 1)[1].lstrip("\n") if card.startswith("---\n") and "\n---\n" in card else card


def _hub_library() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError as error:
        raise EarmarkError(
            f"The hub needs the library huggingface_hub ({error}): install it with 'pip install earmark[hub]'."
        ) from None
    return huggingface_hub
